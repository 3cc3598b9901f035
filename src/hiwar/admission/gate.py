"""Judges one arrival: the pure part of an edge's worker. The cheapest verdict comes first.

Rules
- Whoever has a seat gets in, whatever else is so: the one rung that says otherwise is record-only, where
  nobody listens. No limit of a network stands in the way of a seat held in it.
- Asking is limited for each network; how often somebody asks changes nothing about their chances.
- A worker gives seats by itself only from the quota of its epoch, within what the class and the network may
  hold. Where anybody waits who could be drawn there is no quota: nobody walks past the lottery.
- What the posture says is as old as the last tick of the owner, a quarter of a second; a quota bounds what
  can be given too much meanwhile, and the table refuses what is beyond it.
- Coming back is a claim until the owner has looked whether this seat was held long enough, or taken back
  (`former`). So a ticket without a seat passes a siege as far as the owner, waits like everybody, and gets
  nothing from the quota that a stranger would not.

Theory of operation: the owner of the machine's seats (`house`) tells every worker its `Posture`; the gate
joins it with what is local (limits, what was given in this epoch) and with the seat table, which it only
reads. What it decides the shell carries to the owner: a fresh seat, or a place in the waiting room. Between
giving a seat and seeing it in the table lies the way to the owner and back; who comes with the ticket sooner
is let in on the gate's own word, which is kept for this epoch and the next.
"""

from collections import Counter
from collections.abc import Callable

import msgspec

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.limits import LIMITS, Exempt, Limited, PrefixLimits
from hiwar.admission.seat_rows import SeatView
from hiwar.admission.verdicts import Admit, Arrival, Challenge, Refuse, Verdict, Wait

EVERYBODY = frozenset(ListenerClass)
RETURNING, INVITED, SOLVED, STRANGER = ListenerClass


class Posture(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker stands to arrivals, until the next one comes.

    `epoch` numbers the seconds of the lottery; `quota` seats may be given by this worker in it, of which a
    class (index `ListenerClass`) at most `room_for` it. `site_cap` is what one network may hold in seats
    that are counted by network, `held` what those hold that hold most, `held_else` what any other holds at
    most. `admits` are the classes that may come now; `seated`: who holds a seat listens. `effort` is what a
    puzzle asks for, 0: puzzles sleep. `ask_again_s` is when who waits should ask again, before jitter,
    `ask_later_s` who waits without a place, and `refused_again_s` who is turned away by the rung.
    """

    epoch: int = 0
    quota: int = 0
    room_for: tuple[int, ...] = (0, 0, 0, 0)
    site_cap: int = 2
    held: dict[int, int]
    held_else: int = 0
    admits: frozenset[ListenerClass] = EVERYBODY
    seated: bool = True
    effort: int = 0
    ask_again_s: float = 4.0
    ask_later_s: float = 15.0
    refused_again_s: float = 4.0


CLOSED = Posture(held={})  # until the owner has spoken: whoever is inside goes on, whoever comes waits


class Gate:
    """One worker's. `draw_serial` gives numbers 1..2^64-1 at random.

    `counts` has the verdicts by name: `admit` (into a seat just given or won, or asked for again), `seated`
    (who listens goes on listening), `challenge`, `wait`, `refuse`; `beyond_limits` how many of the last for
    their own network's limits.
    """

    def __init__(self, seats: SeatView, draw_serial: Callable[[], int], exempt: Exempt | None = None) -> None:
        self.posture = CLOSED
        self.counts: Counter[str] = Counter()
        self.beyond_limits = 0
        self._seats = seats
        self._draw_serial = draw_serial
        self._exempt = exempt or Exempt()
        self._joins = PrefixLimits(LIMITS[Limited.JOINS])
        self._epoch = CLOSED.epoch
        self._given = 0
        self._given_to = [0] * len(ListenerClass)
        self._given_at: dict[int, int] = {}
        self._lately: dict[int, ListenerClass] = {}  # given in this epoch; as bounded as its quota
        self._before: dict[int, ListenerClass] = {}  # and in the one before

    def decide(self, arrival: Arrival, now: float) -> Verdict:
        """Admit, challenge, wait or refuse; `now` in monotonic seconds."""
        if self.posture.epoch != self._epoch:
            self._turn()
        verdict = self._decide(arrival, now)
        going_on = type(verdict) is Admit and not verdict.fresh and not arrival.patient
        self.counts["seated" if going_on else _NAMES[type(verdict)]] += 1
        return verdict

    def forget(self, serial: int) -> None:
        """The owner has no such seat: the gate's own word is worth nothing any more."""
        self._lately.pop(serial, None)
        self._before.pop(serial, None)

    def _decide(self, arrival: Arrival, now: float) -> Verdict:
        posture, serial = self.posture, arrival.serial
        held_as = self._held_as(serial) if serial else None
        if held_as is not None:
            if posture.seated:
                return Admit(serial, held_as, fresh=False)
            return Refuse(Refusal.RECORD_ONLY, posture.refused_again_s)
        if arrival.listener_class not in posture.admits:
            reason = Refusal.SIEGE if posture.admits else Refusal.RECORD_ONLY
            return Refuse(reason, posture.refused_again_s)
        exempt = arrival.origin in self._exempt
        wait_s = 0.0 if exempt else self._joins.wait_s(arrival.origin, now)
        if wait_s:
            self.beyond_limits += 1
            return Refuse(Refusal.TOO_MANY, wait_s)
        if self._given < posture.quota and self._may_give(arrival, exempt=exempt):
            return self._give(arrival)
        return self._keep_waiting(arrival)

    def _held_as(self, serial: int) -> ListenerClass | None:
        row = self._seats.find(serial)
        if row is not None:
            return row.listener_class
        return self._lately.get(serial, self._before.get(serial))

    def _keep_waiting(self, arrival: Arrival) -> Verdict:
        posture, listener_class = self.posture, arrival.listener_class
        if not arrival.patient:
            return Refuse(Refusal.FULL, posture.ask_later_s)
        serial = arrival.serial or self._draw_serial()
        if posture.effort and listener_class is STRANGER:
            return Challenge(serial, listener_class, posture.effort)
        return Wait(serial, listener_class)

    def _may_give(self, arrival: Arrival, *, exempt: bool) -> bool:
        """Whether class and network may hold one more of the quota."""
        posture = self.posture
        if not self._has_room(unproven_class(arrival)):
            return False
        if exempt or not arrival.capped:
            return True
        site = arrival.origin.site
        held = posture.held.get(site, posture.held_else)
        return held + self._given_at.get(site, 0) < posture.site_cap

    def _has_room(self, held_as: ListenerClass) -> bool:
        given, room = self._given_to, self.posture.room_for
        if held_as >= SOLVED and given[SOLVED] + given[STRANGER] >= room[SOLVED]:
            return False  # the two share what newcomers may hold
        return given[held_as] < room[held_as]

    def _give(self, arrival: Arrival) -> Admit:
        serial, held_as = arrival.serial or self._draw_serial(), unproven_class(arrival)
        self._given += 1
        self._given_to[held_as] += 1
        if arrival.capped:
            site = arrival.origin.site
            self._given_at[site] = self._given_at.get(site, 0) + 1
        self._lately[serial] = held_as
        return Admit(serial, held_as, fresh=True)

    def _turn(self) -> None:
        """Another epoch: its quota is untouched."""
        epoch = self.posture.epoch
        self._before = self._lately if epoch == self._epoch + 1 else {}
        self._epoch, self._given, self._lately = epoch, 0, {}
        self._given_to = [0] * len(ListenerClass)
        self._given_at = {}


def unproven_class(arrival: Arrival) -> ListenerClass:
    """The class under which a seat is given before anybody has looked at a claim to come back."""
    claims = arrival.listener_class is RETURNING and arrival.capped
    return STRANGER if claims else arrival.listener_class


def seat_class(listener_class: ListenerClass, *, capped: bool) -> ListenerClass:
    """The class under which a drawn seat is held: who comes back to one that counted against their
    network's share holds it as one that does."""
    returned = listener_class is RETURNING and capped
    return SOLVED if returned else listener_class


_NAMES = {Admit: "admit", Wait: "wait", Challenge: "challenge", Refuse: "refuse"}
