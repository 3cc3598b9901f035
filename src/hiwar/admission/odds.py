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
past allows. Only draws before and after which somebody had to wait count, because any other may give out a
stock of free seats, not a flow. A class is then told the larger of its guaranteed share and what the others
leave over.

A flow of draws can come of a stock, too, that ends: a house that fills gives out seats as fast as it can be
joined, and then only those that are given up. So of what flows, no more is told than lasts for `SHOWN_S`
(`Stock`): the seats that are left, and those that will come free in that time, at the pace of late.
"""

import math
from collections import deque
from collections.abc import Sequence
from statistics import median

import msgspec

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import CLASSES, RETURNING, SHARES_OF
from hiwar.admission.shares import LIMITS

EPOCH_S = 1.0
SMOOTHING_S = 10.0  # 6 seats a second are known to 9 %; a quarter of a minute after a cut so is the new rate
TREND_DRAWS, TREND_S = 7, 20.0  # as far back as it is looked how many waited, and as far ahead
SURGE_SEATS, SURGE_TIMES = 8, 4  # and so often what is usual: more seats at once are no flow
KNOWN_S = 1e-4  # less than this left of what was seen, after two minutes without waiting, is no knowledge
SOON_S = 5.0  # about when they ask again: programs are told the chance until then, too
SHOWN_S = 60.0  # people are told their chance within the next minute


class Odds(msgspec.Struct, frozen=True, gc=False):
    """`waiting`: how many wait for seats of this machine; `seats_per_s`: how fast seats come free for all
    of them; `each_epoch`: one's own chance in each second of the next `SHOWN_S`, 0..1, `soon` in each of the
    next `SOON_S`. None: not known yet."""

    waiting: int
    seats_per_s: float | None
    each_epoch: float | None
    soon: float | None = None

    def within(self, seconds: float = SHOWN_S) -> float | None:
        """The chance to be drawn within `seconds`, 0..1; of fewer than `SHOWN_S` as they are on average."""
        return _within(self.each_epoch, seconds)

    @property
    def within_soon(self) -> float | None:
        """The chance to be drawn within `SOON_S`, 0..1."""
        return _within(self.soon, SOON_S)

    @property
    def expected_s(self) -> float | None:
        """The expected time until drawn, in seconds; None also where there is no chance as things stand."""
        return EPOCH_S / self.each_epoch if self.each_epoch else None


def _within(each_epoch: float | None, seconds: float) -> float | None:
    return None if each_epoch is None else 1 - math.pow(1 - each_epoch, seconds / EPOCH_S)


class Stock:
    """The seats that there can be in the time to come, under each of the `LIMITS` of what classes may hold:
    those left after the last draw, and what comes free."""

    def __init__(self) -> None:
        self._freed, self._time_s = [0.0] * len(LIMITS), 0.0  # sums that decay alike
        self._noted_at: float | None = None
        self._rooms = (0,) * len(LIMITS)
        self._joins = math.inf
        self._waited_on = False

    def note(
        self,
        rooms: tuple[int, ...],
        given: Sequence[int],
        now: float,
        *,
        joins: float = math.inf,
        waiting_on: bool = True,
    ) -> None:
        """After a draw: `rooms` as of `decide_rooms`, `given` the seats that each class was given since the
        last time, less those taken back. Seats come free as they are given up, and as the machine carries
        more or the host lets more people in, less what it carries less; very many at once are a stock, and
        will not come again. `joins`: how many may join in a draw. As with `Flow`, only time counts in which
        somebody waited (`waiting_on`)."""
        if self._noted_at is not None:
            passed_s, counts = max(0.0, now - self._noted_at), float(self._waited_on and waiting_on)
            decay = math.exp(-passed_s / SMOOTHING_S)
            usual = passed_s / self._time_s if self._time_s >= KNOWN_S else None
            self._time_s = self._time_s * decay + counts * passed_s
            for each, (classes, _) in enumerate(LIMITS):
                came = sum(given[listener_class] for listener_class in classes)
                freed = rooms[each] + came - self._rooms[each]
                if usual is None:
                    surge: float = max(SURGE_SEATS, came)
                else:
                    surge = SURGE_SEATS + SURGE_TIMES * usual * abs(self._freed[each])
                self._freed[each] = self._freed[each] * decay + counts * max(-surge, min(freed, surge))
        self._noted_at, self._rooms, self._waited_on = now, rooms, waiting_on
        self._joins = joins

    def left(self, listener_class: ListenerClass) -> float:
        """How many seats a class may have of the next draw: what the last left, as far as they can join."""
        rooms = zip(LIMITS, self._rooms, strict=True)
        return min(self._joins, *(room for (classes, _), room in rooms if listener_class in classes))

    def lasting(
        self, seats_per_s: float, of_class: float, listener_class: ListenerClass, seconds: float
    ) -> float:
        """What lasts for `seconds` of `of_class` seats a second, of the `seats_per_s` of all."""
        if self._noted_at is None or not seats_per_s:
            return of_class
        known = self._time_s >= KNOWN_S
        freed = [max(0.0, each) / self._time_s if known else of_class for each in self._freed]
        last = [room / seconds + each for room, each in zip(self._rooms, freed, strict=True)]
        bounds = (each for each, (classes, _) in zip(last, LIMITS, strict=True) if listener_class in classes)
        return min(of_class * min(1.0, last[0] / seats_per_s), *bounds)


class Trend:
    """How those who wait become more, by class, and what that makes of a part in the draws.

    What they did of late is taken to go on for `TREND_S`: a wave is over, or the room full, before a minute
    is. Of late is the median of the last changes while somebody waited: a crowd that came all at once does
    not grow. Growing by g a second from W, they are W + g t after t seconds; the mean of 1 / (W + g t) over T
    seconds is that of 1 / W times ln(1 + x) / x, where x = g T / W. That they become fewer is not taken to go
    on: mostly they are drawn, and the seats go with them.
    """

    def __init__(self) -> None:
        self._noted_at: float | None = None
        self._weights = [0] * len(CLASSES)
        self._rates = [deque[float](maxlen=TREND_DRAWS) for _ in CLASSES]

    def note(self, weights: list[int], now: float) -> None:
        """After a draw: what all who wait weigh together, by class."""
        if self._noted_at is not None:
            passed_s = max(now - self._noted_at, EPOCH_S / 2)
            for rates, former, weight in zip(self._rates, self._weights, weights, strict=True):
                if former:
                    rates.append((weight - former) / passed_s)
                else:
                    rates.clear()
        self._noted_at, self._weights = now, weights

    def thinned(self, listener_class: ListenerClass, seconds: float) -> float:
        """The factor by which a part of the draws of the next `seconds` differs from that of the next one,
        0..1."""
        weight, rates = self._weights[listener_class], self._rates[listener_class]
        growth = median(rates) if rates else 0.0
        if growth <= 0 or not weight:
            return 1.0
        goes_on_s = min(seconds, TREND_S)
        share = growth * goes_on_s / weight
        meanwhile, afterwards = math.log1p(share) / share, 1 / (1 + share)
        return (goes_on_s * meanwhile + (seconds - goes_on_s) * afterwards) / seconds


class Flow:
    """How many seats a second come free of late, and which classes take them."""

    def __init__(self) -> None:
        self._taken = [0.0] * len(CLASSES)  # this and the next three are sums that decay alike
        self._guaranteed = [0.0] * len(CLASSES)
        self._offered = 0.0
        self._time_s = 0.0
        self._noted_at: float | None = None
        self._waited_on = False
        self._shut_s = 0.0

    def note(
        self,
        offered: int,
        taken: list[int],
        waiting_on: bool,
        now: float,
        *,
        waiting: int = 0,
        shut: bool = False,
    ) -> None:
        """A draw was made of `offered` seats, of which each class took `taken`; `waiting`: the set of classes
        in it, as in `SHARES_OF`; `waiting_on`: somebody who could have had a seat got none, for want of
        seats. `shut`: none are given out for now. A door that opens and shuts has the flow that this makes
        on average; one that was shut for longer begins anew."""
        passed_s = EPOCH_S if self._noted_at is None else max(0.0, now - self._noted_at)
        self._shut_s = self._shut_s + passed_s if shut else 0.0
        if self._shut_s > SMOOTHING_S:
            self._time_s, self._offered = 0.0, 0.0
            self._taken, self._guaranteed = [0.0] * len(CLASSES), [0.0] * len(CLASSES)
            self._waited_on = waiting_on = False
        counts, decay = float(self._waited_on and waiting_on), math.exp(-passed_s / SMOOTHING_S)
        self._time_s = self._time_s * decay + counts * passed_s
        self._offered = self._offered * decay + counts * offered
        for each, count in enumerate(taken):
            guaranteed = _guaranteed(CLASSES[each], waiting, offered - taken[RETURNING])
            self._taken[each] = self._taken[each] * decay + counts * count
            self._guaranteed[each] = self._guaranteed[each] * decay + counts * guaranteed
        self._noted_at, self._waited_on = now, waiting_on

    @property
    def seats_per_s(self) -> float | None:
        """Of all classes; None if not known."""
        return self._offered / self._time_s if self._time_s >= KNOWN_S else None

    def seats_per_s_of(self, listener_class: ListenerClass, waiting: int) -> float | None:
        """What a class can have, where those of the set `waiting` (as in `SHARES_OF`) wait."""
        if self._time_s < KNOWN_S:
            return None
        if listener_class is RETURNING:
            return self._offered / self._time_s
        if_they_wait = _guaranteed(listener_class, waiting, self._offered - self._taken[RETURNING])
        guaranteed = min(if_they_wait, self._guaranteed[listener_class])
        left_over = self._offered - sum(self._taken) + self._taken[listener_class]
        return max(guaranteed, left_over) / self._time_s


def _guaranteed(listener_class: ListenerClass, waiting: int, seats: float) -> float:
    """What a class has in any case of so many seats, where those of the set `waiting` wait."""
    if listener_class is RETURNING:
        return seats
    return dict(SHARES_OF[waiting | 1 << listener_class])[listener_class] / 100 * seats
