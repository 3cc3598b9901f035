"""Time shift, replays and downloads, straight from the recording's files. Nothing is ever copied.

It answers on a Unix socket for the edge, on a budget of its own: when many fetch old sound at once, they
wait, and nobody who listens live loses anything.
"""
