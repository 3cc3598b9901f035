"""MPEG-1 Layer III frames (ISO/IEC 11172-3, section 2.4): header, length, splitting.

Rules: only what the program's own encoder makes is accepted: 48 kHz, Layer III, no free format. A
frame is self-contained (joining in the middle works, any frame may be lost) only if it does not reach
back into the bit reservoir, so the header says `reservoir_bytes`, and the stage refuses anything but 0.
"""

from dataclasses import dataclass

from hiwar.packager.boxes import BadMedia

_BITRATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s, Layer III
_RATES = (44_100, 48_000, 32_000)
FRAME_SAMPLES = 1152


class BadMp3(BadMedia):
    """Bytes that are not MPEG-1 Layer III frames; the text says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Mp3Header:
    """One frame's header. `length` in bytes with the header; `bitrate` in bit/s; `rate` in Hz;
    `reservoir_bytes` is how far back into earlier frames its sound begins (main_data_begin)."""

    length: int
    bitrate: int
    rate: int
    mono: bool
    reservoir_bytes: int


def parse_header(source: bytes, offset: int = 0) -> Mp3Header:
    """The header of the frame at `offset`.

    Raises:
        BadMp3: no frame begins there, or it is not MPEG-1 Layer III with a stated bitrate.
    """
    head = source[offset : offset + 8]  # header, perhaps a checksum, and the first bits of side information
    if len(head) < 8:
        raise BadMp3(f"the data ends inside a frame header at {offset}")
    if head[0] != 0xFF or head[1] & 0xFE != 0xFA:
        raise BadMp3(f"there is no MPEG-1 Layer III frame at {offset}")
    bitrate_index, rate_index, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if bitrate_index in (0, 15) or rate_index == 3:
        raise BadMp3(f"the frame at {offset} has no usable bitrate or sampling rate")
    bitrate, rate = _BITRATES[bitrate_index] * 1000, _RATES[rate_index]
    side = 4 if head[1] & 1 else 6  # protection_bit 0 means that a checksum follows
    reservoir = head[side] << 1 | head[side + 1] >> 7  # main_data_begin: the first 9 bits
    return Mp3Header(144 * bitrate // rate + padding, bitrate, rate, head[3] >> 6 == 3, reservoir)


def split_frames(source: bytes) -> list[bytes]:
    """Whole frames, one after the other, of `source`, which must hold nothing else.

    Raises:
        BadMp3: anything between, before or after whole frames.
    """
    frames = []
    offset = 0
    while offset < len(source):
        end = offset + parse_header(source, offset).length
        if end > len(source):
            raise BadMp3(f"the data ends inside the frame at {offset}")
        frames.append(source[offset:end])
        offset = end
    return frames


def last_whole_frame_end(source: bytes) -> int:
    """The offset after the last whole frame in an unbroken line from the start: where a torn file is cut."""
    end = 0
    while end < len(source):
        try:
            following = end + parse_header(source, end).length
        except BadMp3:
            return end
        if following > len(source):
            return end
        end = following
    return end
