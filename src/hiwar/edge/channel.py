"""A conversation as an edge worker knows it: what its stage last said, and the newest minute of sound.

Pure: relay messages in, what of them is news for listeners out. A stage that took over repeats and
overlaps; chunks are taken by number, so nobody hears anything twice. While there is no stage the channel
stays as it is.

The windows hold what listeners get, which is decided once and for everybody when it is due (`edge.splice`):
under a full feed's name its own chunks, or those of its lighter sibling while `lighter` is wished for; under
a lighter feed's name (HLS lets players choose) those that are there, and the full ones where there is none.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from hiwar.edge.splice import Splice, Tail
from hiwar.media.feed import ALL_FEEDS, FEED_OPUS, FEED_OPUS_LIGHT, FEEDS, Chunk, Feed, full_feed
from hiwar.packager.window import LiveWindow
from hiwar.relay.messages import AnyData, Ended, Event, Hello, Media, Skipped
from hiwar.relay.records import Specification

SEGMENTED_SECONDS = 60.0
PROGRESSIVE_SECONDS = 24.0  # the longest burst is 20 s; 48 KiB of lighter Ogg are 17 s
EVENT_BYTES_MAX = 64 * 1024

News = Chunk | Event | Ended

_FULL = {name: full_feed(feed).name for name, feed in ALL_FEEDS.items()}
_PHASE = re.compile(rb'"phase"\s*:\s*"([a-z_]{1,16})"')


class OnAir(StrEnum):
    """What there is to hear."""

    NOT_YET = "not_yet"
    LIVE = "live"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class _Line:
    """What is given under one feed's name."""

    window: LiveWindow
    splice: Splice

    def advance(self, *, over: bool = False) -> Iterator[Chunk]:
        for number, payload in self.splice.take(over=over):
            chunk = Chunk(self.window.feed.name, number, payload)
            self.window.add(chunk)
            yield chunk


class Channel:
    """State of one conversation. `attached` is whether its stage is connected now."""

    def __init__(self, conversation: str) -> None:
        self.conversation = conversation
        self.specification: Specification | None = None
        self.incarnation = -1
        self.origin_wallclock = 0.0
        self.inits: dict[str, bytes] = {}
        self.state: Event | None = None
        self.ended = False
        self.attached = False
        self.skipped = 0  # messages that the relay dropped for this worker
        self.lighter = False  # whether lighter chunks are preferred under the full feeds' names
        self._tails = {name: Tail() for name in ALL_FEEDS}
        self._lines = {feed.name: tuple(self._open_lines(feed)) for feed in FEEDS.values()}
        self.windows = {
            line.window.feed.name: line.window for lines in self._lines.values() for line in lines
        }

    def _open_lines(self, feed: Feed) -> Iterator[_Line]:
        """What is made of a feed and its lighter sibling: its own line first, and for HLS the sibling's."""
        full, light = self._tails[feed.name], self._tails[feed.lighter]
        if not feed.is_segmented:
            yield _Line(LiveWindow(feed, PROGRESSIVE_SECONDS), Splice(feed, full, light, full))
            return
        yield _Line(LiveWindow(feed, SEGMENTED_SECONDS), Splice(feed, full, light, full))
        yield _Line(LiveWindow(ALL_FEEDS[feed.lighter], SEGMENTED_SECONDS), Splice(feed, full, light, light))

    @property
    def on_air(self) -> OnAir:
        if self.ended:
            return OnAir.ENDED
        return OnAir.LIVE if self.windows[FEED_OPUS.name].next_number else OnAir.NOT_YET

    @property
    def lighter_made(self) -> bool:
        """Whether the stage makes lighter renditions."""
        return FEED_OPUS_LIGHT.name in self.inits

    @property
    def phase(self) -> str:
        """The phase of the last state event; 'announced' before any."""
        found = _PHASE.search(self.state.body) if self.state else None
        return found.group(1).decode("ascii") if found else "announced"

    def absorb(self, message: AnyData) -> Iterable[News]:
        """Take a message; what of it, and of what waited, is news for listeners."""
        if isinstance(message, Media):
            return self._absorb_chunk(message.chunk)
        if isinstance(message, Event):
            return self._absorb_event(message)
        if isinstance(message, Hello):
            self._absorb_hello(message)
        elif isinstance(message, Skipped):
            self.skipped += message.count
        elif isinstance(message, Ended) and not self.ended:
            return self._absorb_end(message)
        return ()

    def use_lighter(self, lighter: bool) -> Iterable[Chunk]:
        """Prefer lighter chunks from the next one on, or no longer; what need not be waited for any more."""
        self.lighter = lighter
        for lines in self._lines.values():
            lines[0].splice.lighter = lighter
        return self._advance(self._lines.values())

    def _absorb_chunk(self, chunk: Chunk) -> list[Chunk]:
        tail = self._tails.get(chunk.feed)
        if tail is None or self.ended or not tail.add(chunk):
            return []
        return self._advance((self._lines[_FULL[chunk.feed]],))

    def _absorb_end(self, end: Ended) -> list[News]:
        last = self._advance(self._lines.values(), over=True)
        self.ended = True
        for window in self.windows.values():
            window.end()
        return [*last, end]

    @staticmethod
    def _advance(groups: Iterable[Iterable[_Line]], *, over: bool = False) -> list[Chunk]:
        return [chunk for lines in groups for line in lines for chunk in line.advance(over=over)]

    def _absorb_event(self, event: Event) -> list[Event]:
        if len(event.body) > EVENT_BYTES_MAX:
            return []
        if event.kind == "state":
            self.state = event
        return [event]

    def _absorb_hello(self, hello: Hello) -> None:
        self.specification = hello.specification
        self.incarnation = hello.incarnation
        self.origin_wallclock = hello.origin_wallclock
        self.inits = dict(hello.inits)


def render_now(channel: Channel | None, notice: bytes = b"{}") -> bytes:
    """The JSON of `/now`: the last state, or that there is none yet; with what the front door tells
    everybody (`front`) if there is something."""
    if channel is None or channel.state is None:
        body = msgspec.json.encode(
            {"phase": "announced", "listeners": 0, "on_air_seconds": 0, "speakers": []}
        )
    else:
        body = channel.state.body
    return body if notice == b"{}" else b'%b,"front":%b}' % (body.rstrip().removesuffix(b"}"), notice)
