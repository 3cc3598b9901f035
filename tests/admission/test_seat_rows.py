"""The layout, who refuses it, and readers that are overtaken by the writer."""

import mmap
import random
from collections.abc import Callable, Iterator
from struct import pack, unpack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission import seat_rows
from hiwar.admission.classes import ListenerClass
from hiwar.admission.seat_rows import (
    AT_CHECK,
    AT_LAYOUT,
    AT_MAGIC,
    AT_SEATS_MAX,
    BUCKET_ROWS,
    ROW_WORDS,
    SEATS_MAX,
    BadTable,
    Row,
    SeatView,
    State,
    header_check,
    render_status,
    table_bytes,
)
from hiwar.admission.seats import SeatTable
from tests.admission.watched import watch

SEATS = 40
ONE = 0x0000_0005_0000_0003  # chooses bucket 3 first, then 5


def memory(seats_max: int = SEATS) -> memoryview:
    return memoryview(bytearray(table_bytes(seats_max)))


def test_a_table_has_room_for_twice_its_seats_and_fits_memory() -> None:
    assert table_bytes(1) == table_bytes(64) == 8 * (64 + 17 * 72)
    assert table_bytes(8000) == 8 * (64 + 2001 * 72)
    assert table_bytes(SEATS_MAX) < 38_000_000


@pytest.mark.parametrize("seats_max", [0, -1, SEATS_MAX + 1])
def test_a_number_of_seats_that_no_table_has_is_refused(seats_max: int) -> None:
    with pytest.raises(ValueError, match="seats"):
        table_bytes(seats_max)


@pytest.mark.parametrize(
    ("word", "value", "mend", "because"),
    [
        (AT_MAGIC, 0, True, "no seat table"),
        (AT_LAYOUT, 2 << 32, True, "another version"),
        (AT_SEATS_MAX, 41, True, "41 seats"),
        (AT_SEATS_MAX, 41, False, "damaged"),
        (AT_CHECK, 1, False, "damaged"),
    ],
)
def test_a_header_that_is_not_this_tables_is_refused(word: int, value: int, mend: bool, because: str) -> None:
    buffer = memory()
    SeatTable.create(buffer, seats_max=SEATS)
    words = buffer.cast("Q")
    words[word] = value
    if mend:
        words[AT_CHECK] = header_check(words)
    with pytest.raises(BadTable, match=because):
        SeatView(buffer, seats_max=SEATS)


def test_memory_of_another_size_is_refused() -> None:
    with pytest.raises(BadTable, match="bytes"):
        SeatView(memory()[:-8], seats_max=SEATS)


@pytest.mark.parametrize("state", list(State)[1:])
@pytest.mark.parametrize("listener_class", ListenerClass)
def test_a_status_word_says_what_went_into_it(state: State, listener_class: ListenerClass) -> None:
    row = Row(1, 2, 3, render_status(state, listener_class, 0xFFFF, 0xFFFF_FFFF), 0.0, 1.0, 4)
    assert (row.state, row.listener_class) == (state, listener_class)
    assert (row.worker, row.generation) == (0xFFFF, 0xFFFF_FFFF)
    assert row.status < 1 << 64


def test_a_reader_needs_no_right_to_write_and_lets_go_of_the_file() -> None:
    shared = mmap.mmap(-1, table_bytes(SEATS))
    buffer = memoryview(shared)
    table = SeatTable.create(buffer, seats_max=SEATS)
    view = SeatView(buffer.toreadonly(), seats_max=SEATS)
    table.give(ONE, 7, 8, ListenerClass.INVITED, 1.0, 13.0)
    row = view.find(ONE)
    assert row == Row(ONE, 7, 8, render_status(State.GIVEN, ListenerClass.INVITED, 0, 0), 1.0, 13.0, 1)
    assert list(view.rows()) == [row]
    assert (view.taken, view.overflows) == (1, 0)
    table.release()
    view.release()
    buffer.release()
    shared.close()


@pytest.mark.parametrize("serial", [0, ONE + 1, ONE + (1 << 64), -1])
def test_a_serial_that_nobody_holds_is_not_found(serial: int) -> None:
    buffer = memory()
    SeatTable.create(buffer, seats_max=SEATS).give(ONE, 7, 8, ListenerClass.INVITED, 1.0, 13.0)
    assert SeatView(buffer, seats_max=SEATS).find(serial) is None


# Two people who can only have the same rows, so that one follows the other in a row.
ANN, BOB, OTHERS = ONE, ONE + (17 << 32) + 17, [ONE + (17 * each << 32) + 17 * each for each in range(2, 17)]


def history(table: SeatTable) -> None:
    """Fill the two buckets but for one row, and let Ann and Bob follow each other in it."""
    for turn in range(2):
        for serial in (ANN, BOB):
            table.give(serial, serial ^ turn, serial + turn, ListenerClass.SOLVED, turn, turn + 10)
            table.connect(serial, 2, turn + 1)
            table.disconnect(serial, 1, turn + 2, 30)
            table.renew(serial, turn + 3, 12)
            table.take_back(serial)


def writes() -> tuple[bytes, list[tuple[int, bytes]]]:
    """The memory before that history, and the words it writes, one after the other."""
    buffer = memory()
    table = SeatTable.create(buffer, seats_max=SEATS)
    for serial in OTHERS:
        assert table.give(serial, 1, 1, ListenerClass.STRANGER, 0, 1)
    before, written = bytes(buffer), list[tuple[int, bytes]]()
    watch(table, lambda word: written.append((word, bytes(buffer[8 * word : 8 * word + 8]))))
    history(table)
    return before, written


BEFORE, WRITTEN = writes()


class SlowReader:
    """Reads word by word, and between any two words lets the writer do some of its writes."""

    def __init__(self, written: int, pauses: Iterator[int]) -> None:
        self._memory = bytearray(BEFORE)
        self._left = iter(WRITTEN)
        self._pauses = pauses
        self.view = SeatView(memoryview(self._memory), seats_max=SEATS)
        self._write(written)

    def _write(self, count: int) -> None:
        for _, (word, content) in zip(range(count), self._left, strict=False):
            self._memory[8 * word : 8 * word + 8] = content

    def load(self, form: str) -> Callable[[memoryview, int], tuple[Any, ...]]:
        def read(buffer: memoryview, offset: int) -> tuple[Any, ...]:
            words = []
            for number in range(len(form)):
                words.append(bytes(buffer[offset + 8 * number : offset + 8 * number + 8]))
                self._write(next(self._pauses, 0))
            return unpack(f"@{form}", b"".join(words))

        return read


PAUSES = st.lists(st.sampled_from([0, 0, 0, 1, 2, 5, 9, 16, 17, 30]), max_size=24)


@given(st.integers(0, len(WRITTEN)), PAUSES, st.sampled_from([ANN, BOB]))
def test_a_reader_overtaken_by_any_number_of_writes_sees_a_seat_as_it_was_or_none(
    written: int, pauses: list[int], serial: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        reader = SlowReader(written, iter(pauses))
        patch.setattr(seat_rows, "_load_serials", reader.load("Q" * BUCKET_ROWS))
        patch.setattr(seat_rows, "_load_row", reader.load("QQQQQddQ"))
        row = reader.view.find(serial)
    assert_is_one_of(row, serial)


def test_a_reader_stopped_once_wherever_and_for_however_long_sees_a_seat_as_it_was_or_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memories = [BEFORE]
    for word, content in WRITTEN:
        memories.append(memories[-1][: 8 * word] + content + memories[-1][8 * word + 8 :])
    seen = 0
    for number, memory in enumerate(memories):
        view = SeatView(memoryview(memory), seats_max=SEATS)
        for serial in (ANN, BOB):
            place = view._place(serial)
            if place is None:
                continue
            for stop in range(ROW_WORDS):
                first, rest, last = (8 * (place + each) for each in (0, stop, ROW_WORDS))
                for later in memories[number:]:
                    words = unpack("@QQQQQddQ", memory[first:rest] + later[rest:last])
                    monkeypatch.setattr(seat_rows, "_load_row", lambda *_, words=words: words)
                    row = view._row(serial, place)
                    assert_is_one_of(row, serial)
                    seen += row is not None
    assert seen > 1000


def assert_is_one_of(row: Row | None, serial: int) -> None:
    """None, or the seat as it was at one moment of the history."""
    if row is None:
        return
    turn = row.conversation - serial
    assert (row.serial, row.site) == (serial, serial ^ turn)
    assert row.order == len(OTHERS) + 1 + 2 * turn + (serial == BOB)
    assert row.listener_class is ListenerClass.SOLVED
    assert row.since - turn in (0, 1, 2, 3)
    # The deadline belongs to the state, or to one that came later.
    later = {State.GIVEN: (10, 32, 15), State.GRACE: (32, 15), State.LEASE: (15,)}
    assert row.state is State.SEATED or row.until - turn in later[row.state]


def test_the_history_does_put_one_after_the_other_in_a_row() -> None:
    words = [(word, unpack("@Q", content)[0]) for word, content in WRITTEN]
    entry = min(word for word, value in words if value == ANN)  # in the bucket's list of serials
    assert [value for word, value in words if word == entry] == [ANN, 0, BOB, 0] * 2


def test_a_row_of_which_only_a_part_was_written_is_no_seat() -> None:
    buffer = memory()
    table = SeatTable.create(buffer, seats_max=SEATS)
    table.give(ONE, 7, 8, ListenerClass.INVITED, 1.0, 13.0)
    at = bytes(buffer).index(pack("@Q", 7))  # the site, two words behind the head
    view = SeatView(buffer, seats_max=SEATS)
    buffer[at - 16] ^= 1
    assert view.find(ONE) is None
    assert list(view.rows()) == []
    buffer[at - 16] ^= 1
    assert view.find(ONE) is not None


def test_a_seat_costs_the_reader_at_most_two_buckets_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    buffer, drawn = memory(1000), random.Random(3)
    table = SeatTable.create(buffer, seats_max=1000)
    serials = [drawn.getrandbits(64) | 1 for _ in range(1000)]
    for serial in serials:
        assert table.give(serial, 1, 1, ListenerClass.STRANGER, 0, 1)
    loads = []

    def counted(load: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
        return lambda *where: loads.append(where) or load(*where)  # type: ignore[func-returns-value]

    monkeypatch.setattr(seat_rows, "_load_serials", counted(seat_rows._load_serials))
    monkeypatch.setattr(seat_rows, "_load_row", counted(seat_rows._load_row))
    for serial in serials:
        loads.clear()
        assert table.find(serial) is not None
        assert len(loads) <= 3
