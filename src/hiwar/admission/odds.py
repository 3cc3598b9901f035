"""What people who wait are told: how many wait, and their own chance. Never a place in a line. Pure.

Rules
- Odds come from the weights and shares that the next draw uses, and from seats that were really drawn.
- They say what happens if everything stays as it is now; nothing is promised.
- Before the first full second of waiting nobody knows how fast seats come free: the chance is None, not 0.

Theory of operation: the seats of a draw go to the classes, then to sites by weight. Somebody at a site of
weight w where n of their class wait is drawn in an epoch with p = S w / (W n), where S is what their class
gets of an epoch's seats and W the weight of all sites of the class; by person, p = S / n. Epochs are
independent, so the chance within t seconds is 1 - (1 - p)^t, and the expected wait is 1 / p seconds.

S is estimated as follows. Seats come free irregularly, so the flow is averaged with a time constant of
`SMOOTHING_S`, as the ratio of two sums that decay alike: right from its first second, and as firm as the
past allows. Only draws after which somebody had to wait on count, because a draw before that gives out a
stock of free seats, not a flow. A class is then told the larger of its guaranteed share and what the others
leave over.
"""

import math
from dataclasses import dataclass

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import CLASSES, SHARES_OF

EPOCH_S = 1.0
SMOOTHING_S = 20.0  # 6 seats a second are known to 6 %; half a minute after a cut the new rate is known
KNOWN_S = 0.05  # less than this left of what was seen, after two minutes without waiting, is no knowledge
SHOWN_S = 60.0  # people are told their chance within the next minute


@dataclass(frozen=True, slots=True)
class Odds:
    """`waiting`: how many wait for seats of this machine; `seats_per_s`: how fast seats come free for all
    of them; `each_epoch`: one's own chance in each second, 0..1. None: not known yet."""

    waiting: int
    seats_per_s: float | None
    each_epoch: float | None

    def within(self, seconds: float = SHOWN_S) -> float | None:
        """The chance to be drawn within `seconds`, 0..1."""
        if self.each_epoch is None:
            return None
        return 1 - math.pow(1 - self.each_epoch, seconds / EPOCH_S)

    @property
    def expected_s(self) -> float | None:
        """The expected time until drawn, in seconds; None also where there is no chance as things stand."""
        return EPOCH_S / self.each_epoch if self.each_epoch else None


class Flow:
    """How many seats a second come free of late, and which classes take them."""

    def __init__(self) -> None:
        self._taken = [0.0] * len(CLASSES)  # this and the next two are sums that decay alike
        self._offered = 0.0
        self._time_s = 0.0
        self._noted_at: float | None = None
        self._waited_on = False

    def note(self, offered: int, taken: list[int], waiting_on: bool, now: float) -> None:
        """A draw was made of `offered` seats, of which each class took `taken`; `waiting_on`: somebody who
        could have had a seat got none, for want of seats."""
        passed_s = EPOCH_S if self._noted_at is None else max(0.0, now - self._noted_at)
        counts, decay = float(self._waited_on), math.exp(-passed_s / SMOOTHING_S)
        self._time_s = self._time_s * decay + counts * passed_s
        self._offered = self._offered * decay + counts * offered
        for each, count in enumerate(taken):
            self._taken[each] = self._taken[each] * decay + counts * count
        self._noted_at, self._waited_on = now, waiting_on

    @property
    def seats_per_s(self) -> float | None:
        """Of all classes; None if not known."""
        return self._offered / self._time_s if self._time_s >= KNOWN_S else None

    def seats_per_s_of(self, listener_class: ListenerClass, waiting: int) -> float | None:
        """What a class can have, where those of the set `waiting` (as in `SHARES_OF`) wait."""
        if self._time_s < KNOWN_S:
            return None
        if listener_class is ListenerClass.RETURNING:
            return self._offered / self._time_s
        percent = dict(SHARES_OF[waiting | 1 << listener_class])[listener_class]
        guaranteed = percent / 100 * (self._offered - self._taken[ListenerClass.RETURNING])
        left_over = self._offered - sum(self._taken) + self._taken[listener_class]
        return max(guaranteed, left_over) / self._time_s
