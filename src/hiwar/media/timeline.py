"""The grid of time on which every codec is whole.

*Media time* counts samples at 48 kHz since the air of a conversation was first opened. It is one line
without a break: an outage is silence in it. All grids below divide the segment, so a segment boundary
is a boundary of every rendition: 192 Opus packets, 180 AAC frames, 160 MP3 frames.
"""

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960  # 20 ms: the mixer's clock and one Opus packet
FRAME_SECONDS = FRAME_SAMPLES / SAMPLE_RATE
CHUNK_SAMPLES = 4 * FRAME_SAMPLES  # 80 ms: the smallest thing sent to a listener
PART_SAMPLES = 16 * FRAME_SAMPLES  # 320 ms: an HLS part
SEGMENT_SAMPLES = 192 * FRAME_SAMPLES  # 3.84 s: an HLS segment
PARTS_PER_SEGMENT = SEGMENT_SAMPLES // PART_SAMPLES


def seconds(media_time: int) -> float:
    """Samples at 48 kHz as seconds."""
    return media_time / SAMPLE_RATE


def samples(duration_seconds: float) -> int:
    """Seconds as whole samples at 48 kHz, rounded down."""
    return int(duration_seconds * SAMPLE_RATE)


def floor_to(media_time: int, grid: int) -> int:
    """The last point of `grid` (samples) at or before `media_time`."""
    return media_time - media_time % grid


def ceil_to(media_time: int, grid: int) -> int:
    """The first point of `grid` (samples) at or after `media_time`."""
    return media_time + -media_time % grid
