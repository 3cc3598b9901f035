"""Judges one arrival: the pure part of an edge's worker. The cheapest verdict comes first.

Rules
- Whoever has a seat gets in, whatever else is so: the one rung that says otherwise is record-only, where
  nobody holds a seat. No limit of a network stands in the way of a seat held in it.
- Asking is limited for each network; how often somebody asks changes nothing about their chances.
- A worker gives seats by itself only from the quota of its epoch, within what the class and the network may
  hold. Where anybody waits there is no quota: nobody walks past the lottery.
- What the posture says is as old as the last tick of the owner, a quarter of a second; a quota bounds what
  can be given too much meanwhile, and the table refuses what is beyond it.

Theory of operation: the owner of the machine's seats (`house`) tells every worker its `Posture`; the gate
joins it with what is local (limits, what was given in this epoch) and with the seat table, which it only
reads. What it decides the shell carries to the owner: a fresh seat, or a place in the waiting room.
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
_NOBODY: frozenset[ListenerClass] = frozenset()


class Posture(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker stands to arrivals, until the next one comes.

    `epoch` numbers the seconds of the lottery; `quota` seats may be given by this worker in it, of which a
    class (index `ListenerClass`) at most `room_for` it. `site_cap` is what one network may hold in seats
    that are counted by network, `held` what those hold that hold much (the others: next to nothing).
    `admits` are the classes that may come now; `effort` is what a puzzle asks for, 0: puzzles sleep.
    `ask_again_s` is when who waits should ask again, before jitter.
    """

    epoch: int = 0
    quota: int = 0
    room_for: tuple[int, ...] = (0, 0, 0, 0)
    site_cap: int = 2
    held: dict[int, int]
    admits: frozenset[ListenerClass] = EVERYBODY
    effort: int = 0
    ask_again_s: float = 4.0


CLOSED = Posture(held={}, admits=_NOBODY)  # until the owner has spoken: fails closed, for a moment


class Gate:
    """One worker's. `draw_serial` gives numbers 1..2^64-1 at random. `counts` has the verdicts by name."""

    def __init__(self, seats: SeatView, draw_serial: Callable[[], int], exempt: Exempt | None = None) -> None:
        self.posture = CLOSED
        self.counts: Counter[str] = Counter()
        self._seats = seats
        self._draw_serial = draw_serial
        self._exempt = exempt or Exempt()
        self._joins = PrefixLimits(LIMITS[Limited.JOINS])
        self._epoch = -1
        self._given = 0
        self._given_to = [0] * len(ListenerClass)
        self._given_at: Counter[int] = Counter()

    def decide(self, arrival: Arrival, now: float) -> Verdict:
        """Admit, challenge, wait or refuse; `now` in monotonic seconds."""
        verdict = self._decide(arrival, now)
        self.counts[_NAMES[type(verdict)]] += 1
        return verdict

    def _decide(self, arrival: Arrival, now: float) -> Verdict:
        row = self._seats.find(arrival.serial)
        if row is not None:
            return Admit(arrival.serial, row.listener_class, fresh=False)
        exempt = arrival.origin in self._exempt
        wait_s = 0.0 if exempt else self._joins.wait_s(arrival.origin, now)
        if wait_s:
            return Refuse(Refusal.TOO_MANY, wait_s)
        posture, listener_class = self.posture, arrival.listener_class
        if listener_class not in posture.admits:
            reason = Refusal.SIEGE if posture.admits else Refusal.RECORD_ONLY
            return Refuse(reason, posture.ask_again_s)
        if self._may_give(arrival, exempt=exempt):
            return self._give(arrival)
        return self._keep_waiting(arrival)

    def _keep_waiting(self, arrival: Arrival) -> Verdict:
        posture, listener_class = self.posture, arrival.listener_class
        if not arrival.patient:
            return Refuse(Refusal.FULL, posture.ask_again_s)
        serial = arrival.serial or self._draw_serial()
        if posture.effort and listener_class is ListenerClass.STRANGER:
            return Challenge(serial, listener_class, posture.effort)
        return Wait(serial, listener_class)

    def _may_give(self, arrival: Arrival, *, exempt: bool) -> bool:
        posture, listener_class = self.posture, arrival.listener_class
        if posture.epoch != self._epoch:
            self._epoch, self._given = posture.epoch, 0
            self._given_to = [0] * len(ListenerClass)
            self._given_at.clear()
        if self._given >= posture.quota or self._given_to[listener_class] >= posture.room_for[listener_class]:
            return False
        if exempt or not arrival.capped:
            return True
        site = arrival.origin.site
        return posture.held.get(site, 0) + self._given_at[site] < posture.site_cap

    def _give(self, arrival: Arrival) -> Admit:
        self._given += 1
        self._given_to[arrival.listener_class] += 1
        if arrival.capped:
            self._given_at[arrival.origin.site] += 1
        serial = arrival.serial or self._draw_serial()
        return Admit(serial, seat_class(arrival.listener_class, capped=arrival.capped), fresh=True)


def seat_class(listener_class: ListenerClass, *, capped: bool) -> ListenerClass:
    """The class under which a seat is held: who comes back to one that counted against their network's
    share holds it as one that does."""
    returned = listener_class is ListenerClass.RETURNING and capped
    return ListenerClass.SOLVED if returned else listener_class


_NAMES = {Admit: "admit", Wait: "wait", Challenge: "challenge", Refuse: "refuse"}
