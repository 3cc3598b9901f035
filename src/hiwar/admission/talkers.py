"""Who sends most just now, in bounded space: Space-Saving with decay. Pure.

Rules
- At most `entries_max` keys are remembered, however many there are.
- Each period what was counted before weighs half, so that the list shows what is hot and not what was.

Theory of operation: Space-Saving (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and
top-k elements in data streams", ICDT 2005). A key that is not among those counted takes the place of the
one with the least, and its count as well: that is its error. With W the decayed weight of everything seen,
no error is above W / entries_max, and whoever has more than that is in the table for certain; a key's true
weight lies in `weight - error` .. `weight`.

Halving touches no count: instead the unit of what comes in doubles (forward decay: Cormode, Shkapenyuk,
Srivastava, Xu, ICDE 2009), until the numbers get large and all are scaled at once. The least count is
found by a heap that is put right only when asked: each key has one entry in it, as old as the last time it
was on top. An event makes at most one entry stale, so a call costs O(log entries_max) on average.
"""

from dataclasses import dataclass
from heapq import heapify, heappush, heapreplace
from math import inf, ldexp

TALKERS_MAX = 1024  # whoever has more than a thousandth of the weight is seen; about 230 kB
HALVING_S = 10.0  # a burst is forgotten within a minute; the list keeps still while one reads it
_HALVINGS_MAX = 256  # far from where the exponent of a float ends (1023), rare enough to scale all at once


@dataclass(frozen=True, slots=True)
class Talker:
    """A key and its decayed weight: at most `weight`, at least `weight - error`."""

    key: int
    weight: float
    error: float


class TopTalkers:
    """The heaviest keys. `entries_max` is 1 or more, `halving_s` above 0."""

    __slots__ = ("_counts", "_entries_max", "_errors", "_halves_at", "_halving_s", "_halvings", "_heap",
                 "_total", "_unit")  # fmt: skip

    def __init__(self, entries_max: int = TALKERS_MAX, halving_s: float = HALVING_S) -> None:
        assert entries_max >= 1
        assert halving_s > 0
        self._entries_max = entries_max
        self._halving_s = halving_s
        self._counts: dict[int, float] = {}  # these four in units, `_unit` of which weigh 1 now
        self._errors: dict[int, float] = {}
        self._heap: list[tuple[float, int]] = []  # one for each key, its count now or one it had before
        self._total = 0.0
        self._halvings = 0
        self._unit = 1.0
        self._halves_at = -inf

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, key: int, now: float, weight: float = 1.0) -> None:
        """Count `weight` (above 0) for `key`. A `now` that goes back counts as the latest."""
        if now >= self._halves_at:
            self._age(now)
        amount = weight * self._unit
        self._total += amount
        count = self._counts.get(key)
        if count is not None:
            self._counts[key] = count + amount
        elif len(self._counts) < self._entries_max:
            self._counts[key] = amount
            self._errors[key] = 0.0
            heappush(self._heap, (amount, key))
        else:
            self._replace_least(key, amount)

    def top(self, count: int, now: float) -> list[Talker]:
        """Up to `count` of the heaviest, heaviest first. Sorts the table: meant for a few times a second."""
        if now >= self._halves_at:
            self._age(now)
        unit = self._unit
        heaviest = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))[:count]
        return [Talker(key, held / unit, self._errors[key] / unit) for key, held in heaviest]

    def total(self, now: float) -> float:
        """The decayed weight of everything; divided by `entries_max` the bound of each error."""
        if now >= self._halves_at:
            self._age(now)
        return self._total / self._unit

    def _replace_least(self, key: int, amount: float) -> None:
        counts, heap = self._counts, self._heap
        least, replaced = heap[0]
        while (held := counts[replaced]) != least:
            heapreplace(heap, (held, replaced))
            least, replaced = heap[0]
        del counts[replaced], self._errors[replaced]
        counts[key] = least + amount
        self._errors[key] = least
        heapreplace(heap, (least + amount, key))

    def _age(self, now: float) -> None:
        """Halve what was counted, once for each period that has passed."""
        if not self._counts:
            self._halves_at = now + self._halving_s
            return
        periods = 1 + int((now - self._halves_at) / self._halving_s)
        self._halves_at += periods * self._halving_s
        self._halvings += periods
        if self._halvings > _HALVINGS_MAX:
            self._scale_down()
        self._unit = ldexp(1.0, self._halvings)

    def _scale_down(self) -> None:
        """Bring all into the present unit; what has decayed to nothing is forgotten."""
        scaled = {key: ldexp(count, -self._halvings) for key, count in self._counts.items()}
        self._counts = {key: count for key, count in scaled.items() if count > 0}
        self._errors = {key: ldexp(self._errors[key], -self._halvings) for key in self._counts}
        self._heap = [(count, key) for key, count in self._counts.items()]
        heapify(self._heap)
        self._total = ldexp(self._total, -self._halvings)
        self._halvings = 0
