"""Fragmented MP4 (CMAF, ISO/IEC 23000-19) for one mono track of Opus or AAC-LC at 48 kHz.

A *fragment* is what one chunk holds: any number of `emsg` boxes, then one `moof` and one `mdat`.

Rules: decode times are absolute media time in 64 bits (`tfdt` version 1), so that any fragment can follow
the init segment and nothing is ever rewritten for a listener. All samples of a fragment last equally
long and are sync samples. One run, whose data offset points just past the `mdat` header.

The size of a `moof` depends only on the number of its samples, so a fragment is a fixed template with
numbers written into it: that is what keeps it at a few microseconds. Reading is for salvage, for
downloads (Opus is paged into Ogg again) and for tests; it expects the shape written here, checks every
number, and raises only `BadMedia`.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct, pack, unpack

from hiwar.media.feed import Codec, Rendition
from hiwar.media.timeline import SAMPLE_RATE
from hiwar.packager.boxes import (
    BadMedia,
    Box,
    DamagedBox,
    TruncatedBox,
    find_box,
    iterate_boxes,
    render_box,
    render_full_box,
)

OPUS_PRE_SKIP = 312  # libopus looks ahead 6.5 ms at 48 kHz (RFC 7845, section 4.2)
SAMPLES_PER_FRAGMENT_MAX = 4096
EVENT_SCHEME = b"urn:hiwar:live"

_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TRACK = 1
_SYNC_SAMPLE = 0x02000000  # sample_depends_on = 2, not a difference sample
_DEFAULT_BASE_IS_MOOF, _DEFAULT_DURATION, _DEFAULT_FLAGS = 0x020000, 0x08, 0x20
_RUN_OFFSET, _RUN_SIZES = 0x001, 0x200

# moof(8) mfhd(16) traf(8) tfhd(24) tfdt(20), then trun up to its sizes(20)
_MOOF = Struct(">I4s I4sII I4s I4sIIII I4sIQ I4sIIi")


def render_init(rendition: Rendition) -> bytes:
    """The init segment (`ftyp`, `moov`) that every fragment of `rendition` follows.

    Raises:
        ValueError: the codec does not go into MP4 here.
    """
    if rendition.codec is Codec.OPUS:
        entry = _sample_entry(b"Opus", _opus_config())
    elif rendition.codec is Codec.AAC:
        entry = _sample_entry(b"mp4a", _aac_config(rendition.bitrate))
    else:
        raise ValueError(f"{rendition.codec} is not carried in MP4")
    brands = render_box(b"ftyp", b"iso6", pack(">I", 0), b"iso6cmfcmp41")
    extends = render_box(b"mvex", render_full_box(b"trex", 0, 0, pack(">5I", _TRACK, 1, 0, 0, 0)))
    return brands + render_box(b"moov", _movie_header(), _track(entry), extends)


def render_fragment(
    packets: Sequence[bytes],
    *,
    media_time: int,
    packet_samples: int,
    sequence: int,
    events: Sequence[bytes] = (),
) -> bytes:
    """One fragment of `packets`, each lasting `packet_samples`, the first one at `media_time`.

    `sequence` counts fragments (taken modulo 2^32); `events` are rendered `emsg` boxes for its front.
    """
    count = len(packets)
    run_bytes = 20 + 4 * count
    moof_bytes = 76 + run_bytes
    head = _MOOF.pack(
        moof_bytes, b"moof",
        16, b"mfhd", 0, sequence & 0xFFFFFFFF,
        52 + run_bytes, b"traf",
        24, b"tfhd", _DEFAULT_BASE_IS_MOOF | _DEFAULT_DURATION | _DEFAULT_FLAGS,
        _TRACK, packet_samples, _SYNC_SAMPLE,
        20, b"tfdt", 1 << 24, media_time,
        run_bytes, b"trun", _RUN_OFFSET | _RUN_SIZES, count, moof_bytes + 8,
    )  # fmt: skip
    sizes = tuple(map(len, packets))
    tail = pack(f">{count}II4s", *sizes, 8 + sum(sizes), b"mdat")
    return b"".join((*events, head, tail, *packets))


def render_event(kind: str, body: bytes, *, media_time: int, event_id: int | None = None) -> bytes:
    """An `emsg` box, version 1 (ISO/IEC 23009-1, section 5.10.3.3), of scheme `urn:hiwar:live`.

    `kind` becomes its value, `body` (JSON) its message, at `media_time` samples; two events of one kind
    are the same event to a player if they share `event_id`, by default the media time modulo 2^32.
    """
    number = media_time if event_id is None else event_id
    times = pack(">IQII", SAMPLE_RATE, media_time, 0, number & 0xFFFFFFFF)
    return render_full_box(b"emsg", 1, 0, times, EVENT_SCHEME, b"\0", kind.encode("ascii"), b"\0", body)


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """One `emsg` read back: `media_time` in samples, `kind` and `body` as they were rendered."""

    kind: str
    body: bytes
    media_time: int
    event_id: int


@dataclass(frozen=True, slots=True)
class Fragment:
    """One fragment read back. `media_time` of the first packet; `end` is the offset after its `mdat`."""

    packets: tuple[bytes, ...]
    media_time: int
    packet_samples: int
    sequence: int
    events: tuple[LiveEvent, ...]
    end: int


def parse_fragment(source: bytes, start: int = 0) -> Fragment:
    """The fragment at offset `start` of `source`.

    Raises:
        BadMedia: what lies there is not a whole fragment of the shape that `render_fragment` makes.
    """
    events: list[LiveEvent] = []
    moof: Box | None = None
    for box in iterate_boxes(source, start):
        if box.kind == b"mdat":
            if moof is None:
                raise DamagedBox(f"the mdat at {box.start} follows no moof")
            return _read_fragment(source, moof, box, tuple(events))
        if box.kind == b"moof":
            moof = box
        elif box.kind == b"emsg":
            events.append(_read_event(source, box))
    raise TruncatedBox(f"there is no whole fragment at {start}")


def last_whole_fragment_end(source: bytes | memoryview) -> int:
    """The offset after the last `mdat` that is whole and follows a `moof`: where a torn file is cut.

    Boxes before the first fragment (the init segment) are skipped; without a whole fragment the answer
    is the end of the init segment, or 0. Never raises: walking stops at the first damage.
    """
    end = 0
    previous = b""
    try:
        for box in iterate_boxes(source):
            if box.kind == b"moov" or (box.kind == b"mdat" and previous == b"moof"):
                end = box.end
            previous = box.kind
    except BadMedia:
        return end
    return end


def _read_fragment(source: bytes, moof: Box, mdat: Box, events: tuple[LiveEvent, ...]) -> Fragment:
    try:
        _version, sequence = _read(">II", source, find_box(source, b"mfhd", moof))
        traf = find_box(source, b"traf", moof)
        packet_samples = _read_duration(source, find_box(source, b"tfhd", traf))
        media_time = _read_decode_time(source, find_box(source, b"tfdt", traf))
        sizes = _read_sizes(source, find_box(source, b"trun", traf), moof, mdat)
    except struct.error as error:
        raise DamagedBox(f"the moof at {moof.start} is too short for what it claims") from error
    packets = _cut(source, sizes, mdat)
    return Fragment(packets, media_time, packet_samples, sequence, events, mdat.end)


def _read(layout: str, source: bytes, box: Box) -> tuple[int, ...]:
    """Numbers from the front of a box, never from beyond its end (struct.error where it is too short)."""
    return unpack(layout, source[box.body : min(box.end, box.body + struct.calcsize(layout))])


def _read_duration(source: bytes, tfhd: Box) -> int:
    flags, _track_id, duration, _sample_flags = _read(">4I", source, tfhd)
    if flags != _DEFAULT_BASE_IS_MOOF | _DEFAULT_DURATION | _DEFAULT_FLAGS:
        raise DamagedBox(f"the tfhd at {tfhd.start} is not of this program's shape")
    return duration


def _read_decode_time(source: bytes, tfdt: Box) -> int:
    version, media_time = _read(">IQ", source, tfdt)
    if version != 1 << 24:
        raise DamagedBox(f"the tfdt at {tfdt.start} is not of version 1")
    return media_time


def _read_sizes(source: bytes, trun: Box, moof: Box, mdat: Box) -> tuple[int, ...]:
    flags, count, offset = _read(">IIi", source, trun)
    if flags != _RUN_OFFSET | _RUN_SIZES or offset != mdat.body - moof.start:
        raise DamagedBox(f"the trun at {trun.start} is not of this program's shape")
    if count > SAMPLES_PER_FRAGMENT_MAX or trun.end - trun.body != 12 + 4 * count:
        raise DamagedBox(f"the trun at {trun.start} claims {count} samples and has no room for them")
    return unpack(f">{count}I", source[trun.body + 12 : trun.end])


def _cut(source: bytes, sizes: tuple[int, ...], mdat: Box) -> tuple[bytes, ...]:
    if sum(sizes) != mdat.end - mdat.body:
        raise DamagedBox(f"the mdat at {mdat.start} does not hold what its moof says")
    packets = []
    offset = mdat.body
    for size in sizes:
        packets.append(bytes(source[offset : offset + size]))
        offset += size
    return tuple(packets)


def _read_event(source: bytes, emsg: Box) -> LiveEvent:
    content = bytes(source[emsg.body : emsg.end])
    parts = content[24:].split(b"\0", 2)
    if len(content) < 24 or content[0] != 1 or len(parts) != 3 or parts[0] != EVENT_SCHEME:
        raise DamagedBox(f"the emsg at {emsg.start} is not of this program's shape")
    timescale, media_time, _duration, event_id = unpack(">IQII", content[4:24])
    if timescale != SAMPLE_RATE or not parts[1].isascii():
        raise DamagedBox(f"the emsg at {emsg.start} is not of this program's shape")
    return LiveEvent(parts[1].decode("ascii"), parts[2], media_time, event_id)


def _sample_entry(kind: bytes, config: bytes) -> bytes:
    """AudioSampleEntry (ISO/IEC 14496-12, section 12.2.3): one channel of 16 bits at 48 kHz."""
    return render_box(
        kind, bytes(6), pack(">H", 1), bytes(8), pack(">4HI", 1, 16, 0, 0, SAMPLE_RATE << 16), config
    )


def _opus_config() -> bytes:
    """`dOps` (Encapsulation of Opus in ISOBMFF, section 4.3.2): RFC 7845's header in big endian."""
    return render_box(b"dOps", pack(">BBHIhB", 0, 1, OPUS_PRE_SKIP, SAMPLE_RATE, 0, 0))


def _aac_config(bitrate: int) -> bytes:
    """`esds` (ISO/IEC 14496-14, section 5.6) around an AudioSpecificConfig: AAC-LC, 48 kHz, mono."""
    specific = pack(">H", 2 << 11 | 3 << 7 | 1 << 3)
    decoder = pack(">BB3xII", 0x40, 0x15, bitrate, bitrate) + _descriptor(5, specific)
    stream = pack(">HB", _TRACK, 0) + _descriptor(4, decoder) + _descriptor(6, b"\x02")
    return render_full_box(b"esds", 0, 0, _descriptor(3, stream))


def _descriptor(tag: int, content: bytes) -> bytes:
    return bytes((tag, len(content))) + content


def _movie_header() -> bytes:
    times = pack(">4I", 0, 0, SAMPLE_RATE, 0)
    return render_full_box(
        b"mvhd", 0, 0, times, pack(">IH10x", 0x10000, 0x100), _MATRIX, bytes(24), pack(">I", 2)
    )


def _track(entry: bytes) -> bytes:
    header = render_full_box(
        b"tkhd", 0, 7, pack(">5I8x", 0, 0, _TRACK, 0, 0), pack(">4H", 0, 0, 0x100, 0), _MATRIX, bytes(8)
    )
    media = render_box(
        b"mdia",
        render_full_box(b"mdhd", 0, 0, pack(">4IHH", 0, 0, SAMPLE_RATE, 0, 0x55C4, 0)),  # language "und"
        render_full_box(b"hdlr", 0, 0, pack(">I4s12x", 0, b"soun"), b"Hiwar\0"),
        _media_information(entry),
    )
    return render_box(b"trak", header, media)


def _media_information(entry: bytes) -> bytes:
    here = render_full_box(b"url ", 0, 1)  # the media is in this same file
    samples = (
        render_full_box(b"stsd", 0, 0, pack(">I", 1), entry),
        render_full_box(b"stts", 0, 0, bytes(4)),
        render_full_box(b"stsc", 0, 0, bytes(4)),
        render_full_box(b"stsz", 0, 0, bytes(8)),
        render_full_box(b"stco", 0, 0, bytes(4)),
    )
    return render_box(
        b"minf",
        render_full_box(b"smhd", 0, 0, bytes(4)),
        render_box(b"dinf", render_full_box(b"dref", 0, 0, pack(">I", 1), here)),
        render_box(b"stbl", *samples),
    )
