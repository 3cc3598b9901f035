"""What both the site and the front door's cache must know of a visitor: language, and signed in or not.

The cache's key has the language, and nobody with a session is answered from it; so both sides decide by
the same code.
"""

import re

LANGUAGES = ("ar", "en")
LANGUAGE_QUERY = "lang"  # chosen in an address: answered by a redirect that sets the cookie
LANGUAGE_COOKIE = "hiwar_language"
SESSION_COOKIE = "hiwar_session"
CSRF_COOKIE = "hiwar_csrf"
ACCEPT_CHARS_MAX = 500
_QUALITY = re.compile(
    r"\s*([a-z]{1,8})(?:-[a-z0-9-]*)?\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?))?\s*", re.ASCII
)


def choose_language(cookie_header: str, accept_language: str, default: str) -> str:
    """One of `LANGUAGES`: the cookie's, else the browser's best (RFC 9110 section 12.5.4), else `default`."""
    chosen = _cookie(cookie_header, LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    best, best_quality = default, 0.0
    for item in accept_language[:ACCEPT_CHARS_MAX].lower().split(","):
        match = _QUALITY.fullmatch(item)
        if match and match[1] in LANGUAGES and float(match[2] or 1) > best_quality:
            best, best_quality = match[1], float(match[2] or 1)
    return best


def is_signed_in(cookie_header: str) -> bool:
    """Whether the visitor brings a session, so that pages are theirs alone and never cached."""
    return bool(_cookie(cookie_header, SESSION_COOKIE))


def _cookie(header: str, name: str) -> str:
    for pair in header.split(";"):
        key, _, value = pair.strip().partition("=")
        if key == name:
            return value
    return ""
