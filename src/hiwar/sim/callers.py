"""Those who ask at one edge one by one: each through gate and house, in the order in which they ask. Pure.

What the gate and the house do about one of them they do at once; what those people do then (wait, solve, ask
again) is noted, and done by all of them together when the last has asked.
"""

import numpy as np

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import Place, waiter_name
from hiwar.admission.verdicts import Admit, Refuse
from hiwar.sim.addresses import Ints
from hiwar.sim.appointments import Appointments
from hiwar.sim.crowds import Crowds, retry_s
from hiwar.sim.desk import CLASSES, CONVERSATION, Counted, Desk
from hiwar.sim.roll import Roll, Standing
from hiwar.sim.sitting import Sitting

COMES, ASKS, WAITS = Standing.COMES, Standing.ASKS, Standing.WAITS
RETURNING, INVITED, SOLVED, STRANGER = CLASS_OF = tuple(ListenerClass)
AT_ONCE = 512  # are looked up together; then it is looked again who can be answered in bulk
REFUSED, TOO_MANY = int(Counted.REFUSED), int(Counted.TOO_MANY)


class Callers:
    """Of one edge."""

    def __init__(
        self, roll: Roll, desk: Desk, appointments: Appointments, sitting: Sitting, crowds: Crowds
    ) -> None:
        self._roll = roll
        self._desk = desk
        self._appointments = appointments
        self._known = appointments.known
        self._sitting = sitting
        self._crowds = crowds
        self._alone = [each.is_alone for each in roll.populations]
        self._gentle = [each.is_gentle for each in roll.populations]
        self._capped = [each.proof >= SOLVED for each in roll.populations]  # also when they come back
        self._waiting: list[int] = []  # these four are of the present tick
        self._told: list[int] = []
        self._chances: list[float] = []
        self._refused: dict[int, list[int]] = {}  # by when they may ask again

    def ask(self, asking: Ints) -> None:
        """All of them in this order; as soon as there is no place for a class, those of it who are alike are
        answered together."""
        while len(asking):
            no_place = self._crowds.have_no_place(asking)
            if no_place.any():
                self._crowds.tell_no_place(asking[no_place])
                asking = asking[~no_place]
            if self._turns_away_strangers():
                asking = self._greet(asking)
            asking = asking[self._ask_until_full(asking[:AT_ONCE]) :]
            self._part()

    def _turns_away_strangers(self) -> bool:
        """No stranger gets anything now, neither a seat nor a place."""
        posture = self._desk.posture
        return STRANGER not in posture.admits or (self._desk.full[STRANGER] and not posture.quota)

    def _greet(self, asking: Ints) -> Ints:
        """Strangers who come first, and get nothing: the gate judges each of them. Returns the others."""
        roll, desk = self._roll, self._desk
        new = (roll.standing[asking] == COMES) & (roll.listener_class[asking] == STRANGER)
        come = asking[new]
        verdicts = list(map(desk.judge_newcomer, roll.site[come].tolist(), roll.host[come].tolist()))
        waits = np.fromiter([type(verdict) is not Refuse for verdict in verdicts], np.bool_, len(come))
        roll.standing[come] = ASKS
        self._crowds.wait_on(come[waits])
        for who, verdict in zip(come.tolist(), verdicts, strict=True):
            if type(verdict) is Refuse:
                self._turn_away(who, verdict)
        others: Ints = asking[~new]
        return others

    def _ask_until_full(self, asking: Ints) -> int:
        """One after the other, until there turns out to be no place for one more class; how many asked."""
        roll, full = self._roll, self._desk.full
        before, done = sum(full), 0
        columns = (roll.site, roll.host, roll.listener_class, roll.standing, roll.solving, roll.population)
        rows = zip(asking.tolist(), *(column[asking].tolist() for column in columns), strict=True)
        for who, site, host, listener_class, standing, solving, population in rows:
            done += 1
            shown, solved = CLASS_OF[listener_class], False
            if solving:
                solved = self._desk.take_answer()
                shown = SOLVED if solved and shown is STRANGER else shown
            self._ask(who, site, host, shown, solved, standing, population)
            if sum(full) != before:
                break
        roll.solving[asking[:done]] = False
        return done

    def _ask(
        self,
        who: int,
        site: int,
        host: int,
        shown: ListenerClass,
        solved: bool,
        standing: int,
        population: int,
    ) -> None:
        desk = self._desk
        capped = self._capped[population] if shown is RETURNING else shown >= SOLVED
        serial = self._known.serials.get(who, 0)
        if not self._waits_again(shown, standing, population):
            verdict = desk.judge(site, host, shown, serial, capped)
            if isinstance(verdict, Admit):
                self._sitting.admit(who, verdict)
                return
            if isinstance(verdict, Refuse):
                self._refuse(who, verdict)
                return
            serial = verdict.serial
        serial = serial or desk.draw_serial()
        held = who in self._known.names
        place = self._enter(who, serial, shown, site, capped, solved, self._alone[population])
        self._waiting.append(who)
        if place.listener_class is not shown or solved:
            self._roll.listener_class[who] = place.listener_class
        if place.placed and (solved or not held):
            chance = desk.odds(place, site).each_epoch
            self._told.append(who)
            self._chances.append(np.nan if chance is None else chance)

    def _waits_again(self, shown: ListenerClass, standing: int, population: int) -> bool:
        """The gate would tell them to wait, as it did before: they have no seat and meet no limit, and it has
        none to give."""
        posture = self._desk.posture
        again = standing in (ASKS, WAITS) and self._gentle[population]
        return again and not posture.quota and shown in posture.admits

    def _refuse(self, who: int, verdict: Refuse) -> None:
        if who not in self._known.names:
            self._roll.standing[who] = ASKS
        self._turn_away(who, verdict)

    def _turn_away(self, who: int, verdict: Refuse) -> None:
        counts = self._desk.counts
        counts[REFUSED] += 1
        counts[TOO_MANY] += verdict.reason is Refusal.TOO_MANY
        self._refused.setdefault(retry_s(verdict.ask_again_s), []).append(who)

    def _enter(
        self, who: int, serial: int, shown: ListenerClass, site: int, capped: bool, solved: bool, alone: bool
    ) -> Place:
        """What comes of it; their standing says whether they have a place. Where it is known that there is
        none, the room is not asked."""
        desk, known, standing = self._desk, self._known, self._roll.standing
        held = who in known.names
        if desk.full[shown] and not held and shown is not RETURNING:
            standing[who] = ASKS
            return Place(shown)
        place = desk.enter(serial, shown, site, capped=capped, solved=solved)
        if place.placed:
            if not held:
                known.know(who, serial)
                known.names[who] = waiter_name(serial, CONVERSATION)
            standing[who] = WAITS
        else:
            if alone and place.welcome:
                self._close(place.listener_class)
            known.names.pop(who, None)
            standing[who] = ASKS
        return place

    def _close(self, listener_class: ListenerClass) -> None:
        """Somebody from an own network was refused a place: none for their class, nor for a worse one."""
        for each in range(listener_class, CLASSES):
            self._desk.full[each] = True

    def _part(self) -> None:
        """They have heard what they were told, and act on it."""
        self._roll.tell(np.array(self._told, dtype=np.int64), np.array(self._chances), self._desk.tick)
        self._crowds.wait_on(np.array(self._waiting, dtype=np.int64))
        for again_s, who in self._refused.items():
            self._appointments.ask_again(np.array(who, dtype=np.int64), again_s)
        self._waiting, self._told, self._chances, self._refused = [], [], [], {}
