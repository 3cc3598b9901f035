"""One line of chunks out of two feeds of the same numbers: the full one and its lighter sibling. Pure.

Rules
- Numbers only grow, none is given twice, and one is left out only if neither feed has it.
- `lighter` says which of the two is preferred, from the next number on. What that one lacks the other fills.
- The full feed is never waited for: without the wish for less, a chunk goes on as it comes.
- A lighter chunk is waited for until the full feed is further by more than `LATE_SAMPLES_MAX` (or one chunk,
  where that is longer), and not at all while the lighter feed itself is that far behind. Then the full chunk
  is given. So a stage whose lighter encoders falter, or that makes none, is heard all the same.

Theory of operation: both siblings have the same codec configuration, header bytes and grid, so to a player a
joint is a chunk like any other. Lighter chunks are made behind the frame clock, by a thread of their own, and
come some milliseconds after the full ones; where that thread is overrun they come late, or have holes.
"""

from collections import OrderedDict
from collections.abc import Iterator

from hiwar.media.feed import Chunk, Feed

LATE_SAMPLES_MAX = 48_000 * 160 // 1000  # 160 ms: less than the 240 ms that a player has in hand
TAIL_CHUNKS = 16  # at most three wait; the others are for holes, filled when the next chunk comes

Numbered = tuple[int, bytes]


class Tail:
    """The newest `TAIL_CHUNKS` chunks of one feed, as they came; `end` is the number after the newest."""

    def __init__(self) -> None:
        self.end = 0
        self._payloads: OrderedDict[int, bytes] = OrderedDict()

    def add(self, chunk: Chunk) -> bool:
        """Take the next chunk; False if it is not newer than the last (a new stage repeats some)."""
        if chunk.number < self.end:
            return False
        self._payloads[chunk.number] = chunk.payload
        self.end = chunk.number + 1
        if len(self._payloads) > TAIL_CHUNKS:
            self._payloads.popitem(last=False)
        return True

    def first_from(self, number: int) -> Numbered | None:
        """The oldest chunk that is here and not before `number`."""
        payload = self._payloads.get(number)
        if payload is not None:
            return number, payload
        return next(((later, payload) for later, payload in self._payloads.items() if later > number), None)


class Splice:
    """The chunks of `feed` as its listeners get them. It begins with the first chunk of `begin`, which is one
    of the two."""

    def __init__(self, feed: Feed, full: Tail, light: Tail, begin: Tail) -> None:
        self.lighter = begin is light
        self._full = full
        self._light = light
        self._begin = begin
        self._next: int | None = None
        self._late_chunks = max(1, LATE_SAMPLES_MAX // feed.chunk_samples)

    def take(self, *, over: bool = False) -> Iterator[Numbered]:
        """What is due now, in order; where it is `over` nothing more will come, and nothing is waited for."""
        if self._next is None:
            first = self._begin.first_from(0)
            if first is None:
                return
            self._next = first[0]
        while (chosen := self._choose(self._next, over=over)) is not None:
            self._next = chosen[0] + 1
            yield chosen

    def _choose(self, number: int, *, over: bool) -> Numbered | None:
        full, light = self._full.first_from(number), self._light.first_from(number)
        preferred, other = (light, full) if self.lighter else (full, light)
        if preferred is not None and (other is None or preferred[0] <= other[0]):
            return preferred
        if preferred is not None or over:
            return other
        return other if self.lighter and not self._is_worth_waiting(number) else None

    def _is_worth_waiting(self, number: int) -> bool:
        """Whether lighter chunk `number`, which is not here, is neither late nor bound to be."""
        return max(self._full.end - number, number - self._light.end) <= self._late_chunks
