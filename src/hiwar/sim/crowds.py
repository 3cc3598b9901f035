"""Answers to many at one edge's door who are alike: in bulk, where the answer cannot differ. Pure, numpy.

Rules. Nobody here is near a limit of their address or network (`gentle`); so, by groups:
- Who has a place in the room and was not drawn: the gate would say "wait" and the house renew the place.
  `WaitingRoom.renew` is called for each; whom it does not know goes through gate and house (`callers`).
- Who is of a class that the posture does not admit: the gate refuses one of them, and the others like them.
- Who has no place and asks again, once the room is full to their class (`Desk.full`): no place for any.
  With a solved puzzle they are of the class that it gives them; each answer is still taken and remembered.

All of them are counted, cost the machine its time, and ask again like anybody.
"""

import numpy as np
from numpy.typing import NDArray

from hiwar.admission.again import LATER_SPREAD
from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.verdicts import Refuse
from hiwar.sim.addresses import Ints
from hiwar.sim.appointments import Appointments
from hiwar.sim.desk import CLASSES, Counted, Desk
from hiwar.sim.roll import Roll, Standing

ASKS, WAITS = Standing.ASKS, Standing.WAITS
STRANGER, SOLVED = ListenerClass.STRANGER, ListenerClass.SOLVED
WAITING, CHALLENGED, REFUSED = int(Counted.WAITING), int(Counted.CHALLENGED), int(Counted.REFUSED)


class Crowds:
    """Of one edge."""

    def __init__(self, roll: Roll, desk: Desk, appointments: Appointments) -> None:
        self._roll = roll
        self._desk = desk
        self._appointments = appointments
        self._names = appointments.known.names

    def turn_away(self, asking: Ints) -> Ints:
        """Those whose class nobody is admitted of; returns the others."""
        admits, roll = self._desk.posture.admits, self._roll
        if len(admits) == CLASSES or not len(asking):
            return asking
        again = (roll.standing[asking] == ASKS) | (roll.standing[asking] == WAITS)
        again &= roll.gentle[roll.population[asking]]
        classes = self._shown(asking)
        rest = [asking[~again]]
        for each in ListenerClass:
            alike = asking[again & (classes == each)]
            rest.append(alike if each in admits or not len(alike) else self._refuse(alike, each))
        return np.concatenate(rest)

    def renew(self, asking: Ints) -> Ints:
        """Those with a place who were not drawn; returns the others, and whom the room does not know."""
        roll, names = self._roll, self._names
        held = (roll.standing[asking] == WAITS) & ~roll.solving[asking]
        held &= roll.gentle[roll.population[asking]]
        if self._desk.posture.quota or not held.any():
            return asking
        placed = asking[held]
        known = np.array(self._desk.renew([names[who] for who in placed.tolist()]))
        lost = placed[~known]
        roll.standing[lost] = ASKS
        for who in lost.tolist():
            del names[who]
        self.wait_on(placed[known])
        return np.concatenate((asking[~held], lost))

    def have_no_place(self, asking: Ints) -> NDArray[np.bool_]:
        """Who of them asks again where it is known that there is no place."""
        roll, full = self._roll, self._desk.full
        if not any(full) or self._desk.posture.quota:
            return np.zeros(len(asking), dtype=np.bool_)
        again = (roll.standing[asking] == ASKS) & roll.gentle[roll.population[asking]]
        known: NDArray[np.bool_] = again & np.array(full)[self._shown(asking)]
        return known

    def tell_no_place(self, who: Ints) -> None:
        """They ask again, and have no place; who comes with a solved puzzle is of its class from now on."""
        roll, take_answer = self._roll, self._desk.take_answer
        solvers = who[roll.solving[who]]
        counted = np.fromiter([take_answer() for _ in range(len(solvers))], np.bool_, len(solvers))
        roll.solving[solvers] = False
        roll.listener_class[solvers[counted]] = SOLVED
        self.wait_on(who)

    def wait_on(self, who: Ints) -> None:
        """They are told to wait: by a challenge, if there is one, which they begin to solve."""
        if not len(who):
            return
        roll, desk, posture = self._roll, self._desk, self._desk.posture
        effort = posture.effort
        challenged = roll.listener_class[who] == STRANGER
        if not effort or (challenged.any() and not desk.may_mint()):
            challenged[:] = False
        number = int(challenged.sum())
        desk.counts[CHALLENGED] += number
        desk.counts[WAITING] += len(who) - number
        solvers = challenged & np.isfinite(roll.squaring_us[who])
        self._solve(who[solvers], effort)
        placed = roll.standing[who] == WAITS
        self._appointments.ask_again(who[~solvers & placed], posture.ask_again_s)
        self._appointments.ask_again(who[~solvers & ~placed], posture.ask_later_s, LATER_SPREAD)

    def _solve(self, who: Ints, effort: int) -> None:
        self._roll.solving[who] = True
        self._appointments.ask_in(who, effort * self._roll.squaring_us[who].astype(np.float64) / 1e6)

    def _refuse(self, alike: Ints, listener_class: ListenerClass) -> Ints:
        """The gate judges the first of them; returns those to whom it would not say the same. A puzzle's
        answer is looked at before, and so is used up."""
        roll, desk = self._roll, self._desk
        first = int(alike[0])
        verdict = desk.judge(int(roll.site[first]), int(roll.host[first]), listener_class, 0, True)
        if not isinstance(verdict, Refuse) or verdict.reason is Refusal.TOO_MANY:
            return alike
        desk.counts[REFUSED] += len(alike)
        for _ in range(int(roll.solving[alike].sum())):
            desk.take_answer()
        roll.solving[alike] = False
        self._appointments.ask_again(alike, retry_s(verdict.ask_again_s))
        return alike[:0]

    def _shown(self, asking: Ints) -> NDArray[np.uint8]:
        """The classes that they ask with."""
        roll = self._roll
        return np.where(roll.solving[asking], np.uint8(SOLVED), roll.listener_class[asking])


def retry_s(ask_again_s: float) -> int:
    """As `Retry-After` says it, in whole seconds."""
    return max(1, round(ask_again_s + 0.5))
