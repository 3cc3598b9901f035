"""The relay's data channel on one machine: Unix stream sockets.

The publisher encodes each message once and writes the same bytes to every subscriber. It never waits:
when a subscriber's unsent bytes pass `QUEUE_BYTES_MAX`, messages for it are dropped and counted until
it has caught up, and `Skipped` tells it so. A newcomer gets `Hello`, the last state and the backlog
(`BACKLOG_SECONDS`), so an edge that starts in mid-conversation serves at once.

Fails open: with no subscriber the stage goes on; with no stage the subscriber's iteration ends.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from hiwar.media.feed import Chunk
from hiwar.media.timeline import samples
from hiwar.relay.framing import FramedProtocol, render_frame
from hiwar.relay.messages import AnyData, Audience, Ended, Event, Health, Hello, Media, Skipped

BACKLOG_SECONDS = 64  # the live window of a minute, and a segment
QUEUE_BYTES_MAX = 12 * 1024 * 1024  # four backlogs of all eight feeds, which are some 370 kbit/s together
RECEIVED_MAX = 40_000  # messages an edge may leave unread: ten such backlogs; then the oldest is dropped

_decode = msgspec.msgpack.Decoder(AnyData).decode


class LocalPublisher:
    """The stage's end (see `relay.ports.Publisher`). All methods are called in the loop's thread."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._path: Path | None = None
        self._peers: set[_Subscriber] = set()
        self._hello: bytes | None = None
        self._state: bytes | None = None
        self._ended: bytes | None = None
        self._backlog: deque[tuple[int, bytes]] = deque()

    async def start(self, path: Path) -> None:
        """Listen on `path`; a stale socket of a stage that died is replaced."""
        path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Subscriber(self), str(path))
        self._path = path

    def hello(self, hello: Hello) -> None:
        """First of all; and again, to everybody, when the air opens and the origin is known."""
        self._hello = render_frame(hello)
        for peer in self._peers:
            peer.greet(self._greeting() or b"")

    def chunk(self, chunk: Chunk) -> None:
        frame = render_frame(Media(chunk))
        self._backlog.append((chunk.media_time, frame))
        oldest = chunk.media_time - samples(BACKLOG_SECONDS)
        while self._backlog[0][0] < oldest:
            self._backlog.popleft()
        self._send(frame)

    def event(self, event: Event) -> None:
        frame = render_frame(event)
        if event.kind == "state":
            self._state = frame
        self._send(frame)

    def health(self, health: Health) -> None:
        """Of the moment: nobody who comes later needs it."""
        self._send(render_frame(health))

    def ended(self, media_time: int) -> None:
        self._ended = render_frame(Ended(media_time))
        self._send(self._ended)

    @property
    def listeners(self) -> int:
        return sum(peer.listeners for peer in self._peers)

    @property
    def dropped(self) -> int:
        """Messages dropped for slow subscribers that are connected now."""
        return sum(peer.dropped for peer in self._peers)

    async def close(self) -> None:
        """Stop listening; connected subscribers get what is already queued."""
        if self._server is not None:
            self._server.close()
        for peer in tuple(self._peers):
            if peer.transport is not None:
                peer.transport.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _greeting(self) -> bytes | None:
        if self._hello is None:
            return None
        parts = [self._hello, self._state, *(frame for _, frame in self._backlog), self._ended]
        return b"".join(part for part in parts if part is not None)

    def _send(self, frame: bytes) -> None:
        for peer in self._peers:
            peer.send(frame)

    def _joined(self, peer: "_Subscriber") -> None:
        self._peers.add(peer)
        greeting = self._greeting()
        if greeting is not None:
            peer.greet(greeting)

    def _left(self, peer: "_Subscriber") -> None:
        self._peers.discard(peer)


class _Subscriber(FramedProtocol):
    """One connected edge, as the publisher sees it."""

    def __init__(self, publisher: LocalPublisher) -> None:
        super().__init__()
        self.listeners = 0
        self.dropped = 0
        self._publisher = publisher
        self._greeted = False
        self._skipped = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._publisher._joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._publisher._left(self)

    def greet(self, greeting: bytes) -> None:
        if self.transport is not None:
            self._greeted = True
            self.transport.write(greeting)

    def send(self, frame: bytes) -> None:
        if self.transport is None or not self._greeted:
            return
        if self.transport.get_write_buffer_size() > QUEUE_BYTES_MAX:
            self._skipped += 1
            self.dropped += 1
            return
        if self._skipped:
            self.transport.write(render_frame(Skipped(self._skipped)))
            self._skipped = 0
        self.transport.write(frame)

    def body_received(self, body: bytes) -> None:
        message = _decode(body)
        if isinstance(message, Audience):
            self.listeners = message.listeners


class LocalSubscription(FramedProtocol):
    """An edge's end (see `relay.ports.Subscription`). Made by `LocalSubscription.connect`."""

    def __init__(self) -> None:
        super().__init__()
        self._received: deque[AnyData] = deque(maxlen=RECEIVED_MAX)
        self._arrived = asyncio.Event()
        self._over = False

    @classmethod
    async def connect(cls, path: Path) -> "LocalSubscription":
        """Subscribe to the stage behind `path`.

        Raises:
            OSError: nobody listens there.
        """
        loop = asyncio.get_running_loop()
        _, subscription = await loop.create_unix_connection(cls, str(path))
        return subscription

    def body_received(self, body: bytes) -> None:
        self._received.append(_decode(body))
        self._arrived.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over = True
        self._arrived.set()

    def report(self, listeners: int) -> None:
        """Tell the stage how many people this worker feeds now."""
        if self.transport is not None and not self._over:
            self.transport.write(render_frame(Audience(listeners)))

    async def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def __aiter__(self) -> AsyncIterator[AnyData]:
        while True:
            while self._received:
                yield self._received.popleft()
            if self._over:
                return
            self._arrived.clear()
            await self._arrived.wait()
