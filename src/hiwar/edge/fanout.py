"""The long responses of one feed: every chunk to every listener, rendered once.

Rules
- A listener costs one `write` of a shared `bytes` object per interval, and nothing else.
- Nobody is waited for. A listener whose unsent bytes pass the bound is taken out of the rhythm until their
  connection has caught up, then goes on at the live edge; that is counted. Who takes nothing for
  `STALL_TICKS` is let go.
- A dead stage is silence, not an end: the connections stay, and the next stage's chunks follow by number.

A newcomer gets the header bytes, for the MSE feed the last state and their own write interval as events,
and recent chunks: for MSE 0.24 s more than one interval, for players of files a burst (`burst_seconds`,
at least 48 KiB, which is what an `<audio>` element wants to have before it starts).
"""

import socket
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from hiwar.door.connection import DoorConnection
from hiwar.edge.rhythm import ANNOUNCED_MS, Group, Member, Rhythm
from hiwar.media.feed import FEED_OPUS, Chunk, Feed
from hiwar.media.timeline import SAMPLE_RATE
from hiwar.packager.fmp4 import render_event

BURST_BYTES_MIN = 48 * 1024
HEADROOM_CHUNKS = 3  # 0.24 s beyond one interval, so that an MSE player can start at once
RING_CHUNKS = 32  # more than the longest write interval (24 chunks)
STALL_TICKS_SECONDS = 20
SEND_BUFFER_BYTES = 64 * 1024  # the kernel's share: beyond it a slow listener shows, and can skip
SEALED_BYTES = 4 * 1024  # given to TLS at once: its buffer grows to the largest and stays so for good
USER_TIMEOUT_MS = 20_000  # a peer that vanished without a word is noticed by unacknowledged bytes


class Listener(Member):
    """One long response. The door calls it (see `door.connection.Owner`)."""

    __slots__ = ("connection", "fanout", "left", "paused_since", "proven")

    def __init__(
        self, fanout: "Fanout", connection: DoorConnection, left: Callable[[], None], *, proven: bool
    ) -> None:
        super().__init__()
        self.left = left  # to be called when the connection is over
        self.fanout = fanout
        self.connection = connection
        self.proven = proven  # came with a ticket, voucher or claim
        self.paused_since = -1  # tick

    def pause_writing(self) -> None:
        self.fanout.slowed(self)

    def resume_writing(self) -> None:
        self.fanout.caught_up(self)

    def connection_lost(self) -> None:
        self.left()
        self.fanout.lost(self)


class Fanout:
    """One feed of one conversation in this worker.

    `counts`: `joined`, `writes`, `bytes`, `skips` (times a slow listener skipped), `skipped` (the chunks
    they missed), `stalled` (let go).
    """

    def __init__(self, feed: Feed, *, interval_ms: int, buffer_bytes: int, counts: Counter[str]) -> None:
        self.feed = feed
        self.counts = counts
        self.rhythm = Rhythm(feed, interval_ms)
        self.listeners: set[Listener] = set()
        self.tick = -1
        self._buffer_bytes = buffer_bytes
        self._ring: OrderedDict[int, bytes] = OrderedDict()
        self._joined: dict[tuple[int, bool], bytes] = {}  # for the present tick
        self._paused: set[Listener] = set()
        self._late: list[Callable[[], None]] = []  # what came up while groups were being written
        self._writing = False
        self._announcement = b""
        self._stall_ticks = STALL_TICKS_SECONDS * SAMPLE_RATE // feed.chunk_samples

    def join(
        self, connection: DoorConnection, opening: bytes, left: Callable[[], None], *, proven: bool
    ) -> Listener:
        """Take a connection over; `opening` is all that comes before the next chunk (`self.tick + 1`), `left`
        is called when it is over."""
        listener = Listener(self, connection, left, proven=proven)
        transport = connection.transport
        if transport is None:
            left()
            return listener
        _bound_kernel(transport.get_extra_info("socket"))
        transport.set_write_buffer_limits(high=self._buffer_bytes)
        self.listeners.add(listener)
        self.counts["joined"] += 1
        connection.take(listener)
        if connection.secure:
            for start in range(0, len(opening), SEALED_BYTES):
                transport.write(opening[start : start + SEALED_BYTES])
        else:
            transport.write(opening)
        if listener not in self._paused:
            self.rhythm.join(listener, transport.write, self.tick)
        return listener

    def push(self, chunk: Chunk) -> None:
        """A new chunk, newer than all before: a tick."""
        self.tick = chunk.number
        self._ring[chunk.number] = chunk.payload
        if len(self._ring) > RING_CHUNKS:
            self._ring.popitem(last=False)
        self._joined.clear()
        self._writing = True
        for group in self.rhythm.due(chunk.number):
            self._write(group)
        self._writing = False
        late, self._late = self._late, []
        for each in late:
            each()
        if self._paused and chunk.number % 12 == 0:
            self._drop_stalled()

    def change_interval(self, interval_ms: int) -> None:
        """Lead the listeners to another write interval by an announced ramp."""
        if self.rhythm.change(interval_ms, self.tick) and self.feed is FEED_OPUS:
            self._announcement = self.interval_event(ANNOUNCED_MS)

    def interval_event(self, in_ms: int) -> bytes:
        """The `interval` event that names the (coming) write interval."""
        interval_ms = self.rhythm.target * self.feed.chunk_samples * 1000 // SAMPLE_RATE
        body = msgspec.json.encode({"interval_ms": interval_ms, "in_ms": in_ms})
        return render_event("interval", body, media_time=max(0, self.tick + 1) * self.feed.chunk_samples)

    def tell(self, event: bytes) -> None:
        """Write a rendered event to everybody, between two chunks."""
        for group in self.rhythm.everybody():
            for write in group.members.values():
                write(event)

    def end(self) -> None:
        """The conversation is over: what is left, then the close."""
        for group in list(self.rhythm.everybody()):
            self._write(group)
            group.sent = self.tick
        self.dismiss(self.listeners)

    def dismiss(self, listeners: Sequence[Listener] | set[Listener]) -> None:
        """Close these connections after what they have been sent."""
        for listener in tuple(listeners):
            Rhythm.leave(listener)
            listener.connection.close()

    # What listeners report; put off while groups are being written.

    def slowed(self, listener: Listener) -> None:
        self._when_written(lambda: self._take_out(listener))

    def caught_up(self, listener: Listener) -> None:
        self._when_written(lambda: self._put_back(listener))

    def lost(self, listener: Listener) -> None:
        self._when_written(lambda: self._forget(listener))

    def _when_written(self, act: Callable[[], None]) -> None:
        if self._writing:
            self._late.append(act)
        else:
            act()

    def _take_out(self, listener: Listener) -> None:
        Rhythm.leave(listener)
        listener.paused_since = self.tick
        self._paused.add(listener)

    def _put_back(self, listener: Listener) -> None:
        if listener not in self._paused:
            return
        self._paused.discard(listener)
        missed = self.tick - listener.paused_since
        if missed:
            self.counts["skips"] += 1
            self.counts["skipped"] += missed
        if listener.connection.transport is not None and not listener.connection.closing:
            self.rhythm.join(listener, listener.connection.transport.write, self.tick)

    def _forget(self, listener: Listener) -> None:
        Rhythm.leave(listener)
        self._paused.discard(listener)
        self.listeners.discard(listener)

    def _drop_stalled(self) -> None:
        for listener in tuple(self._paused):
            if self.tick - listener.paused_since > self._stall_ticks:
                self.counts["stalled"] += 1
                listener.connection.abort()

    def _write(self, group: Group) -> None:
        untold = group.told != self.rhythm.announcement
        piece = self._piece(group.sent, untold=untold)
        if not piece:
            return
        for write in group.members.values():
            write(piece)
        self.counts["writes"] += len(group.members)
        self.counts["bytes"] += len(group.members) * len(piece)

    def _piece(self, sent: int, *, untold: bool) -> bytes:
        """The chunks after `sent`, joined once for everybody who needs the same."""
        piece = self._joined.get((sent, untold))
        if piece is None:
            chunks = [payload for number, payload in self._ring.items() if number > sent]
            piece = b"".join([self._announcement, *chunks] if untold else chunks)
            self._joined[sent, untold] = piece
        return piece


def _bound_kernel(peer: socket.socket | None) -> None:
    if peer is not None and peer.family in (socket.AF_INET, socket.AF_INET6):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)
