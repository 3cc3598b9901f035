"""Where every Ogg page of a download will lie, before any is made.

The recording keeps Opus in fMP4. A download wants Ogg: the same packets, paged anew, half a second a page.
One pass over the sample sizes gives the length of every page, so that Content-Length is known and a range
can begin anywhere. Pages end where media time jumps, because a page's time is that of its end.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from struct import Struct

import numpy as np
import numpy.typing as npt

from hiwar.media.feed import FEED_OPUS
from hiwar.packager.boxes import BadMedia
from hiwar.packager.fmp4 import parse_fragment
from hiwar.packager.ogg import FLAG_LAST, HEADER_PAGES, render_page
from hiwar.recording.index import Records
from hiwar.recording.reader import FeedView

PAGE_CHUNKS = 6  # 24 packets, 0.48 s: even the largest packets (6 lacing values) fit on a page
PAGE_HEAD_BYTES = 27
NO_PACKET = -1  # the granule position of a page on which no packet ends (RFC 3533, section 6)

_RUN = Struct(">IiIIII")  # of a moof with four samples: their count, the data offset, the sizes
_RUN_IN_MOOF = 88
_PACKETS = FEED_OPUS.frames_per_chunk

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PageRun:
    """Pages [first, last), made of the file's bytes [file_start, file_end); `skip` and `size` say which of
    their bytes are wanted."""

    first: int
    last: int
    file_start: int
    file_end: int
    skip: int
    size: int


class OggLayout:
    """The pages behind the two header pages, of one recording that has ended."""

    def __init__(self, view: FeedView) -> None:
        """Reads the whole file once, block by block: call it in a thread."""
        self.path: Path = view.path
        self.file_length = view.length
        self._records: Records = view.records
        numbers = self._records["number"].astype(np.int64)
        self._offsets: Numbers = np.append(self._records["offset"].astype(np.int64), view.length)
        breaks = (np.diff(numbers, prepend=-2) != 1) | (np.diff(numbers // PAGE_CHUNKS, prepend=-1) != 0)
        self._firsts: Numbers = np.append(np.flatnonzero(breaks), len(numbers)).astype(np.int64)
        sizes = np.fromiter(self._measure(), np.int64, len(self._firsts) - 1)
        self._ends: Numbers = np.cumsum(sizes)

    @property
    def length(self) -> int:
        """Bytes of all pages behind the headers."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def pages_for(self, offset: int, size: int) -> PageRun:
        """The pages that hold at least one and about `size` bytes from `offset` (behind the headers)."""
        first = int(np.searchsorted(self._ends, offset, side="right"))
        last = int(np.searchsorted(self._ends, offset + size, side="left")) + 1
        last = min(last, len(self._ends))
        start = int(self._ends[first - 1]) if first else 0
        file_start = int(self._offsets[self._firsts[first]])
        file_end = int(self._offsets[self._firsts[last]])
        return PageRun(first, last, file_start, file_end, offset - start, size)

    def render(self, run: PageRun, content: bytes) -> bytes:
        """The wanted bytes of a run whose file bytes are `content`."""
        pages = b"".join(self._page(page, content, run.file_start) for page in range(run.first, run.last))
        return pages[run.skip : run.skip + run.size]

    def _page(self, page: int, content: bytes, base: int) -> bytes:
        first, last = int(self._firsts[page]), int(self._firsts[page + 1])
        packets = [
            packet for payload in self._payloads(first, last, content, base) for packet in _packets(payload)
        ]
        end = (int(self._records["number"][last - 1]) + 1) * FEED_OPUS.chunk_samples
        flags = FLAG_LAST if last == len(self._records) else 0
        granule = end if packets else NO_PACKET
        return render_page(packets, granule=granule, sequence=HEADER_PAGES + page, flags=flags)

    def _payloads(self, first: int, last: int, content: bytes, base: int) -> Iterator[bytes]:
        bounds = (self._offsets[first : last + 1] - base).tolist()
        for start, end in pairwise(bounds):
            yield content[start:end]

    def _measure(self) -> Iterator[int]:
        """The length of every page, from the sizes of its packets."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            for first, last in pairwise(self._firsts.tolist()):
                base, end = int(self._offsets[first]), int(self._offsets[last])
                content = os.pread(descriptor, end - base, base)
                payloads = self._payloads(first, last, content, base)
                sizes = [size for payload in payloads for size in _packet_sizes(payload)]
                yield PAGE_HEAD_BYTES + sum(sizes) + sum(size // 255 + 1 for size in sizes)
        finally:
            os.close(descriptor)


def _packet_sizes(payload: bytes) -> tuple[int, ...]:
    """Sizes of a chunk's packets; the common shape is read directly, any other is parsed."""
    if payload[4:8] == b"moof" and len(payload) >= _RUN_IN_MOOF + _RUN.size:
        count, _offset, *sizes = _RUN.unpack_from(payload, _RUN_IN_MOOF)
        if count == _PACKETS and sum(sizes) + _RUN_IN_MOOF + _RUN.size + 8 == len(payload):
            return tuple(sizes)
    return tuple(map(len, _packets(payload)))


def _packets(payload: bytes) -> tuple[bytes, ...]:
    """The packets of a chunk; none where a salvage left only an empty box."""
    try:
        return parse_fragment(payload).packets
    except BadMedia:
        return ()
