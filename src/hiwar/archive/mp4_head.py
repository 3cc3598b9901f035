"""The head of a downloaded .m4a: the init segment with the duration in it, and a segment index.

The recording's file is written as it happens, so its head cannot know how long it will be, and a player
could neither show that nor seek. A download gets a head of its own, and then the file's bytes as they are:
`mehd` (ISO/IEC 14496-12, section 8.8.2) says the duration, `sidx` (section 8.16.3) where each segment lies.
Pure.
"""

from collections.abc import Sequence
from struct import pack

from hiwar.media.timeline import SAMPLE_RATE, SEGMENT_SAMPLES
from hiwar.packager.boxes import iterate_boxes, render_box, render_full_box
from hiwar.packager.playlists import SegmentRange

REFERENCES_MAX = 0xFFFF  # 16 bits: 69 hours
_TRACK = 1
_STARTS_WITH_SAP_1 = 0x90000000


def render_download_head(init: bytes, segments: Sequence[SegmentRange], duration: int) -> bytes:
    """The bytes that stand before the first fragment. `duration` is in samples at 48 kHz.

    Raises:
        BadMedia: `init` is not an init segment.
    """
    boxes = []
    for box in iterate_boxes(init):
        content = init[box.body : box.end]
        boxes.append(_with_duration(content, duration) if box.kind == b"moov" else init[box.start : box.end])
    index = _segment_index(segments) if 0 < len(segments) <= REFERENCES_MAX else b""
    return b"".join((*boxes, index))


def _with_duration(movie: bytes, duration: int) -> bytes:
    parts = []
    for box in iterate_boxes(movie):
        part = movie[box.start : box.end]
        if box.kind == b"mvex":
            says = render_full_box(b"mehd", 1, 0, pack(">Q", duration))
            part = render_box(b"mvex", says, movie[box.body : box.end])
        parts.append(part)
    return render_box(b"moov", *parts)


def _segment_index(segments: Sequence[SegmentRange]) -> bytes:
    following = [segment.msn for segment in segments[1:]]
    spans = [(after - row.msn) * SEGMENT_SAMPLES for row, after in zip(segments, following, strict=False)]
    spans.append(segments[-1].samples)
    rows = (
        pack(">III", row.length, span, _STARTS_WITH_SAP_1) for row, span in zip(segments, spans, strict=True)
    )
    first = segments[0].msn * SEGMENT_SAMPLES
    head = pack(">IIQQHH", _TRACK, SAMPLE_RATE, first, 0, 0, len(segments))
    return render_full_box(b"sidx", 1, 0, head, *rows)
