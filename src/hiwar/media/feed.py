"""Renditions (one encoding of the program) and feeds (a rendition in one framing, as it is sent).

A stage publishes every feed; each is a line of *chunks* of one fixed duration, numbered from 0 at
media time 0, so that `number * feed.chunk_samples == media_time` always holds.
"""

from dataclasses import dataclass
from enum import StrEnum

import msgspec

from hiwar.media.timeline import CHUNK_SAMPLES, FRAME_SAMPLES, PART_SAMPLES


class Codec(StrEnum):
    OPUS = "opus"
    AAC = "aac"
    MP3 = "mp3"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One encoding of the program. `frame_samples` at 48 kHz, `bitrate` in bit/s, mono."""

    name: str
    codec: Codec
    bitrate: int
    frame_samples: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A rendition in one framing.

    `chunk_samples` is the duration of every chunk; `extension` names the file and the address;
    `content_type` goes into HTTP, `mime` (with codecs, RFC 6381) into Media Source Extensions.
    """

    name: str
    rendition: Rendition
    chunk_samples: int
    extension: str
    content_type: str
    mime: str

    @property
    def frames_per_chunk(self) -> int:
        return self.chunk_samples // self.rendition.frame_samples


OPUS = Rendition("opus", Codec.OPUS, 48_000, FRAME_SAMPLES)
AAC = Rendition("aac", Codec.AAC, 64_000, 1024)
MP3 = Rendition("mp3", Codec.MP3, 64_000, 1152)
RENDITIONS = (OPUS, AAC, MP3)

FEED_OPUS = Feed("opus", OPUS, CHUNK_SAMPLES, "mp4", "audio/mp4", 'audio/mp4; codecs="opus"')
FEED_OGG = Feed("ogg", OPUS, CHUNK_SAMPLES, "ogg", "audio/ogg", 'audio/ogg; codecs="opus"')
FEED_AAC = Feed("aac", AAC, PART_SAMPLES, "m4a", "audio/mp4", 'audio/mp4; codecs="mp4a.40.2"')
FEED_MP3 = Feed("mp3", MP3, 10 * 1152, "mp3", "audio/mpeg", "audio/mpeg")
FEEDS = {feed.name: feed for feed in (FEED_OPUS, FEED_OGG, FEED_AAC, FEED_MP3)}
RECORDED_FEEDS = (FEED_OPUS, FEED_AAC, FEED_MP3)


class Chunk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The smallest thing that is sent, kept and counted: framed bytes, rendered once.

    `feed` is a key of `FEEDS`; `payload` the bytes that a listener, the recording and the relay get.
    """

    feed: str
    number: int
    payload: bytes

    @property
    def media_time(self) -> int:
        return self.number * FEEDS[self.feed].chunk_samples

    @property
    def end(self) -> int:
        """Media time of the first sample after this chunk."""
        return self.media_time + FEEDS[self.feed].chunk_samples
