"""The relay's control channel on one machine: requests, replies and notices over a Unix socket.

A server answers every request, in any order; a handler that breaks answers `Failed(500)` and is logged
by its owner, the connection lives on. A client waits at most `patience` seconds for a reply.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec

from hiwar.relay.framing import FramedProtocol, render_frame
from hiwar.relay.messages import AnyControl, ControlMessage, Failed, Notice
from hiwar.relay.ports import RequestFailed

NOTICES_MAX = 64  # a reader that falls behind loses the oldest snapshots: each is whole
REQUESTS_MAX = 64  # at once, from one connection

_decode = msgspec.msgpack.Decoder(AnyControl).decode


class ControlPeer(FramedProtocol):
    """One asker, as the server sees it."""

    def __init__(self, server: "ControlServer") -> None:
        super().__init__()
        self._server = server
        self._answering = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._server.peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.peers.discard(self)

    def body_received(self, body: bytes) -> None:
        message = _decode(body)
        if self._answering >= REQUESTS_MAX:
            self.send(Failed(call=message.call, status=503, reason="Too many requests at once."))
            return
        self._answering += 1
        self._server.start_answering(self, message)

    def send(self, message: ControlMessage) -> None:
        """Push a reply or a notice; dropped when the peer is gone or stopped reading."""
        transport = self.transport
        if transport is not None and not transport.is_closing():
            if isinstance(message, Notice) and transport.get_write_buffer_size() > 1_000_000:
                return
            transport.write(render_frame(message))

    def answered(self) -> None:
        self._answering -= 1


Answering = Callable[[ControlMessage, ControlPeer], Awaitable[ControlMessage]]


class ControlServer:
    """Listens on a Unix socket and answers with `answer(message, peer)`.

    `answer` may raise `RequestFailed`; the peer may be kept to push `Notice`s to it after `Watch`.
    """

    def __init__(self, answer: Answering, failed: Callable[[Exception], None] = lambda error: None) -> None:
        self.peers: set[ControlPeer] = set()
        self._answer = answer
        self._failed = failed
        self._tasks: asyncio.TaskGroup | None = None

    async def serve(self, path: Path, ready: asyncio.Event | None = None) -> None:
        """Serve until cancelled. A stale socket is replaced; our own is removed at the end."""
        path.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            server = await loop.create_unix_server(lambda: ControlPeer(self), str(path))
            if ready is not None:
                ready.set()
            try:
                await server.serve_forever()
            finally:
                path.unlink(missing_ok=True)
                for peer in tuple(self.peers):
                    if peer.transport is not None:
                        peer.transport.close()

    def start_answering(self, peer: ControlPeer, message: ControlMessage) -> None:
        assert self._tasks is not None
        self._tasks.create_task(self._reply(peer, message))

    async def _reply(self, peer: ControlPeer, message: ControlMessage) -> None:
        try:
            reply = await self._answer(message, peer)
        except RequestFailed as error:
            reply = Failed(status=error.status, reason=error.reason)
        except Exception as error:  # the room must outlive any one request
            self._failed(error)
            reply = Failed(status=500, reason="The stage could not do that.")
        finally:
            peer.answered()
        peer.send(msgspec.structs.replace(reply, call=message.call))


class LocalControlClient(FramedProtocol):
    """The asking side (see `relay.ports.ControlClient`). Made by `LocalControlClient.connect`."""

    def __init__(self, patience: float = 10.0) -> None:
        super().__init__()
        self._patience = patience
        self._calls = 0
        self._waiting: dict[int, asyncio.Future[ControlMessage]] = {}
        self._notices: asyncio.Queue[Notice | None] = asyncio.Queue(NOTICES_MAX)
        self._gone = False

    @classmethod
    async def connect(cls, path: Path, patience: float = 10.0) -> "LocalControlClient":
        """Connect to a stage (or a spare).

        Raises:
            OSError: nobody listens there.
        """
        loop = asyncio.get_running_loop()
        _, client = await loop.create_unix_connection(lambda: cls(patience), str(path))
        return client

    @property
    def gone(self) -> bool:
        return self._gone

    async def request(self, message: ControlMessage) -> ControlMessage:
        if self._gone or self.transport is None:
            raise ConnectionError("the stage is gone")
        self._calls += 1
        call = self._calls
        reply: asyncio.Future[ControlMessage] = asyncio.get_running_loop().create_future()
        self._waiting[call] = reply
        self.transport.write(render_frame(msgspec.structs.replace(message, call=call)))
        try:
            answer = await asyncio.wait_for(reply, self._patience)
        except TimeoutError as error:
            raise ConnectionError("the stage does not answer") from error
        finally:
            self._waiting.pop(call, None)
        if isinstance(answer, Failed):
            raise RequestFailed(answer.status, answer.reason)
        return answer

    async def notices(self) -> AsyncIterator[Notice]:
        while (notice := await self._notices.get()) is not None:
            yield notice

    async def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def body_received(self, body: bytes) -> None:
        message = _decode(body)
        waiting = self._waiting.get(message.call)
        if waiting is not None and not waiting.done():
            waiting.set_result(message)
        elif isinstance(message, Notice) and message.call == 0:
            self._push(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("the stage is gone"))
        self._push(None)

    def _push(self, notice: Notice | None) -> None:
        if self._notices.full():
            self._notices.get_nowait()
        self._notices.put_nowait(notice)
