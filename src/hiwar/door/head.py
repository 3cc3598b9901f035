"""The head of a request (RFC 9112 §3 and §5), strictly. Pure: bytes in, a `Draft` or a `Problem` out.

Rules: what could be read in two ways is refused with 400 and the connection is closed, because a proxy
in front may have read it the other way (request smuggling): Content-Length beside Transfer-Encoding,
several of either, bare CR or LF, folded header lines, absolute form, a missing or second Host, a request
line that is not `METHOD SP target SP HTTP/1.x`.

Theory of operation: a head is checked as bytes first (length, control characters, request line), by calls
that run in C over the whole of it, and only then given to httptools (llhttp), which must agree. What a block
of header lines means depends on its bytes alone, and a client sends the same block with each request: short
ones are remembered, and a request with a block that was seen costs the reading of its first line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httptools

from hiwar.door.http import Problem
from hiwar.door.limits import DoorLimits
from hiwar.door.target import parse_target

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REMEMBERED_MAX = 512  # blocks; a remembered one is at most 1 KiB and some 8 KiB of objects
REMEMBERED_BYTES_MAX = 1024
CHUNKED = -1

_SINGLE = frozenset(
    {"host", "content-length", "transfer-encoding", "content-type", "authorization", "expect"}
)
_METHODS = {method.encode(): method for method in METHODS}
_METHOD = re.compile(rb"[A-Z][A-Z-]{0,15}")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)
_PLAIN = bytes(code for code in range(256) if (code >= 0x20 and code != 0x7F) or code == 0x09)
_NAMES = {
    name.encode(): name.lower()
    for name in (
        "Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Connection", "Content-Length",
        "Content-Type", "Cookie", "Host", "If-None-Match", "Origin", "Pragma", "Range", "Referer",
        "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Sec-Fetch-User", "Upgrade-Insecure-Requests",
        "User-Agent", "X-Forwarded-For", "X-Forwarded-Proto",
    )
}  # fmt: skip

BodyBound = Callable[[str, str], int]


@dataclass(slots=True)
class Draft:
    """A request as read, before the connection adds who sent it. Nobody changes `headers`: other requests
    may have the same.

    `length` is that of the body in bytes, or `CHUNKED`; `waits`: the sender waits for `100 Continue`
    (RFC 9110 §10.1.1).
    """

    method: str
    raw_target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    http_1_0: bool
    keep_alive: bool
    length: int = 0
    waits: bool = False
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class _Block:
    """What the header lines of a request say; as in `Draft`."""

    headers: dict[str, str]
    keep_alive: bool
    length: int
    waits: bool


class Heads:
    """Heads under the same limits, with the blocks of header lines seen lately. When the table is full it
    starts afresh: one dictionary for all connections costs nothing to keep, and who varies their headers
    gains no more than that everybody's are parsed."""

    __slots__ = ("_limits", "_seen")

    def __init__(self, limits: DoorLimits) -> None:
        self._limits = limits
        self._seen: dict[bytes, _Block] = {}

    @property
    def remembered(self) -> int:
        """Blocks in the table, at most `REMEMBERED_MAX`."""
        return len(self._seen)

    def check(self, part: bytes) -> None:
        """Refuse a head that is not whole yet at the first byte that shows it: nobody waits for a deadline
        with a broken one.

        Raises:
            Problem: 400, 414, 431, 501 or 505.
        """
        line = part.find(b"\r\n")
        self._check_size(part, len(part) if line < 0 else line)
        if not 0x41 <= part[0] <= 0x5A or not _is_clean(part.removesuffix(b"\r")):
            raise _not_http()
        if line >= 0:
            _parse_line(part[:line])

    def parse(self, head: bytes) -> Draft:
        """What a head means, with the empty line at its end.

        Raises:
            Problem: 400, 414, 431, 501 or 505; the connection is to be closed.
        """
        end = head.index(b"\r\n")
        method, target, http_1_0 = _parse_line(head[:end])
        rest = head[end:]
        block = None if http_1_0 else self._seen.get(rest)
        if block is None or end > self._limits.target_bytes_max:
            self._check_size(head, end)
            block = self._parse_block(head, rest, http_1_0=http_1_0)
        path, query = parse_target(target)
        return Draft(
            method, target, path, query, block.headers, http_1_0, block.keep_alive, block.length, block.waits
        )

    def _check_size(self, part: bytes, line_bytes: int) -> None:
        limits = self._limits
        if line_bytes > limits.target_bytes_max + 32:
            raise Problem(414, "The address is too long.", arabic="العنوان أطول مما ينبغي.")
        if len(part) > limits.head_bytes_max or part.count(b"\r\n") > limits.headers_max + 2:
            raise Problem(431, "The headers are too large.")

    def _parse_block(self, head: bytes, rest: bytes, *, http_1_0: bool) -> _Block:
        if not _is_clean(head):
            raise _not_http()
        block = _read_block(head, http_1_0=http_1_0)
        if len(rest) <= REMEMBERED_BYTES_MAX and not http_1_0:
            if len(self._seen) >= REMEMBERED_MAX:
                self._seen.clear()
            self._seen[rest] = block
        return block


def _is_clean(part: bytes) -> bool:
    """No control character but tabs and whole line ends: no bare CR or LF, no folded line."""
    if part.translate(None, _PLAIN) != b"\r\n" * part.count(b"\r\n"):
        return False
    return b"\r\n " not in part and b"\r\n\t" not in part


def _parse_line(line: bytes) -> tuple[str, str, bool]:
    """Method, target and whether it is HTTP/1.0 (RFC 9112 §3): three words, one space between each. What is
    in the target is left to `parse_target`."""
    words = line.split(b" ")
    if len(words) != 3 or not words[1] or not line.isascii():
        raise _not_http()
    if words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise Problem(505, "This door speaks HTTP/1.1.") if _VERSION.fullmatch(words[2]) else _not_http()
    method = _METHODS.get(words[0])
    if method is None:
        if not _METHOD.fullmatch(words[0]):
            raise _not_http()
        raise Problem(501, f"The method {words[0].decode()} is not known here.")
    return method, words[1].decode("ascii"), words[2] == b"HTTP/1.0"


def _not_http() -> Problem:
    return Problem(400, "This is not an HTTP/1.1 request.", arabic="هذا ليس طلب HTTP/1.1.")


class _Lines:
    """What llhttp finds in a head."""

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name, value))


def _read_block(head: bytes, *, http_1_0: bool) -> _Block:
    lines, upgrade = _Lines(), False
    try:
        httptools.HttpRequestParser(lines).feed_data(head)
    except httptools.HttpParserUpgrade:
        upgrade = True
    except httptools.HttpParserError as error:
        raise _not_http() from error
    headers = _collect(lines.headers)
    _check_host(headers, http_1_0=http_1_0)
    length = _body_length(headers, http_1_0=http_1_0)
    if upgrade and length:
        raise Problem(400, "A request to upgrade cannot have a body.")
    keep = not http_1_0 and "close" not in headers.get("connection", "").lower()
    return _Block(headers, keep, length, _is_waiting(headers, http_1_0=http_1_0))


def _collect(lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name = _NAMES.get(raw_name) or raw_name.decode("latin-1").lower()
        value = raw_value.decode("latin-1").strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE:
            raise Problem(400, f"The header {name} is there twice.")
        else:
            headers[name] += ("; " if name == "cookie" else ", ") + value
    return headers


def _check_host(headers: dict[str, str], *, http_1_0: bool) -> None:
    host = headers.get("host")
    if host is None and http_1_0:
        return
    found = None if host is None else _HOST.fullmatch(host)
    if found is None or int(found[2] or 0) > 65535:
        raise Problem(400, "The header Host is missing or broken.")


def _body_length(headers: dict[str, str], *, http_1_0: bool) -> int:
    length, coding = headers.get("content-length"), headers.get("transfer-encoding")
    if coding is not None and (length is not None or http_1_0):
        raise Problem(400, "The length of the body is given in two ways.")
    if coding is not None:
        if coding.lower() != "chunked":
            raise Problem(501, "The only transfer coding known here is chunked.")
        return CHUNKED
    if length is not None and not _LENGTH.fullmatch(length):
        raise Problem(400, "Content-Length is not a number.")
    return int(length or 0)


def _is_waiting(headers: dict[str, str], *, http_1_0: bool) -> bool:
    """RFC 9110 §10.1.1: of HTTP/1.0 the expectation means nothing."""
    expectation = headers.get("expect")
    if expectation is None or http_1_0:
        return False
    if expectation.lower() != "100-continue":
        raise Problem(417, "The only expectation known here is 100-continue.")
    return True
