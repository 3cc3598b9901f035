"""A speaker's track: every packet byte for byte as it was received, with the media time of its arrival.

    file:    magic "HiwarTr1", then records
    record:  mark A7 'T' 'R' 'K' | CRC-32 of the rest u32 | media_time u64 | length u16 | the packet

All numbers are big-endian. The mark lets salvage find its way from the end of the file without reading
hours of it: it looks for a mark near the end whose check holds, and walks on from there. Pure.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

from hiwar.media.packet import SpeakerPacket

MAGIC = b"HiwarTr1"
MARK = b"\xa7TRK"
PACKET_BYTES_MAX = 0xFFFF  # an RTP packet fits a UDP datagram

_HEAD = struct.Struct(">4sI")
_BODY = struct.Struct(">QH")
RECORD_HEAD_BYTES = _HEAD.size + _BODY.size
_PERSON = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`raw` arrived at `media_time` (samples at 48 kHz)."""

    media_time: int
    raw: bytes


def track_name(person_id: str) -> str:
    """The file of a person's track within `tracks/`.

    Raises:
        ValueError: an id that cannot be a file's name.
    """
    if not _PERSON.fullmatch(person_id):
        raise ValueError("a person's id is 1 to 64 letters, digits, '-' or '_'")
    return f"{person_id}.track"


def render_packet(packet: SpeakerPacket, media_time: int) -> bytes:
    """The record of a packet that arrived at `media_time`."""
    return render_record(TrackRecord(media_time, packet.raw))


def render_record(record: TrackRecord) -> bytes:
    body = _BODY.pack(record.media_time, len(record.raw)) + record.raw
    return _HEAD.pack(MARK, crc32(body)) + body


def parse_record(content: bytes | memoryview, at: int) -> tuple[TrackRecord, int] | None:
    """The record at `at` and where the next one begins; None if there is no whole, sound one."""
    if len(content) < at + RECORD_HEAD_BYTES:
        return None
    mark, check = _HEAD.unpack_from(content, at)
    media_time, length = _BODY.unpack_from(content, at + _HEAD.size)
    end = at + RECORD_HEAD_BYTES + length
    if mark != MARK or len(content) < end or crc32(content[at + _HEAD.size : end]) != check:
        return None
    return TrackRecord(media_time, bytes(content[at + RECORD_HEAD_BYTES : end])), end


def read_records(content: bytes | memoryview) -> Iterator[TrackRecord]:
    """All sound records of a track, in order; damaged ones are passed over to the next mark."""
    whole = bytes(content)
    at = len(MAGIC)
    while at < len(whole):
        found = parse_record(whole, at)
        if found is None:
            at = whole.find(MARK, at + 1)
            if at < 0:
                return
            continue
        yield found[0]
        at = found[1]


def last_end(content: bytes | memoryview) -> int | None:
    """Where the last whole, sound record of `content` (the end of a track) ends; None if it has none.

    Reads from the last mark backwards, so that damage further ahead costs nothing.
    """
    whole = bytes(content)
    at = whole.rfind(MARK)
    while at >= 0:
        found = parse_record(whole, at)
        if found is not None:
            return found[1]
        at = whole.rfind(MARK, 0, at)
    return None
