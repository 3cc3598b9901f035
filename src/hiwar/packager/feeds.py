"""Encoded frames in, chunks out: the one place where the bytes that listeners get are made.

Rules: a chunk holds exactly `feed.frames_per_chunk` frames and its number says its media time, so
starting or seeking at a chunk's number is all that a new stage needs to continue a line. Whatever is
rendered here goes unchanged to the recording, the relay and every listener.

Live events (rendered `emsg` boxes) wait for the next chunk of a feed that carries them (Opus in fMP4) and
go in front of its sound. They are news, not sound: where more wait than `EVENTS_PER_CHUNK_MAX` the oldest are
dropped and counted, since a later state replaces an earlier one.
"""

from collections import deque
from collections.abc import Iterable, Sequence

from hiwar.media.feed import ALL_FEEDS, FEED_OGG, FEED_OPUS, Chunk, Codec, Feed, full_feed
from hiwar.packager.fmp4 import parse_fragment, render_fragment, render_init
from hiwar.packager.ogg import HEADER_PAGES, render_headers, render_page

EVENTS_PER_CHUNK_MAX = 32


def init_bytes(feed_name: str) -> bytes:
    """What a listener gets before the first chunk: MP4's init segment, Ogg's header pages, or nothing. A
    lighter feed has its full sibling's, byte for byte."""
    feed = full_feed(ALL_FEEDS[feed_name])
    if feed.is_ogg:
        return render_headers()
    return b"" if feed.rendition.codec is Codec.MP3 else render_init(feed.rendition)


def render_chunk(feed: Feed, number: int, frames: Sequence[bytes], events: Sequence[bytes] = ()) -> Chunk:
    """Chunk `number` of `feed` from its frames; `events` are for feeds that carry them only."""
    assert len(frames) == feed.frames_per_chunk
    media_time = number * feed.chunk_samples
    if feed.is_ogg:
        end = media_time + feed.chunk_samples
        payload = render_page(frames, granule=end, sequence=HEADER_PAGES + number)
    elif feed.rendition.codec is Codec.MP3:
        payload = b"".join(frames)
    else:
        payload = render_fragment(
            frames,
            media_time=media_time,
            packet_samples=feed.rendition.frame_samples,
            sequence=number + 1,
            events=events,
        )
    return Chunk(feed.name, number, payload)


def ogg_chunk_from_fragment(payload: bytes) -> Chunk:
    """The Ogg chunk of the same Opus packets as this chunk of the Opus fMP4 feed, byte for byte as live.

    Raises:
        BadMedia: `payload` is not a whole chunk of the Opus feed.
    """
    fragment = parse_fragment(payload)
    return render_chunk(FEED_OGG, fragment.media_time // FEED_OGG.chunk_samples, fragment.packets)


class FeedPackager:
    """One feed's frames into chunks, from chunk `start_number` on."""

    def __init__(self, feed: Feed, start_number: int = 0) -> None:
        self.feed = feed
        self.next_number = start_number  # of the chunk being filled
        self.events_dropped = 0
        self._frames: list[bytes] = []
        self._events: deque[bytes] = deque(maxlen=EVENTS_PER_CHUNK_MAX)

    @property
    def media_time(self) -> int:
        """Media time of the frame that `push` will take next."""
        return (
            self.next_number * self.feed.chunk_samples + len(self._frames) * self.feed.rendition.frame_samples
        )

    @property
    def frames_pending(self) -> int:
        """Frames of the chunk being filled that are already here."""
        return len(self._frames)

    def seek(self, number: int) -> None:
        """Go on at the start of chunk `number`; frames of an unfinished chunk are dropped, events wait."""
        self._frames.clear()
        self.next_number = number

    def push(self, frame: bytes, events: Iterable[bytes] = ()) -> Chunk | None:
        """Take one frame; the chunk that it completes, if it does.

        `events` are rendered `emsg` boxes for the front of the next chunk; a feed that has no place for
        them ignores them.
        """
        if self.feed.carries_events:
            self._keep(events)
        self._frames.append(frame)
        if len(self._frames) < self.feed.frames_per_chunk:
            return None
        chunk = render_chunk(self.feed, self.next_number, self._frames, tuple(self._events))
        self._frames.clear()
        self._events.clear()
        self.next_number += 1
        return chunk

    def _keep(self, events: Iterable[bytes]) -> None:
        for event in events:
            self.events_dropped += len(self._events) == EVENTS_PER_CHUNK_MAX
            self._events.append(event)


class OpusPackager:
    """Both feeds of the Opus rendition from the same packets, always at the same number."""

    def __init__(self, start_number: int = 0) -> None:
        self._fmp4 = FeedPackager(FEED_OPUS, start_number)
        self._ogg = FeedPackager(FEED_OGG, start_number)

    @property
    def next_number(self) -> int:
        return self._fmp4.next_number

    @property
    def media_time(self) -> int:
        return self._fmp4.media_time

    @property
    def events_dropped(self) -> int:
        return self._fmp4.events_dropped

    def seek(self, number: int) -> None:
        self._fmp4.seek(number)
        self._ogg.seek(number)

    def push(self, packet: bytes, events: Iterable[bytes] = ()) -> tuple[Chunk, ...]:
        """Take one packet; the two chunks (Opus fMP4, Ogg) that it completes, or none."""
        chunks = (self._fmp4.push(packet, events), self._ogg.push(packet))
        return tuple(chunk for chunk in chunks if chunk is not None)
