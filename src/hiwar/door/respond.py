"""Writing one response: few bytes at once; many, and files, block by block and iterators item by item, never
faster than the client reads. A block of many bytes is a view of them: thousands who read the same file slowly
hold it once.

A block of a file is read in the loop when it lies in the page cache (`RWF_NOWAIT`), else in a thread, so
that a slow disk holds up one download and nobody's sound.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from hiwar.door.headers import render_head
from hiwar.door.http import FileSlice, Response

BLOCK_BYTES = 128 * 1024
TOGETHER_BYTES_MAX = 32 * 1024  # a body that is copied behind its head: one write, one packet for most


class Sink(Protocol):
    """Where a response goes."""

    def write(self, piece: bytes | memoryview) -> None: ...
    async def drain(self) -> None: ...


class Truncated(ConnectionError):
    """The body is not as long as was announced: the connection cannot be used any more."""


class ResponseWriter:
    """How one request wants its answer: `head_only` for HEAD, `http_1_0` without chunks, `close` after it."""

    def __init__(self, sink: Sink, *, head_only: bool, http_1_0: bool, close: bool) -> None:
        self._sink = sink
        self._head_only = head_only
        self._http_1_0 = http_1_0
        self._close = close

    async def write(self, response: Response) -> bool:
        """Write all of it; returns whether the connection may serve another request.

        Raises:
            Truncated: the body was not as long as its Content-Length.
            ConnectionError: the client went away.
        """
        body = response.body
        if isinstance(body, bytes):
            await self._write_bytes(response, body)
        elif isinstance(body, list):
            await self._write_slices(response, body)
        else:
            await self._write_iterator(response, body)
        await self._sink.drain()
        return not self._close

    def _without_body(self, response: Response) -> bool:
        """RFC 9112 §6.3: these never have one."""
        return self._head_only or response.status in (204, 304) or response.status < 200

    def _head(self, response: Response, framing: Mapping[str, str]) -> bytes:
        headers = {**response.headers, **framing}
        return render_head(response.status, headers, close=self._close, cookies=response.cookies)

    async def _write_bytes(self, response: Response, body: bytes) -> None:
        unknown = self._head_only and not body  # a HEAD whose GET has a body without end: no length is told
        measured = unknown or response.status in (204, 304) or "Content-Length" in response.headers
        head = self._head(response, {} if measured else {"Content-Length": str(len(body))})
        if self._without_body(response):
            self._sink.write(head)
        elif len(body) <= TOGETHER_BYTES_MAX:
            self._sink.write(head + body)
        else:
            self._sink.write(head)
            await self._write_view(memoryview(body))

    async def _write_view(self, view: memoryview) -> None:
        for start in range(0, len(view), BLOCK_BYTES):
            self._sink.write(view[start : start + BLOCK_BYTES])
            await self._sink.drain()

    async def _write_slices(self, response: Response, pieces: list[FileSlice | bytes]) -> None:
        length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
        self._sink.write(self._head(response, {"Content-Length": str(length)}))
        for piece in () if self._without_body(response) else pieces:
            if isinstance(piece, bytes):
                await self._write_view(memoryview(piece))
            else:
                await self._write_slice(piece)

    async def _write_slice(self, piece: FileSlice) -> None:
        descriptor = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            position, end = piece.offset, piece.offset + piece.length
            while position < end:
                block = await _read_block(descriptor, position, min(BLOCK_BYTES, end - position))
                if not block:
                    raise Truncated(f"{piece.path} is shorter than {end} bytes")
                self._sink.write(block)
                await self._sink.drain()
                position += len(block)
        finally:
            os.close(descriptor)

    async def _write_iterator(self, response: Response, body: AsyncIterator[bytes]) -> None:
        try:
            length = response.headers.get("Content-Length")
            if length is None and self._http_1_0:
                self._close = True
            chunked = length is None and not self._http_1_0 and response.status not in (204, 304)
            self._sink.write(self._head(response, {"Transfer-Encoding": "chunked"} if chunked else {}))
            if self._without_body(response):
                return
            await (self._copy_chunked(body) if chunked else self._copy(body, length))
        finally:
            close = getattr(body, "aclose", None)
            if close is not None:
                await close()

    async def _copy(self, body: AsyncIterator[bytes], length: str | None) -> None:
        written = 0
        async for piece in body:
            self._sink.write(piece)
            await self._sink.drain()
            written += len(piece)
        if length is not None and written != int(length):
            raise Truncated("the body is not as long as its Content-Length")

    async def _copy_chunked(self, body: AsyncIterator[bytes]) -> None:
        async for piece in body:
            if piece:
                self._sink.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await self._sink.drain()
        self._sink.write(b"0\r\n\r\n")


async def _read_block(descriptor: int, offset: int, length: int) -> bytes:
    block = bytearray(length)
    try:
        count = os.preadv(descriptor, [block], offset, os.RWF_NOWAIT)
    except OSError:  # not in the page cache, or a file system that cannot say
        return await asyncio.to_thread(os.pread, descriptor, length, offset)
    return bytes(memoryview(block)[:count])
