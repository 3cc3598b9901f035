"""The seats of a machine: given, taken, lost, renewed and taken back, in memory that outlives processes.

Rules
- One writer, the edge's parent; its workers read (`SeatView`) and tell it what happens to their listeners.
- The signature proves a ticket; the table says only whether its seat is held. The newest connection of a
  ticket wins; a late goodbye of an older one changes nothing.
- Never more seats than the table has, nor than the capacity at the time of giving. A capacity cut later
  takes nothing from anybody: taking back is a decision of its own, made with `newest`.
- A deadline that has passed ends a seat when `expire` comes to it; until then it is held.

    GIVEN ──connect──> SEATED ──disconnect, worker_died──> GRACE      connect: any state -> SEATED
      └─────renew────> LEASE                                          renew:   any state -> LEASE
    GIVEN, GRACE, LEASE ──expire──> gone;  any ──take_back──> gone

Theory of operation: all that must survive is in the rows (see `seat_rows`, also for what readers see);
counts, ages and deadlines are an index in the writer's own memory, made again from the rows when a
restarted writer opens the table. Each change writes the deadline first and the state after it, so that a
writer may die between any two words. `now` is the monotonic clock, the same for all processes but only
until the machine is started again: the table must lie where a restart empties (`/run`, `/dev/shm`).
"""

from collections.abc import Collection, Iterable
from math import isfinite
from typing import NamedTuple, Self

from hiwar.admission.classes import ListenerClass
from hiwar.admission.seat_index import SeatIndex
from hiwar.admission.seat_rows import (
    AT_CHECK,
    AT_LAYOUT,
    AT_MAGIC,
    AT_ORDER,
    AT_OVERFLOWS,
    AT_SEATS_MAX,
    AT_TAKEN,
    BUCKET_ROWS,
    CONVERSATION,
    HEAD,
    LAYOUT,
    MAGIC,
    ROW_WORDS,
    SERIAL,
    SINCE,
    SITE,
    STATUS,
    TAIL,
    UNTIL,
    Row,
    SeatView,
    State,
    header_check,
    render_status,
    serial_word,
    table_bytes,
)

GRACE_S = 30.0  # a train's tunnel, or a phone going from Wi-Fi to mobile with a retry or two of the player
RESERVED_S = 12.0  # to hear of having won at the next question, and to connect from a slow phone
LEASE_S = 12.0  # three target durations of HLS; a player asks at least once in each (RFC 8216, 6.3.4)
EXPIRED_MAX = 512  # seats ended in one call: some 3 ms, when a worker's whole crowd has not come back
WORKERS_MAX = 1 << 16  # a worker's number has 16 bits in a row
GENERATIONS = 1 << 32  # likewise 32: at a connection a second, more than a century


class Connection(NamedTuple):
    """A seat taken. `displaced` is the worker that has the connection before it, which is to be closed."""

    generation: int
    displaced: int | None = None


class SeatTable(SeatView):
    """The table as its only writer has it.

    `mended` counts rows that made no sense when the table was opened, and were emptied.

    Raises:
        BadTable: the buffer is no sound table of `seats_max` seats; `create` makes a fresh one of it.
    """

    def __init__(self, buffer: memoryview, *, seats_max: int) -> None:
        super().__init__(buffer, seats_max=seats_max)
        self._times: memoryview[float] = buffer.cast("d")
        self._index = SeatIndex()
        self.mended = 0
        self._take_up()

    @classmethod
    def create(cls, buffer: memoryview, *, seats_max: int) -> Self:
        """An empty table in a buffer of `table_bytes(seats_max)` bytes, whatever was in it before.

        Raises:
            BadTable: the buffer has another size.
        """
        if len(buffer) == table_bytes(seats_max):
            buffer[:] = bytes(len(buffer))
            words = buffer.cast("Q")
            words[AT_LAYOUT], words[AT_SEATS_MAX] = LAYOUT, seats_max
            words[AT_MAGIC] = MAGIC
            words[AT_CHECK] = header_check(words)
        return cls(buffer, seats_max=seats_max)

    # What happens to seats

    def give(
        self,
        serial: int,
        site: int,
        conversation: int,
        listener_class: ListenerClass,
        now: float,
        until: float,
        *,
        capacity: int | None = None,
    ) -> bool:
        """Give a seat, to be taken by `until`; False if there is none. Nothing changes for who has one.

        `serial` is drawn at random, 1..2^64-1, `site` and `conversation` are hashes of 64 bits,
        `capacity` is how many seats there may be now (all of them if not said).
        """
        assert 0 < serial < 1 << 64
        assert isfinite(until)
        if self._place(serial) is not None:
            return True
        if self.taken >= min(self.seats_max, self.seats_max if capacity is None else capacity):
            return False
        place = self._empty_place(serial)
        if place is None:
            self._words[AT_OVERFLOWS] += 1
            return False
        order = self._words[AT_ORDER] = self._words[AT_ORDER] + 1
        status = render_status(State.GIVEN, listener_class, 0, 0)
        row = Row(serial, site, conversation, status, now, until, order)
        self._write(place, row)
        self._index.add(row)
        return True

    def connect(self, serial: int, worker: int, now: float) -> Connection | None:
        """A connection with this ticket was opened at `worker` (0..65535); None if the seat is gone."""
        assert 0 <= worker < WORKERS_MAX
        return self._take(serial, State.SEATED, worker, now, None)

    def renew(self, serial: int, now: float, lease_s: float = LEASE_S) -> Connection | None:
        """A playlist was asked for with this ticket: a lease until `now + lease_s`; None if gone.

        The first renewal counts as a connection: it is newer than one that is open, and displaces it.
        """
        return self._take(serial, State.LEASE, 0, now, now + lease_s)

    def disconnect(self, serial: int, generation: int, now: float, grace_s: float = GRACE_S) -> bool:
        """The connection of that generation was lost; False if it is not what holds the seat."""
        row = self.find(serial)
        if row is None or row.state is not State.SEATED or row.generation != generation:
            return False
        self._lose(row, now, grace_s)
        return True

    def worker_died(self, worker: int, now: float, grace_s: float = GRACE_S) -> int:
        """All connections of a worker were lost; how many. For each seat a few microseconds.

        A restarted writer says so of every worker, alive or dead, since it may have missed goodbyes; the
        living then connect again whom they still have.
        """
        serials = self._index.seated_by(worker)
        for serial in serials:
            row = self.find(serial)
            assert row is not None
            self._lose(row, now, grace_s)
        return len(serials)

    def take_back(self, serial: int) -> Row | None:
        """End a seat; what it was, so that an open connection can be closed, or None."""
        row = self.find(serial)
        if row is None:
            return None
        self._words[serial_word(self._place_of(row))] = 0
        self._words[AT_TAKEN] -= 1
        self._index.remove(row)
        return row

    def expire(self, now: float) -> list[int]:
        """End the seats whose deadline has passed, oldest first, at most EXPIRED_MAX; their serials."""
        serials = self._index.deadlines.due(now, EXPIRED_MAX)
        for serial in serials:
            self.take_back(serial)
        return serials

    # What can be asked

    @property
    def held_by_state(self) -> tuple[int, ...]:
        """How many seats are in each state, to be indexed by `State`."""
        return tuple(self._index.by_state)

    @property
    def held_by_class(self) -> tuple[int, ...]:
        """How many seats each class holds, to be indexed by `ListenerClass`."""
        return self._index.by_class

    def held_in(self, conversation: int) -> int:
        """How many seats are held in a conversation."""
        return self._index.held_in(conversation)

    def held(self, site: int, classes: Iterable[ListenerClass] = tuple(ListenerClass)) -> int:
        """How many seats the listeners of a site hold, all or those of some classes, in any state."""
        return self._index.held(site, classes)

    def held_most(
        self, count: int, classes: Iterable[ListenerClass] = tuple(ListenerClass)
    ) -> dict[int, int]:
        """The `count` sites that hold most seats, all or those of some classes, and how many each."""
        return self._index.held_most(count, classes)

    def newest(self, count: int, exempt: Collection[ListenerClass] = ()) -> list[int]:
        """At most `count` serials, newest first, without exempt classes: among whom to draw."""
        return self._index.newest(count, exempt)

    def release(self) -> None:
        super().release()
        self._times.release()

    # How it is written

    def _take(
        self, serial: int, state: State, worker: int, now: float, until: float | None
    ) -> Connection | None:
        row = self.find(serial)
        if row is None:
            return None
        if row.state is state is State.LEASE:
            self._change(row, row.status, row.since, until)
            return Connection(row.generation)
        generation = (row.generation + 1) % GENERATIONS
        self._change(row, render_status(state, row.listener_class, worker, generation), now, until)
        return Connection(generation, row.worker if row.state is State.SEATED else None)

    def _lose(self, row: Row, now: float, grace_s: float) -> None:
        status = render_status(State.GRACE, row.listener_class, row.worker, row.generation)
        self._change(row, status, now, now + grace_s)

    def _change(self, row: Row, status: int, since: float, until: float | None) -> None:
        """Deadline first, state last; a state without a deadline leaves the old one where it is."""
        place = self._place_of(row)
        if until is None:
            until = row.until
        else:
            self._times[place + UNTIL] = until
        self._times[place + SINCE] = since
        self._words[place + STATUS] = status
        after = Row(row.serial, row.site, row.conversation, status, since, until, row.order)
        self._index.change(row, after)

    def _write(self, place: int, row: Row) -> None:
        """A new seat: tail, middle, head, and the serial at last."""
        self._words[place + TAIL] = row.order
        self._words[place + SERIAL] = row.serial
        self._words[place + SITE] = row.site
        self._words[place + CONVERSATION] = row.conversation
        self._words[place + STATUS] = row.status
        self._times[place + SINCE] = row.since
        self._times[place + UNTIL] = row.until
        self._words[place + HEAD] = row.order
        self._words[serial_word(place)] = row.serial
        self._words[AT_TAKEN] += 1

    def _place_of(self, row: Row) -> int:
        place = self._place(row.serial)
        assert place is not None
        return place

    def _empty_place(self, serial: int) -> int | None:
        """An empty row in the emptier of the serial's buckets, the first if they are alike."""
        places = [self._empty_places(bucket) for bucket in self._choices(serial)]
        emptier = max(places, key=len)
        return emptier[0] if emptier else None

    def _empty_places(self, bucket: int) -> list[int]:
        serials = self._words[bucket : bucket + BUCKET_ROWS].tolist()
        return [bucket + BUCKET_ROWS + ROW_WORDS * row for row, serial in enumerate(serials) if not serial]

    def _take_up(self) -> None:
        """Make the index of the rows that are there, and empty those that make no sense."""
        rows = []
        for place in self._places():
            serial = self._words[serial_word(place)]
            row = self._row(serial, place) if serial else None
            if row is not None and _is_sound(row) and self._place(serial) == place:
                rows.append(row)
            elif serial:
                self._words[serial_word(place)] = 0
                self.mended += 1
        for row in sorted(rows, key=lambda row: row.order):
            self._index.add(row)
        self._words[AT_TAKEN] = len(rows)


def _is_sound(row: Row) -> bool:
    state, listener_class = row.status & 0xFF, row.status >> 8 & 0xFF
    return 0 < state < len(State) and listener_class < len(ListenerClass) and isfinite(row.until)
