"""Workers, their owner and people between them, as messages that are on their way.

Each worker tells the owner, and is told, in order; between workers any order is possible, and what was told
to a worker that died, or by one, may be lost. This is what `edge.usher`, `edge.asking` and `edge.owner` do,
without sockets, signatures and texts.
"""

from collections import deque
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from hiwar.admission.classes import ListenerClass
from hiwar.admission.former import FormerSeats
from hiwar.admission.gate import Gate, Posture
from hiwar.admission.house import TICK_S, House, Orders, Place
from hiwar.admission.prefix import Origin
from hiwar.admission.readings import WorkerReading
from hiwar.admission.seat_rows import Row, SeatView, table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.admission.signals import Limits
from hiwar.admission.verdicts import Admit, Arrival, Verdict
from hiwar.admission.waiting import WaitingRoom
from tests.admission.house_world import AT_EASE, MEMORY

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
PLACES, CLAIMS, SITE_CLAIMS = 24, 6, 3
INVITED_FROM = 1 << 40  # serials from here on are those of vouchers


class Give(NamedTuple):
    serial: int
    held_as: ListenerClass
    site: int
    capped: bool


class Enter(NamedTuple):
    who: "Person"
    arrival: Arrival
    serial: int
    solved: bool


class Connect(NamedTuple):
    serial: int
    mark: int


class Disconnect(NamedTuple):
    mark: int


class Renew(NamedTuple):
    serial: int


class Told(NamedTuple):
    who: "Person"
    serial: int
    place: Place


class Dismiss(NamedTuple):
    serial: int
    mark: int
    displaced: bool


Up = Give | Enter | Connect | Disconnect | Renew
Down = Posture | Told | Dismiss


@dataclass(eq=False)
class Person:
    """Somebody with what they were given: a ticket's serial and class, a waiting token's, a voucher."""

    site: int
    voucher: int = 0
    ticket: tuple[int, ListenerClass] | None = None
    token: tuple[int, ListenerClass] | None = None

    def shown(self) -> tuple[int, ListenerClass, bool]:
        """Serial, class, and whether capped, as `Usher.read_proof` and `AskingDesk` take them."""
        if self.ticket is not None:
            return self.ticket[0], RETURNING, self.ticket[1] >= SOLVED
        if self.voucher:
            return self.voucher, INVITED, False
        if self.token is not None:
            return *self.token, self.token[1] >= SOLVED
        return 0, STRANGER, True


@dataclass(eq=False)
class Worker:
    """A worker and its end of the socket pair; with the owner's notes on it (`generations`, `marks`)."""

    number: int
    gate: Gate
    up: deque[Up] = field(default_factory=deque)
    down: deque[Down] = field(default_factory=deque)
    open: dict[int, int] = field(default_factory=dict)  # mark by serial
    connections: int = 0
    generations: dict[int, tuple[int, int]] = field(default_factory=dict)
    marks: dict[int, int] = field(default_factory=dict)


class World:
    """See the module. What happened is kept for whoever checks it: `given`, `admitted`, `told`."""

    def __init__(self, *, workers: int, seats: int, joins: int) -> None:
        buffer = memoryview(bytearray(table_bytes(seats + 8)))
        self.table = SeatTable.create(buffer, seats_max=seats + 8)
        self.view = SeatView(buffer, seats_max=seats + 8)
        self.now = 1000.0
        self.house = House(
            self.table,
            Limits(workers=workers, seats_max=seats, joins_max=joins),
            random=Random(7),
            now=self.now,
        )
        self.house.room = WaitingRoom(waiting_max=PLACES, region_sites_max=4)
        self.house.former = FormerSeats(CLAIMS, SITE_CLAIMS)
        self._serials = 0
        self.workers = [self.begin(number) for number in range(workers)]
        self.readings: list[WorkerReading] = [AT_EASE] * workers
        self.orders = self.tick()

    def begin(self, number: int) -> Worker:
        return Worker(number, Gate(self.view, self._draw_serial))

    def _draw_serial(self) -> int:
        self._serials += 1
        return self._serials << 32 | self._serials * 2654435761 & 0xFFFF_FFFF

    # What people do.

    def decide(self, who: Person, worker: Worker, *, patient: bool) -> tuple[Arrival, Verdict]:
        serial, listener_class, capped = who.shown()
        origin = Origin(1 << 32 | who.site, who.site, (1 << 32 | who.site, 1 << 24 | who.site >> 8))
        arrival = Arrival(origin, listener_class, serial, patient, capped)
        return arrival, worker.gate.decide(arrival, self.now)

    def ask(self, who: Person, worker: Worker, *, solved: bool = False) -> Verdict:
        """Somebody asks for a seat, or again."""
        arrival, verdict = self.decide(who, worker, patient=True)
        if isinstance(verdict, Admit):
            self._take(who, worker, arrival, verdict)
        elif hasattr(verdict, "serial"):
            worker.up.append(Enter(who, arrival, verdict.serial, solved))
            if who.token is None and not arrival.serial:
                who.token = (verdict.serial, STRANGER)
        return verdict

    def listen(self, who: Person, worker: Worker) -> Verdict:
        """Somebody begins to listen, with what they have."""
        arrival, verdict = self.decide(who, worker, patient=False)
        if isinstance(verdict, Admit):
            self._take(who, worker, arrival, verdict)
            worker.connections += 1
            former = worker.open.get(verdict.serial)
            worker.open[verdict.serial] = worker.connections
            worker.up.append(Connect(verdict.serial, worker.connections))
            if former is not None:
                worker.up.append(Disconnect(former))
        return verdict

    def play(self, who: Person, worker: Worker) -> Verdict:
        """Somebody asks for a playlist."""
        arrival, verdict = self.decide(who, worker, patient=False)
        if isinstance(verdict, Admit):
            self._take(who, worker, arrival, verdict)
            worker.up.append(Renew(verdict.serial))
        return verdict

    def hang_up(self, worker: Worker, serial: int) -> None:
        worker.up.append(Disconnect(worker.open.pop(serial)))

    def _take(self, who: Person, worker: Worker, arrival: Arrival, verdict: Admit) -> None:
        who.ticket = (verdict.serial, verdict.listener_class)
        if verdict.fresh:
            worker.up.append(
                Give(verdict.serial, verdict.listener_class, arrival.origin.site, arrival.capped)
            )

    # What the owner hears, and what it tells.

    def hear(self, worker: Worker) -> Up:
        """The owner takes the next message of a worker."""
        house, message = self.house, worker.up.popleft()
        match message:
            case Give(serial, held_as, site):
                if not house.give(serial, 1, held_as, site, self.now):
                    worker.down.append(Dismiss(serial, 0, displaced=False))
            case Enter(who, arrival, serial, solved):
                worker.down.append(Told(who, serial, self._enter(arrival, serial, solved)))
            case Connect(serial, mark):
                self._connect(worker, serial, mark)
            case Disconnect(mark):
                self._disconnect(worker, mark)
            case Renew(serial):
                seated = house.renew(serial, self.now)
                if seated is not None and seated.displaced is not None:
                    self._dismiss(serial, seated.displaced, displaced=True)
        return message

    def _enter(self, arrival: Arrival, serial: int, solved: bool) -> Place:
        site = arrival.origin.site
        return self.house.enter(
            serial, 1, arrival.listener_class, site, site >> 2, self.now, capped=arrival.capped, solved=solved
        )

    def _connect(self, worker: Worker, serial: int, mark: int) -> None:
        seated = self.house.connect(serial, worker.number, self.now)
        if seated is None:
            worker.down.append(Dismiss(serial, mark, displaced=False))
            return
        worker.generations[mark] = (serial, seated.generation)
        worker.marks[serial] = mark
        if seated.displaced is not None and seated.displaced != worker.number:
            self._dismiss(serial, seated.displaced, displaced=True)

    def _disconnect(self, worker: Worker, mark: int) -> None:
        held = worker.generations.pop(mark, None)
        if held is not None:
            if worker.marks.get(held[0]) == mark:
                del worker.marks[held[0]]
            self.house.disconnect(*held, self.now)

    def _dismiss(self, serial: int, number: int, *, displaced: bool) -> None:
        worker = self.workers[number]
        if serial in worker.marks:
            worker.down.append(Dismiss(serial, worker.marks[serial], displaced))

    def tell(self, worker: Worker) -> Down:
        """A worker takes the next message of the owner."""
        message = worker.down.popleft()
        match message:
            case Posture():
                worker.gate.posture = message
            case Told(who, serial, place):
                self._hear_told(who, serial, place)
            case Dismiss(serial, mark, displaced):
                if not displaced:
                    worker.gate.forget(serial)
                if worker.open.get(serial) == mark:
                    self.hang_up(worker, serial)
        return message

    def _hear_told(self, who: Person, serial: int, place: Place) -> None:
        if place.seated:
            who.ticket = (serial, place.listener_class)
        elif place.placed and who.ticket is None and not who.voucher:
            who.token = (serial, place.listener_class)

    def tick(self) -> Orders:
        self.now += TICK_S
        for worker, reading in zip(self.workers, self.readings, strict=True):
            self.house.report(worker.number, reading, self.now)
        self.orders = self.house.tick(MEMORY, self.now)
        for worker in self.workers:
            worker.down.append(self.orders.posture)
        for serial, number in self.orders.taken_back:
            if number is not None:
                self._dismiss(serial, number, displaced=False)
        return self.orders

    def die(self, number: int) -> None:
        """A worker dies, with all that it had not told, and is started again."""
        self.house.worker_died(number, self.now)
        self.workers[number] = self.begin(number)

    def rows(self) -> dict[int, Row]:
        """All seats, by serial. That the index knows them all is the seat table's own test."""
        serials = (serial for orders in self.table._index._orders for serial in orders)
        found = {serial: self.table.find(serial) for serial in serials}
        return {serial: row for serial, row in found.items() if row is not None}

    def held(self, site: int) -> int:
        return self.table.held(site, (SOLVED, STRANGER))
