"""From bytes to requests (RFC 9112). Sans I/O: bytes in, requests or a `Problem` out.

Theory of operation: the head is awaited whole in a bounded buffer, checked as it comes, and read by
`Heads`. A body of known length is cut from the buffer; a chunked one is decoded by an llhttp parser that
has been told to expect one. What follows stays unparsed until `next_request` is called again, so that
pipelining costs bytes and no objects.
"""

from enum import Enum

import httptools

from hiwar.door.head import CHUNKED, BodyBound, Draft, Heads
from hiwar.door.http import Problem
from hiwar.door.limits import DoorLimits

_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"

__all__ = ["Awaiting", "Draft", "RequestReader"]


class Awaiting(Enum):
    """What a connection waits for, which decides its deadline."""

    NOTHING = "nothing"
    HEAD = "head"
    BODY = "body"


class RequestReader:
    """The requests of one connection. After a `Problem` nothing more may be read from it.

    `heads` is shared by all connections of a door; without it the reader has its own.
    """

    __slots__ = (
        "_body", "_body_bound", "_body_max", "_buffer", "_chunks", "_draft", "_forgiven", "_heads", "_limits",
        "_missing", "_told",
    )  # fmt: skip

    def __init__(self, limits: DoorLimits, body_bound: BodyBound, heads: Heads | None = None) -> None:
        self._limits = limits
        self._body_bound = body_bound
        self._heads = Heads(limits) if heads is None else heads
        self._buffer = b""
        self._forgiven = False  # one empty line before a request is (RFC 9112 §2.2)
        self._draft: Draft | None = None  # its head is read, its body is not
        self._chunks: _Chunks | None = None
        self._body: list[bytes] = []
        self._body_max = 0
        self._missing = 0  # bytes of a body of known length that are still to come
        self._told = False

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
        told, self._told = self._told, True
        return self._draft is not None and self._draft.waits and not told

    def feed(self, received: bytes) -> None:
        self._buffer = self._buffer + received if self._buffer else received

    def next_request(self) -> Draft | None:
        """The next whole request, or None when more bytes are needed.

        Raises:
            Problem: what came cannot be, or may not be, read; answer and close.
        """
        draft = self._draft or self._read_head()
        if draft is None or not draft.length:
            return draft
        if self._draft is None:
            self._expect_body(draft)
        if not (self._read_chunked(draft) if draft.length == CHUNKED else self._read_counted()):
            return None
        draft.body = b"".join(self._body)
        self._draft = self._chunks = None
        return draft

    def _read_head(self) -> Draft | None:
        if not self._forgiven and self._buffer.startswith(b"\r\n"):
            self._forgiven = True
            self._buffer = self._buffer[2:]
        if self._buffer in (b"", b"\r"):
            return None
        end = self._buffer.find(b"\r\n\r\n") + 4
        if end < 4:
            self._heads.check(self._buffer)
            return None
        head = self._buffer[:end]
        self._buffer = self._buffer[end:]
        self._forgiven = False
        return self._heads.parse(head)

    def _expect_body(self, draft: Draft) -> None:
        self._body_max = self._body_bound(draft.method, draft.path)
        if draft.length > self._body_max:
            raise _too_large()
        self._draft = draft
        self._body = []
        self._missing = draft.length
        self._told = False
        if draft.length == CHUNKED:
            self._chunks = _Chunks(self._body_max, self._limits.head_bytes_max)

    def _read_counted(self) -> bool:
        taken = self._buffer[: self._missing]
        if taken:
            self._buffer = self._buffer[len(taken) :]
            self._body.append(taken)
            self._missing -= len(taken)
        return self._missing == 0

    def _read_chunked(self, draft: Draft) -> bool:
        assert self._chunks is not None
        taken, self._buffer = self._buffer, b""
        if not self._chunks.feed(taken):
            return False
        self._body = self._chunks.pieces
        draft.keep_alive = draft.keep_alive and not self._chunks.spare
        return True


class _Chunks:
    """A chunked body (RFC 9112 §7.1). `spare`: bytes after its end went through the parser, so that the
    connection cannot be used for another request.

    Sizes, extensions and trailers together may be `framing_max` bytes: the chunks of a body cannot be many,
    and what is thrown away cannot be long.
    """

    __slots__ = ("_bytes_left", "_done", "_parser", "_raw_left", "pieces", "spare")

    def __init__(self, bytes_max: int, framing_max: int) -> None:
        self.pieces: list[bytes] = []
        self.spare = False
        self._done = False
        self._bytes_left = bytes_max
        self._raw_left = bytes_max + framing_max
        self._parser = httptools.HttpRequestParser(self)
        self._parser.feed_data(_CHUNKED_HEAD)

    def feed(self, taken: bytes) -> bool:
        """Decode; returns whether that was the end.

        Raises:
            Problem: 400 or 413.
        """
        self._raw_left -= len(taken)
        if self._raw_left < 0:
            raise _too_large()
        try:
            self._parser.feed_data(taken)
        except httptools.HttpParserError as error:
            if not self._done:
                raise Problem(400, "The chunks of the body are broken.") from error
            self.spare = True
        if self._bytes_left < 0:
            raise _too_large()
        return self._done

    def on_message_begin(self) -> None:
        self.spare = self._done

    def on_body(self, body: bytes) -> None:
        self._bytes_left -= len(body)
        if self._bytes_left >= 0 and not self._done:
            self.pieces.append(body)

    def on_message_complete(self) -> None:
        self._done = True


def _too_large() -> Problem:
    return Problem(413, "The body is larger than is taken here.", arabic="المحتوى أكبر مما يُقبل هنا.")
