"""Who is due in which tick: a calendar queue whose days hold whole crowds. Pure, numpy.

Rules
- Somebody is due once: whoever is entered again is due at the later entry's tick only.
- What lies beyond the last tick never comes, and is not kept.

Theory of operation: a bucket for each tick (Brown, "Calendar queues", CACM 31(10), 1988), which holds arrays
of numbers of people and single numbers beside them. A crowd of thousands is entered with one sort by tick.
An entry that was replaced stays where it is and is passed over: `due` of the roll has the tick that counts.
"""

import numpy as np

from hiwar.sim.addresses import Ints
from hiwar.sim.roll import Roll

_NOBODY = np.zeros(0, dtype=np.int64)


class Calendar:
    """Of those people of a roll who go to one edge."""

    def __init__(self, roll: Roll, ticks: int) -> None:
        self._due = roll.due
        self._ticks = ticks
        self._crowds: dict[int, list[Ints]] = {}
        self._singles: dict[int, list[int]] = {}

    def put(self, who: Ints, at: Ints) -> None:
        """Each is due in their own tick."""
        self._due[who] = at
        order = np.argsort(at, kind="stable")
        at, who = at[order], who[order]
        ends = np.append(np.flatnonzero(at[1:] != at[:-1]) + 1, len(at)) if len(at) else _NOBODY
        start = 0
        for end in ends.tolist():
            tick = int(at[start])
            if tick <= self._ticks:
                self._crowds.setdefault(tick, []).append(who[start:end])
            start = end

    def put_one(self, who: int, at: int) -> None:
        self._due[who] = at
        if at <= self._ticks:
            self._singles.setdefault(at, []).append(who)

    def take(self, tick: int) -> Ints:
        """Everybody who is due in this tick, who is forgotten then."""
        crowds = self._crowds.pop(tick, [])
        singles = self._singles.pop(tick, None)
        if singles:
            crowds.append(np.array(singles, dtype=np.int64))
        if not crowds:
            return _NOBODY
        who = np.concatenate(crowds)
        due: Ints = who[self._due[who] == tick]
        return due
