"""Renditions (one encoding of the program) and feeds (a rendition in one framing, as it is sent).

A stage publishes every feed; each is a line of *chunks* of one fixed duration, numbered from 0 at
media time 0, so that `number * feed.chunk_samples == media_time` always holds.

A full feed may have a *lighter* one beside it: the same grid, the same numbers, the same header bytes, fewer
bits. So any chunk may stand in for the other one of its number, and no player has to be told.
"""

from dataclasses import dataclass, replace
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
    `content_type` goes into HTTP, `mime` (with codecs, RFC 6381) into Media Source Extensions. `lighter`
    names the feed whose chunks may stand in for this one's; a lighter feed has none.
    """

    name: str
    rendition: Rendition
    chunk_samples: int
    extension: str
    content_type: str
    mime: str
    lighter: str = ""

    @property
    def frames_per_chunk(self) -> int:
        return self.chunk_samples // self.rendition.frame_samples

    @property
    def is_ogg(self) -> bool:
        return self.extension == "ogg"

    @property
    def is_segmented(self) -> bool:
        """Whether HLS takes it: its chunks are fragments of MP4, and divide a part."""
        return self.content_type == "audio/mp4"

    @property
    def carries_events(self) -> bool:
        """Whether live events travel in it: those of Opus in fMP4, which browsers' scripts read."""
        return self.is_segmented and self.rendition.codec is Codec.OPUS


OPUS = Rendition("opus", Codec.OPUS, 48_000, FRAME_SAMPLES)
AAC = Rendition("aac", Codec.AAC, 64_000, 1024)
MP3 = Rendition("mp3", Codec.MP3, 64_000, 1152)

# Where the uplink is the limit. Opus: from 16 kbit/s on libopus codes speech as it does at 48 (SILK to 8 kHz
# and CELT above, full band), so that a decoder is carried over a joint by the same mode; 20 is that with some
# room. At 12 everything above 8 kHz is lost, where the sibilants of Arabic and English have much of their
# sound (seen, sheen, sad; s, sh). AAC and MP3: half the full rate, the least that MPEG-1 Layer III has.
OPUS_LIGHT = Rendition("opus_light", Codec.OPUS, 20_000, FRAME_SAMPLES)
AAC_LIGHT = Rendition("aac_light", Codec.AAC, 32_000, 1024)
MP3_LIGHT = Rendition("mp3_light", Codec.MP3, 32_000, 1152)


def _lighter(feed: Feed, rendition: Rendition) -> Feed:
    return replace(feed, name=feed.lighter, rendition=rendition, lighter="")


FEED_OPUS = Feed("opus", OPUS, CHUNK_SAMPLES, "mp4", "audio/mp4", 'audio/mp4; codecs="opus"', "opus_light")
FEED_OGG = Feed("ogg", OPUS, CHUNK_SAMPLES, "ogg", "audio/ogg", 'audio/ogg; codecs="opus"', "ogg_light")
FEED_AAC = Feed("aac", AAC, PART_SAMPLES, "m4a", "audio/mp4", 'audio/mp4; codecs="mp4a.40.2"', "aac_light")
FEED_MP3 = Feed("mp3", MP3, 10 * 1152, "mp3", "audio/mpeg", "audio/mpeg", "mp3_light")
FEEDS = {feed.name: feed for feed in (FEED_OPUS, FEED_OGG, FEED_AAC, FEED_MP3)}
"""The full feeds: what listeners ask for."""

FEED_OPUS_LIGHT = _lighter(FEED_OPUS, OPUS_LIGHT)
FEED_OGG_LIGHT = _lighter(FEED_OGG, OPUS_LIGHT)
FEED_AAC_LIGHT = _lighter(FEED_AAC, AAC_LIGHT)
FEED_MP3_LIGHT = _lighter(FEED_MP3, MP3_LIGHT)
LIGHTER_FEEDS = {
    feed.name: feed for feed in (FEED_OPUS_LIGHT, FEED_OGG_LIGHT, FEED_AAC_LIGHT, FEED_MP3_LIGHT)
}
"""What may stand in for them; made only where it is wanted, and never recorded."""

ALL_FEEDS = FEEDS | LIGHTER_FEEDS
RECORDED_FEEDS = (FEED_OPUS, FEED_AAC, FEED_MP3)


def full_feed(feed: Feed) -> Feed:
    """The full feed for which `feed` may stand in; `feed` itself if it is a full one."""
    return next((full for full in FEEDS.values() if full.lighter == feed.name), feed)


class Chunk(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The smallest thing that is sent, kept and counted: framed bytes, rendered once.

    `feed` is a key of `ALL_FEEDS`; `payload` the bytes that a listener, the recording and the relay get.
    """

    feed: str
    number: int
    payload: bytes

    @property
    def media_time(self) -> int:
        return self.number * ALL_FEEDS[self.feed].chunk_samples

    @property
    def end(self) -> int:
        """Media time of the first sample after this chunk."""
        return self.media_time + ALL_FEEDS[self.feed].chunk_samples
