"""The owner of a machine's seats: the pure part of the edge's parent.

Rules
- One owner: seats are given, drawn and taken back here and nowhere else. Workers give from the quota that
  they are told, and what is beyond the capacity by then is not entered.
- Each tick (`TICK_S`) reckons capacity, cuts and the rung, each second (`EPOCH_S`) is a draw.
- Whoever waits for longer than an epoch waits in the room; while anybody does who could be drawn, nobody
  gets a seat past it. Who could not (their network or their class holds all that it may) holds up nobody.
- Coming back is a claim that is looked at here: one without a former seat (`former`) waits as a stranger.
- Who may not come on a rung has no place in the room there: they are told so when they ask.
- Where the rung says that nobody listens, the seats are taken back, `EMPTIED_MAX` in a tick, each with its
  claim; whoever was invited or came first is no exception.
- A worker that says nothing for `SILENT_S` counts as one whose core is full: silence is no calm.

Theory of operation: workers report what they see, `tick` joins their readings into `Signals` (the worst and
the busiest count), lets `capacity`, `pace` and `ladder` decide in this order, and makes of it what each
worker is told: its `Posture`, and whom to let go. A waiter is known to the room by serial and conversation
in one text, so that who is drawn can be given a seat without another table.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import msgspec

from hiwar.admission.again import ASK_LATER_S, REFUSED_AGAIN_S
from hiwar.admission.capacity import Bound, Capacity, CapacityControl, seats_by_model
from hiwar.admission.classes import ListenerClass
from hiwar.admission.effort import EFFORT_MIN, Effort
from hiwar.admission.former import FormerSeats
from hiwar.admission.gate import Posture, seat_class
from hiwar.admission.ladder import RECORD_ONLY_DWELL_S, Hold, Ladder, Move
from hiwar.admission.lottery import BY_SITE
from hiwar.admission.odds import EPOCH_S, Odds, Stock
from hiwar.admission.pace import Cuts, Pace
from hiwar.admission.pools import Random, below
from hiwar.admission.readings import WorkerReading, join_readings, silent
from hiwar.admission.rungs import RULES, Rules
from hiwar.admission.seat_rows import Row, State
from hiwar.admission.seats import GRACE_S, RESERVED_S, Connection, SeatTable
from hiwar.admission.shares import (
    NEWCOMERS_PERCENT,
    STRANGERS_PERCENT,
    decide_room_for,
    decide_rooms,
    decide_site_cap,
)
from hiwar.admission.signals import Limits, Signals, answerable
from hiwar.admission.waiting import ASK_AGAIN_S, Entered, WaitingRoom

TICK_S = 0.25
SILENT_S = 1.5  # six reports missed: the worker's loop is held up
STEPS_MAX = 10  # in one tick: a file that was written by hand is no way to infinity
HELD_TOLD_MAX = 512  # sites whose holdings workers are told: those with most; of the others, at most how many
EMPTIED_MAX = 1024  # seats taken back in a tick of record-only: some 5 ms; a house of 8,000 in two seconds
PUT_OUT_MAX = 8192  # waiters put out in a tick: some 12 ms; a full room in two seconds
ASKING_OVER_S = 10.0  # time constant of how many ask: as often as they do
STAY_BUSY_S = 60.0  # for so long what comes has to find room on the rung above, before that is one

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass


class Seated(msgspec.Struct, frozen=True, gc=False):
    """A connection has its seat: `generation` names it; `displaced` worker has to close the one before."""

    generation: int
    displaced: int | None


class Place(msgspec.Struct, frozen=True, gc=False):
    """What came of asking for a seat. `seated`: one of this number is there. `placed`: they wait in the room.
    Neither: there is no room now for one more of their network, or at all; or, if not `welcome`, none for
    their class on this rung. `listener_class` is what their seat or their claim is worth, `waits_as` the
    class that they are drawn in, which is another where a claim was denied (None: the same). `taken_back`:
    their seat was, and so they come first."""

    listener_class: ListenerClass
    seated: bool = False
    placed: bool = False
    welcome: bool = True
    taken_back: bool = False
    waits_as: ListenerClass | None = None


@dataclass(frozen=True, slots=True)
class Orders:
    """What comes of a tick: what every worker is told, the move of the ladder if there was one, and the
    seats taken back, each with the worker that has its connection, None without one."""

    posture: Posture
    cuts: Cuts
    capacity: Capacity
    moved: Move | None
    taken_back: tuple[tuple[int, int | None], ...]


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
        self.former = FormerSeats()
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
        self._stock = Stock()
        self._given = [0] * len(ListenerClass)  # since the last draw, less those taken back
        self._shut = False  # no seats are given out for now
        self._capacity: Capacity | None = None
        self._asking = 0.0  # a second, of late
        self._wished: int | None = None
        self._own: int | None = None  # the host's number that holds
        self._lifted = False  # it came of asking for more
        for row in table.rows():  # of an owner before this one
            self._sit(row, now)

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
        solved: bool = False,
    ) -> Place:
        """Somebody waits from now on, or asks again and keeps the place. `solved`: an answer to a puzzle came
        with the question, and was found to be good and new."""
        rules, row = RULES[self.ladder.rung], self.table.find(serial)
        if row is not None and rules.seated:
            return Place(row.listener_class, seated=True)
        worth = self._worth(serial, listener_class, capped=capped, solved=solved)
        if worth not in rules.comers:
            return Place(worth, welcome=False)
        name = waiter_name(serial, conversation)
        if not solved and self.room.renew(name, now):
            placed, waits_as = True, self.room.class_of(name)
        else:
            outcome = self.room.enter(name, worth, site, region, now, capped)
            placed, waits_as = outcome in (Entered.PLACED, Entered.REPLACED), worth
        taken_back = waits_as is RETURNING and self.former.was_taken_back(serial)
        another = None if waits_as is worth else waits_as
        return Place(worth, placed=placed, taken_back=taken_back, waits_as=another)

    def _worth(
        self, serial: int, listener_class: ListenerClass, *, capped: bool, solved: bool
    ) -> ListenerClass:
        """The class of somebody after a look at what they claim. A seat that counted against no network was
        had by an invitation, of which each is one seat: that needs no look."""
        if listener_class is RETURNING and capped and not self.former.may_claim(serial):
            listener_class = STRANGER
        return min(listener_class, SOLVED) if solved else listener_class

    def odds(self, place: Place, site: int, now: float) -> Odds:
        """What somebody at this site is told who entered and was told `place`. Who has none in the room, or
        asks while no seats are given out, is told no chance: what it is cannot be known."""
        waits_as = place.listener_class if place.waits_as is None else place.waits_as
        odds = self.room.odds(waits_as, site, now, self._stock)
        return odds if place.placed and not self._shut else Odds(odds.waiting, odds.seats_per_s, None)

    def give(
        self, serial: int, conversation: int, listener_class: ListenerClass, site: int, now: float
    ) -> bool:
        """A worker gave a seat from its quota. False: it was one too many, and there is none."""
        until = now + RESERVED_S
        given = self._give(serial, site, conversation, listener_class, now, until)
        if given:
            self.room.leave(waiter_name(serial, conversation), now)
        return given

    def connect(self, serial: int, worker: int, now: float) -> Seated | None:
        """A listener's connection is there; None where the seat is gone."""
        return self._seated(serial, self.table.connect(serial, worker, now), now)

    def renew(self, serial: int, now: float) -> Seated | None:
        """A playlist was asked for: the seat is leased on."""
        return self._seated(serial, self.table.renew(serial, now), now)

    def _seated(self, serial: int, connection: Connection | None, now: float) -> Seated | None:
        if connection is None:
            return None
        if not self.former.is_held(serial) and (row := self.table.find(serial)) is not None:
            self._sit(row, now)
        return Seated(connection.generation, connection.displaced)

    def _sit(self, row: Row, now: float) -> None:
        if row.state is not State.GIVEN:
            self.former.began(row.serial, row.site, now)

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
        the last time; `step(seats)` is what one of these changes. A number that more led to beyond what the
        machine carries by itself is dropped once it carries as many: it was to lift, not to bound."""
        if wished != self._wished:
            self._wished, self._own, self._lifted = wished, wished, False
        capacity = self._capacity
        if capacity is None:
            return
        by_itself = self._by_itself(capacity)
        for _ in range(min(more, STEPS_MAX)):
            seats = self._own if self._own is not None else capacity.seats
            self._own = seats + step(seats)
            self._lifted = wished is None and self._own >= by_itself
        for _ in range(min(fewer, STEPS_MAX)):
            seats = self._own if self._own is not None else capacity.seats
            self._own, self._lifted = max(1, seats - step(seats)), False
        if self._lifted and self._own is not None and by_itself >= self._own:
            self._own, self._lifted = None, False
        if self._own != self.limits.host_seats:
            self.limits = replace(self.limits, host_seats=self._own)

    def _by_itself(self, capacity: Capacity) -> int:
        """The seats that there would be without the host, whose number lifts the processor's too."""
        bounds = (value for bound, value in capacity.bounds.items() if bound is not Bound.HOST)
        return min(*bounds, seats_by_model(self._control.model, self.limits.workers))

    def let_in(self, now: float) -> None:
        """The host wants more people in: the next step up is tried as soon as nothing speaks against it."""
        self.ladder.let_in(now)

    # The tick.

    def tick(self, memory_available_bytes: int, now: float) -> Orders:
        """Once in `TICK_S`."""
        for serial in self.table.expire(now):
            self.former.ended(serial, now)
        self.signals = self._signals(memory_available_bytes, now)
        signals = answerable(self.signals)
        self._capacity = capacity = self._control.decide(signals, self.limits, now)
        cuts = self._pace.decide(signals, capacity, self._control.model, self.limits, now)
        seen = self._seen_by_ladder(signals)
        moved = self.ladder.decide(seen, capacity, self._control.model, now, admitting=cuts.admitting)
        rules = RULES[self.ladder.rung]
        waits_rightly = self._put_out(rules, now)
        if now >= self._epoch_ends:
            self._begin_epoch(capacity, cuts if waits_rightly else replace(cuts, admitting=False), now)
        taken_back = self._take_back(rules, cuts)
        return Orders(self._posture(rules, capacity, cuts), cuts, capacity, moved, taken_back)

    def _seen_by_ladder(self, signals: Signals) -> Signals:
        """The house is as full as its fullest share: from there on somebody waits, though seats are free for
        others, and all that gives way before has to have given way by then. While puzzles are awake strangers
        are few because of them: as many more as may come soon count as strangers, which they would be where
        puzzles sleep, and hold the seats that solvers hold now."""
        self._asking += (signals.arrivals - self._asking) * TICK_S / ASKING_OVER_S
        *_, solved, strangers = self.table.held_by_class
        newcomers = (solved + strangers) * 100 // NEWCOMERS_PERCENT
        if RULES[self.ladder.rung].puzzle:
            strangers += min(solved, int(self._asking * STAY_BUSY_S))
        taken = max(signals.seats_taken, newcomers, strangers * 100 // STRANGERS_PERCENT)
        return replace(signals, seats_taken=taken)

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
        free, self._shut = self._free(capacity, cuts), not cuts.admitting
        joins = ceil(capacity.joins * EPOCH_S)
        served = self._draw(min(free, joins), capacity, now)
        rooms = decide_rooms(capacity.seats, self.table.held_by_class)
        self._stock.note(rooms, self._given, now, joins=joins, waiting_on=self.room.weight > 0)
        self._given = [0] * len(ListenerClass)
        self._effort.observe(queued=self.room.weight, served=served, now=now)

    def _draw(self, seats: int, capacity: Capacity, now: float) -> int:
        """Seats to those who wait; they find them when they ask again, and have `RESERVED_S` to come."""
        cap = self._site_cap(capacity)
        drawn = self.room.draw(
            seats,
            now,
            self._random,
            lambda site: cap - self.table.held(site, BY_SITE),
            room_for=self._rooms(capacity),
            shut=self._shut,
        )
        until = now + RESERVED_S + ASK_AGAIN_S
        given = 0
        for each in drawn:
            serial, conversation = _parse_name(each.identity)
            held_as = seat_class(each.listener_class, capped=each.capped)
            given += self._give(serial, each.site, conversation, held_as, now, until)
        self.drawn += given
        return given

    def _give(
        self, serial: int, site: int, conversation: int, held_as: ListenerClass, now: float, until: float
    ) -> bool:
        """Nothing before the first tick, nor where nobody listens, nor beyond the capacity of the last."""
        seats = self._capacity.seats if self._capacity and RULES[self.ladder.rung].seated else 0
        given = self.table.give(serial, site, conversation, held_as, now, until, capacity=seats)
        if given:
            self._given[held_as] += 1
            self.former.given(serial)
        return given

    def _put_out(self, rules: Rules, now: float) -> bool:
        """Let those go from the room who may not come; whether there are none left of them."""
        left = PUT_OUT_MAX
        for each in ListenerClass:
            pool = self.room.lottery.pools[each]
            while each not in rules.comers and left and (waiter := pool.least()) is not None:
                self.room.leave(waiter.identity, now)
                left -= 1
        return left > 0

    def _rooms(self, capacity: Capacity) -> tuple[int, ...]:
        """How many more seats each class may take."""
        held = self.table.held_by_class
        return tuple(decide_room_for(each, capacity.seats, held) for each in ListenerClass)

    def _contended(self, capacity: Capacity) -> bool:
        """Somebody waits whom the next draw may give a seat."""
        pools = self.room.lottery.pools
        return any(pool.total and room for pool, room in zip(pools, self._rooms(capacity), strict=True))

    def _free(self, capacity: Capacity, cuts: Cuts) -> int:
        return max(0, capacity.seats - self.table.taken) if cuts.admitting else 0

    def _site_cap(self, capacity: Capacity) -> int:
        free = max(0, capacity.seats - self.table.taken)
        return decide_site_cap(capacity.seats, free, self.strained)

    def _posture(self, rules: Rules, capacity: Capacity, cuts: Cuts) -> Posture:
        """Seats and rooms are shared out among the workers, so that together they give no more than there
        is; what does not divide is drawn."""
        workers, rooms = self.limits.workers, self._rooms(capacity)
        by_lot = rules.lottery or not rules.comers or self._contended(capacity)
        free = 0 if by_lot else self._free(capacity, cuts)
        held = self.table.held_most(HELD_TOLD_MAX, BY_SITE)
        return Posture(
            epoch=self._epoch,
            quota=min(free // workers, ceil(capacity.joins * EPOCH_S / workers)),
            room_for=tuple(room // workers for room in rooms),
            site_cap=self._site_cap(capacity),
            held=held,
            held_else=min(held.values()) if len(held) == HELD_TOLD_MAX else 0,
            admits=rules.comers,
            seated=rules.seated,
            effort=self._asked_effort(rooms[STRANGER]) if rules.puzzle else 0,
            ask_again_s=ASK_AGAIN_S,
            ask_later_s=ASK_LATER_S,
            refused_again_s=REFUSED_AGAIN_S if rules.seated else RECORD_ONLY_DWELL_S,
        )

    def _asked_effort(self, room_for_strangers: int) -> int:
        """What a puzzle asks for. Where strangers hold all that they may, one is the way to what is free for
        others: then puzzles are awake, however short the wait is."""
        return self._effort.effort if room_for_strangers else max(self._effort.effort, EFFORT_MIN)

    def _take_back(self, rules: Rules, cuts: Cuts) -> tuple[tuple[int, int | None], ...]:
        chosen = self._newest(cuts.take_back) if rules.seated else self.table.newest(EMPTIED_MAX)
        taken: list[tuple[int, int | None]] = []
        for serial in chosen:
            row = self.table.take_back(serial)
            assert row is not None
            self._given[row.listener_class] -= 1
            self.former.taken_back(serial, row.site)
            taken.append((serial, row.worker if row.state is State.SEATED else None))
        return tuple(taken)

    def _newest(self, count: int) -> list[int]:
        """`count` of the newest, by lottery among twice as many; whoever was invited last of all."""
        if not count:
            return []
        newest = self.table.newest(2 * count, exempt=(INVITED,))
        chosen = _choose(newest, count, self._random)
        others = [each for each in ListenerClass if each is not INVITED]
        return chosen + self.table.newest(count - len(chosen), exempt=others)

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


def waiter_name(serial: int, conversation: int) -> str:
    """How a waiter is known to the room."""
    return f"{serial:016x}{conversation:016x}"


def _parse_name(name: str) -> tuple[int, int]:
    return int(name[:16], 16), int(name[16:], 16)
