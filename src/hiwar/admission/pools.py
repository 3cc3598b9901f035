"""Those who wait, kept so that a draw costs the same however many they are. Pure.

Rules
- By person: everybody in the pool weighs the same.
- By site: a site is drawn by its weight, a small whole number; then one of those who wait there, evenly. A
  site found to have no room for one more weighs 0 until it is looked at again and has.

Theory of operation: sites of one weight share a list; a draw takes the list by its total weight, and a site
evenly from it (Matias, Vitter and Ni, "Dynamic generation of discrete random variates", 1993). This is
exact, rejects nothing, and costs the same whether ten sites wait or 65,536. Whoever leaves a list is
replaced by its last. Weights fall when somebody wins, and at once; they rise again by the mere passing of
time, which is noticed when anybody comes or goes there, or by `refresh`, which goes around.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from hiwar.admission.classes import ListenerClass

WEIGHT_MAX = 4
LOOKED_AT_MAX = 512  # sites of one weight that are looked at again in each epoch: half a millisecond

HasRoom = Callable[[int], bool]  # whether a site may hold one more seat


class Random(Protocol):
    """`random.Random`, or `secrets.SystemRandom` where it counts."""

    def getrandbits(self, k: int, /) -> int: ...


def below(random: Random, bound: int) -> int:
    """A whole number in 0..bound-1, each equally likely. Each try succeeds with more than one half."""
    bits = (bound - 1).bit_length()
    drawn = random.getrandbits(bits)
    while drawn >= bound:
        drawn = random.getrandbits(bits)
    return drawn


class Waiter:
    """One who waits; to be read by others than the room. `since` and `heard`: when they entered and last
    asked; `capped`: whether the seat counts against what their site may hold."""

    __slots__ = ("capped", "heard", "identity", "listener_class", "place", "region", "since", "site")

    def __init__(
        self, identity: str, listener_class: ListenerClass, site: int, region: int, capped: bool, now: float
    ) -> None:
        self.identity = identity
        self.listener_class = listener_class
        self.site = site
        self.region = region
        self.capped = capped
        self.since = now
        self.heard = now
        self.place = 0  # in the list that they wait in


class SiteQueue:
    """Those of one class who wait at one site. A weight of 0: the site may hold no more seats."""

    __slots__ = ("place", "site", "waiters", "weight")

    def __init__(self, first: Waiter, weight: int) -> None:
        first.place = 0
        self.site = first.site
        self.waiters = [first]
        self.weight = weight
        self.place = 0  # in the list of its weight


Placed = TypeVar("Placed", Waiter, SiteQueue)


def _put_in(into: list[Placed], item: Placed) -> None:
    item.place = len(into)
    into.append(item)


def _take_out(out_of: list[Placed], item: Placed) -> None:
    last = out_of.pop()
    if last is not item:
        out_of[item.place] = last
        last.place = item.place


class Pool(Protocol):
    """Those of one class. `total`: the sum of the weights of all who can be drawn."""

    @property
    def total(self) -> int: ...

    def __len__(self) -> int: ...

    def add(self, waiter: Waiter, now: float) -> None: ...

    def remove(self, waiter: Waiter, now: float) -> None: ...

    def pick(self, random: Random, has_room: HasRoom) -> Waiter | None:
        """Somebody, who stays in the pool; None if nobody can be drawn."""

    def part_of_one(self, site: int, now: float) -> float:
        """What one who waits at `site` has of the total, 0..1; if nobody does: what they would have."""

    def least(self) -> Waiter | None:
        """Whom to put out first, as near as it is known without a search; None if nobody waits."""

    def refresh(self, now: float, has_room: HasRoom) -> None:
        """Bring up to date what depends on time and on room, a part of it in each call."""


class PersonPool:
    """A class whose people all weigh the same."""

    def __init__(self) -> None:
        self._waiters: list[Waiter] = []

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def total(self) -> int:
        return len(self._waiters)

    def add(self, waiter: Waiter, now: float) -> None:
        _put_in(self._waiters, waiter)

    def remove(self, waiter: Waiter, now: float) -> None:
        _take_out(self._waiters, waiter)

    def pick(self, random: Random, has_room: HasRoom) -> Waiter | None:
        return self._waiters[below(random, len(self._waiters))] if self._waiters else None

    def part_of_one(self, site: int, now: float) -> float:
        return 1 / max(1, len(self._waiters))

    def least(self) -> Waiter | None:
        return self._waiters[-1] if self._waiters else None

    def refresh(self, now: float, has_room: HasRoom) -> None:
        """Nothing ages here."""


class SitePool:
    """A class that is drawn by site. `weigh(waiting, site, now)` is a site's weight, 1..WEIGHT_MAX."""

    def __init__(self, weigh: Callable[[int, int, float], int]) -> None:
        self.total = 0
        self._weigh = weigh
        self._waiting = 0
        self._queues: dict[int, SiteQueue] = {}
        self._of_weight: list[list[SiteQueue]] = [[] for _ in range(WEIGHT_MAX + 1)]
        self._looked_at = [0] * (WEIGHT_MAX + 1)  # where `refresh` goes on in each list

    def __len__(self) -> int:
        return self._waiting

    def weight_of(self, site: int) -> int | None:
        """The weight of a site in the next draw, 0..WEIGHT_MAX; None where nobody waits."""
        queue = self._queues.get(site)
        return None if queue is None else queue.weight

    def part_of_one(self, site: int, now: float) -> float:
        queue = self._queues.get(site)
        if queue is None:
            weight = self._weigh(1, site, now)
            return weight / (self.total + weight)
        return queue.weight / max(1, self.total) / len(queue.waiters)

    def add(self, waiter: Waiter, now: float) -> None:
        self._waiting += 1
        queue = self._queues.get(waiter.site)
        if queue is not None:
            _put_in(queue.waiters, waiter)
            self._weigh_again(queue, now)
            return
        weight = self._weigh(1, waiter.site, now)
        queue = self._queues[waiter.site] = SiteQueue(waiter, weight)
        _put_in(self._of_weight[weight], queue)
        self.total += weight

    def remove(self, waiter: Waiter, now: float) -> None:
        self._waiting -= 1
        queue = self._queues[waiter.site]
        _take_out(queue.waiters, waiter)
        if queue.waiters:
            self._weigh_again(queue, now)
            return
        _take_out(self._of_weight[queue.weight], queue)
        self.total -= queue.weight
        del self._queues[waiter.site]

    def weigh_site(self, site: int, now: float) -> None:
        """Something that its weight depends on has changed."""
        queue = self._queues.get(site)
        if queue is not None:
            self._weigh_again(queue, now)

    def pick(self, random: Random, has_room: HasRoom) -> Waiter | None:
        while self.total:  # each turn ends, or takes a site out of the total
            queue = self._at(below(random, self.total))
            if has_room(queue.site):
                there = len(queue.waiters)
                return queue.waiters[below(random, there) if there > 1 else 0]
            self._set_weight(queue, 0)
        return None

    def least(self) -> Waiter | None:
        """Somebody of a site with the least weight, as new as is known."""
        for queues in self._of_weight:
            if queues:
                return queues[-1].waiters[-1]
        return None

    def refresh(self, now: float, has_room: HasRoom) -> None:
        for queue in self._next_of(0):
            if has_room(queue.site):
                self._set_weight(queue, self._weigh(len(queue.waiters), queue.site, now))
        for weight in range(1, WEIGHT_MAX):
            for queue in self._next_of(weight):
                self._weigh_again(queue, now)

    def _next_of(self, weight: int) -> Iterator[SiteQueue]:
        queues, start = self._of_weight[weight], self._looked_at[weight]
        end = start + LOOKED_AT_MAX
        self._looked_at[weight] = end if end < len(queues) else 0
        yield from queues[start:end]

    def _at(self, point: int) -> SiteQueue:
        """The site at a point 0..total-1 of all weights laid end to end."""
        for weight in range(WEIGHT_MAX, 1, -1):
            queues = self._of_weight[weight]
            if point < weight * len(queues):
                return queues[point // weight]
            point -= weight * len(queues)
        return self._of_weight[1][point]

    def _weigh_again(self, queue: SiteQueue, now: float) -> None:
        if queue.weight:
            self._set_weight(queue, self._weigh(len(queue.waiters), queue.site, now))

    def _set_weight(self, queue: SiteQueue, weight: int) -> None:
        if weight != queue.weight:
            _take_out(self._of_weight[queue.weight], queue)
            _put_in(self._of_weight[weight], queue)
            self.total += weight - queue.weight
            queue.weight = weight
