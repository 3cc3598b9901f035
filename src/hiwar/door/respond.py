"""Writing one response: bytes at once; files block by block and iterators item by item, never faster than
the client reads.

A block of a file is read in the loop when it lies in the page cache (`RWF_NOWAIT`), else in a thread, so
that a slow disk holds up one download and nobody's sound.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Protocol

from hiwar.door.headers import render_head
from hiwar.door.http import FileSlice, Response

BLOCK_BYTES = 128 * 1024


class Sink(Protocol):
    """Where a response goes."""

    def write(self, piece: bytes) -> None: ...
    async def drain(self) -> None: ...


class Truncated(ConnectionError):
    """The body ended before its announced length: the connection cannot be used any more."""


async def write_response(
    sink: Sink, response: Response, *, head_only: bool, http_1_0: bool, close: bool
) -> bool:
    """Write `response`; returns whether the connection may serve another request.

    Raises:
        Truncated: the body was shorter than its length.
        ConnectionError: the client went away.
    """
    body, headers = response.body, response.headers
    if isinstance(body, bytes):
        if not _bodiless(response.status) and "Content-Length" not in headers:
            headers = {**headers, "Content-Length": str(len(body))}
        head = render_head(response.status, headers, close=close)
        sink.write(head if head_only or _bodiless(response.status) else head + body)
        await sink.drain()
        return not close
    if isinstance(body, list):
        await _write_slices(sink, response.status, headers, body, head_only=head_only, close=close)
        return not close
    return await _write_iterator(
        sink, response.status, headers, body, head_only=head_only, http_1_0=http_1_0, close=close
    )


def _bodiless(status: int) -> bool:
    return status in (204, 304) or status < 200


async def _write_slices(
    sink: Sink,
    status: int,
    headers: Mapping[str, str],
    pieces: list[FileSlice | bytes],
    *,
    head_only: bool,
    close: bool,
) -> None:
    length = sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in pieces)
    sink.write(render_head(status, {**headers, "Content-Length": str(length)}, close=close))
    for piece in () if head_only else pieces:
        if isinstance(piece, bytes):
            sink.write(piece)
            await sink.drain()
        else:
            await _write_slice(sink, piece)
    await sink.drain()


async def _write_slice(sink: Sink, piece: FileSlice) -> None:
    descriptor = os.open(piece.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        position, end = piece.offset, piece.offset + piece.length
        while position < end:
            block = await _read_block(descriptor, position, min(BLOCK_BYTES, end - position))
            if not block:
                raise Truncated(f"{piece.path} is shorter than {end} bytes")
            sink.write(block)
            await sink.drain()
            position += len(block)
    finally:
        os.close(descriptor)


async def _read_block(descriptor: int, offset: int, length: int) -> bytes:
    block = bytearray(length)
    try:
        count = os.preadv(descriptor, [block], offset, os.RWF_NOWAIT)
    except OSError:  # not in the page cache, or a file system that cannot say
        return await asyncio.to_thread(os.pread, descriptor, length, offset)
    return bytes(memoryview(block)[:count])


async def _write_iterator(
    sink: Sink,
    status: int,
    headers: Mapping[str, str],
    body: AsyncIterator[bytes],
    *,
    head_only: bool,
    http_1_0: bool,
    close: bool,
) -> bool:
    """With a Content-Length as it is, else chunked, or until the close for HTTP/1.0."""
    missing = int(headers["Content-Length"]) if "Content-Length" in headers else -1
    chunked = missing < 0 and not http_1_0 and not _bodiless(status)
    close = close or (missing < 0 and not chunked)
    framed = {**headers, "Transfer-Encoding": "chunked"} if chunked else headers
    sink.write(render_head(status, framed, close=close))
    async with aclosing(body) if hasattr(body, "aclose") else _Open():  # type: ignore[type-var]
        if not head_only and not _bodiless(status):
            await _copy(sink, body, missing, chunked=chunked)
    await sink.drain()
    return not close


class _Open:
    """Stands in where an iterator has nothing to close."""

    async def __aenter__(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...


async def _copy(sink: Sink, body: AsyncIterator[bytes], missing: int, *, chunked: bool) -> None:
    counted = missing >= 0
    async for piece in body:
        if not piece:
            continue
        if counted:
            missing -= len(piece)
            if missing < 0:
                raise Truncated("the body is longer than its Content-Length")
        sink.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        await sink.drain()
    if counted and missing:
        raise Truncated("the body is shorter than its Content-Length")
    if chunked:
        sink.write(b"0\r\n\r\n")
