"""AAC and MP3: float32 of any length in, raw frames out, each on the grid of media time.

Rules: frame k covers samples [k * frame_samples, (k + 1) * frame_samples) of media time, sample for
sample as a decoder puts it out that is given frame k first (the first of them fades in, since a
transform codec needs the frame before). Frames are raw: AAC without ADTS, MP3 with its own header
(64 kbit/s: always 192 bytes; 32: 96) and without bit reservoir, so that any frame can follow a silent one.
No threads here; an encoder belongs to one thread at a time.

Theory of operation. Codecs are late by a fixed delay: AAC by 1024 samples, which is one frame, the
priming frame, that is dropped; LAME and its decoders by 1105 samples. For MP3 therefore 47 samples of
silence go in first, and the frame that holds the delay (1105 + 47 = 1152) is dropped: the offset is 0.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from hiwar.media.feed import AAC, MP3, Rendition
from hiwar.media.timeline import SAMPLE_RATE, ceil_to

Pcm = NDArray[np.float32]

_MP3_DELAY = 1105  # LAME's 576 + 529 of every decoder; FFmpeg's initial_padding
_SETTLED_FRAMES = 8  # after so many frames of silence an encoder has nothing left to tell
_GLOBAL_HEADER = 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: raw AAC frames, the configuration beside them


class _FrameEncoder:
    """A codec of PyAV with whole frames. `position` is the media time of the first sample pushed."""

    def __init__(
        self,
        rendition: Rendition,
        *,
        codec: str,
        options: Mapping[str, str],
        position: int,
        lead_in: int,
    ) -> None:
        if position < 0:
            raise ValueError("media time starts at 0")
        self.rendition = rendition
        context = cast(AudioCodecContext, av.CodecContext.create(codec, "w"))
        context.sample_rate = SAMPLE_RATE
        context.layout = "mono"
        context.format = "fltp"
        context.bit_rate = rendition.bitrate
        context.time_base = Fraction(1, SAMPLE_RATE)
        context.flags |= _GLOBAL_HEADER
        context.options = dict(options)
        context.open()
        self._context = context
        self._to_drop = 1
        self._pts = 0
        start = ceil_to(position, rendition.frame_samples)
        self._to_skip = start - position
        self._next_frame = start // rendition.frame_samples
        self._waiting = np.zeros(rendition.frame_samples, np.float32)
        self._filled = lead_in

    @property
    def next_frame(self) -> int:
        """The number of the frame that `push` returns next: it starts at `next_frame * frame_samples`."""
        return self._next_frame

    def push(self, pcm: Pcm) -> list[bytes]:
        """Take float32 (n,), any n; the frames that have become whole, mostly none or one.

        What lies before the first border of a frame after `position` is skipped.
        """
        pcm = pcm[self._skip(pcm.size) :]
        frames: list[bytes] = []
        while pcm.size:
            taken = min(pcm.size, self._waiting.size - self._filled)
            self._waiting[self._filled : self._filled + taken] = pcm[:taken]
            self._filled += taken
            pcm = pcm[taken:]
            if self._filled == self._waiting.size:
                frames += self._encode()
                self._filled = 0
        return frames

    def _skip(self, size: int) -> int:
        skipped = min(self._to_skip, size)
        self._to_skip -= skipped
        return skipped

    def _encode(self) -> list[bytes]:
        frame = av.AudioFrame.from_ndarray(self._waiting[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._pts
        self._pts += self._waiting.size
        packets = [bytes(packet) for packet in self._context.encode(frame)]
        dropped = min(self._to_drop, len(packets))
        self._to_drop -= dropped
        self._next_frame += len(packets) - dropped
        return packets[dropped:]


class AacEncoder(_FrameEncoder):
    """AAC-LC, mono; frames of 1024 samples. It is two frames behind what is pushed."""

    def __init__(self, position: int = 0, rendition: Rendition = AAC) -> None:
        super().__init__(rendition, codec="aac", options={"aac_coder": "fast"}, position=position, lead_in=0)

    @property
    def audio_specific_config(self) -> bytes:
        """The AudioSpecificConfig (ISO 14496-3, 1.6.2.1) that goes into the init segment."""
        return bytes(self._context.extradata or b"")

    @staticmethod
    @cache
    def silent_frame() -> bytes:
        """One frame of silence for gaps; the same bytes each time."""
        return _settled(AacEncoder())


class Mp3Encoder(_FrameEncoder):
    """MPEG-1 Layer III, mono, constant bit rate; frames of 1152 samples, each decodable by itself."""

    def __init__(self, position: int = 0, rendition: Rendition = MP3) -> None:
        lead_in = -_MP3_DELAY % rendition.frame_samples
        super().__init__(
            rendition, codec="libmp3lame", options={"reservoir": "0"}, position=position, lead_in=lead_in
        )

    @staticmethod
    @cache
    def silent_frame() -> bytes:
        """One frame of silence for gaps; the same bytes each time."""
        return _settled(Mp3Encoder())


def _settled(encoder: _FrameEncoder) -> bytes:
    silence = np.zeros(_SETTLED_FRAMES * encoder.rendition.frame_samples, np.float32)
    return encoder.push(silence)[-1]
