"""Chunks inside a media file, found without the index: where they begin and end, and what can stand in for
one that is damaged. Pure.

fMP4 carries its media time in every fragment, so chunks are found by walking the boxes, and after damage
by looking for the next `moof` that makes sense. MP3 carries no time, but its frames here are all of one
length, so chunks lie on a grid of bytes.

What stands in for a damaged chunk has exactly its length, so that nothing behind it moves: silent frames
and, in fMP4, a `free` box (ISO/IEC 14496-12, section 8.1.2) for the rest.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from struct import Struct, pack
from typing import NamedTuple

import numpy as np

from hiwar.media.feed import Codec, Feed
from hiwar.packager.boxes import BadMedia
from hiwar.packager.fmp4 import parse_fragment, render_fragment
from hiwar.packager.mp3 import parse_header

Content = bytes | memoryview

UNIT_BYTES_MAX = 4 * 1024 * 1024  # a chunk is a few hundred bytes to some KiB, events included
SILENCE = {
    Codec.OPUS: b"\xf8\xff\xfe",  # RFC 6716: CELT, 20 ms, mono; a frame with nothing coded in it
    Codec.AAC: bytes.fromhex("00c800802380"),  # a mono raw data block of AAC-LC whose bands are all zero
}

_BOX = Struct(">I4s")
_TIME = Struct(">Q")
_TFDT_IN_MOOF = 60  # where "tfdt" stands in the moof that the packager renders
_TIME_IN_MOOF = 68


class Found(NamedTuple):
    """Chunk `number` lies at [start, end)."""

    number: int
    start: int
    end: int


def find_units(
    feed: Feed, content: Content, start: int, next_number: int, gaps: Sequence[range] = ()
) -> Iterator[Found]:
    """The whole chunks from `start` on, in order, without damaged stretches; numbers grow from `next_number`.

    `gaps` are the numbers that the journal says are missing; only MP3, which has no times, needs them.
    """
    if feed.rendition.codec is Codec.MP3:
        yield from _find_on_grid(feed, content, start, _numbers(next_number, gaps))
    else:
        yield from _find_fragments(feed, content, start, next_number)


def is_sound(feed: Feed, number: int, payload: bytes) -> bool:
    """Whether `payload` has the form of chunk `number`, to the last byte."""
    if feed.rendition.codec is Codec.MP3:
        return _is_frames(feed, payload)
    try:
        fragment = parse_fragment(payload)
    except BadMedia:
        return False
    return (
        fragment.media_time == number * feed.chunk_samples
        and len(fragment.packets) == feed.frames_per_chunk
        and fragment.packet_samples == feed.rendition.frame_samples
        and all(fragment.packets)
        and (fragment.end == len(payload) or _is_free(payload, fragment.end))
    )


def render_stand_in(feed: Feed, number: int, room: int, pattern: bytes = b"") -> bytes:
    """Exactly `room` bytes that stand in for chunk `number`: silence where it fits, else nothing to hear.

    `pattern` is a sound frame of the same MP3 file, for its header.
    """
    if feed.rendition.codec is Codec.MP3:
        frame = pattern[:4] + bytes(max(0, len(pattern) - 4))
        return (frame * feed.frames_per_chunk)[:room].ljust(room, b"\0")
    silence = render_fragment(
        [SILENCE[feed.rendition.codec]] * feed.frames_per_chunk,
        media_time=number * feed.chunk_samples,
        packet_samples=feed.rendition.frame_samples,
        sequence=number + 1,
    )
    rest = room - len(silence)
    if rest == 0:
        return silence
    return silence + render_free(rest) if rest >= _BOX.size else render_free(room)


def render_free(room: int) -> bytes:
    """A `free` box of `room` bytes (at least 8)."""
    return pack(">I4s", room, b"free").ljust(room, b"\0")


def frame_pattern(content: Content, start: int) -> bytes:
    """A sound MP3 frame near `start`, one of two alike in a row; b"" if there is none."""
    near = bytes(content[start : start + 64 * 1024])
    at = near.find(b"\xff")
    while at >= 0:
        try:
            length = parse_header(near, at).length
            parse_header(near, at + length)
        except BadMedia:
            length = 0
        if length and near[at : at + 3] == near[at + length : at + length + 3]:
            return near[at : at + length]
        at = near.find(b"\xff", at + 1)
    return b""


def _is_free(payload: bytes, at: int) -> bool:
    if len(payload) - at < _BOX.size:
        return False
    size, kind = _BOX.unpack_from(payload, at)
    return kind == b"free" and at + int(size) == len(payload)


def _find_fragments(feed: Feed, content: Content, start: int, next_number: int) -> Iterator[Found]:
    at = start
    while at < len(content):
        found = _fragment_at(feed, content, at, next_number)
        if found is None:
            at = _next_candidate(content, at + 1)
            if at < 0:
                return
            continue
        yield found
        at, next_number = found.end, found.number + 1


def _fragment_at(feed: Feed, content: Content, start: int, next_number: int) -> Found | None:
    """The chunk that begins at `start`: other boxes, one moof, one mdat, and a free box behind it."""
    at, number = start, -1
    while len(content) - at >= _BOX.size and at - start < UNIT_BYTES_MAX:
        size, kind = _BOX.unpack_from(content, at)
        if size < _BOX.size or at + size > len(content):
            return None
        if kind == b"moof":
            number = _number_of(feed, content, at, size)
        elif kind == b"mdat":
            end = _after_free(content, at + size)
            return Found(number, start, end) if number >= next_number else None
        elif kind not in (b"emsg", b"free"):
            return None
        at += size
    return None


def _number_of(feed: Feed, content: Content, moof: int, size: int) -> int:
    if size < _TIME_IN_MOOF + 8 or content[moof + _TFDT_IN_MOOF : moof + _TFDT_IN_MOOF + 4] != b"tfdt":
        return -1
    (media_time,) = _TIME.unpack_from(content, moof + _TIME_IN_MOOF)
    number, rest = divmod(media_time, feed.chunk_samples)
    return -1 if rest else int(number)


def _after_free(content: Content, at: int) -> int:
    if len(content) - at >= _BOX.size:
        size, kind = _BOX.unpack_from(content, at)
        if kind == b"free" and size >= _BOX.size and at + size <= len(content):
            return int(at + size)
    return at


def _next_candidate(content: Content, at: int) -> int:
    """Where the next box that can begin a chunk may lie; -1 if nowhere. Looks no farther than one chunk."""
    near = bytes(content[at : at + UNIT_BYTES_MAX])
    places = [near.find(kind, 4) for kind in (b"moof", b"emsg")]
    found = [place - 4 for place in places if place >= 4]
    return at + min(found) if found else -1


def _numbers(number: int, gaps: Sequence[range]) -> Iterator[int]:
    """`number` and on, without those in `gaps` (in order)."""
    for gap in gaps:
        yield from range(number, gap.start)
        number = max(number, gap.stop)
    yield from count(number)


def _find_on_grid(feed: Feed, content: Content, start: int, numbers: Iterator[int]) -> Iterator[Found]:
    pattern = frame_pattern(content, start)
    step = len(pattern) * feed.frames_per_chunk
    if not step:
        return
    count_max = (len(content) - start) // step
    heads = np.frombuffer(content, np.uint8, count_max * step, start).reshape(-1, len(pattern))[:, :6]
    alike = (heads[:, 0] == pattern[0]) & (heads[:, 1] == pattern[1]) & (heads[:, 2] == pattern[2])
    alone = (heads[:, 4] == 0) & (heads[:, 5] < 0x80)  # main_data_begin, as in `parse_header`
    whole = (alike & alone).reshape(count_max, feed.frames_per_chunk).all(axis=1)
    for turn, number in zip(range(count_max), numbers, strict=False):
        if whole[turn]:
            yield Found(number, start + turn * step, start + (turn + 1) * step)


def _is_frames(feed: Feed, payload: bytes) -> bool:
    """Whether it is exactly the frames of one chunk, none of which reaches back into an earlier one."""
    at = 0
    for _ in range(feed.frames_per_chunk):
        try:
            header = parse_header(payload, at)
        except BadMedia:
            return False
        if header.reservoir_bytes or header.rate != 48_000:
            return False
        at += header.length
    return at == len(payload)
