"""The edge's parent as the owner of the machine's seats: the shell around `admission.house`.

It keeps the seat table in a file of the runtime folder, mapped by all workers, hears what they tell over a
socket pair each, and tells them each tick how to stand. What the front door does is written to `front.json`
once a second, and what the host wishes is read from the file beside it (`relay.front`): neither backstage nor
web is asked, and none of them can hold this process up.

The table outlives this process where the runtime folder does, so that after a restart people come back to
their seats. A table that cannot be read is made anew: the seats in it are lost, nothing else is.
"""

import asyncio
import socket
from pathlib import Path
from secrets import SystemRandom, token_bytes

import msgspec
import structlog

from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import TICK_S, House, Orders
from hiwar.admission.puzzle import puzzle_epoch
from hiwar.admission.signals import Limits
from hiwar.admission.spent import Spent, Standing
from hiwar.admission.timelock import make_trapdoor
from hiwar.edge.herald import Herald
from hiwar.edge.kernel import KernelHelp
from hiwar.edge.orders import (
    Connect,
    Disconnect,
    Dismiss,
    Enter,
    FromWorker,
    Give,
    Keys,
    Ours,
    Renew,
    Report,
    Stand,
    Talkers,
    Told,
)
from hiwar.edge.table import SEATS_TABLED, open_table
from hiwar.ops.clock import monotonic
from hiwar.ops.machine import available_memory
from hiwar.ops.settings import Settings
from hiwar.relay.framing import FramedProtocol, render_frame

JOIN_US, JOIN_TLS_US = 130.0, 500.0  # of a worker's core, measured with 2,000 and 300 joins a second
WORKERS_MAX = 64  # as the setting `edge_workers`
LISTENER_BITS, LIGHTER_BITS = 64_000, 36_000  # what a listener of Opus takes, with framing and events
UNSENT_BYTES_MAX = 1_000_000  # to a worker that does not read; then it gets the newest stand only

_log = structlog.get_logger("edge.owner")
_decode = msgspec.msgpack.Decoder(FromWorker).decode


class WorkerEnd(FramedProtocol):
    """The parent's end of one worker's socket pair."""

    def __init__(self, number: int, owner: "Owner") -> None:
        super().__init__()
        self.number = number
        self.generations: dict[int, tuple[int, int]] = {}  # serial and generation of a connection, by mark
        self.marks: dict[int, int] = {}  # of the newest connection of each serial that is open there
        self._owner = owner

    def body_received(self, body: bytes) -> None:
        self._owner.hear(self, _decode(body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def tell(self, message: Ours, *, droppable: bool = False) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if droppable and transport.get_write_buffer_size() > UNSENT_BYTES_MAX:
            return
        transport.write(render_frame(message))


class Owner:
    """See the module. `run` is its task; `worker_began` and `worker_died` are told by who keeps them."""

    def __init__(
        self, settings: Settings, runtime: Path, herald: Herald, kernel: KernelHelp | None = None
    ) -> None:
        self.house = House(
            open_table(runtime / "seats"),
            limits_of(settings),
            random=SystemRandom(),
            now=monotonic(),
            interval_ms_min=settings.write_interval_ms,
        )
        self._herald = herald
        self._kernel = kernel
        self._spent = Spent()
        self._keys = make_keys()
        self._workers: dict[int, WorkerEnd] = {}
        for number in range(WORKERS_MAX):  # what a parent before this one may have missed
            self.house.worker_died(number, monotonic())

    async def worker_began(self, number: int, end: socket.socket) -> None:
        """A worker is being started, which has the other end of this socket pair."""
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_connection(lambda: WorkerEnd(number, self), sock=end)
        self._workers[number] = protocol
        protocol.tell(self._keys)

    def worker_died(self, number: int) -> None:
        """Its connections are lost, all at once."""
        end = self._workers.pop(number, None)
        if end is not None and end.transport is not None:
            end.transport.abort()
        self.house.worker_died(number, monotonic())

    async def run(self) -> None:
        """Tick until cancelled; never faster, and late ticks are not made up for."""
        while True:
            began = monotonic()
            self.tick(began)
            await asyncio.sleep(max(TICK_S / 4, TICK_S - (monotonic() - began)))

    def tick(self, now: float) -> Orders:
        wishes = self._herald.wishes()
        self._herald.apply(wishes, self.house, now)
        orders = self.house.tick(available_memory(), now)
        stand = Stand(
            orders.posture,
            self.house.ladder.rung.value,
            orders.capacity.seats,
            self.house.table.taken,
            orders.cuts.interval_ms,
            orders.cuts.lighter,
            orders.cuts.parts,
            self._herald.shown(wishes),
        )
        for end in self._workers.values():
            end.tell(stand, droppable=True)
        for serial, number in orders.taken_back:
            if number is not None:
                self._dismiss(serial, number, displaced=False)
        if orders.moved is not None:
            _log.warning("the ladder moved", to=orders.moved.to.value, cause=orders.moved.cause.value)
        self._herald.proclaim(self.house, orders, now)
        return orders

    def hear(self, end: WorkerEnd, message: FromWorker) -> None:
        """One message of a worker."""
        now, house = monotonic(), self.house
        match message:
            case Enter():
                end.tell(self._enter(message, now))
            case Give(serial, conversation, listener_class, site):
                if not house.give(serial, conversation, ListenerClass(listener_class), site, now):
                    end.tell(Dismiss(serial, displaced=False))
            case Connect(serial, mark):
                self._connect(end, serial, mark, now)
            case Disconnect(mark):
                self._disconnect(end, mark, now)
            case Renew(serial):
                seated = house.renew(serial, now)
                if seated is not None and seated.displaced is not None:
                    self._dismiss(serial, seated.displaced, displaced=True)
            case Report(reading):
                house.report(end.number, reading, now)
            case Talkers() if self._kernel is not None:
                self._kernel.hear(end.number, message.refusals)

    def _enter(self, message: Enter, now: float) -> Told:
        house, solved = self.house, False
        claimed = ListenerClass(message.listener_class)
        if message.answer:
            self._spent.turn(puzzle_epoch(now))
            solved = self._spent.take(message.answer, message.epoch) is Standing.FREE
            if not solved and claimed is ListenerClass.SOLVED:
                claimed = ListenerClass.STRANGER
        place = house.enter(
            message.serial,
            message.conversation,
            claimed,
            message.site,
            message.region,
            now,
            capped=message.capped,
            solved=solved,
        )
        worth = place.listener_class
        if place.seated:
            return Told(message.call, True, False, len(house.room), 1.0, 0.0, worth)
        odds = house.odds(place, message.site, now)
        return Told(
            message.call,
            seated=False,
            placed=place.placed,
            waiting=odds.waiting,
            chance=odds.within(),
            expected_s=odds.expected_s,
            listener_class=worth,
            welcome=place.welcome,
            taken_back=place.taken_back,
            chance_soon=odds.within_soon,
        )

    def _connect(self, end: WorkerEnd, serial: int, mark: int, now: float) -> None:
        seated = self.house.connect(serial, end.number, now)
        if seated is None:
            end.tell(Dismiss(serial, displaced=False, mark=mark))
            return
        end.generations[mark] = (serial, seated.generation)
        end.marks[serial] = mark
        if seated.displaced is not None and seated.displaced != end.number:
            self._dismiss(serial, seated.displaced, displaced=True)

    def _disconnect(self, end: WorkerEnd, mark: int, now: float) -> None:
        held = end.generations.pop(mark, None)
        if held is None:
            return
        serial, generation = held
        if end.marks.get(serial) == mark:
            del end.marks[serial]
        self.house.disconnect(serial, generation, now)

    def _dismiss(self, serial: int, number: int, *, displaced: bool) -> None:
        """Let a worker close the connection that it is known to have of this seat, and no newer one."""
        end = self._workers.get(number)
        if end is not None and serial in end.marks:
            end.tell(Dismiss(serial, displaced, end.marks[serial]))


def make_keys() -> Keys:
    """A key of the puzzles that lives as long as this process, and is written nowhere; some 40 ms."""
    trapdoor = make_trapdoor(SystemRandom())
    modulus, prime = (number.to_bytes(128, "big") for number in (trapdoor.modulus, trapdoor.prime))
    return Keys(token_bytes(32), modulus, prime)


def limits_of(settings: Settings) -> Limits:
    """The bounds that the settings say."""
    return Limits(
        workers=settings.edge_workers,
        egress_mbit=settings.egress_mbit,
        seats_max=settings.seats_max or SEATS_TABLED,
        joins_max=settings.joins_per_second,
        listener_bits=LISTENER_BITS,
        join_us=JOIN_TLS_US if settings.edge_tls_cert else JOIN_US,
        lighter_bits=LIGHTER_BITS if settings.makes_lighter else LISTENER_BITS,
    )
