"""Seats at one edge as those live with them who have them: taken, lost, found again, left. Pure."""

from collections import Counter
from math import inf

import numpy as np

from hiwar.admission.classes import ListenerClass
from hiwar.admission.verdicts import Admit
from hiwar.sim.appointments import Appointments, in_ticks
from hiwar.sim.desk import Counted, Desk
from hiwar.sim.populations import After, Population
from hiwar.sim.roll import NEVER, Roll, Standing

REGAIN_S = 1.0  # whose seat was taken back, or one too many, asks again with its ticket

COMES, WAITS, WON, SITS = Standing.COMES, Standing.WAITS, Standing.WON, Standing.SITS
AWAY, GONE = Standing.AWAY, Standing.GONE
RETURNING = ListenerClass.RETURNING
ADMITTED = int(Counted.ADMITTED)


class Sitting:
    """By population: how many sit (`sitting`), how many seats somebody has sat down in (`taken`), how often
    somebody came back with a ticket (`returned`) and had a seat again (`regained`). `wasted` seats were drawn
    for who was gone."""

    def __init__(
        self, roll: Roll, desk: Desk, appointments: Appointments, generator: np.random.Generator
    ) -> None:
        self.sitting = [0] * len(roll.populations)
        self.taken = [0] * len(roll.populations)
        self.returned: Counter[int] = Counter()
        self.regained: Counter[int] = Counter()
        self.wasted = 0
        self._roll = roll
        self._desk = desk
        self._appointments = appointments
        self._known = appointments.known
        self._generator = generator
        self._generations: dict[int, int] = {}
        self._leaves: dict[
            int, float
        ] = {}  # the tick in which they want to go, however often they lose the seat

    def admit(self, who: int, verdict: Admit) -> None:
        """The gate lets them in."""
        desk, roll, serial = self._desk, self._roll, verdict.serial
        desk.counts[ADMITTED] += 1
        self._known.know(who, serial)
        self._known.names.pop(who, None)
        given = not verdict.fresh or desk.give(verdict, int(roll.site[who]))
        seated = desk.connect(serial) if given else None
        if seated is None:
            self._come_back(who, REGAIN_S)
            return
        if roll.listener_class[who] == RETURNING:
            self.regained[int(roll.population[who])] += 1
        self._sit(who, seated.generation)

    def rise(self, who: int) -> None:
        """They are due in their seat: they leave for good, or have lost the connection."""
        roll = self._roll
        number = int(roll.population[who])
        population = roll.populations[number]
        self.sitting[number] -= 1
        house, known = self._desk.house, self._known
        house.disconnect(known.serials[who], self._generations.pop(who), self._desk.now)
        if self._desk.tick < self._leaves[who]:
            self._come_back(who, self._generator.uniform(*population.away_s))
            return
        del self._leaves[who]
        if population.after is After.RETURNS:
            self._come_back(who, population.rests_s)
        else:
            self._go(who, population)

    def take_back(self, serial: int) -> None:
        """The house took a seat back; who sat on it comes for another."""
        who = self._known.whose.get(serial)
        if who is not None and self._roll.standing[who] == SITS:
            self.sitting[int(self._roll.population[who])] -= 1
            del self._generations[who]
            self._come_back(who, REGAIN_S)

    def notice_winners(self, drawn: int) -> None:
        """So many have been drawn just now. They hear of it when they ask again, and are told apart from
        those who wait on."""
        standing = self._roll.standing
        for serial in self._desk.house.table.newest(drawn) if drawn else ():
            who = self._known.whose.get(serial)
            if who is None:
                self.wasted += 1
            elif standing[who] == WAITS:
                standing[who] = WON

    def _sit(self, who: int, generation: int) -> None:
        roll, tick = self._roll, self._desk.tick
        number = int(roll.population[who])
        population = roll.populations[number]
        roll.standing[who] = SITS
        roll.seats[who] += generation == 1
        self.taken[number] += generation == 1
        if roll.seated[who] == NEVER:
            roll.seated[who] = tick
        self.sitting[number] += 1
        self._generations[who] = generation
        if who not in self._leaves:
            self._leaves[who] = tick + _rounded(population.draw_stay_s(self._generator))
        lost = tick + _rounded(population.draw_lost_s(self._generator))
        self._appointments.meet(who, min(self._leaves[who], lost))

    def _come_back(self, who: int, after_s: float) -> None:
        """With the ticket of the seat, for another patience."""
        roll = self._roll
        number = int(roll.population[who])
        self.returned[number] += 1
        roll.standing[who] = AWAY
        roll.listener_class[who] = RETURNING
        at = self._desk.tick + in_ticks(after_s)
        roll.until[who] = at + int(roll.populations[number].draw_patience(1, self._generator)[0])
        self._appointments.meet(who, at)

    def _go(self, who: int, population: Population) -> None:
        roll = self._roll
        self._known.forget(who)
        if population.after is After.GONE:
            roll.standing[who] = GONE
            return
        roll.standing[who] = COMES
        roll.listener_class[who] = population.proof
        self._appointments.meet(
            who, self._desk.tick + in_ticks(self._appointments.spread(population.rests_s))
        )


def _rounded(seconds: float) -> float:
    """In whole ticks, 1 or more; infinity stays."""
    return seconds if seconds == inf else float(in_ticks(seconds))
