"""From bytes to requests (RFC 9112), strictly. Sans I/O: bytes in, requests or a `Problem` out.

Rules: what could be read in two ways is refused with 400 and the connection is closed, because a proxy
in front may have read it the other way (request smuggling): Content-Length beside Transfer-Encoding,
several of either, bare CR or LF, folded header lines, absolute form, a missing or second Host.

Theory of operation: the head is awaited whole in a bounded buffer, checked as bytes, and only then given
to httptools (llhttp). A body of known length is cut from the buffer; a chunked one is decoded by the same
llhttp parser. What follows stays unparsed until `next_request` is called again, so that pipelining costs
bytes and no objects. The parser lives for one request.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import httptools

from hiwar.door.http import Problem
from hiwar.door.limits import DoorLimits
from hiwar.door.target import parse_target

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SINGLE = frozenset(
    {"host", "content-length", "transfer-encoding", "content-type", "authorization", "expect"}
)
_HOST = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?", re.ASCII)
_LENGTH = re.compile(r"[0-9]{1,12}", re.ASCII)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n|\r\n[ \t]")
_CHUNK_OVERHEAD = 8  # raw bytes of a chunked body per byte of content, at most: chunks of one byte need 6

BodyBound = Callable[[str, str], int]


class Awaiting(Enum):
    """What a connection waits for, which decides its deadline."""

    NOTHING = "nothing"
    HEAD = "head"
    BODY = "body"


@dataclass(slots=True)
class Draft:
    """A request as read, before the connection adds who sent it."""

    method: str
    raw_target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    http_1_0: bool
    keep_alive: bool
    body: bytes = b""


class RequestReader:
    """The requests of one connection. After a `Problem` nothing more may be read from it."""

    __slots__ = (
        "_body", "_body_bound", "_body_max", "_buffer", "_done", "_draft", "_headers", "_limits", "_missing",
        "_parser", "_raw_left", "_spare", "_url",
    )  # fmt: skip

    def __init__(self, limits: DoorLimits, body_bound: BodyBound) -> None:
        self._limits = limits
        self._body_bound = body_bound
        self._buffer = b""
        self._draft: Draft | None = None
        self._parser: httptools.HttpRequestParser | None = None
        self._forget()

    def _forget(self) -> None:
        self._parser = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._url = b""
        self._body: list[bytes] = []
        self._body_max = 0
        self._missing = 0  # bytes of a body of known length that are still to come; -1 when chunked
        self._raw_left = 0  # bytes of a chunked body, with its framing, that are still taken
        self._done = False
        self._spare = False

    @property
    def awaiting(self) -> Awaiting:
        if self._draft is not None:
            return Awaiting.BODY
        return (
            Awaiting.NOTHING if self._buffer in (b"", b"\r") else Awaiting.HEAD
        )  # half an empty line is nothing

    @property
    def buffered(self) -> int:
        """Bytes held unread."""
        return len(self._buffer)

    def take_expectation(self) -> bool:
        """Whether the sender waits for `100 Continue` before the body (RFC 9110 §10.1.1); true once."""
        return self._draft is not None and bool(self._draft.headers.pop("expect", ""))

    def feed(self, received: bytes) -> None:
        self._buffer = self._buffer + received if self._buffer else received

    def next_request(self) -> Draft | None:
        """The next whole request, or None when more bytes are needed.

        Raises:
            Problem: what came cannot be, or may not be, read; answer and close.
        """
        if self._draft is None and not self._read_head():
            return None
        draft = self._draft
        if draft is None or not self._read_body(draft):
            return None
        draft.body = b"".join(self._body)
        self._draft = None
        self._forget()
        return draft

    def _read_head(self) -> bool:
        if self._buffer.startswith(b"\r\n"):  # one empty line before a request is forgiven (RFC 9112 §2.2)
            self._buffer = self._buffer[2:]
        end = self._buffer.find(b"\r\n\r\n") + 4
        head = self._buffer if end < 4 else self._buffer[:end]
        self._check_head(head, whole=end >= 4)
        if end < 4:
            return False
        self._buffer = self._buffer[end:]
        self._parse_head(head)
        return True

    def _check_head(self, head: bytes, *, whole: bool) -> None:
        """Refuse at the first byte that shows it: nobody waits for a deadline with a broken head."""
        if head in (b"", b"\r"):
            return
        line = head.find(b"\r\n")
        if (len(head) if line < 0 else line) > self._limits.target_bytes_max + 32:
            raise Problem(414, "The address is too long.", arabic="العنوان أطول مما ينبغي.")
        if len(head) > self._limits.head_bytes_max or head.count(b"\r\n") > self._limits.headers_max + 2:
            raise Problem(431, "The headers are too large.")
        checked = head if whole else head.removesuffix(b"\r")
        if not 0x41 <= head[0] <= 0x5A or _CONTROL.search(checked):
            raise Problem(400, "This is not an HTTP/1.1 request.", arabic="هذا ليس طلب HTTP/1.1.")

    def _parse_head(self, head: bytes) -> None:
        parser = self._parser = httptools.HttpRequestParser(self)
        upgrade = False
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            upgrade = True
        except httptools.HttpParserError as error:
            raise Problem(400, "This is not an HTTP/1.1 request.", arabic="هذا ليس طلب HTTP/1.1.") from error
        method, version = parser.get_method().decode("ascii"), parser.get_http_version()
        if version not in ("1.0", "1.1"):
            raise Problem(505, "This door speaks HTTP/1.1.")
        if method not in METHODS:
            raise Problem(501, f"The method {method} is not known here.")
        headers = _collect(self._headers)
        _check_host(headers, version)
        target = self._url.decode("latin-1")
        path, query = parse_target(target)
        keep = version == "1.1" and "close" not in headers.get("connection", "").lower()
        self._draft = Draft(method, target, path, query, headers, version == "1.0", keep)
        self._expect_body(self._draft, upgrade=upgrade)

    def _expect_body(self, draft: Draft, *, upgrade: bool) -> None:
        headers = draft.headers
        length, coding = headers.get("content-length"), headers.get("transfer-encoding")
        if coding is not None and (length is not None or draft.http_1_0):
            raise Problem(400, "The length of the body is given in two ways.")
        if coding is not None and coding.lower() != "chunked":
            raise Problem(501, "The only transfer coding known here is chunked.")
        if length is not None and not _LENGTH.fullmatch(length):
            raise Problem(400, "Content-Length is not a number.")
        self._missing = -1 if coding is not None else int(length or 0)
        if upgrade and self._missing:
            raise Problem(400, "A request to upgrade cannot have a body.")
        if headers.get("expect", "100-continue").lower() != "100-continue":
            raise Problem(417, "The only expectation known here is 100-continue.")
        self._body_max = self._body_bound(draft.method, draft.path)
        self._raw_left = _CHUNK_OVERHEAD * self._body_max + self._limits.head_bytes_max
        if self._missing > self._body_max:
            raise self._too_large()

    def _read_body(self, draft: Draft) -> bool:
        if self._missing < 0:
            return self._read_chunked(draft)
        taken = self._buffer[: self._missing]
        if taken:
            self._buffer = self._buffer[len(taken) :]
            self._body.append(taken)
            self._missing -= len(taken)
        return self._missing == 0

    def _read_chunked(self, draft: Draft) -> bool:
        taken, self._buffer = self._buffer, b""
        self._raw_left -= len(taken)
        if self._raw_left < 0:
            raise self._too_large()
        assert self._parser is not None
        try:
            self._parser.feed_data(taken)
        except httptools.HttpParserError as error:
            if not self._done:
                raise Problem(400, "The chunks of the body are broken.") from error
            self._spare = True
        if self._body_max < 0:
            raise self._too_large()
        if self._spare:  # bytes after the last chunk went through the parser: answer this one, then close
            draft.keep_alive = False
        return self._done

    def _too_large(self) -> Problem:
        return Problem(413, "The body is larger than is taken here.", arabic="المحتوى أكبر مما يُقبل هنا.")

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._draft is None:  # trailers of a chunked body are dropped
            self._headers.append((name, value))

    def on_message_begin(self) -> None:
        self._spare = self._done

    def on_body(self, body: bytes) -> None:
        if self._body_max < 0 or self._done:
            return
        self._body.append(body)
        self._body_max -= len(body)

    def on_message_complete(self) -> None:
        self._done = self._draft is not None


def _collect(lines: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip(" \t")
        if name not in headers:
            headers[name] = value
        elif name in _SINGLE:
            raise Problem(400, f"The header {name} is there twice.")
        else:
            headers[name] += ("; " if name == "cookie" else ", ") + value
    return headers


def _check_host(headers: dict[str, str], version: str) -> None:
    host = headers.get("host")
    if host is None and version == "1.0":
        return
    if host is None or not _HOST.fullmatch(host):
        raise Problem(400, "The header Host is missing or broken.")
