"""The writer of the seat table, against a plain dictionary, with readers looking after every word."""

import random
from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hiwar.admission.classes import ListenerClass
from hiwar.admission.seat_index import TICK_S
from hiwar.admission.seat_rows import BUCKET_ROWS, BadTable, Row, SeatView, State, table_bytes
from hiwar.admission.seats import EXPIRED_MAX, GRACE_S, LEASE_S, RESERVED_S, Connection, SeatTable
from tests.admission.watched import watch

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
SEATS = 12
CROWDED = [3 + 17 * each + ((3 + 17 * each) << 32) for each in range(10)]  # both choices are bucket 3 of 17
SPREAD = [4 + each + ((14 - each) << 32) for each in range(6)]
SERIALS = CROWDED + SPREAD
CHOICES = st.integers(0, 99)
TIMES = st.integers(1, 80).map(lambda quarters: quarters * 0.25)


@dataclass(frozen=True)
class Seat:
    """A row as the model has it."""

    site: int
    conversation: int
    listener_class: ListenerClass
    state: State
    worker: int
    generation: int
    since: float
    until: float
    order: int

    @classmethod
    def of(cls, row: Row) -> "Seat":
        return cls(
            row.site,
            row.conversation,
            row.listener_class,
            row.state,
            row.worker,
            row.generation,
            row.since,
            row.until,
            row.order,
        )

    @property
    def identity(self) -> tuple[int, ...]:
        return self.site, self.conversation, self.listener_class, self.order

    @property
    def standing(self) -> tuple[int, ...]:
        return self.state, self.worker, self.generation


class Seats(RuleBasedStateMachine):
    """Whatever happens in whatever order, the table says what a dictionary would."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = memoryview(bytearray(table_bytes(SEATS)))
        self.model: dict[int, Seat] = {}
        self.now, self.order, self.overflows = 1000.0, 0, 0
        self.seen: list[tuple[int, Seat | None]] = []
        self.view = SeatView(SeatTable.create(self.buffer, seats_max=SEATS)._buffer, seats_max=SEATS)
        self.open()

    def open(self) -> None:
        self.table = SeatTable(self.buffer, seats_max=SEATS)
        watch(self.table, lambda word: self.look())

    def look(self) -> None:
        """What a reader would see now."""
        for serial in SERIALS:
            row = self.view.find(serial)
            self.seen.append((serial, Seat.of(row) if row else None))
        assert abs(self.view.taken - sum(1 for _ in self.view.rows())) <= 1

    def change(self, serial: int, **values: object) -> None:
        self.model[serial] = replace(self.model[serial], **values)  # type: ignore[arg-type]

    def pick(self, choice: int) -> int:
        """A serial: four times out of five one that has a seat, if any has."""
        serials = list(self.model) if self.model and choice % 5 else SERIALS
        return serials[choice % len(serials)]

    def newest(self) -> list[int]:
        return sorted(self.model, key=lambda serial: -self.model[serial].order)

    @rule(
        choice=CHOICES,
        site=st.integers(0, 3),
        conversation=st.integers(0, 2),
        listener_class=st.sampled_from(ListenerClass),
        reserved_s=TIMES,
        capacity=st.none() | st.integers(0, SEATS + 5),
    )
    def give(
        self,
        choice: int,
        site: int,
        conversation: int,
        listener_class: ListenerClass,
        reserved_s: float,
        capacity: int | None,
    ) -> None:
        serial = SERIALS[choice % len(SERIALS)]
        before, until = dict(self.model), self.now + reserved_s
        room = len(self.model) < min(SEATS, SEATS if capacity is None else capacity)
        full = serial in CROWDED and sum(1 for each in self.model if each in CROWDED) == BUCKET_ROWS
        given = self.table.give(
            serial, site, conversation, listener_class, self.now, until, capacity=capacity
        )
        assert given is (serial in before or (room and not full))
        if serial not in before and room and full:
            self.overflows += 1
        if given and serial not in before:
            self.order += 1
            self.model[serial] = Seat(
                site, conversation, listener_class, State.GIVEN, 0, 0, self.now, until, self.order
            )
            assert len(self.model) <= min(SEATS, SEATS if capacity is None else capacity)
        self.check(before)

    @rule(choice=CHOICES, worker=st.integers(0, 2))
    def connect(self, choice: int, worker: int) -> None:
        serial = self.pick(choice)
        before, seat = dict(self.model), self.model.get(serial)
        connection = self.table.connect(serial, worker, self.now)
        if seat is None:
            assert connection is None
        else:
            displaced = seat.worker if seat.state is State.SEATED else None
            generation = seat.generation + 1
            assert connection == Connection(generation, displaced)
            self.change(serial, state=State.SEATED, worker=worker, generation=generation, since=self.now)
        self.check(before)

    @rule(choice=CHOICES, late=st.integers(0, 2), grace_s=TIMES)
    def disconnect(self, choice: int, late: int, grace_s: float) -> None:
        serial = self.pick(choice)
        before, seat = dict(self.model), self.model.get(serial)
        generation = seat.generation - late if seat else 1
        lost = self.table.disconnect(serial, generation, self.now, grace_s)
        assert lost is (seat is not None and seat.state is State.SEATED and not late)
        if lost:
            self.change(serial, state=State.GRACE, since=self.now, until=self.now + grace_s)
        self.check(before)

    @rule(choice=CHOICES, lease_s=TIMES)
    def renew(self, choice: int, lease_s: float) -> None:
        serial = self.pick(choice)
        before, seat = dict(self.model), self.model.get(serial)
        connection = self.table.renew(serial, self.now, lease_s)
        if seat is None:
            assert connection is None
        elif seat.state is State.LEASE:
            assert connection == Connection(seat.generation)
            self.change(serial, until=self.now + lease_s)
        else:
            displaced = seat.worker if seat.state is State.SEATED else None
            generation = seat.generation + 1
            assert connection == Connection(generation, displaced)
            leased = {"worker": 0, "generation": generation, "since": self.now, "until": self.now + lease_s}
            self.change(serial, state=State.LEASE, **leased)
        self.check(before)

    @rule(worker=st.integers(0, 2), grace_s=TIMES)
    def worker_died(self, worker: int, grace_s: float) -> None:
        before = dict(self.model)
        mine = [
            each for each, seat in self.model.items() if seat.state is State.SEATED and seat.worker == worker
        ]
        assert self.table.worker_died(worker, self.now, grace_s) == len(mine)
        for serial in mine:
            self.change(serial, state=State.GRACE, since=self.now, until=self.now + grace_s)
        self.check(before)

    @rule(choice=CHOICES)
    def take_back(self, choice: int) -> None:
        serial, before = self.pick(choice), dict(self.model)
        row = self.table.take_back(serial)
        assert (row and Seat.of(row)) == self.model.pop(serial, None)
        self.check(before)

    @rule(passed_s=TIMES)
    def expire(self, passed_s: float) -> None:
        before = dict(self.model)
        self.now += passed_s
        ended = self.table.expire(self.now)
        timed = {each: seat.until for each, seat in before.items() if seat.state is not State.SEATED}
        assert {each for each, until in timed.items() if until <= self.now - TICK_S} <= set(ended)
        assert set(ended) <= {each for each, until in timed.items() if until <= self.now}
        for serial in ended:
            del self.model[serial]
        self.check(before)

    @rule()
    def reopen(self) -> None:
        before = dict(self.model)
        self.open()
        assert self.table.mended == 0
        self.check(before)

    @rule(count=st.integers(-1, SEATS), exempt=st.sets(st.sampled_from(ListenerClass)))
    def ask_for_the_newest(self, count: int, exempt: set[ListenerClass]) -> None:
        wanted = [each for each in self.newest() if self.model[each].listener_class not in exempt]
        assert self.table.newest(count, exempt) == wanted[: max(0, count)]

    @rule(count=st.integers(0, 4), classes=st.sampled_from([{SOLVED, STRANGER}, set(ListenerClass)]))
    def ask_who_holds_most(self, count: int, classes: set[ListenerClass]) -> None:
        held = Counter(each.site for each in self.model.values() if each.listener_class in classes)
        most = self.table.held_most(count, classes)
        assert most.items() <= held.items()
        assert list(most.values()) == [seats for _, seats in held.most_common(count)]

    def check(self, before: dict[int, Seat]) -> None:
        """What readers saw while the table went from `before` to the model."""
        for serial, seen in self.seen:
            old, new = before.get(serial), self.model.get(serial)
            if seen is None:
                assert old is None or new is None
            elif seen not in (old, new):
                assert old is not None
                assert new is not None
                assert seen.identity == old.identity == new.identity
                assert seen.standing in (old.standing, new.standing)
                assert seen.until in (old.until, new.until)
                assert seen.standing == old.standing or seen.until == new.until
        self.seen.clear()

    @invariant()
    def the_rows_are_the_models(self) -> None:
        rows = list(self.view.rows())
        assert {row.serial: Seat.of(row) for row in rows} == self.model
        assert len(rows) == len(self.model) == self.view.taken
        assert self.view.overflows == self.overflows

    @invariant()
    def the_counts_are_the_models(self) -> None:
        held = Counter((seat.site, seat.listener_class) for seat in self.model.values())
        for site in range(4):
            assert self.table.held(site, [SOLVED]) == held[site, SOLVED]
            assert self.table.held(site) == sum(held[site, each] for each in ListenerClass)
        seats = self.model.values()
        assert self.table.held_by_class == tuple(
            sum(seat.listener_class is each for seat in seats) for each in ListenerClass
        )
        assert self.table.held_by_state == tuple(sum(seat.state is each for seat in seats) for each in State)
        for conversation in range(3):
            assert self.table.held_in(conversation) == sum(
                seat.conversation == conversation for seat in seats
            )


Seats.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestSeats = Seats.TestCase


def fresh(seats_max: int) -> SeatTable:
    return SeatTable.create(memoryview(bytearray(table_bytes(seats_max))), seats_max=seats_max)


def give(table: SeatTable, serial: int, until: float = RESERVED_S) -> bool:
    return table.give(serial, serial % 7, 1, STRANGER, 0.0, until)


def test_every_seat_of_a_full_table_finds_a_row_and_goes_on_finding_one() -> None:
    drawn, table = random.Random(11), fresh(2000)
    held = [drawn.getrandbits(64) | 1 for _ in range(2000)]
    assert all(give(table, serial) for serial in held)
    for _ in range(10_000):
        place = drawn.randrange(2000)
        assert table.take_back(held[place]) is not None
        held[place] = drawn.getrandbits(64) | 1
        assert give(table, held[place])
    assert table.taken == 2000
    assert table.overflows == 0
    assert all(table.find(serial) is not None for serial in held)
    assert not give(table, 5)


def test_a_free_seat_that_finds_no_row_is_counted_and_not_given() -> None:
    table = fresh(SEATS)
    assert [give(table, serial) for serial in CROWDED] == [True] * BUCKET_ROWS + [False] * 2
    assert (table.taken, table.overflows) == (BUCKET_ROWS, 2)
    table.take_back(CROWDED[0])
    assert give(table, CROWDED[9])


def test_a_renewed_lease_is_the_same_connection_and_ends_later() -> None:
    table = fresh(10)
    give(table, 1)
    assert [table.renew(1, now) for now in (5, 10)] == [Connection(1)] * 2
    row = table.find(1)
    assert row is not None
    assert (row.state, row.since, row.until) == (State.LEASE, 5, 10 + LEASE_S)


def test_a_table_lets_go_of_its_memory() -> None:
    memory = bytearray(table_bytes(10))
    table = SeatTable.create(memoryview(memory), seats_max=10)
    table.release()
    memory.clear()  # an error as long as anybody holds it


def test_a_machine_at_its_capacity_gives_nothing_and_takes_nothing_when_it_shrinks() -> None:
    table = fresh(10)
    assert table.give(1, 0, 1, STRANGER, 0, 1, capacity=1)
    assert not table.give(2, 0, 1, STRANGER, 0, 1, capacity=1)
    assert table.give(1, 0, 1, STRANGER, 0, 1, capacity=0)  # has it already
    assert table.taken == 1


def test_the_newest_connection_wins_and_the_goodbye_of_the_one_before_comes_too_late() -> None:
    table = fresh(10)
    give(table, 1)
    first, second = table.connect(1, 4, 1), table.connect(1, 5, 2)
    assert first == Connection(1, None)
    assert second == Connection(2, 4)
    assert not table.disconnect(1, 1, 3)
    row = table.find(1)
    assert row is not None
    assert (row.state, row.worker, row.since) == (State.SEATED, 5, 2)


def test_a_seat_outlasts_its_grace_its_reservation_and_its_lease_to_the_quarter_of_a_second() -> None:
    table = fresh(10)
    for serial in (1, 2, 3, 4):
        give(table, serial)
        table.connect(serial, 0, 0)
    table.disconnect(1, 1, 0)
    table.renew(2, 0)
    table.disconnect(3, 1, 0)
    table.connect(3, 0, GRACE_S - 1)
    assert table.expire(LEASE_S) == []
    assert table.expire(LEASE_S + TICK_S) == [2]
    assert table.expire(GRACE_S) == []
    assert table.expire(GRACE_S + TICK_S) == [1]
    assert table.expire(1e9) == []
    assert table.taken == 2


def test_a_crowd_whose_deadline_has_passed_is_ended_in_bounded_steps() -> None:
    table = fresh(1200)
    for serial in range(1, 1201):
        assert give(table, serial | serial * 2654435761 << 32 & (1 << 64) - 1, until=serial / 1200)
    steps = [len(table.expire(2.0)) for _ in range(4)]
    assert steps == [EXPIRED_MAX, EXPIRED_MAX, 1200 - 2 * EXPIRED_MAX, 0]


def test_a_generation_begins_again_when_its_word_is_full() -> None:
    table = fresh(10)
    give(table, 1)
    connection = table.connect(1, 3, 0)
    assert connection is not None
    row = table.find(1)
    assert row is not None
    at = bytes(table._buffer).index(row.status.to_bytes(8, "little"))
    table._buffer[at + 4 : at + 8] = b"\xff" * 4
    assert table.connect(1, 4, 1) == Connection(0, 3)
    assert table.disconnect(1, 0, 2)


def test_a_fresh_table_is_empty_whatever_was_in_the_memory() -> None:
    table = fresh(10)
    give(table, 1)
    again = SeatTable.create(table._buffer, seats_max=10)
    assert (again.taken, again.find(1), again.held_by_class) == (0, None, (0, 0, 0, 0))
    with pytest.raises(BadTable):
        SeatTable.create(table._buffer, seats_max=100)


def damage(offset: int, content: bytes) -> SeatTable:
    """A table of two seats, one of which has been written over, `offset` bytes from its row's start."""
    table = fresh(10)
    give(table, 1)
    give(table, 2, until=77.0)
    start = bytes(table._buffer).index((2).to_bytes(8, "little") * 2)  # head and serial of the second
    table._buffer[start + offset : start + offset + len(content)] = content
    return SeatTable(table._buffer, seats_max=10)


@pytest.mark.parametrize(
    ("offset", "content"),
    [
        (0, b"\x09"),  # head and tail differ
        (8, b"\x03"),  # the row of another serial
        (32, b"\x00"),  # no state
        (32, b"\x05"),
        (33, b"\x04"),  # no class
        (48, b"\x00" * 6 + b"\xf8\x7f"),  # a deadline that is not a number
    ],
)
def test_a_row_that_makes_no_sense_is_emptied_when_the_table_is_opened(offset: int, content: bytes) -> None:
    table = damage(offset, content)
    assert table.mended == 1
    assert table.taken == 1
    assert table.find(2) is None
    assert table.newest(5) == [1]


def test_a_row_in_a_bucket_that_is_not_its_serials_is_emptied_when_the_table_is_opened() -> None:
    table = fresh(10)
    give(table, 3 + (3 << 32))
    content = bytes(table._buffer)
    bucket = 8 * (64 + 72 * 3)
    table._buffer[bucket + 576 : bucket + 1152] = content[bucket : bucket + 576]
    again = SeatTable(table._buffer, seats_max=10)
    assert (again.mended, again.taken) == (1, 1)


def test_an_undamaged_table_opens_as_it_was() -> None:
    table = damage(0, b"")
    assert (table.mended, table.taken, table.newest(5)) == (0, 2, [2, 1])
    assert table.expire(1e9) == [1, 2]
