"""The owner of a machine's seats: the pure part of the edge's parent.

Rules
- One owner: seats are given, drawn and taken back here and nowhere else. Workers give from the quota that
  they are told, and what is beyond the capacity by then is not entered.
- Each tick (`TICK_S`) reckons capacity, cuts and the rung, each second (`EPOCH_S`) is a draw.
- Whoever waits for longer than an epoch waits in the room; while anybody does, nobody gets a seat past it.
- A worker that says nothing for `SILENT_S` counts as one whose core is full: silence is no calm.

Theory of operation: workers report what they see, `tick` joins their readings into `Signals` (the worst and
the busiest count), lets `capacity`, `pace` and `ladder` decide in this order, and makes of it what each
worker is told: its `Posture`, and whom to let go. A waiter is known to the room by serial and conversation
in one text, so that who is drawn can be given a seat without another table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

from hiwar.admission.capacity import Bound, Capacity, CapacityControl
from hiwar.admission.classes import ListenerClass
from hiwar.admission.effort import Effort
from hiwar.admission.gate import Posture, seat_class
from hiwar.admission.ladder import Hold, Ladder, Move
from hiwar.admission.lottery import BY_SITE
from hiwar.admission.odds import EPOCH_S, Odds
from hiwar.admission.pace import Cuts, Pace
from hiwar.admission.pools import Random, below
from hiwar.admission.readings import WorkerReading, join_readings, silent
from hiwar.admission.rungs import RULES
from hiwar.admission.seats import GRACE_S, RESERVED_S, SeatTable
from hiwar.admission.shares import decide_room_for, decide_site_cap
from hiwar.admission.signals import Limits, Signals
from hiwar.admission.waiting import ASK_AGAIN_S, Entered, WaitingRoom

TICK_S = 0.25
SILENT_S = 1.5  # six reports missed: the worker's loop is held up
STEPS_MAX = 10  # in one tick: a file that was written by hand is no way to infinity
HELD_TOLD_MAX = 512  # sites whose holdings workers are told: those with most; the others hold little


@dataclass(frozen=True, slots=True)
class Seated:
    """A connection has its seat: `generation` names it; `displaced` worker has to close the one before."""

    generation: int
    displaced: int | None


@dataclass(frozen=True, slots=True)
class Orders:
    """What comes of a tick: what every worker is told, the move of the ladder if there was one, and the
    seats taken back, each with the worker that may have its connection."""

    posture: Posture
    cuts: Cuts
    capacity: Capacity
    moved: Move | None
    taken_back: tuple[tuple[int, int], ...]


class House:
    """See the module. `now` in monotonic seconds, never going back; `table` is written by nobody else."""

    def __init__(
        self,
        table: SeatTable,
        limits: Limits,
        *,
        random: Random,
        now: float,
        interval_ms_min: int = 160,
        listener_bytes: int = 6 * 1024,
    ) -> None:
        self.table = table
        self.limits = limits
        self.room = WaitingRoom()
        self.ladder = Ladder(now)
        self.signals: Signals | None = None
        self.drawn = 0  # since the start
        self._random = random
        self._control = CapacityControl()
        self._pace = Pace(interval_ms_min)
        self._effort = Effort(now)
        self._listener_bytes = listener_bytes
        self._readings: dict[int, tuple[float, WorkerReading]] = {}
        self._epoch = 0
        self._epoch_ends = now
        self._capacity: Capacity | None = None
        self._wished: int | None = None
        self._own: int | None = None  # the host's number that holds
        self._lifted = False  # it came of asking for more

    # What workers tell.

    def enter(
        self,
        serial: int,
        conversation: int,
        listener_class: ListenerClass,
        site: int,
        region: int,
        now: float,
        *,
        capped: bool,
        anew: bool = False,
    ) -> bool:
        """Somebody waits from now on, or asks again and keeps the place; `anew`: they have become of a better
        class. Whether they have a place now."""
        name = _name(serial, conversation)
        if not anew and self.room.renew(name, now):
            return True
        outcome = self.room.enter(name, listener_class, site, region, now, capped)
        return outcome in (Entered.PLACED, Entered.REPLACED)

    def odds(self, listener_class: ListenerClass, site: int, now: float) -> Odds:
        return self.room.odds(listener_class, site, now)

    def give(
        self, serial: int, conversation: int, listener_class: ListenerClass, site: int, now: float
    ) -> bool:
        """A worker gave a seat from its quota. False: it was one too many, and there is none."""
        capacity = self._capacity.seats if self._capacity else None
        self.room.leave(_name(serial, conversation), now)
        return self.table.give(
            serial, site, conversation, listener_class, now, now + RESERVED_S, capacity=capacity
        )

    def connect(self, serial: int, worker: int, now: float) -> Seated | None:
        """A listener's connection is there; None where the seat is gone."""
        connection = self.table.connect(serial, worker, now)
        return None if connection is None else Seated(connection.generation, connection.displaced)

    def renew(self, serial: int, now: float) -> Seated | None:
        """A playlist was asked for: the seat is leased on."""
        connection = self.table.renew(serial, now)
        return None if connection is None else Seated(connection.generation, connection.displaced)

    def disconnect(self, serial: int, generation: int, now: float) -> None:
        """A connection was lost: the seat is kept for a while."""
        self.table.disconnect(serial, generation, now, GRACE_S)

    def report(self, worker: int, reading: WorkerReading, now: float) -> None:
        self._readings[worker] = (now, reading)

    def worker_died(self, worker: int, now: float) -> None:
        """Its listeners' seats are kept until they come back."""
        self._readings.pop(worker, None)
        self.table.worker_died(worker, now, GRACE_S)

    # What the host wishes.

    def hold(self, hold: Hold | None) -> None:
        self.ladder.hold = hold

    def wish_seats(self, wished: int | None, more: int, fewer: int, step: Callable[[int], int]) -> None:
        """The host's own number of seats (None: automatic), and how often more or fewer were asked for since
        the last time; `step(seats)` is what one of these changes. A number that came of asking for more is
        dropped once the machine by itself carries as many: it was to lift, not to bound."""
        if wished != self._wished:
            self._wished, self._own, self._lifted = wished, wished, False
        capacity = self._capacity
        if capacity is None:
            return
        for _ in range(min(more, STEPS_MAX)):
            seats = self._own if self._own is not None else capacity.seats
            self._own, self._lifted = seats + step(seats), wished is None
        for _ in range(min(fewer, STEPS_MAX)):
            seats = self._own if self._own is not None else capacity.seats
            self._own, self._lifted = max(1, seats - step(seats)), False
        by_itself = min(value for bound, value in capacity.bounds.items() if bound is not Bound.HOST)
        if self._lifted and self._own is not None and by_itself >= self._own:
            self._own, self._lifted = None, False
        if self._own != self.limits.host_seats:
            self.limits = replace(self.limits, host_seats=self._own)

    def let_in(self, now: float) -> None:
        """The host wants more people in: the next step up is tried as soon as nothing speaks against it."""
        self.ladder.let_in(now)

    # The tick.

    def tick(self, memory_available_bytes: int, now: float) -> Orders:
        """Once in `TICK_S`."""
        self.table.expire(now)
        self.signals = signals = self._signals(memory_available_bytes, now)
        self._capacity = capacity = self._control.decide(signals, self.limits, now)
        cuts = self._pace.decide(signals, capacity, self._control.model, self.limits, now)
        moved = self.ladder.decide(
            signals, capacity, self._control.model, now, admitting=cuts.admitting
        )
        if now >= self._epoch_ends:
            self._begin_epoch(capacity, cuts, now)
        taken_back = self._take_back(cuts)
        return Orders(self._posture(capacity, cuts), cuts, capacity, moved, taken_back)

    @property
    def verdicts(self) -> dict[str, float]:
        """What all workers answered of late, each a second."""
        total: dict[str, float] = {}
        for _, reading in self._readings.values():
            for name, rate in reading.verdicts.items():
                total[name] = total.get(name, 0.0) + rate
        return total

    @property
    def strained(self) -> bool:
        """More people than seats: what one network may hold is at its least."""
        return RULES[self.ladder.rung].lottery

    def _begin_epoch(self, capacity: Capacity, cuts: Cuts, now: float) -> None:
        self._epoch += 1
        self._epoch_ends = max(self._epoch_ends + EPOCH_S, now + EPOCH_S / 2)
        free = self._free(capacity, cuts)
        served = self._draw(min(free, ceil(capacity.joins * EPOCH_S)), capacity, now)
        self._effort.observe(queued=self.room.weight, served=served, now=now)

    def _draw(self, seats: int, capacity: Capacity, now: float) -> int:
        """Seats to those who wait; they find them when they ask again, and have `RESERVED_S` to come."""
        others = sum(self.room.waiting(each) for each in ListenerClass) - self.room.waiting(
            ListenerClass.STRANGER
        )
        if not others:
            seats = min(seats, self._room_for(ListenerClass.STRANGER, capacity))
        cap = self._site_cap(capacity)
        drawn = self.room.draw(seats, now, self._random, lambda site: cap - self.table.held(site, BY_SITE))
        until = now + RESERVED_S + ASK_AGAIN_S
        for each in drawn:
            serial, conversation = _parse_name(each.identity)
            held_as = seat_class(each.listener_class, capped=each.capped)
            self.table.give(serial, each.site, conversation, held_as, now, until)
        self.drawn += len(drawn)
        return len(drawn)

    def _free(self, capacity: Capacity, cuts: Cuts) -> int:
        return max(0, capacity.seats - self.table.taken) if cuts.admitting else 0

    def _site_cap(self, capacity: Capacity) -> int:
        free = max(0, capacity.seats - self.table.taken)
        return decide_site_cap(capacity.seats, free, self.strained)

    def _room_for(self, listener_class: ListenerClass, capacity: Capacity) -> int:
        return decide_room_for(listener_class, capacity.seats, self.table.held_by_class)

    def _posture(self, capacity: Capacity, cuts: Cuts) -> Posture:
        rules = RULES[self.ladder.rung]
        free = 0 if rules.lottery or len(self.room) else self._free(capacity, cuts)
        quota = ceil(min(free, capacity.joins * EPOCH_S) / self.limits.workers)
        cap = self._site_cap(capacity)
        return Posture(
            epoch=self._epoch,
            quota=quota,
            room_for=tuple(max(0, self._room_for(each, capacity)) for each in ListenerClass),
            site_cap=cap,
            held=self.table.held_most(HELD_TOLD_MAX, BY_SITE),
            admits=rules.comers,
            effort=self._effort.effort if rules.puzzle else 0,
            ask_again_s=ASK_AGAIN_S,
        )

    def _take_back(self, cuts: Cuts) -> tuple[tuple[int, int], ...]:
        """The newest by lottery: among twice as many as have to go, and whoever was invited last of all."""
        if not cuts.take_back:
            return ()
        newest = self.table.newest(2 * cuts.take_back, exempt=(ListenerClass.INVITED,))
        if len(newest) < cuts.take_back:
            newest = self.table.newest(cuts.take_back)
        chosen = _choose(newest, cuts.take_back, self._random)
        rows = [(serial, self.table.take_back(serial)) for serial in chosen]
        return tuple((serial, row.worker) for serial, row in rows if row is not None)

    def _signals(self, memory_available_bytes: int, now: float) -> Signals:
        readings = [
            reading if now - at < SILENT_S else silent(reading, SILENT_S)
            for at, reading in self._readings.values()
        ]
        return join_readings(
            readings,
            memory_available_bytes=memory_available_bytes,
            listener_bytes=self._listener_bytes,
            waiting=len(self.room),
            seats_taken=self.table.taken,
        )


def _choose(serials: list[int], count: int, random: Random) -> list[int]:
    """`count` of them at random: the first of a partial Fisher and Yates shuffle."""
    for place in range(min(count, len(serials))):
        other = place + below(random, len(serials) - place)
        serials[place], serials[other] = serials[other], serials[place]
    return serials[:count]


def _name(serial: int, conversation: int) -> str:
    """How a waiter is known to the room."""
    return f"{serial:016x}{conversation:016x}"


def _parse_name(name: str) -> tuple[int, int]:
    return int(name[:16], 16), int(name[16:], 16)
