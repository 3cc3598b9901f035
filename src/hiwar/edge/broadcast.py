"""One conversation in one worker: its channel, and everybody who hears it from here.

Messages of the relay go through the channel, and what is news there goes to the long responses, the
waiting playlists and the event streams. Nothing here waits for a listener. Which rendition a chunk is of has
been decided by then: an opening is what the others were sent.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from hiwar.door.connection import DoorConnection
from hiwar.door.headers import render_head
from hiwar.edge.channel import Channel, OnAir
from hiwar.edge.events import EventBoard
from hiwar.edge.fanout import BURST_BYTES_MIN, HEADROOM_CHUNKS, Fanout
from hiwar.edge.hls import HlsDesk, Waiters
from hiwar.media.feed import FEED_OPUS, FEEDS, Chunk, Feed
from hiwar.media.timeline import samples
from hiwar.packager.fmp4 import render_event
from hiwar.packager.playlists import TARGET_SECONDS
from hiwar.relay.messages import AnyData, Event, Health

LEASE_SECONDS = 3 * TARGET_SECONDS
LEASES_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Manner:
    """How listeners are written to: from the settings `write_interval_ms`, `burst_seconds` and
    `listener_buffer_kb`."""

    interval_ms: int
    burst_seconds: float
    buffer_bytes: int


class Broadcast:
    """See the module. `counts` is shared by all broadcasts of the worker."""

    def __init__(self, conversation: str, manner: Manner, counts: Counter[str], waiters: Waiters) -> None:
        self.channel = Channel(conversation)
        self.board = EventBoard()
        self.hls = HlsDesk(self.channel, waiters)
        self.leases = Leases()
        self.fanouts = {
            name: Fanout(
                feed, interval_ms=manner.interval_ms, buffer_bytes=manner.buffer_bytes, counts=counts
            )
            for name, feed in FEEDS.items()
        }
        self.ended_at = 0.0  # monotonic
        self.health: Health | None = None  # the speakers', as last told
        self.health_at = 0.0  # monotonic
        self.interval_by_hand = False
        self.notice = b"{}"  # the event `front`
        self._ordered_ms = manner.interval_ms
        self._manner = manner
        self._last_parts: dict[str, tuple[int, int] | None] = {}
        self._openings: dict[str, tuple[int, bytes]] = {}

    def listeners(self, now: float) -> int:
        """People who hear it from this worker, those with playlists as far as they asked lately."""
        return sum(len(fanout.listeners) for fanout in self.fanouts.values()) + self.leases.count(now)

    @property
    def forsaken(self) -> bool:
        """No stage, no sound so far and nobody here: nothing is lost by forgetting it."""
        silent = not self.channel.attached and self.channel.on_air is OnAir.NOT_YET
        return (
            silent and not self.board.followers and not any(each.listeners for each in self.fanouts.values())
        )

    def receive(self, message: AnyData, now: float) -> None:
        """One message of the stage; `now` in monotonic seconds."""
        if isinstance(message, Health):
            self.health, self.health_at = message, now
        for news in self.channel.absorb(message):
            if isinstance(news, Chunk):
                self._push(news)
            elif isinstance(news, Event):
                self.board.push(news)
                self._openings.clear()
                self._tell_early(news)
            else:
                self._end(now)

    def tell_front(self, notice: bytes) -> None:
        """What the public is told of the front door, to everybody here, once."""
        if notice != self.notice:
            self.notice = notice
            self.board.push(Event(self.channel.windows[FEED_OPUS.name].media_time, "front", notice))
            self.fanouts[FEED_OPUS.name].tell(self._render_front())
            self._openings.clear()

    def _render_front(self) -> bytes:
        media_time = self.channel.windows[FEED_OPUS.name].media_time
        return render_event("front", self.notice, media_time=media_time)

    def _tell_early(self, event: Event) -> None:
        """Before the air there are no chunks that could carry the state to who has a seat already."""
        if event.kind == "state" and self.channel.on_air is OnAir.NOT_YET:
            self.fanouts[FEED_OPUS.name].tell(render_event("state", event.body, media_time=0))

    def use_lighter(self, lighter: bool) -> None:
        """Give everybody the lighter renditions from the next chunk on which there is, or no longer."""
        for chunk in self.channel.use_lighter(lighter):
            self._push(chunk)

    def _push(self, chunk: Chunk) -> None:
        fanout, window = self.fanouts.get(chunk.feed), self.channel.windows[chunk.feed]
        if fanout is not None:
            fanout.push(chunk)
        if window.feed.is_segmented and window.last_part != self._last_parts.get(chunk.feed):
            self._last_parts[chunk.feed] = window.last_part
            self.hls.advance(chunk.feed)

    def _end(self, now: float) -> None:
        self.ended_at = now
        for fanout in self.fanouts.values():
            fanout.end()
        for name in self.channel.windows:
            self.hls.advance(name)
        self.board.dismiss()

    def join(self, feed: Feed, connection: DoorConnection, left: Callable[[], None], *, proven: bool) -> None:
        """A long response begins; `left` is called when it is over."""
        self.fanouts[feed.name].join(connection, self._opening(feed), left, proven=proven)

    def order(self, interval_ms: int, *, lighter: bool, parts: bool) -> None:
        """What the owner of the machine says; an interval that was set by hand stays."""
        self.hls.parts = parts
        if not self.interval_by_hand and interval_ms != self._ordered_ms:
            self._ordered_ms = interval_ms
            self.change_interval(interval_ms)
        if lighter != self.channel.lighter:
            self.use_lighter(lighter)

    def change_interval(self, interval_ms: int) -> None:
        for fanout in self.fanouts.values():
            fanout.change_interval(interval_ms)
        self._openings.clear()

    def dismiss(self, *, keep_proven: bool) -> None:
        """It was hidden, or closed to who has no proof: the ones concerned are let go."""
        for fanout in self.fanouts.values():
            fanout.dismiss([each for each in fanout.listeners if not (each.proven and keep_proven)])
        self.board.dismiss(keep_proven=keep_proven)

    def _opening(self, feed: Feed) -> bytes:
        """Everything before the next chunk, made once a tick: a storm of joins costs a write each."""
        tick = self.fanouts[feed.name].tick
        held = self._openings.get(feed.name)
        if held is None or held[0] != tick:
            held = self._openings[feed.name] = (tick, self._render_opening(feed))
        return held[1]

    def _render_opening(self, feed: Feed) -> bytes:
        fanout, channel = self.fanouts[feed.name], self.channel
        window = channel.windows[feed.name]
        pieces = [render_head(200, live_headers(feed), close=True), channel.inits.get(feed.name, b"")]
        if feed is FEED_OPUS:
            chunks = window.recent((fanout.rhythm.target + HEADROOM_CHUNKS) * feed.chunk_samples)
            start = chunks[0].media_time if chunks else window.media_time
            if channel.state is not None:
                pieces.append(render_event("state", channel.state.body, media_time=start))
            pieces.append(fanout.interval_event(0))
            if self.notice != b"{}":
                pieces.append(self._render_front())
        else:
            chunks = window.recent(samples(self._manner.burst_seconds), BURST_BYTES_MIN)
        return b"".join([*pieces, *(chunk.payload for chunk in chunks)])


class Leases:
    """Listeners by playlists: a lease renewed by each request, bounded; the oldest goes first."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, float] = OrderedDict()

    def renew(self, listener: int, now: float) -> None:
        self._seen[listener] = now
        self._seen.move_to_end(listener)
        if len(self._seen) > LEASES_MAX:
            self._seen.popitem(last=False)

    def count(self, now: float) -> int:
        while self._seen and next(iter(self._seen.values())) < now - LEASE_SECONDS:
            self._seen.popitem(last=False)
        return len(self._seen)


def live_headers(feed: Feed) -> dict[str, str]:
    """Of a long response: never kept, never buffered by a proxy, ended by the close."""
    return {
        "Content-Type": feed.content_type,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "none",
    }
