"""One edge's front in one tick: judges, enters and seats, as its workers and their parent do it. Pure.

What `edge.usher`, `edge.asking` and `edge.owner` do between a question for a seat and its answer, without
sockets, texts and signatures: the gate of the worker that is asked judges; a fresh seat is told to the house;
who waits is entered into its room, and a solved puzzle counts once. Worker and owner share one memory of
used answers here, since nobody replays any.

`full` says to which classes the room has refused a place in this tick. It goes for everybody of the class:
what it refuses to somebody from an own network it refuses for want of places, and then no network may have
one more; nothing leaves the room between two draws.
"""

from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum

from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import Gate, Posture
from hiwar.admission.house import House, Place, Seated
from hiwar.admission.odds import Odds
from hiwar.admission.puzzle import puzzle_epoch
from hiwar.admission.spent import Spent, Standing
from hiwar.admission.verdicts import Admit, Arrival, Verdict
from hiwar.sim.addresses import origin_at, region_at

CONVERSATION = 1
CLASSES = len(ListenerClass)
STRANGER = ListenerClass.STRANGER


class Counted(IntEnum):
    """What is counted of a tick, by index."""

    ADMITTED = 0  # a seat was given or found
    WAITING = 1
    CHALLENGED = 2
    REFUSED = 3
    TOO_MANY = 4  # of the refused: by a limit of their network
    UNANSWERED = 5  # the machine could not take them up


class Desk:
    """`gates` are the workers'. `tick` and `now` (monotonic seconds) are the moment in which all is asked."""

    def __init__(self, house: House, gates: Sequence[Gate], draw_serial: Callable[[], int]) -> None:
        self.house = house
        self.gates = gates
        self.draw_serial = draw_serial
        self.tick = 0
        self.now = 0.0
        self.counts = [0] * len(Counted)
        self.full = [False] * CLASSES
        self._spent = Spent()
        self._puzzle_epoch = 0
        self._answers = 0

    @property
    def posture(self) -> Posture:
        """How all workers stand."""
        return self.gates[0].posture

    def begin(self, tick: int, now: float) -> None:
        """Another moment."""
        self.tick, self.now = tick, now
        self._puzzle_epoch = puzzle_epoch(now)
        self._spent.turn(self._puzzle_epoch)
        self.counts = [0] * len(Counted)
        self.full = [False] * CLASSES

    def take(self, posture: Posture) -> None:
        """The owner has spoken."""
        for gate in self.gates:
            gate.posture = posture

    def judge(
        self, site: int, host: int, listener_class: ListenerClass, serial: int, capped: bool
    ) -> Verdict:
        """The verdict of one of the workers; which one is as good as random."""
        arrival = Arrival(origin_at(site, host), listener_class, serial, True, capped)
        return self.gates[(site + serial) % len(self.gates)].decide(arrival, self.now)

    def judge_newcomer(self, site: int, host: int) -> Verdict:
        """The same for a stranger who comes for the first time."""
        arrival = Arrival(origin_at(site, host), STRANGER, 0, True, True)
        return self.gates[site % len(self.gates)].decide(arrival, self.now)

    def give(self, verdict: Admit, site: int) -> bool:
        """A fresh seat is told to the house; False: it was one too many."""
        house, serial = self.house, verdict.serial
        if house.give(serial, CONVERSATION, verdict.listener_class, site, self.now):
            return True
        for gate in self.gates:
            gate.forget(serial)
        return False

    def connect(self, serial: int) -> Seated | None:
        return self.house.connect(serial, serial % len(self.gates), self.now)

    def enter(
        self, serial: int, listener_class: ListenerClass, site: int, *, capped: bool, solved: bool
    ) -> Place:
        """They wait from now on, or go on waiting."""
        region = region_at(site)
        return self.house.enter(
            serial, CONVERSATION, listener_class, site, region, self.now, capped=capped, solved=solved
        )

    def renew(self, names: Iterable[str]) -> list[bool]:
        """People with a place, who were not drawn, ask again: what comes of `House.enter` then, to each."""
        renew, now = self.house.room.renew, self.now
        return [renew(name, now) for name in names]

    def odds(self, place: Place, site: int) -> Odds:
        return self.house.odds(place, site, self.now)

    def may_mint(self) -> bool:
        """Whether a puzzle's answer could still be remembered."""
        return not self._spent.is_full(self._puzzle_epoch)

    def take_answer(self) -> bool:
        """A right answer, never used before, comes in: whether it counts."""
        self._answers += 1
        return self._spent.take(self._answers.to_bytes(16, "big"), self._puzzle_epoch) is Standing.FREE
