"""What has to be done to a feed's file and index so that both are whole again. Pure: bytes in, a plan out.

The rules, in order:
- Records of the index that are in order, and within the file, are believed; the check of those in the last
  `TAIL_SECONDS` (of all, when `deep`) is made against the bytes. Older ones were durable long before.
- Behind the last such record the media file speaks for itself: whole chunks there get new records.
- Damage at the end is a torn tail and is cut off. Damage with sound chunks behind it is overwritten by
  silence of the same length (the shell keeps the old bytes), so that nothing whole is lost and the file
  plays through.
- A check that differs from the right one in a single byte speaks of a damaged index, not of damaged sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from zlib import crc32

import numpy as np

from hiwar.media.feed import Feed
from hiwar.media.timeline import samples
from hiwar.recording.index import (
    RECORD_BYTES,
    RECORD_TYPE,
    BadIndex,
    IndexRecord,
    Records,
    check_of,
    in_order_count,
    parse_header,
    parse_records,
    record_at,
    render_header,
    render_record,
)
from hiwar.recording.units import Content, find_units, frame_pattern, is_sound, render_free, render_stand_in

FREE_BYTES_MIN = 8  # a box is at least its header
TAIL_SECONDS = 60.0  # far more than can be unsynced when a stage dies


@dataclass(frozen=True, slots=True)
class Patch:
    """Bytes to be overwritten at `offset`; the old ones are set aside. `number` is -1 for init bytes."""

    offset: int
    content: bytes
    number: int = -1


@dataclass(frozen=True, slots=True)
class FeedPlan:
    """The file cut to `length` and patched, the index replaced by `index`; `next_number` is free."""

    length: int
    index: bytes
    patches: tuple[Patch, ...]
    next_number: int


@dataclass(slots=True)
class _Piece:
    """A stretch of the file that gets a record: chunk `number`, sound or to be stood in for."""

    number: int
    start: int
    end: int
    sound: bool
    junk: int = 0  # bytes at its start that belong to nothing


@dataclass(slots=True)
class _Draft:
    """A plan in the making: `rows` are the records kept, `bad` the positions whose sound is damaged,
    `doubted` the chunks whose sound is damaged if they do lie where their taken-back record said."""

    rows: bytearray
    bad: list[int] = field(default_factory=list)
    doubted: set[tuple[int, int, int]] = field(default_factory=set)  # number, start, end

    def record(self, position: int) -> IndexRecord:
        return record_at(np.frombuffer(self.rows, RECORD_TYPE, 1, position * RECORD_BYTES), 0)

    def put(self, position: int, row: bytes) -> None:
        self.rows[position * RECORD_BYTES : (position + 1) * RECORD_BYTES] = row

    def __len__(self) -> int:
        return len(self.rows) // RECORD_BYTES


def decide_feed(
    feed: Feed, content: Content, index: bytes, init: bytes, gaps: Sequence[range] = (), *, deep: bool = False
) -> FeedPlan:
    """The plan for one feed. `init` is what the file opened with (by the journal); `gaps` the chunk numbers
    that the journal says are missing, in order."""
    opening = _check_init(content, index, init)
    if opening is None:
        return FeedPlan(0, b"", (), 0)
    init_length = len(opening.content)
    records = parse_records(index if opening.index_usable else b"")
    draft = _believe(feed, content, records, init_length, deep=deep)
    pieces = _beyond(feed, content, draft, init_length, gaps, deep=deep)
    while pieces and not pieces[-1].sound:  # the torn tail
        pieces.pop()
    patches = (*opening.patches, *_stand_in(feed, content, draft, pieces, init_length))
    end, number = _edge(draft, init_length)
    header = render_header(feed.chunk_samples, opening.content)
    return FeedPlan(end, header + bytes(draft.rows), patches, number)


def damaged_positions(content: Content, records: Records, first: int = 0) -> list[int]:
    """The positions from `first` on whose check does not fit the bytes."""
    bad = []
    checked = records[first:]
    places = memoryview(checked.tobytes())
    columns = (checked[name].tolist() for name in ("offset", "length", "check"))
    for position, (offset, length, check) in enumerate(zip(*columns, strict=True)):
        place = places[position * RECORD_BYTES : position * RECORD_BYTES + 20]
        if crc32(content[offset : offset + length], crc32(place)) != check:
            bad.append(first + position)
    return bad


@dataclass(frozen=True, slots=True)
class _Init:
    """The bytes a file opens with, the patches for that, and whether the index may be believed."""

    content: bytes
    patches: tuple[Patch, ...] = ()
    index_usable: bool = False


def _check_init(content: Content, index: bytes, init: bytes) -> _Init | None:
    """None if not even the init bytes are whole: the file begins anew."""
    try:
        header = parse_header(index)
    except BadIndex:
        header = None
    if header and len(content) >= header.init_length:
        found = bytes(content[: header.init_length])
        if crc32(found) == header.init_check:
            return _Init(found, index_usable=True)
    if len(content) <= len(init):
        return None
    patches = () if bytes(content[: len(init)]) == init else (Patch(0, init),)
    return _Init(init, patches, index_usable=header is not None and header.init_length == len(init))


def _believe(feed: Feed, content: Content, records: Records, init_length: int, *, deep: bool) -> _Draft:
    """The records that are in order, those in the tail checked and mended."""
    kept = records[: in_order_count(records, init_length, len(content))]
    tail = 0 if deep else max(0, len(kept) - samples(TAIL_SECONDS) // feed.chunk_samples)
    draft = _Draft(bytearray(kept.tobytes()))
    for position in damaged_positions(content, kept, tail):
        mended = _mend_record(feed, content, draft, position)
        if mended is None:
            draft.bad.append(position)
        else:
            draft.put(position, mended)
    _doubt_last(draft)
    return draft


def _doubt_last(draft: _Draft) -> None:
    """Take back records at the end whose check fails: with no good one behind, even their length is in doubt.
    Their chunks are looked for in the file itself."""
    while draft.bad and draft.bad[-1] == len(draft) - 1:
        draft.bad.pop()
        row = draft.record(len(draft) - 1)
        draft.doubted.add((row.number, row.offset, row.end))
        del draft.rows[-RECORD_BYTES:]


def _mend_record(feed: Feed, content: Content, draft: _Draft, position: int) -> bytes | None:
    """The right record, if it is the record that is damaged; None if the sound is."""
    row = draft.record(position)
    payload = bytes(content[row.offset : row.end])
    before = draft.record(position - 1).number if position else -1
    own = next(find_units(feed, content[row.offset : row.end], 0, 0), None)
    for number in (row.number, before + 1, own.number if own else -1):
        difference = check_of(max(0, number), row.offset, payload) ^ row.check
        one_byte = any(difference & ~(0xFF << shift) == 0 for shift in (0, 8, 16, 24))
        if one_byte and number > before and is_sound(feed, number, payload):
            return render_record(number, row.offset, payload)
    return None


def _edge(draft: _Draft, init_length: int) -> tuple[int, int]:
    """Where the kept records end, and the next number."""
    if not len(draft):
        return init_length, 0
    last = draft.record(len(draft) - 1)
    return last.end, last.number + 1


def _beyond(
    feed: Feed, content: Content, draft: _Draft, init_length: int, gaps: Sequence[range], *, deep: bool
) -> list[_Piece]:
    """What lies behind the last record that is believed, with the damaged stretches in between."""
    start, number = _edge(draft, init_length)
    ahead = [gap for gap in gaps if gap.stop > number]
    found = list(find_units(feed, content, start, number, ahead))
    checked_from = 0 if deep else len(found) - samples(TAIL_SECONDS) // feed.chunk_samples
    pieces: list[_Piece] = []
    for position, unit in enumerate(found):
        lost = _split(start, unit.start, range(number, unit.number)) if start < unit.start else []
        pieces += lost
        sound = position < checked_from or is_sound(feed, unit.number, bytes(content[unit.start : unit.end]))
        sound = sound and unit not in draft.doubted
        begin = unit.start if lost else start
        pieces.append(_Piece(unit.number, begin, unit.end, sound, junk=unit.start - begin))
        start, number = unit.end, unit.number + 1
    return pieces


def _split(start: int, end: int, numbers: range) -> list[_Piece]:
    """A damaged stretch shared out among the chunks that are missing there; none if they cannot fit."""
    count = min(len(numbers), (end - start) // FREE_BYTES_MIN)
    if not count:
        return []
    step = (end - start) // count
    places = [*range(start, start + step * count, step), end]
    return [_Piece(numbers[turn], places[turn], places[turn + 1], False) for turn in range(count)]


def _stand_in(
    feed: Feed, content: Content, draft: _Draft, pieces: list[_Piece], init_length: int
) -> list[Patch]:
    """Patches for all damaged chunks; the rows get their new checks, and the pieces their rows."""
    pattern = frame_pattern(content, init_length)
    patches = []
    for position in draft.bad:
        row = draft.record(position)
        silence = render_stand_in(feed, row.number, row.length, pattern)
        patches.append(Patch(row.offset, silence, row.number))
        draft.put(position, render_record(row.number, row.offset, silence))
    for piece in pieces:
        payload = content[piece.start : piece.end]
        if piece.junk or not piece.sound:
            patch = _settle(feed, bytes(payload), piece, pattern)
            payload = patch.content + bytes(payload[len(patch.content) :])
            patches.append(patch)
        draft.rows += render_record(piece.number, piece.start, payload)
    return patches


def _settle(feed: Feed, payload: bytes, piece: _Piece, pattern: bytes) -> Patch:
    """What is to be written over the beginning, or the whole, of a damaged piece."""
    if piece.sound and piece.junk >= FREE_BYTES_MIN:
        return Patch(piece.start, render_free(piece.junk), piece.number)
    return Patch(piece.start, render_stand_in(feed, piece.number, len(payload), pattern), piece.number)
