"""How seats lie in shared memory, and how they are read while they are written. Pure: bytes in, rows out.

Rules
- One process writes, any number read; nobody locks and nobody waits.
- A row holds one seat, and stays where it is until the seat is given up. Serials are drawn at random by
  whoever gives seats out: their two halves choose the row's two buckets.

Layout, in words of eight bytes of the machine's own order: a header of 64, then buckets of 72. A bucket
is the serials of its eight rows (0: an empty row), then the rows: head, serial, site, conversation,
status, since, until, tail. Head and tail are both the seat's order, the number of its giving, which never
comes twice. Status is state, class, worker and generation in one word, so that they change together.

Theory of operation: two choices of eight rows each, the emptier one taken (Azar, Broder, Karlin and Upfal,
"Balanced Allocations", 1999), hold a load of 50 % without ever moving a row. A word is stored and loaded
whole, since it is aligned and CPython copies it as one machine word (not so with `struct.pack_into`, which
clears before it writes: rows are written through `memoryview.cast`). A seat is given in the order tail,
middle, head, serial, and given up by clearing its serial; a reader goes the other way, serial, head,
middle, tail. So:
- a row half written is not seen, for its serial comes last;
- if the row changed hands under the reader, head and tail differ, or the serial inside is another's: the
  answer is None. The seat was given or given up during the call, so that both answers are true;
- if its state changed under the reader, the deadline is at least as new as the state, since it is written
  before it and read after it. `since` may for that instant belong to the state before or after.
Stores stay in order by the rules of x86-64. Elsewhere (ARM) no rule says so; an interpreter has hundreds
of instructions between two of them, and the worst would be a class or deadline of the row's last holder,
for an instant: harmless, because a ticket proves itself by its signature and a row only counts it.
"""

from binascii import crc32
from collections.abc import Iterator
from enum import IntEnum
from struct import Struct

import msgspec

from hiwar.admission.classes import ListenerClass

SEATS_MAX = 1 << 18  # a core writes to about 200,000 listeners at the longest interval; a table of 38 MB
BUCKET_ROWS = 8  # their serials are one cache line
BUCKETS_MIN = 17  # so that the two choices of the smallest table are rarely one
LOAD_PERCENT = 50  # of the rows, all seats taken; at 70 % one giving in 4,000 would find no row

WORD = 8
ROW_WORDS = 8
HEADER_WORDS = 64
BUCKET_WORDS = BUCKET_ROWS * (1 + ROW_WORDS)
MAGIC = int.from_bytes(b"HiwSeats", "little")
LAYOUT = 1 << 32 | BUCKET_ROWS << 16 | ROW_WORDS  # the version, and what it is made of
AT_MAGIC, AT_LAYOUT, AT_SEATS_MAX, AT_CHECK, AT_TAKEN, AT_OVERFLOWS, AT_ORDER = range(7)
HEAD, SERIAL, SITE, CONVERSATION, STATUS, SINCE, UNTIL, TAIL = range(ROW_WORDS)

_LOW_HALF = 0xFFFF_FFFF
_load_serials = Struct(f"@{BUCKET_ROWS}Q").unpack_from
_load_row = Struct("@QQQQQddQ").unpack_from


class BadTable(ValueError):
    """The memory holds no table, one of another layout or size, or a damaged one: make a fresh one."""


class State(IntEnum):
    """What a seat is. All but `SEATED` end by themselves at the row's `until`."""

    EMPTY = 0  # never in a row that has a serial
    GIVEN = 1  # won, and not come yet
    SEATED = 2  # a connection is open
    GRACE = 3  # the connection was lost
    LEASE = 4  # HLS: renewed by each playlist request


_STATES = tuple(State)
_CLASSES = tuple(ListenerClass)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One seat as it was at one moment. Times in monotonic seconds; `until` says nothing of a seated one.

    `since` is when it came into its state; `order` is larger the later the seat was given.
    """

    serial: int
    site: int
    conversation: int
    status: int
    since: float
    until: float
    order: int

    @property
    def state(self) -> State:
        return _STATES[self.status & 0xFF]

    @property
    def listener_class(self) -> ListenerClass:
        return _CLASSES[self.status >> 8 & 0xFF]

    @property
    def worker(self) -> int:
        """The worker of the last connection, 0..65535; 0 before the first."""
        return self.status >> 16 & 0xFFFF

    @property
    def generation(self) -> int:
        """How many connections and leases this seat has had, modulo 2^32."""
        return self.status >> 32


def render_status(state: State, listener_class: int, worker: int, generation: int) -> int:
    """The four in one word."""
    return state | listener_class << 8 | worker << 16 | generation << 32


def buckets_for(seats_max: int) -> int:
    """How many buckets hold `seats_max` seats, 1..SEATS_MAX; odd, so that serials which are all odd spread.

    Raises:
        ValueError: more or fewer seats than a table can have.
    """
    if not 1 <= seats_max <= SEATS_MAX:
        raise ValueError(f"a seat table has 1 to {SEATS_MAX} seats, not {seats_max}")
    return max(BUCKETS_MIN, -(-seats_max * 100 // (LOAD_PERCENT * BUCKET_ROWS))) | 1


def table_bytes(seats_max: int) -> int:
    """The size of a table of `seats_max` seats, in bytes: about 145 for each seat."""
    return WORD * (HEADER_WORDS + BUCKET_WORDS * buckets_for(seats_max))


def header_check(words: memoryview) -> int:
    """A checksum of what the header says of the layout."""
    return crc32(words[AT_MAGIC:AT_CHECK])


class SeatView:
    """A seat table, to be read: what a worker has. The buffer may be read-only.

    Raises:
        BadTable: see there; the text says what is wrong.
    """

    def __init__(self, buffer: memoryview, *, seats_max: int) -> None:
        self.seats_max = seats_max
        self._buckets = buckets_for(seats_max)
        if len(buffer) != table_bytes(seats_max):
            raise BadTable(f"{len(buffer)} bytes, where {seats_max} seats take {table_bytes(seats_max)}")
        self._buffer = buffer
        self._words: memoryview = buffer.cast("Q")
        self._check_header()

    def _check_header(self) -> None:
        words = self._words
        if words[AT_MAGIC] != MAGIC:
            raise BadTable("this is no seat table")
        if words[AT_LAYOUT] != LAYOUT:
            raise BadTable(f"a layout of another version: {words[AT_LAYOUT]:#x}, not {LAYOUT:#x}")
        if words[AT_CHECK] != header_check(words):
            raise BadTable("the header is damaged")
        if words[AT_SEATS_MAX] != self.seats_max:
            raise BadTable(f"a table of {words[AT_SEATS_MAX]} seats, not {self.seats_max}")

    @property
    def taken(self) -> int:
        """How many seats are taken, in whatever state."""
        return self._words[AT_TAKEN]

    @property
    def overflows(self) -> int:
        """How often a free seat found no row, since the table was made."""
        return self._words[AT_OVERFLOWS]

    def find(self, serial: int) -> Row | None:
        """The seat of this serial, or None if there is none. Less than a microsecond."""
        place = self._place(serial)
        return None if place is None else self._row(serial, place)

    def rows(self) -> Iterator[Row]:
        """All seats, each as it was when its turn came; for pictures, not for the hot path."""
        for place in self._places():
            serial = self._words[serial_word(place)]
            row = self._row(serial, place) if serial else None
            if row is not None:
                yield row

    def release(self) -> None:
        """Let go of the buffer, so that the file under it can be closed. The view is of no use after it."""
        self._words.release()
        self._buffer = memoryview(b"")

    def _place(self, serial: int) -> int | None:
        """Where the row of this serial begins: the number of its first word."""
        for bucket in self._choices(serial) if serial else ():
            serials = _load_serials(self._buffer, WORD * bucket)
            if serial in serials:
                return bucket + BUCKET_ROWS + ROW_WORDS * serials.index(serial)
        return None

    def _choices(self, serial: int) -> tuple[int, int]:
        """Where the two buckets of a serial begin."""
        return (
            HEADER_WORDS + BUCKET_WORDS * ((serial & _LOW_HALF) % self._buckets),
            HEADER_WORDS + BUCKET_WORDS * ((serial >> 32) % self._buckets),
        )

    def _row(self, serial: int, place: int) -> Row | None:
        head, inside, site, conversation, status, since, until, tail = _load_row(self._buffer, WORD * place)
        if head != tail or inside != serial:
            return None
        return Row(serial, site, conversation, status, since, until, head)

    def _places(self) -> Iterator[int]:
        """Where the rows begin, all of them."""
        for bucket in range(self._buckets):
            first = HEADER_WORDS + BUCKET_WORDS * bucket + BUCKET_ROWS
            yield from range(first, first + BUCKET_ROWS * ROW_WORDS, ROW_WORDS)


def serial_word(place: int) -> int:
    """Which word is the serial of the row that begins at the word `place`."""
    bucket, within = divmod(place - HEADER_WORDS, BUCKET_WORDS)
    return HEADER_WORDS + BUCKET_WORDS * bucket + (within - BUCKET_ROWS) // ROW_WORDS
