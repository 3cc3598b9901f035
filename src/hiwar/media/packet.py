"""RTP packets (RFC 3550) as a speaker sends them and as they are kept in a track. Pure.

A `SpeakerPacket` is one received packet: what the jitter buffer needs, and `raw`, the bytes exactly as
they were after decryption, which the recording keeps. Parsing reads what came over the wire and raises
nothing but `BadPacket`; rendering makes what this side sends: no CSRCs, no padding, one-byte header
extensions (RFC 8285 section 4.2), of which the audio level of RFC 6464 is the one that is read back.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

HEADER_BYTES = 12
PACKET_BYTES_MAX = 65_507  # what a UDP datagram over IPv4 can hold
AUDIO_LEVEL_URI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"

_VERSION = 2 << 6
_PADDING = 0x20
_EXTENSION = 0x10
_ONE_BYTE_PROFILE = 0xBEDE  # RFC 8285 section 4.2
_TWO_BYTE_PROFILE = 0x100  # RFC 8285 section 4.3: the upper 12 bits, the lower 4 are free
_STOP_ID = 15  # RFC 8285 section 4.2: ends the reading of one-byte elements
_HEADER = struct.Struct("!BBHII")
_PROFILE = struct.Struct("!HH")


class BadPacket(ValueError):
    """Bytes that are no RTP packet, or fields that no RTP packet can carry."""


@dataclass(frozen=True, slots=True)
class SpeakerPacket:
    """One RTP packet as received.

    `sequence` is 0..65535, `timestamp` 0..2^32-1 at 48 kHz for Opus, `payload` without padding,
    `audio_level` in dBov (-127..0) or None where the sender says none, `arrival` in monotonic seconds,
    `raw` the whole packet as decrypted, byte for byte.
    """

    sequence: int
    timestamp: int
    ssrc: int
    marker: bool
    payload_type: int
    payload: bytes
    audio_level: int | None
    arrival: float
    raw: bytes


def parse_rtp(raw: bytes, arrival: float, audio_level_id: int | None = None) -> SpeakerPacket:
    """Read one RTP packet (RFC 3550 section 5.1).

    `arrival` is monotonic seconds; `audio_level_id` the extension's number agreed in the SDP.

    Raises:
        BadPacket: a wrong version, or a length that does not fit; never anything else.
    """
    if not HEADER_BYTES <= len(raw) <= PACKET_BYTES_MAX:
        raise BadPacket(f"an RTP packet cannot have {len(raw)} bytes")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(raw)
    if first & 0xC0 != _VERSION:
        raise BadPacket("the version of RTP is not 2")
    start = HEADER_BYTES + 4 * (first & 0x0F)
    level = None
    if first & _EXTENSION:
        start, level = _parse_extension(raw, start, audio_level_id)
    end = len(raw) - (raw[-1] if first & _PADDING else 0)
    if start > end or (first & _PADDING and not raw[-1]):
        raise BadPacket("the parts of the packet are longer than the packet")
    return SpeakerPacket(
        sequence, timestamp, ssrc, bool(second & 0x80), second & 0x7F, raw[start:end], level, arrival, raw
    )


def render_rtp(
    *,
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes,
    marker: bool = False,
    extension: bytes = b"",
) -> bytes:
    """One RTP packet without CSRCs and padding; `extension` comes from `render_extension`.

    Raises:
        BadPacket: a field out of its range.
    """
    first = _VERSION | (_EXTENSION if extension else 0)
    if not 0 <= payload_type <= 0x7F:
        raise BadPacket(f"a payload type cannot be {payload_type}")
    try:
        header = _HEADER.pack(first, marker << 7 | payload_type, sequence, timestamp, ssrc)
    except struct.error as error:
        raise BadPacket(f"a field of the header is out of range: {error}") from error
    return header + extension + payload


def render_extension(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """The header extension block of one-byte elements (RFC 8285 section 4.2), padded to 32 bits.

    Raises:
        BadPacket: an id outside 1..14 or a value outside 1..16 bytes.
    """
    body = b"".join(_render_element(number, value) for number, value in elements)
    body += bytes(-len(body) % 4)
    return _PROFILE.pack(_ONE_BYTE_PROFILE, len(body) // 4) + body if body else b""


def render_audio_level(level_dbov: int, *, voice: bool = False) -> bytes:
    """The value of an audio level element (RFC 6464 section 3); `level_dbov` is held to -127..0."""
    return bytes((voice << 7 | min(127, max(0, -level_dbov)),))


def _render_element(number: int, value: bytes) -> bytes:
    if not 1 <= number < _STOP_ID or not 1 <= len(value) <= 16:
        raise BadPacket(f"a one-byte element cannot have id {number} and {len(value)} bytes")
    return bytes((number << 4 | (len(value) - 1),)) + value


def _parse_extension(raw: bytes, start: int, audio_level_id: int | None) -> tuple[int, int | None]:
    """Where the payload starts, and the audio level if it is there."""
    if len(raw) < start + 4:
        raise BadPacket("the header extension is cut short")
    profile, words = _PROFILE.unpack_from(raw, start)
    begin, end = start + 4, start + 4 + 4 * words
    if len(raw) < end:
        raise BadPacket("the header extension is cut short")
    if audio_level_id is None:
        return end, None
    if profile == _ONE_BYTE_PROFILE:
        return end, _find_level(raw, begin, end, audio_level_id, two_byte=False)
    if profile >> 4 == _TWO_BYTE_PROFILE:
        return end, _find_level(raw, begin, end, audio_level_id, two_byte=True)
    return end, None


def _find_level(raw: bytes, at: int, end: int, wanted: int, *, two_byte: bool) -> int | None:
    """The level in dBov among the elements. A damaged element ends the search: the sound is still good."""
    while at < end:
        if raw[at] == 0:  # padding between elements
            at += 1
            continue
        if two_byte:
            if at + 2 > end:
                return None
            number, size, at = raw[at], raw[at + 1], at + 2
        else:
            number, size, at = raw[at] >> 4, (raw[at] & 0x0F) + 1, at + 1
            if number == _STOP_ID:
                return None
        if number == wanted and size >= 1 and at < end:
            return -(raw[at] & 0x7F)
        at += size
    return None
