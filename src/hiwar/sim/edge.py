"""One edge of a simulated world: a house with its workers, a machine, and everybody who goes there. Pure.

Rules
- Each first question of a person goes through the real gate, and so does each question whose answer could be
  another than what was just said to somebody alike. How the others are answered: `crowds`.
- Within a tick those without a place ask in a random order, so that nobody has the first claim on a place
  that has come free. Attacks come before all of them: what can be taken by being quick is the attack's.
- What the machine cannot take up is not answered, and tries again within seconds.
"""

from collections.abc import Callable, Sequence

import numpy as np

from hiwar.admission.gate import Gate
from hiwar.admission.house import TICK_S, House, Orders
from hiwar.admission.rungs import Rung
from hiwar.sim.addresses import Ints, Random
from hiwar.sim.appointments import Appointments, Known
from hiwar.sim.attacks import Attack, asked, strike
from hiwar.sim.calendar import Calendar
from hiwar.sim.callers import Callers
from hiwar.sim.crowds import Crowds
from hiwar.sim.desk import Counted, Desk
from hiwar.sim.machine import MEMORY_BYTES, Machine
from hiwar.sim.roll import Roll, Standing
from hiwar.sim.sitting import Sitting

UNANSWERED_S = (1.0, 3.0)  # a second for the first packet sent again (RFC 6298), or the page's own try
SITS = Standing.SITS


class Edge:
    """See the module. `orders` are the house's last, None before the first tick."""

    def __init__(
        self,
        roll: Roll,
        house: House,
        gates: Sequence[Gate],
        draw_serial: Callable[[], int],
        machine: Machine,
        calendar: Calendar,
        random: Random,
        generator: np.random.Generator,
    ) -> None:
        self.house = house
        self.machine = machine
        self.desk = Desk(house, gates, draw_serial)
        self.orders: Orders | None = None
        self._roll = roll
        self._calendar = calendar
        self._random = random
        self._generator = generator
        self._appointments = Appointments(roll, calendar, Known(), generator)
        self.sitting = Sitting(roll, self.desk, self._appointments, generator)
        self._crowds = Crowds(roll, self.desk, self._appointments)
        self._callers = Callers(roll, self.desk, self._appointments, self.sitting, self._crowds)

    @property
    def rung(self) -> Rung:
        return self.house.ladder.rung

    def come(self, who: Ints, tick: int) -> None:
        """Newcomers are at the door in this tick."""
        self._calendar.put(who, np.full(len(who), tick, dtype=np.int32))

    def pass_tick(self, tick: int, now: float, attacks: Sequence[Attack]) -> Orders:
        """Everybody who is due acts; then the machine works, and the house ticks."""
        self.desk.begin(tick, now)
        due = self._appointments.begin(tick)
        sits = self._roll.standing[due] == SITS
        for who in due[sits].tolist():
            self.sitting.rise(who)
        asking = due[~sits]
        share, pages = self._attacked(attacks, len(asking))
        asking = self._crowds.turn_away(self._taken_up(asking, share))
        asking = self._crowds.renew(asking)
        self._callers.ask(self._generator.permutation(asking))
        return self._end(pages)

    def _attacked(self, attacks: Sequence[Attack], asking: int) -> tuple[float, float]:
        """Let attacks strike, as far as the machine takes up what comes in this tick: which share it does,
        and how many pages are asked for in it."""
        desk = self.desk
        brought = [asked(attack, desk.tick * TICK_S) for attack in attacks]
        asks, pages = sum(each[0] for each in brought), sum(each[1] for each in brought)
        share = self.machine.takes_up(asking + asks, pages, self.rung)
        desk.counts[Counted.UNANSWERED] += round(asks * (1 - share))
        for number, attack in enumerate(attacks):
            if brought[number][0]:
                strike(desk, attack, number, share, self._random)
        return share, pages * share

    def _taken_up(self, asking: Ints, share: float) -> Ints:
        """Who finds a place in the machine's queue; the others try again."""
        if share >= 1 or not len(asking):
            return asking
        found = self._generator.random(len(asking)) < share
        missed = asking[~found]
        self.desk.counts[Counted.UNANSWERED] += len(missed)
        low, high = UNANSWERED_S
        self._appointments.ask_in(missed, self._generator.uniform(low, high, len(missed)))
        return asking[found]

    def _end(self, pages: float) -> Orders:
        house, now = self.house, self.desk.now
        cuts = self.orders.cuts if self.orders else None
        listeners = sum(self.sitting.sitting)
        readings = self.machine.read(self.desk.counts, pages, listeners, cuts, self.rung)
        for number, reading in enumerate(readings):
            house.report(number, reading, now)
        before = house.drawn
        self.orders = orders = house.tick(MEMORY_BYTES, now)
        self.desk.take(orders.posture)
        self.sitting.notice_winners(house.drawn - before)
        for serial, _ in orders.taken_back:
            self.sitting.take_back(serial)
        return orders
