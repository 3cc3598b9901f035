"""What an edge keeps of one feed: the last minute, by chunk, by part and by segment.

Rules: chunks come in order and may be missing; they never come late, so once a later one is here a
missing one is a *hole* for good, and what was listed once never changes. A segment or part with a hole
is listed as a gap and has no bytes. A chunk that is not newer than the last is refused (a stage that
took over repeats some). A leap over more than the window starts it afresh at the next whole segment.

    listed (`seconds`)                         what playlists show
    kept   (twice that, and three segments)    RFC 8216bis, section 6.2.2: what a playlist showed stays
                                               available for that playlist's duration and its own

Joined bytes of segments and parts are made once and the same object is given to everybody.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum

from hiwar.media.feed import Chunk, Feed
from hiwar.media.timeline import PART_SAMPLES, PARTS_PER_SEGMENT, SEGMENT_SAMPLES, samples

JOINED_MAX = 96  # segments and parts kept joined: all parts that playlists list, and a minute of segments


class Availability(Enum):
    """What there is to say about a segment or part that somebody asks for."""

    READY = "ready"
    NEXT = "next"  # the one that a playlist hints at: worth waiting for
    FUTURE = "future"
    ABSENT = "absent"  # a gap, or gone


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment as playlists list it.

    `samples` is its duration so far; `parts` the durations of the parts that are over; `gaps` the
    indices of those with holes; `whole` is False only for the one that is still growing.
    """

    msn: int
    samples: int
    parts: tuple[int, ...]
    gaps: frozenset[int]
    whole: bool

    @property
    def gap(self) -> bool:
        return bool(self.gaps)


class LiveWindow:
    """The newest chunks of one feed.

    Segments and parts exist only for feeds whose chunks divide a part (the two MP4 feeds); for Ogg and
    MP3 the window serves `recent`, and the segment methods must not be called.
    """

    def __init__(self, feed: Feed, seconds: float = 60.0) -> None:
        self.feed = feed
        self.ended = False
        self.holes = 0  # chunks that never came, in all
        self._per_part, self._rest = divmod(PART_SAMPLES, feed.chunk_samples)
        self._per_segment = SEGMENT_SAMPLES // feed.chunk_samples
        self._listed_segments = max(3, -(-samples(seconds) // SEGMENT_SAMPLES))
        self._kept = (2 * self._listed_segments + 3) * self._per_segment
        self._chunks: deque[Chunk] = deque()  # bounded by _kept: see _forget
        self._by_number: dict[int, bytes] = {}
        self._origin = 0  # number of the first chunk since the window was started afresh
        self._head = 0  # the number after the newest chunk
        self._joined: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._listing: tuple[Segment, ...] = ()
        self._listing_is_fresh = True

    # -- what comes in

    def add(self, chunk: Chunk) -> bool:
        """Take the next chunk; False if it is not newer than the last, or the feed has ended."""
        assert chunk.feed == self.feed.name
        if self.ended or (self._chunks and chunk.number < self._head):
            return False
        if self._chunks:
            self.holes += chunk.number - self._head
        if not self._chunks or chunk.number - self._head >= self._kept:
            self._start_afresh(chunk.number)
        self._chunks.append(chunk)
        self._by_number[chunk.number] = chunk.payload
        self._head = chunk.number + 1
        self._listing_is_fresh = False
        self._forget(self._head - self._kept)
        return True

    def end(self) -> None:
        """Nothing more will come: the last segment and part are whole as they are."""
        self.ended = True
        self._listing_is_fresh = False

    # -- what a listener of a long response gets

    @property
    def next_number(self) -> int:
        """The number of the chunk that should come next; 0 while nothing came."""
        return self._head

    @property
    def media_time(self) -> int:
        """Media time of the live edge."""
        return self._head * self.feed.chunk_samples

    def recent(self, burst_samples: int = 0, burst_bytes: int = 0) -> list[Chunk]:
        """The newest chunks without a hole between them: the fewest that last `burst_samples` and hold
        `burst_bytes` together, at least one if there is any, fewer than asked for if there are not enough."""
        found: list[Chunk] = []
        size = 0
        for chunk in reversed(self._chunks):
            if found and found[-1].number != chunk.number + 1:
                break
            found.append(chunk)
            size += len(chunk.payload)
            if len(found) * self.feed.chunk_samples >= burst_samples and size >= burst_bytes:
                break
        found.reverse()
        return found

    # -- segments and parts

    @property
    def last_part(self) -> tuple[int, int] | None:
        """(msn, index) of the newest part that is over, or None."""
        self._check_segmented()
        parts = -(-self._head // self._per_part) if self.ended else self._head // self._per_part
        return divmod(parts - 1, PARTS_PER_SEGMENT) if parts and self._chunks else None

    def segments(self) -> tuple[Segment, ...]:
        """What a playlist lists, oldest first; the last may be growing (without parts it is not listed)."""
        self._check_segmented()
        if not self._listing_is_fresh:
            growing = -(-self._head // self._per_segment)
            first = max(-(-self._origin // self._per_segment), growing - 1 - self._listed_segments)
            known = {segment.msn: segment for segment in self._listing if segment.whole}
            described = (known.get(msn) or self._describe(msn) for msn in range(first, growing))
            self._listing = tuple(segment for segment in described if segment.parts)
            self._listing_is_fresh = True
        return self._listing

    def segment_bytes(self, msn: int) -> bytes | None:
        """The whole of segment `msn`, or None: it is not over, has a hole, or is gone."""
        self._check_segmented()
        return self._bytes(msn * self._per_segment, self._per_segment)

    def part_bytes(self, msn: int, index: int) -> bytes | None:
        """Part `index` of segment `msn`, or None: it is not over, has a hole, is gone, or never will be."""
        self._check_segmented()
        if not 0 <= index < PARTS_PER_SEGMENT:
            return None
        return self._bytes(msn * self._per_segment + index * self._per_part, self._per_part)

    def availability(self, msn: int, index: int | None = None) -> Availability:
        """Whether segment `msn`, or its part `index`, is there, will come next, or what else."""
        content = self.segment_bytes(msn) if index is None else self.part_bytes(msn, index)
        if content is not None:
            return Availability.READY
        asked = (msn, PARTS_PER_SEGMENT - 1 if index is None else index)
        last = self.last_part or (0, -1)
        if self.ended or asked <= last or asked[1] not in range(PARTS_PER_SEGMENT):
            return Availability.ABSENT
        following = divmod(last[0] * PARTS_PER_SEGMENT + last[1] + 1, PARTS_PER_SEGMENT)
        comes_next = msn == following[0] if index is None else asked == following
        return Availability.NEXT if comes_next else Availability.FUTURE

    # -- within

    def _check_segmented(self) -> None:
        assert self._rest == 0, f"the chunks of {self.feed.name} do not divide a part"

    def _start_afresh(self, number: int) -> None:
        self._chunks.clear()
        self._by_number.clear()
        self._joined.clear()
        self._origin = number

    def _forget(self, before: int) -> None:
        while self._chunks[0].number < before:
            del self._by_number[self._chunks.popleft().number]

    def _describe(self, msn: int) -> Segment:
        first = msn * self._per_segment
        here = min(self._head - first, self._per_segment)
        whole = here == self._per_segment or self.ended
        over = -(-here // self._per_part) if whole else here // self._per_part
        starts = [index * self._per_part for index in range(over)]
        counts = [min(self._per_part, here - start) for start in starts]
        gaps = frozenset(
            index for index, start in enumerate(starts) if not self._has(first + start, counts[index])
        )
        step = self.feed.chunk_samples
        return Segment(msn, here * step, tuple(count * step for count in counts), gaps, whole)

    def _has(self, first: int, count: int) -> bool:
        return all(number in self._by_number for number in range(first, first + count))

    def _bytes(self, first: int, count: int) -> bytes | None:
        if self.ended:
            count = min(count, self._head - first)
        if count <= 0 or first < 0 or first + count > self._head:
            return None
        joined = self._joined.get((first, count))
        if joined is None and self._has(first, count):
            joined = b"".join([self._by_number[number] for number in range(first, first + count)])
            self._joined[first, count] = joined
            if len(self._joined) > JOINED_MAX:
                self._joined.popitem(last=False)
        return joined
