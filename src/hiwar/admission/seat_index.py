"""What the writer of a seat table keeps beside it: counts, ranks, the order of giving, deadlines. Pure.

All of it is made of the table's rows and can be made of them again; each part has at most one entry for a
seat, so that the table's size bounds them all.
"""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from heapq import merge
from itertools import islice
from math import floor
from typing import Any

from hiwar.admission.classes import ListenerClass
from hiwar.admission.seat_rows import Row, State

TICK_S = 0.25  # deadlines are kept to a quarter of a second, late rather than early


class Deadlines:
    """When seats end by themselves. Each serial is in at most one tick.

    There are as many ticks as deadlines lie apart (120 for half a minute), and a serial moves in O(1):
    leases are renewed far oftener than they end.
    """

    def __init__(self) -> None:
        self._ticks: dict[int, dict[int, None]] = {}
        self._tick_of: dict[int, int] = {}

    def put(self, serial: int, until: float) -> None:
        """Let the serial be due from `until` (monotonic seconds, finite) on, whatever was said before."""
        tick = floor(until / TICK_S) + 1
        if self._tick_of.get(serial) != tick:
            self.drop(serial)
            self._tick_of[serial] = tick
            self._ticks.setdefault(tick, {})[serial] = None

    def drop(self, serial: int) -> None:
        """The serial has no deadline any more."""
        tick = self._tick_of.pop(serial, None)
        if tick is not None:
            serials = self._ticks[tick]
            del serials[serial]
            if not serials:
                del self._ticks[tick]

    def due(self, now: float, count_max: int) -> list[int]:
        """The serials whose deadline has passed, the oldest first and at most `count_max`; they stay."""
        current = floor(now / TICK_S)
        passed = sorted(tick for tick in self._ticks if tick <= current)
        return list(islice((serial for tick in passed for serial in self._ticks[tick]), count_max))


class SiteRank:
    """Sites by how many seats they hold. A change costs O(1); the most are read off the top.

    As many steps as there are different numbers of seats: 700 if sites held 1, 2, 3, ... of SEATS_MAX.
    """

    def __init__(self) -> None:
        self._held: dict[int, int] = {}
        self._steps: dict[int, dict[int, None]] = {}

    def shift(self, site: int, seats: int) -> None:
        """The site holds so many seats more, or fewer if negative; without any it is forgotten."""
        before = self._held.pop(site, 0)
        if before:
            step = self._steps[before]
            del step[site]
            if not step:
                del self._steps[before]
        after = before + seats
        if after:
            self._held[site] = after
            self._steps.setdefault(after, {})[site] = None

    def most(self, count: int) -> dict[int, int]:
        """The `count` sites that hold most, and how many seats each holds."""
        ranked = ((site, held) for held in sorted(self._steps, reverse=True) for site in self._steps[held])
        return dict(islice(ranked, count))


class SeatIndex:
    """The seats of a table by state, class, site, conversation, worker, age and deadline."""

    def __init__(self) -> None:
        self.by_state = [0] * len(State)
        self.deadlines = Deadlines()
        self._orders: tuple[dict[int, int], ...] = tuple({} for _ in ListenerClass)
        self._conversations: Counter[int] = Counter()
        self._sites: Counter[tuple[int, int]] = Counter()
        self._ranks: dict[frozenset[ListenerClass], SiteRank] = {}  # at most one for each set of classes
        self._workers: dict[int, set[int]] = {}

    def add(self, row: Row) -> None:
        """A seat was given; in the order of giving."""
        self._orders[row.listener_class][row.serial] = row.order
        self._conversations[row.conversation] += 1
        self._sites[row.site, row.listener_class] += 1
        self._rank(row, 1)
        self._enter(row)

    def remove(self, row: Row) -> None:
        """A seat was given up."""
        del self._orders[row.listener_class][row.serial]
        _take_one(self._conversations, row.conversation)
        _take_one(self._sites, (row.site, int(row.listener_class)))
        self._rank(row, -1)
        self._leave(row)
        self.deadlines.drop(row.serial)

    def change(self, before: Row, after: Row) -> None:
        """A seat has another state, worker or deadline."""
        self._leave(before)
        self._enter(after)

    @property
    def by_class(self) -> tuple[int, ...]:
        return tuple(map(len, self._orders))

    def held(self, site: int, classes: Iterable[ListenerClass]) -> int:
        return sum(self._sites[site, each] for each in classes)

    def held_most(self, count: int, classes: Iterable[ListenerClass]) -> dict[int, int]:
        """The sites whose listeners of these classes hold most. The first call for a set takes all sites."""
        wanted = frozenset(classes)
        rank = self._ranks.get(wanted)
        if rank is None:
            rank = self._ranks[wanted] = SiteRank()
            for (site, listener_class), seats in self._sites.items():
                if listener_class in wanted:
                    rank.shift(site, seats)
        return rank.most(count)

    def held_in(self, conversation: int) -> int:
        return self._conversations[conversation]

    def seated_by(self, worker: int) -> tuple[int, ...]:
        """The serials of the seats whose open connection this worker has."""
        return tuple(self._workers.get(worker, ()))

    def newest(self, count: int, exempt: Collection[ListenerClass]) -> list[int]:
        """The serials given last, newest first, without those of exempt classes."""
        columns = (
            ((-order, serial) for serial, order in reversed(self._orders[each].items()))
            for each in ListenerClass
            if each not in exempt
        )
        return [serial for _, serial in islice(merge(*columns), max(0, count))]

    def _rank(self, row: Row, seats: int) -> None:
        for classes, rank in self._ranks.items():
            if row.listener_class in classes:
                rank.shift(row.site, seats)

    def _enter(self, row: Row) -> None:
        self.by_state[row.state] += 1
        if row.state is State.SEATED:
            self._workers.setdefault(row.worker, set()).add(row.serial)
            self.deadlines.drop(row.serial)
        else:
            self.deadlines.put(row.serial, row.until)

    def _leave(self, row: Row) -> None:
        self.by_state[row.state] -= 1
        if row.state is State.SEATED:
            serials = self._workers[row.worker]
            serials.remove(row.serial)
            if not serials:
                del self._workers[row.worker]


def _take_one(counter: Counter[Any], key: Hashable) -> None:
    """One less; no entry stays for nothing, or sites long gone would fill the memory."""
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
