"""What people who wait are told: how many wait, and their own chance. Never a place in a line. Pure.

Rules
- Odds come from the weights and shares that the next draw uses, from seats that were really drawn, and from
  those that are left.
- They say what happens if people come and leave as of late; nothing is promised.
- Before the first full second of waiting nobody knows how fast seats come free: the chance is None, not 0.
  So it is for whoever has no place among those who are drawn or may lose it any moment to somebody of a
  better class, and for all while no seats are given out.

Theory of operation: the seats of a draw go to the classes, then to sites by weight. Somebody at a site of
weight w where n of their class wait is drawn in an epoch with p = S w / (W n), where S is what their class
gets of an epoch's seats and W the weight of all sites of the class; by person, p = S / n. Epochs are
independent, so the chance within t seconds is 1 - (1 - p)^t, and the expected wait is 1 / p seconds.

S is estimated as follows. Seats come free irregularly, so the flow is averaged with a time constant of
`SMOOTHING_S`, as the ratio of two sums that decay alike: right from its first second, and as firm as the
past allows. Only draws after which somebody had to wait on count, because a draw before that gives out a
stock of free seats, not a flow. A class is then told the larger of its guaranteed share and what the others
leave over.

A flow of draws can come of a stock, too, that ends: a house that fills gives out seats as fast as it can be
joined, and then only those that are given up. So of what flows, no more is told than lasts for `SHOWN_S`
(`Stock`): the seats that are left, and those that will come free in that time, at the pace of late.
"""

import math
from collections import deque

import msgspec

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import CLASSES, SHARES_OF

EPOCH_S = 1.0
SMOOTHING_S = 20.0  # 6 seats a second are known to 6 %; half a minute after a cut the new rate is known
TREND_DRAWS, TREND_S = (2, 10), 20.0  # as far back as it is looked how many waited, and as far ahead
KNOWN_S = 0.05  # less than this left of what was seen, after two minutes without waiting, is no knowledge
SHOWN_S = 60.0  # people are told their chance within the next minute


class Odds(msgspec.Struct, frozen=True, gc=False):
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


class Stock:
    """The seats that there can be within `SHOWN_S`: those left after the last draw, and what comes free."""

    def __init__(self) -> None:
        self._freed, self._time_s = 0.0, 0.0  # sums that decay alike
        self._noted_at: float | None = None
        self._free = 0
        self._left: tuple[int, ...] = ()
        self._waited_on = False

    def note(
        self, free: int, came: int, left: tuple[int, ...], now: float, *, waiting_on: bool = True
    ) -> None:
        """After a draw: `free` seats are held by nobody, `came` were given since the last time; `left`: how
        many more each class may have, of the seats that are free. Seats come free as they are given up, and
        as the machine carries more or the host lets more people in. As with `Flow`, only time counts in which
        somebody waited (`waiting_on`)."""
        if self._noted_at is not None:
            passed_s, counts = max(0.0, now - self._noted_at), float(self._waited_on)
            decay = math.exp(-passed_s / SMOOTHING_S)
            self._freed = self._freed * decay + counts * max(0, free + came - self._free)
            self._time_s = self._time_s * decay + counts * passed_s
        self._noted_at, self._free, self._left, self._waited_on = now, free, left, waiting_on

    def lasting(self, seats_per_s: float, of_class: float, listener_class: ListenerClass) -> float:
        """What lasts of `of_class` seats a second, of the `seats_per_s` of all."""
        if not self._left or not seats_per_s:
            return of_class
        freed = self._freed / self._time_s if self._time_s >= KNOWN_S else of_class
        of_all = max(self._left) / SHOWN_S + freed
        return min(of_class * min(1.0, of_all / seats_per_s), self._left[listener_class] / SHOWN_S + freed)


class Trend:
    """How those who wait become more or fewer, by class, and what that makes of a part in the draws.

    What they did of late is taken to go on for `TREND_S`: a wave is over, or the room full, before a minute
    is. Of late is what both the last ten draws and the last two show: a crowd that came all at once does not
    grow. Growing by g a second from W, they are W + g t after t seconds; the mean of 1 / (W + g t) over T
    seconds is that of 1 / W times ln(1 + x) / x, where x = g T / W. Falling, they are taken to halve at most.
    """

    def __init__(self) -> None:
        self._noted: deque[tuple[float, list[int]]] = deque(maxlen=max(TREND_DRAWS) + 1)

    def note(self, weights: list[int], now: float) -> None:
        """After a draw: what all who wait weigh together, by class."""
        self._noted.append((now, weights))

    def thinned(self, listener_class: ListenerClass) -> float:
        """The factor by which a part of the draws to come differs from that of the next, about 1."""
        if len(self._noted) <= min(TREND_DRAWS):
            return 1.0
        weight = self._noted[-1][1][listener_class]
        rates = [self._rate(listener_class, draws) for draws in TREND_DRAWS]
        if not weight or min(rates) <= 0 <= max(rates):
            return 1.0
        share = max(-0.5, min(rates, key=abs) * TREND_S / weight)
        return math.log1p(share) / share

    def _rate(self, listener_class: ListenerClass, draws: int) -> float:
        (began, former), (ended, weights) = self._noted[max(0, len(self._noted) - 1 - draws)], self._noted[-1]
        return (weights[listener_class] - former[listener_class]) / max(ended - began, EPOCH_S / 2)


class Flow:
    """How many seats a second come free of late, and which classes take them."""

    def __init__(self) -> None:
        self._taken = [0.0] * len(CLASSES)  # this and the next two are sums that decay alike
        self._offered = 0.0
        self._time_s = 0.0
        self._noted_at: float | None = None
        self._waited_on = False
        self._shut_s = 0.0

    def note(
        self, offered: int, taken: list[int], waiting_on: bool, now: float, *, shut: bool = False
    ) -> None:
        """A draw was made of `offered` seats, of which each class took `taken`; `waiting_on`: somebody who
        could have had a seat got none, for want of seats. `shut`: none are given out for now. A door that
        opens and shuts has the flow that this makes on average; one that was shut for longer begins anew."""
        passed_s = EPOCH_S if self._noted_at is None else max(0.0, now - self._noted_at)
        self._shut_s = self._shut_s + passed_s if shut else 0.0
        if self._shut_s > SMOOTHING_S:
            self._time_s, self._offered, self._taken = 0.0, 0.0, [0.0] * len(CLASSES)
            self._waited_on = waiting_on = False
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
