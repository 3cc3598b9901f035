"""How dates and numbers are written. Latin digits (0-9) in both languages, on server and in browser.

Arabic-reading newsrooms use both sets; one set everywhere keeps clocks, counts, file sizes and addresses
alike, and lets a reader compare a page with a player. Scripts ask `Intl` for `ar-u-nu-latn`.
"""
