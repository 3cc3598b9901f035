"""The request target (RFC 9112 §3.2): origin form only, decoded once, nothing ambiguous.

What two servers could read differently is refused rather than repaired: dot segments, encoded slashes,
backslashes and control characters have no place in an address that a browser sends.
"""

import re
from urllib.parse import parse_qsl, unquote_to_bytes

from hiwar.door.http import Problem

QUERY_FIELDS_MAX = 32
_TARGET = re.compile(r"/[!$%&'()*+,\-./0-9:;=@A-Z_a-z~\[\]|{}^`\"<>]*(\?[!-~]*)?", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_REFUSED_IN_PATH = re.compile(r"%(2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)


def parse_target(raw: str) -> tuple[str, dict[str, str]]:
    """Path (percent-decoded) and query (first value of each key) of a target in origin form.

    Raises:
        Problem: 400, with what is wrong.
    """
    if not _TARGET.fullmatch(raw):
        raise Problem(400, "The address is not in the form /path?query.", arabic="العنوان ليس بصيغة صحيحة.")
    encoded, _, query = raw.partition("?")
    if _BROKEN_ESCAPE.search(encoded) or _REFUSED_IN_PATH.search(encoded):
        raise Problem(400, "The address holds a character that is not allowed.")
    try:
        path = unquote_to_bytes(encoded).decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(400, "The address is not UTF-8.") from error
    if any(segment in (".", "..") for segment in path.split("/")):
        raise Problem(400, "The address holds dot segments.")
    return path, _parse_query(query)


def _parse_query(query: str) -> dict[str, str]:
    if not query:
        return {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError as error:
        raise Problem(400, f"The address has more than {QUERY_FIELDS_MAX} parameters.") from error
    first: dict[str, str] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first
