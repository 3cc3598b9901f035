"""One listening socket of a door: who is let in, in which order, and what precedes the first request.

The order. (1) Where TLS is spoken and the budget of handshakes is used up, nobody is accepted: connections
wait in the kernel's queue, and what does not fit there is dropped by the kernel. (2) A connection beyond
`connections_max`, and (3) one that the bouncer refuses, is closed with RST before a byte was read; it costs
no handshake. (4) From a trusted proxy that speaks it, the PROXY header; then the bouncer is asked about the
client it names. (5) TLS. Then the connection is made.

Theory of operation: the socket is watched as any descriptor and accepted from at most `ACCEPTS_PER_TURN`
times in a turn of the loop, so that the listeners are written to in every flood. (uvloop's own server makes
a transport, and for TLS a handshake's state, before anybody could say no.) A refusal is two system calls and
no object: connections inherit from the listening socket that closing them resets them, and who is let in is
freed of it. While some are refused, the queue is looked at only every `FLOOD_REST_S`, so that one waking of
the process serves many.

Whatever has to wait is one task with absolute deadlines. When all places for handshakes are taken, those
that have taken longer than `handshake_crowded_s` are dropped, so that silent ones cannot hold the places of
those who speak.
"""

import asyncio
import math
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import structlog

from hiwar.door.connection import DoorConnection
from hiwar.door.proxy import START_BYTES, BadProxyHeader, Proxied, parse_header, parse_start
from hiwar.door.trusted import UNIX_PEER, plain_address

if TYPE_CHECKING:
    from hiwar.door.server import DoorServer

ACCEPTS_PER_TURN = 64  # under a millisecond of refusals, two of connections let in
FLOOD_REST_S = 0.002  # after a turn in which somebody was refused; a newcomer does not feel it
REST_S_MIN = 0.01  # of waiting for the budget: ten handshakes are then begun together
SHORTAGE_S = 0.1  # of waiting for descriptors or memory

_log = structlog.get_logger("door")
RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds
_NO_RESET = struct.pack("ii", 0, 0)


class Acceptor:
    """See the module. `context` None: no TLS on this socket."""

    def __init__(
        self, server: "DoorServer", listening: socket.socket, context: ssl.SSLContext | None
    ) -> None:
        self._server = server
        self._listening = listening
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._local = listening.family == socket.AF_UNIX
        self._kind = (int(listening.family), int(listening.type), listening.proto)
        # What `socket.accept` makes its object from, which would be a third of the cost of a refusal.
        self._take: Callable[[], tuple[int, Any]] = listening._accept  # type: ignore[attr-defined]
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self._timer: asyncio.TimerHandle | None = None
        self._arriving: dict[asyncio.Task[None], tuple[float, DoorConnection]] = {}  # each in the table too
        self._watch()

    def stop(self) -> None:
        """No more connections; those that were not made yet are dropped."""
        self._loop.remove_reader(self._listening.fileno())
        if self._timer is not None:
            self._timer.cancel()
        self._drop_slow(math.inf)
        self._listening.close()

    def _watch(self) -> None:
        self._timer = None
        self._loop.add_reader(self._listening.fileno(), self._turn)

    def _rest(self, seconds: float) -> None:
        """Let the kernel's queue wait."""
        self._loop.remove_reader(self._listening.fileno())
        self._timer = self._loop.call_later(seconds, self._watch)

    def _turn(self) -> None:
        """The loop: connections wait."""
        refused = False
        for _ in range(ACCEPTS_PER_TURN):
            if self._context is not None and not self._may_shake():
                return
            try:
                descriptor, address = self._take()
            except (BlockingIOError, InterruptedError):
                if refused:
                    self._rest(FLOOD_REST_S)
                return
            except ConnectionError:  # it was gone before we came to it
                continue
            except OSError:
                self._server.counts["short"] += 1
                self._rest(SHORTAGE_S)
                return
            refused = not self._judge(descriptor, address) or refused

    def _judge(self, descriptor: int, address: Any) -> bool:
        peer = UNIX_PEER if self._local else plain_address(address[0])
        trusted = self._local or self._server.trusted.trusts(peer)
        admitted = False
        try:
            admitted = self._server.admit(None if trusted else peer)
        finally:
            if not admitted:
                socket.close(descriptor)
        if admitted:
            self._receive(self._free(descriptor), peer, trusted=trusted)
        return admitted

    def _free(self, descriptor: int) -> socket.socket:
        accepted = socket.socket(*self._kind, descriptor)
        if not self._local:
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_RESET)
        return accepted

    def _may_shake(self) -> bool:
        now = self._loop.time()
        wait_s = self._server.handshakes.wait_s(now)
        if not wait_s:
            return True
        self._server.counts["waits"] += 1
        if wait_s == math.inf:
            wait_s = REST_S_MIN
            self._drop_slow(now - self._server.limits.handshake_crowded_s)
        self._rest(max(wait_s, REST_S_MIN))
        return False

    def _drop_slow(self, before: float) -> None:
        """Those not made yet that came before then; who has just been made goes on by itself."""
        for task, (began, connection) in tuple(self._arriving.items()):
            if began > before:
                return
            if not connection.made:
                task.cancel()

    def _receive(self, accepted: socket.socket, peer: str, *, trusted: bool) -> None:
        server = self._server
        connection = DoorConnection(server, peer, secure=self._context is not None, trusted=trusted)
        server.add(connection)
        introduced = trusted and server.proxy_protocol and not self._local
        arrival = self._arrive(accepted, connection, introduced=introduced)
        if self._context is not None:
            server.handshakes.begin(self._loop.time())
        task = server.start(arrival)
        self._arriving[task] = (self._loop.time(), connection)
        task.add_done_callback(lambda done: self._arrived(done, accepted, connection))

    def _arrived(self, task: asyncio.Task[None], accepted: socket.socket, connection: DoorConnection) -> None:
        """However it ended, also before it began."""
        del self._arriving[task]
        if self._context is not None:
            self._server.handshakes.end()
        if not connection.made:
            accepted.close()
            self._server.counts["unmade"] += 1
            self._server.forget(connection)

    async def _arrive(self, accepted: socket.socket, connection: DoorConnection, *, introduced: bool) -> None:
        try:
            if introduced and not await self._introduce(accepted, connection):
                _reset(accepted)
                return
            await self._loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=self._context, **self._timeouts()
            )
        except OSError:  # it went away, or did not shake hands, or not in time
            return
        except Exception:
            _log.exception("a connection could not be made", door=self._server.name)

    def _timeouts(self) -> dict[str, Any]:
        if self._context is None:
            return {}
        limits = self._server.limits
        return {
            "ssl_handshake_timeout": limits.handshake_s,
            "ssl_shutdown_timeout": limits.write_stall_s,
        }

    async def _introduce(self, accepted: socket.socket, connection: DoorConnection) -> bool:
        """Read the PROXY header; whether the connection may go on."""
        server = self._server
        try:
            async with asyncio.timeout(server.limits.head_s):
                said = await self._read_header(accepted)
        except (TimeoutError, BadProxyHeader):
            server.counts["unintroduced"] += 1
            return False
        client = said.client or connection.peer
        trusted = bool(said.client) and server.trusted.trusts(client)
        asked = bool(said.client) and not trusted
        if asked and not server.ask(client):
            return False
        connection.introduce(client, secure=said.secure, trusted=trusted, asked=asked)
        return True

    async def _read_header(self, accepted: socket.socket) -> Proxied:
        accepted.setblocking(False)
        start = await self._read(accepted, START_BYTES)
        return parse_header(start, await self._read(accepted, parse_start(start)))

    async def _read(self, accepted: socket.socket, count: int) -> bytes:
        """Exactly so many bytes: what follows is TLS's or the request's."""
        read = b""
        while len(read) < count:
            piece = await self._loop.sock_recv(accepted, count - len(read))
            if not piece:
                raise BadProxyHeader("it ended in its header")
            read += piece
        return read


def _reset(accepted: socket.socket) -> None:
    """Close with RST: no state is left here, and the client knows at once."""
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    accepted.close()
