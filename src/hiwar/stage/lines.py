"""The program's lines: one per encoder, sound in, chunks of its feeds out, without a break in media time.

Rules:
- A line says which media time it expects next, and takes sound only there. Whoever has sound for a later
  time first lets the line lay *silence* up to it: canned frames, encoded once, some microseconds each.
- Chunk numbers only ever grow by one. A line that takes up a recording starts at the number after the last
  chunk that is on disk, so the joint is a chunk's border.
- AAC and MP3 frames do not start on a border of our 20 ms frames: silence is laid up to the first border
  of their own after the wished time, and the encoder skips what lies before it.

Silence is laid lazily (iterators), so that hours of it can be made in steps. Each line belongs to one
thread at a time.
"""

from collections.abc import Iterable, Iterator
from math import lcm
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hiwar.media.feed import FEED_AAC, FEED_MP3, FEED_OPUS, OPUS, RECORDED_FEEDS, Chunk, Feed
from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.packager.feeds import FeedPackager, OpusPackager
from hiwar.stage.encoders import AacEncoder, Mp3Encoder
from hiwar.stage.opus import Application, OpusEncoder, silent_packet

Pcm = NDArray[np.float32]

END_GRID = lcm(*(feed.chunk_samples for feed in RECORDED_FEEDS))
"""A conversation's length is a multiple of this (0.96 s): there, every feed's last chunk is whole."""

PROGRAM_COMPLEXITY = 8  # one encoder that everybody hears, at 0.6 % of a core


class Line(Protocol):
    """One encoder and its framing."""

    @property
    def media_time(self) -> int:
        """Where the next sound belongs: samples at 48 kHz, a multiple of 960."""
        ...

    def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> Iterable[Chunk]:
        """20 ms of sound (960,) at `media_time`; the chunks that became whole. `events` are rendered `emsg`
        boxes for the front of the next chunk, where the line has a feed that carries them."""
        ...

    def silence(self, until: int) -> Iterator[Chunk]:
        """Silence from `media_time` up to `until` (a multiple of 960, not before it), lazily."""
        ...

    def finish(self, end: int, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        """Silence after the last sound, until every chunk before `end` (a multiple of END_GRID) is out."""
        ...


class OpusLine:
    """The Opus rendition in its two framings, with the live events in the fMP4 one."""

    def __init__(self, start_number: int = 0) -> None:
        self._packager = OpusPackager(start_number)
        self._encoder = OpusEncoder(OPUS.bitrate, PROGRAM_COMPLEXITY, Application.AUDIO)

    @property
    def media_time(self) -> int:
        return self._packager.media_time

    def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> tuple[Chunk, ...]:
        return self._packager.push(self._encoder.encode(pcm), events)

    def silence(self, until: int) -> Iterator[Chunk]:
        self._encoder.reset()
        while self._packager.media_time < until:
            yield from self._packager.push(silent_packet())

    def finish(self, end: int, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        quiet = np.zeros(FRAME_SAMPLES, np.float32)
        while self._packager.media_time < end:
            yield from self.sound(quiet, events)
            events = ()


class TransformLine:
    """AAC or MP3: frames of their own length, an encoder that is late by a fixed delay."""

    def __init__(
        self, feed: Feed, encoder: type[AacEncoder] | type[Mp3Encoder], start_number: int = 0
    ) -> None:
        self._packager = FeedPackager(feed, start_number)
        self._kind = encoder
        self._encoder = encoder(self._packager.media_time)
        self._position = self._packager.media_time

    @property
    def media_time(self) -> int:
        return self._position

    def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        self._position += pcm.size
        yield from self._pack(self._encoder.push(pcm))

    def silence(self, until: int) -> Iterator[Chunk]:
        """As `Line.silence`. What the encoder still held before it (two frames at most) is lost."""
        self._position = until
        self._encoder = self._kind(until)
        target = self._encoder.next_frame * self._packager.feed.rendition.frame_samples
        canned = self._kind.silent_frame()
        while self._packager.media_time < target:
            yield from self._pack((canned,))

    def finish(self, end: int, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        quiet = np.zeros(FRAME_SAMPLES, np.float32)
        while self._packager.next_number * self._packager.feed.chunk_samples < end:
            yield from self.sound(quiet)

    def _pack(self, frames: Iterable[bytes]) -> Iterator[Chunk]:
        for frame in frames:
            chunk = self._packager.push(frame)
            if chunk is not None:
                yield chunk


def slow_lines(next_chunk: dict[str, int] | None = None) -> tuple[Line, ...]:
    """The AAC and the MP3 line, from the start or from the chunk after the last recorded one."""
    numbers = next_chunk or {}
    return (
        TransformLine(FEED_AAC, AacEncoder, numbers.get(FEED_AAC.name, 0)),
        TransformLine(FEED_MP3, Mp3Encoder, numbers.get(FEED_MP3.name, 0)),
    )


def opus_line(next_chunk: dict[str, int] | None = None) -> OpusLine:
    """The Opus line, likewise."""
    return OpusLine((next_chunk or {}).get(FEED_OPUS.name, 0))
