"""Where the bytes of an answer come from: pieces of memory and files in a row, or Ogg pages made on the way.

A source has a length that is known before the first byte is read, and can be read from anywhere, so that
every download has ranges. Nothing is held in memory but the block on its way out.
"""

import asyncio
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from hiwar.archive.ogg_layout import OggLayout
from hiwar.door.http import FileSlice

BLOCK_BYTES = 128 * 1024


class Source(Protocol):
    """Bytes [0, length)."""

    @property
    def length(self) -> int: ...

    async def read(self, offset: int, size: int) -> bytes:
        """At least 1 and at most `size` bytes from `offset`, which is below `length`.

        Raises:
            OSError: the file cannot be read, or is shorter than it was.
        """
        ...


class JoinedSource:
    """Bytes and slices of files, one after the other."""

    def __init__(self, pieces: Sequence[bytes | FileSlice]) -> None:
        self._pieces = tuple(piece for piece in pieces if _length(piece))
        self._ends = list(accumulate(map(_length, self._pieces)))

    @property
    def length(self) -> int:
        return self._ends[-1] if self._ends else 0

    async def read(self, offset: int, size: int) -> bytes:
        turn = bisect_right(self._ends, offset)
        piece = self._pieces[turn]
        within = offset - (self._ends[turn] - _length(piece))
        count = min(size, _length(piece) - within)
        if isinstance(piece, bytes):
            return piece[within : within + count]
        return await read_file(piece.path, piece.offset + within, count)


class OggSource:
    """The Opus packets of a recording's file as Ogg, paged while they are read."""

    def __init__(self, layout: OggLayout, headers: bytes) -> None:
        self._layout = layout
        self._headers = headers

    @property
    def length(self) -> int:
        return len(self._headers) + self._layout.length

    async def read(self, offset: int, size: int) -> bytes:
        if offset < len(self._headers):
            return self._headers[offset : offset + size]
        pages = self._layout.pages_for(offset - len(self._headers), size)
        content = await read_file(self._layout.path, pages.file_start, pages.file_end - pages.file_start)
        return self._layout.render(pages, content)


async def read_file(path: Path, offset: int, size: int) -> bytes:
    """Exactly `size` bytes; from the page cache at once, else in a thread, so that a slow disk holds up
    one transfer only.

    Raises:
        OSError: the file is shorter.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        block = bytearray(size)
        try:
            count = os.preadv(descriptor, [block], offset, os.RWF_NOWAIT)
        except OSError:  # not in the page cache, or a file system that cannot say
            count = 0
        if count == size:
            return bytes(block)
        content = await asyncio.to_thread(os.pread, descriptor, size, offset)
    finally:
        os.close(descriptor)
    if len(content) != size:
        raise OSError(f"{path.name} is shorter than {offset + size} bytes")
    return content


def _length(piece: bytes | FileSlice) -> int:
    return len(piece) if isinstance(piece, bytes) else piece.length
