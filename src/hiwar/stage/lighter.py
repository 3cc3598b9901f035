"""The lighter lines: Opus, AAC and MP3 once more at fewer bits, for when the uplink is the limit.

Rules
- They keep to the full lines' grid and numbers, so that a chunk of theirs may stand in for the full one.
- They are not recorded and nothing waits for them; they have a thread of their own (`stage.slow`), whose
  overrun must not cost the recorded feeds a frame.
- Sound that did not reach them (the thread was overrun, or an earlier stage died) is no silence here but a
  *hole*: a lighter line leaps to the next chunk that it can make whole, and the edges give the full chunks
  meanwhile. Silence would be preferred to the sound that the full feed has.

After a leap an encoder hears `WARMING_SAMPLES` before the first chunk that counts: a transform codec's frame
reaches back into the one before, and a speech codec begins with nothing to predict from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from hiwar.media.feed import (
    AAC_LIGHT,
    FEED_AAC_LIGHT,
    FEED_MP3_LIGHT,
    FEED_OGG_LIGHT,
    FEED_OPUS_LIGHT,
    MP3_LIGHT,
    OPUS_LIGHT,
    Chunk,
    Feed,
)
from hiwar.media.timeline import FRAME_SAMPLES, ceil_to
from hiwar.packager.feeds import FeedPackager
from hiwar.stage.encoders import AacEncoder, Mp3Encoder
from hiwar.stage.lines import PROGRAM_COMPLEXITY, Line, Pcm
from hiwar.stage.opus import Application, OpusEncoder

WARMING_SAMPLES = 4 * FRAME_SAMPLES  # measured: with one frame the worst joint costs 5 dB, with four 2.4


class FrameEncoder(Protocol):
    """Float32 in, frames on their own grid out."""

    @property
    def next_frame(self) -> int:
        """The number of the frame that `push` returns next: it starts at `next_frame * frame_samples`."""
        ...

    def push(self, pcm: Pcm) -> list[bytes]: ...


class _OpusFrames:
    """libopus as the other encoders are. It is one encoder for good, since after a leap too it remembers
    whether it hears speech or music. The full line's complexity, because only from 7 on libopus looks at all,
    and else takes another mode at this rate than the full line has."""

    def __init__(self) -> None:
        self.next_frame = 0
        self._encoder = OpusEncoder(OPUS_LIGHT.bitrate, PROGRAM_COMPLEXITY, Application.AUDIO)

    def at(self, position: int) -> "_OpusFrames":
        self.next_frame = position // FRAME_SAMPLES
        return self

    def push(self, pcm: Pcm) -> list[bytes]:
        self.next_frame += 1
        return [self._encoder.encode(pcm)]


class LighterLine:
    """One lighter rendition in its framings (see `lines.Line`). `begin` gives an encoder for the sound from a
    media time on."""

    def __init__(self, feeds: Sequence[Feed], begin: Callable[[int], FrameEncoder]) -> None:
        self.media_time = 0
        self._packagers = tuple(FeedPackager(feed) for feed in feeds)
        self._frame_samples = feeds[0].rendition.frame_samples
        self._chunk_samples = feeds[0].chunk_samples
        self._begin = begin
        self._encoder = begin(0)

    def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        self.media_time += pcm.size
        number = self._encoder.next_frame
        for frame in self._encoder.push(pcm):
            if number * self._frame_samples >= self._packagers[0].media_time:
                yield from self._pack(frame, events)
            number += 1

    def silence(self, until: int) -> Iterator[Chunk]:
        """Left out, up to the first chunk after `until` for which the encoder is warm."""
        self.media_time = until
        self._encoder = self._begin(until)
        number = ceil_to(until + WARMING_SAMPLES, self._chunk_samples) // self._chunk_samples
        for packager in self._packagers:
            packager.seek(number)
        return iter(())

    def finish(self, end: int, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        quiet = np.zeros(FRAME_SAMPLES, np.float32)
        while self._packagers[0].next_number * self._chunk_samples < end:
            yield from self.sound(quiet, events)
            events = ()

    def _pack(self, frame: bytes, events: Iterable[bytes]) -> Iterator[Chunk]:
        for packager in self._packagers:
            chunk = packager.push(frame, events)
            if chunk is not None:
                yield chunk


def lighter_lines() -> tuple[Line, ...]:
    """All of them; Opus first, which has the least time to lose."""
    return (
        LighterLine((FEED_OPUS_LIGHT, FEED_OGG_LIGHT), _OpusFrames().at),
        LighterLine((FEED_AAC_LIGHT,), lambda position: AacEncoder(position, AAC_LIGHT)),
        LighterLine((FEED_MP3_LIGHT,), lambda position: Mp3Encoder(position, MP3_LIGHT)),
    )
