"""When each at an edge's door asks again, and who leaves instead. Pure, numpy.

Pages ask again when they are told to, spread by a fifth either way if nothing else is said; impatient people
as often as they please. Whose patience ends before that is gone, without a word: a seat that is drawn for
them then is kept for a while for nobody.
"""

from collections.abc import Iterator

import numpy as np

from hiwar.admission.house import TICK_S
from hiwar.sim.addresses import Ints
from hiwar.sim.calendar import Calendar
from hiwar.sim.curves import Floats
from hiwar.sim.roll import Roll, Standing

SPREAD = 0.2  # of the time until a page asks again, either way
DRAWN = 4096  # random numbers at a time

GONE = Standing.GONE


class Known:
    """Whom an edge knows by a number (serial), and by what name its room knows those with a place."""

    def __init__(self) -> None:
        self.serials: dict[int, int] = {}
        self.whose: dict[int, int] = {}
        self.names: dict[int, str] = {}

    def know(self, who: int, serial: int) -> None:
        self.serials[who] = serial
        self.whose[serial] = who

    def forget(self, who: int) -> None:
        """Somebody who is known is gone."""
        del self.whose[self.serials.pop(who)]
        self.names.pop(who, None)


class Appointments:
    """Of one edge. Times are seconds from the tick that `begin` said."""

    def __init__(self, roll: Roll, calendar: Calendar, known: Known, generator: np.random.Generator) -> None:
        self.known = known
        self._roll = roll
        self._calendar = calendar
        self._generator = generator
        self._spreads = self._draw_spreads()
        self._tick = 0

    def begin(self, tick: int) -> Ints:
        """It is this tick now; who is due in it."""
        self._tick = tick
        return self._calendar.take(tick)

    def ask_again(self, who: Ints, told_s: float, spread: float = SPREAD) -> None:
        """They were told to ask again in so many seconds."""
        own_s = self._roll.again_s[self._roll.population[who]]
        spreads = self._generator.uniform(1 - spread, 1 + spread, len(who))
        self.ask_in(who, np.where(own_s > 0, own_s, told_s) * spreads)

    def ask_in(self, who: Ints, seconds: Floats) -> None:
        """They ask exactly then, or are gone."""
        at = self._tick + np.maximum(1, np.rint(seconds / TICK_S)).astype(np.int64)
        stays = at <= self._roll.until[who]
        self._calendar.put(who[stays], at[stays])
        gone = who[~stays]
        self._roll.standing[gone] = GONE
        forget, serials = self.known.forget, self.known.serials
        for each in gone.tolist():
            if each in serials:
                forget(each)

    def meet(self, who: int, tick: float) -> None:
        """They are due then, whatever their patience; infinity: never."""
        self._calendar.put_one(who, int(min(tick, np.iinfo(np.int32).max)))

    def spread(self, seconds: float) -> float:
        return seconds * next(self._spreads)

    def _draw_spreads(self) -> Iterator[float]:
        while True:
            yield from self._generator.uniform(1 - SPREAD, 1 + SPREAD, DRAWN).tolist()


def in_ticks(seconds: float) -> int:
    """Whole ticks, at least one."""
    return max(1, round(seconds / TICK_S))
