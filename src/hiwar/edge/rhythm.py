"""Who is written to in which tick. Pure: ticks and listeners in, groups that are due out.

Rules
- A tick is the arrival of a chunk. A listener is due every `interval` ticks; never later, so that what
  their player has buffered lasts, but sooner where that spreads the work.
- A change of interval passes through every whole number: one chunk more or less, then `STEP` of rest.

Theory of operation: listeners who are due in the same tick, with the same interval and the same last
chunk, form one group, and get the same bytes; so the cost of a listener is one dictionary entry and one
call. When a group is due it goes on as one, unless its interval changes: then its members are spread
over the ticks ahead (water-filling), because groups that were due together every tick would be due
together every n-th tick, with nothing to do in between.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import ceil

from hiwar.media.feed import Feed
from hiwar.media.timeline import CHUNK_SAMPLES, SAMPLE_RATE

INTERVAL_MS_MIN, INTERVAL_MS_MAX = 80, 1920
RAMP_MS_PER_SECOND = 30  # what a player bridges by playing 2 to 6 % slower or faster
ANNOUNCED_MS = 3000  # how long before a ramp begins the listeners are told

Write = Callable[[bytes], None]


class Member:
    """What the rhythm needs of a listener: a place for the group they are in."""

    __slots__ = ("group",)

    def __init__(self) -> None:
        self.group: Group | None = None


@dataclass(slots=True, eq=False)
class Group:
    """Listeners due together. `sent` is the last chunk that all of them have; `rested` the first tick in
    which their interval may change again."""

    interval: int
    sent: int
    rested: int
    told: int = 0  # number of the last announcement they have got
    members: dict[Member, Write] = field(default_factory=dict)


def chunks_of(feed: Feed, interval_ms: int) -> int:
    """A write interval in whole chunks of a feed, at least one; 1..24 for chunks of 80 ms."""
    bounded = min(max(interval_ms, INTERVAL_MS_MIN), INTERVAL_MS_MAX)
    return max(1, round(bounded * SAMPLE_RATE / 1000 / feed.chunk_samples))


class Rhythm:
    """The timetable of one feed's listeners. Ticks are numbers of chunks and may leap forward."""

    def __init__(self, feed: Feed, interval_ms: int) -> None:
        chunk_ms = feed.chunk_samples * 1000 / SAMPLE_RATE
        self.target = chunks_of(feed, interval_ms)
        self.announcement = 0  # counts changes, so that every group is told once
        self._step = ceil(chunk_ms / RAMP_MS_PER_SECOND * 1000 / chunk_ms)
        self._notice = ceil(ANNOUNCED_MS / chunk_ms)
        self._ramp_from = 0  # the tick in which the ramp begins
        self._feed = feed
        self._slots: dict[int, dict[tuple[int, int, int, int], Group]] = {}
        self._loads: dict[int, int] = {}

    def change(self, interval_ms: int, tick: int) -> bool:
        """Lead everybody to `interval_ms` from `ANNOUNCED_MS` after `tick` on; False if it is so already."""
        target = chunks_of(self._feed, interval_ms)
        if target == self.target:
            return False
        self.target = target
        self.announcement += 1
        self._ramp_from = tick + self._notice
        return True

    def join(self, member: Member, write: Write, tick: int) -> None:
        """A newcomer, who has just been sent everything up to `tick`, starts at the target interval."""
        ahead = range(tick + 1, tick + self.target + 1)
        due = min(ahead, key=lambda each: self._loads.get(each, 0))
        group = self._group(due, self.target, tick, 0, self.announcement)
        group.members[member] = write
        member.group = group
        self._loads[due] = self._loads.get(due, 0) + 1

    @staticmethod
    def leave(member: Member) -> None:
        """Out of the timetable, at once; not while the groups of a tick are being written."""
        if member.group is not None:
            member.group.members.pop(member, None)
            member.group = None

    def due(self, tick: int) -> Iterator[Group]:
        """The groups to be written in this tick; once the caller comes back each is set for its next."""
        for slot in sorted(slot for slot in self._slots if slot <= tick):
            self._loads.pop(slot, None)
            for group in self._slots.pop(slot).values():
                if group.members:
                    yield group
                    group.sent = tick
                    self._go_on(group, tick)

    def everybody(self) -> Iterator[Group]:
        for slot in self._slots.values():
            yield from slot.values()

    def _go_on(self, group: Group, tick: int) -> None:
        group.told = self.announcement
        if group.rested <= tick:
            group.rested = 0  # so that groups which differ only in the past become one
        if group.interval == self.target or tick < max(self._ramp_from, group.rested):
            self._place(group, tick + group.interval)
            return
        group.interval += 1 if self.target > group.interval else -1
        group.rested = tick + self._step
        self._spread(group, tick)

    def _place(self, group: Group, due: int) -> None:
        """Put a whole group into a slot, or its members into the like group that is there."""
        key = (group.interval, group.sent, group.rested, group.told)
        there = self._slots.setdefault(due, {}).setdefault(key, group)
        self._loads[due] = self._loads.get(due, 0) + len(group.members)
        if there is not group:
            for member, write in group.members.items():
                member.group = there
                there.members[member] = write

    def _group(self, due: int, interval: int, sent: int, rested: int, told: int) -> Group:
        slot = self._slots.setdefault(due, {})
        return slot.setdefault((interval, sent, rested, told), Group(interval, sent, rested, told))

    def _spread(self, group: Group, tick: int) -> None:
        """Deal the members out over the ticks of one interval, to the emptiest first."""
        ahead = range(tick + 1, tick + group.interval + 1)
        waiting = list(group.members.items())
        for due, count in _fill({each: self._loads.get(each, 0) for each in ahead}, len(waiting)):
            part = Group(group.interval, tick, group.rested, group.told, dict(waiting[:count]))
            del waiting[:count]
            for member in part.members:
                member.group = part
            self._place(part, due)


def _fill(levels: dict[int, int], amount: int) -> Iterator[tuple[int, int]]:
    """Shares of `amount` that level the lowest of `levels`, later ticks first among equals."""
    order = sorted(levels, key=lambda each: (levels[each], -each))
    chosen = len(order)
    while chosen > 1:
        height = (amount + sum(levels[each] for each in order[:chosen])) / chosen
        if levels[order[chosen - 1]] <= height:
            break
        chosen -= 1
    total = amount + sum(levels[each] for each in order[:chosen])
    for place, each in enumerate(order[:chosen]):
        share = min(amount, max(0, -(-(total - place) // chosen) - levels[each]))
        if share:
            amount -= share
            yield each, share


assert CHUNK_SAMPLES * 1000 == INTERVAL_MS_MIN * SAMPLE_RATE
