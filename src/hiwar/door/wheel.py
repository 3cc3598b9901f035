"""Deadlines of very many connections on one timer.

Theory of operation: time is cut into ticks; a slot holds what falls due in one tick. Whoever moves its
deadline later stays where it lies and is put again when its slot comes up, so that the usual case (a
keep-alive connection asking again) costs one attribute. Nothing is ever searched or removed: an entry
whose `scheduled` is another tick is stale and skipped.
"""

from typing import Protocol

NEVER = float("inf")


class Timed(Protocol):
    """`deadline` in seconds of the clock used; `scheduled` belongs to the wheel (0 at first)."""

    deadline: float
    scheduled: int

    def expired(self) -> None: ...


class Wheel:
    """Pure: time is an argument. Not more than one live entry for each thing in it."""

    def __init__(self, tick_s: float) -> None:
        self.tick_s = tick_s
        self._slots: dict[int, list[Timed]] = {}
        self._done = 0

    def __bool__(self) -> bool:
        return bool(self._slots)

    def schedule(self, timed: Timed, deadline: float) -> None:
        """Let `timed.expired()` be called at `deadline`, which replaces the former one."""
        timed.deadline = deadline
        if deadline == NEVER:
            return
        tick = int(deadline / self.tick_s) + 1
        if timed.scheduled and tick >= timed.scheduled:
            return
        tick = max(tick, self._done + 1)
        if not timed.scheduled or tick < timed.scheduled:
            timed.scheduled = tick
            self._slots.setdefault(tick, []).append(timed)

    def advance(self, now: float) -> None:
        """Call `expired()` of everything due at `now`."""
        current = int(now / self.tick_s)
        for tick in sorted(tick for tick in self._slots if tick <= current):
            self._done = tick
            for timed in self._slots.pop(tick):
                if timed.scheduled != tick:
                    continue
                timed.scheduled = 0
                if timed.deadline <= now:
                    timed.deadline = NEVER
                    timed.expired()
                else:
                    self.schedule(timed, timed.deadline)
