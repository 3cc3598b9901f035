"""Encoded tones for the tests, made once by the codecs that the stage uses."""

from functools import cache
from typing import Any

import av
import numpy as np

from hiwar.media.feed import Codec

RATE = 48_000
TONE_HZ = 440
_ENCODERS = {Codec.OPUS: ("libopus", "flt"), Codec.AAC: ("aac", "fltp"), Codec.MP3: ("libmp3lame", "fltp")}


@cache
def encoded_tone(codec: Codec, seconds: float = 4.0) -> tuple[bytes, ...]:
    """Packets of a tone; AAC without its priming packet, so that packet k covers 1024 k onwards."""
    name, sample_format = _ENCODERS[codec]
    context: Any = av.CodecContext.create(name, "w")
    context.sample_rate, context.layout, context.format = RATE, "mono", sample_format
    context.bit_rate = 64_000
    context.open()
    step = context.frame_size
    packets: list[bytes] = []
    for start in range(0, int(seconds * RATE), step):
        time = np.arange(start, start + step, dtype=np.float64) / RATE
        tone = (0.4 * np.sin(2 * np.pi * TONE_HZ * time)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[None], format=sample_format, layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        packets.extend(bytes(packet) for packet in context.encode(frame))
    return tuple(packets[1:] if codec is Codec.AAC else packets)
