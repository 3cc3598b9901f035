"""A conversation as an edge worker knows it: what its stage last said, and the newest minute of sound.

Pure: relay messages in, what of them is new out. A stage that took over repeats and overlaps; chunks are
taken by number, so nobody hears anything twice. While there is no stage the channel stays as it is.
"""

import re
from enum import StrEnum

import msgspec

from hiwar.media.feed import FEED_AAC, FEED_OPUS, FEEDS, Chunk
from hiwar.packager.window import LiveWindow
from hiwar.relay.messages import AnyData, Ended, Event, Hello, Media, Skipped
from hiwar.relay.records import Specification

SEGMENTED_SECONDS = 60.0
PROGRESSIVE_SECONDS = 24.0  # the longest burst is 20 s
EVENT_BYTES_MAX = 64 * 1024
_PHASE = re.compile(rb'"phase"\s*:\s*"([a-z_]{1,16})"')


class OnAir(StrEnum):
    """What there is to hear."""

    NOT_YET = "not_yet"
    LIVE = "live"
    ENDED = "ended"


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
        self.windows = {
            name: LiveWindow(
                feed, SEGMENTED_SECONDS if feed in (FEED_OPUS, FEED_AAC) else PROGRESSIVE_SECONDS
            )
            for name, feed in FEEDS.items()
        }

    @property
    def on_air(self) -> OnAir:
        if self.ended:
            return OnAir.ENDED
        return OnAir.LIVE if self.windows[FEED_OPUS.name].next_number else OnAir.NOT_YET

    @property
    def phase(self) -> str:
        """The phase of the last state event; 'announced' before any."""
        found = _PHASE.search(self.state.body) if self.state else None
        return found.group(1).decode("ascii") if found else "announced"

    def absorb(self, message: AnyData) -> Chunk | Event | Ended | None:
        """Take a message; what of it is news for listeners, if anything."""
        if isinstance(message, Media):
            window = self.windows.get(message.chunk.feed)
            return message.chunk if window is not None and window.add(message.chunk) else None
        if isinstance(message, Event):
            return self._absorb_event(message)
        if isinstance(message, Hello):
            self._absorb_hello(message)
        elif isinstance(message, Skipped):
            self.skipped += message.count
        elif isinstance(message, Ended) and not self.ended:
            self.ended = True
            for window in self.windows.values():
                window.end()
            return message
        return None

    def _absorb_event(self, event: Event) -> Event | None:
        if len(event.body) > EVENT_BYTES_MAX:
            return None
        if event.kind == "state":
            self.state = event
        return event

    def _absorb_hello(self, hello: Hello) -> None:
        self.specification = hello.specification
        self.incarnation = hello.incarnation
        self.origin_wallclock = hello.origin_wallclock
        self.inits = dict(hello.inits)


def render_now(channel: Channel | None) -> bytes:
    """The JSON of `/now`: the last state, or that there is none yet."""
    if channel is None or channel.state is None:
        return msgspec.json.encode(
            {"phase": "announced", "listeners": 0, "on_air_seconds": 0, "speakers": []}
        )
    return channel.state.body
