"""A house at its desk: readings to feed it with, and time that passes in ticks."""

from random import Random
from typing import Any

from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import TICK_S, House, Orders, Place
from hiwar.admission.readings import WorkerReading
from hiwar.admission.seat_rows import table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.admission.signals import Limits

MEMORY = 64 << 30
CONVERSATION = 9

AT_EASE = WorkerReading(cpu=0.05, descriptors=100)
FAILING = WorkerReading(cpu=0.5, descriptors=100, frame_lateness_ms=30.0, frames_late=20.0)
# The seated fill the core, their writes are late and the speakers suffer: what leads to taking seats back.
PRESSED = WorkerReading(
    cpu=0.97,
    writes=30_000.0,
    write_lateness_s=0.6,
    descriptors=100,
    frame_lateness_ms=9.0,
    frames_late=4.0,
)
RUSH = WorkerReading(cpu=0.2, descriptors=100, requests=900.0, arrivals=900.0)


def fresh_table(seats: int = 64) -> SeatTable:
    return SeatTable.create(memoryview(bytearray(table_bytes(seats))), seats_max=seats)


class Desk:
    """A house and its clock; its workers report `reading` each tick."""

    def __init__(self, seats: int = 20, table: SeatTable | None = None, **limits: Any) -> None:
        self.now = 1000.0
        limits.setdefault("joins_max", 10)
        bounds = Limits(seats_max=seats, **limits)
        self.house = House(table or fresh_table(), bounds, random=Random(seats), now=self.now)
        self.reading = AT_EASE
        self.orders = self.tick()

    def tick(self) -> Orders:
        self.now += TICK_S
        for number in range(self.house.limits.workers):
            self.house.report(number, self.reading, self.now)
        self.orders = self.house.tick(MEMORY, self.now)
        return self.orders

    def run(self, seconds: float, reading: WorkerReading | None = None) -> list[Orders]:
        """Let so much time pass, with this reading from now on; the orders of all its ticks."""
        self.reading = reading or self.reading
        return [self.tick() for _ in range(round(seconds / TICK_S))]

    def enter(
        self,
        serial: int,
        listener_class: ListenerClass,
        site: int = 1,
        *,
        capped: bool | None = None,
        solved: bool = False,
    ) -> Place:
        counts = listener_class >= ListenerClass.SOLVED if capped is None else capped
        return self.house.enter(
            serial, CONVERSATION, listener_class, site, site >> 8, self.now, capped=counts, solved=solved
        )

    def give(
        self, serial: int, listener_class: ListenerClass = ListenerClass.STRANGER, site: int | None = None
    ) -> bool:
        """A seat of a worker's quota; each at a site of its own if not said."""
        at = serial + 1000 if site is None else site
        return self.house.give(serial, CONVERSATION, listener_class, at, self.now)

    def seat(
        self,
        serial: int,
        listener_class: ListenerClass = ListenerClass.STRANGER,
        site: int | None = None,
        worker: int = 0,
    ) -> int:
        """Somebody is given a seat and listens; the generation of their connection."""
        assert self.give(serial, listener_class, site)
        seated = self.house.connect(serial, worker, self.now)
        assert seated is not None
        return seated.generation

    def class_of(self, serial: int) -> ListenerClass | None:
        row = self.house.table.find(serial)
        return None if row is None else row.listener_class

    def seated(self) -> set[int]:
        return {row.serial for row in self.house.table.rows()}
