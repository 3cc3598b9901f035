"""The request target (RFC 9112 §3.2): origin form only, decoded once, nothing ambiguous.

What two servers could read differently is refused rather than repaired: dot segments, encoded slashes,
backslashes, fragments and control characters have no place in an address that a browser sends.
"""

import re
from urllib.parse import unquote, unquote_to_bytes

from hiwar.door.http import Problem

QUERY_FIELDS_MAX = 32
_PRINTABLE = bytes(code for code in range(0x21, 0x7F) if code != ord("#"))
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REFUSED_IN_PATH = re.compile(r"%(2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)


def parse_target(raw: str) -> tuple[str, dict[str, str]]:
    """Path (percent-decoded) and query (first value of each key) of a target in origin form.

    Raises:
        Problem: 400, with what is wrong.
    """
    encoded, _, query = raw.partition("?")
    if not raw.startswith("/") or "\\" in encoded or not _is_printable(raw):
        raise Problem(400, "The address is not in the form /path?query.", arabic="العنوان ليس بصيغة صحيحة.")
    path = _decode(encoded) if "%" in encoded else encoded
    if "/." in path and any(segment in (".", "..") for segment in path.split("/")):
        raise Problem(400, "The address holds dot segments.")
    return path, _parse_query(query) if query else {}


def _is_printable(raw: str) -> bool:
    """ASCII from ! to ~ without #; by one call in C, since an address may be 4 KiB."""
    return raw.isascii() and not raw.encode("ascii").translate(None, _PRINTABLE)


def _decode(encoded: str) -> str:
    if _BROKEN_ESCAPE.search(encoded) or _REFUSED_IN_PATH.search(encoded):
        raise Problem(400, "The address holds a character that is not allowed.")
    try:
        return unquote_to_bytes(encoded).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "The address is not UTF-8.") from error


def _parse_query(query: str) -> dict[str, str]:
    """As HTML forms write it (application/x-www-form-urlencoded), blank values kept."""
    if "%00" in query:
        raise Problem(400, "The address holds a character that is not allowed.")
    if query.count("&") >= QUERY_FIELDS_MAX:
        raise Problem(400, f"The address has more than {QUERY_FIELDS_MAX} parameters.")
    first: dict[str, str] = {}
    for field in filter(None, query.split("&")):
        name, _, value = field.partition("=")
        first.setdefault(_unquote(name), _unquote(value))
    return first


def _unquote(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text) if "%" in text else text
