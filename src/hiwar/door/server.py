"""The door itself: listening sockets, TLS, the table of connections, one timer for all their deadlines.

    door = DoorServer(handler, DoorLimits(), trusted=settings.trusted_proxies, name="edge")
    group.create_task(door.serve(sockets=[bind_tcp(host, port)], ssl_context=context))

`serve` runs until it is cancelled, then closes gracefully: no more connections, idle ones closed, answers
under way finished within `close_grace_s`, the rest aborted.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from hiwar.door.accept import Acceptor
from hiwar.door.connection import DoorConnection
from hiwar.door.handshakes import HandshakeBudget
from hiwar.door.head import BodyBound, Heads
from hiwar.door.hooks import Bouncer, Refuse
from hiwar.door.http import Handler
from hiwar.door.limits import DoorLimits
from hiwar.door.trusted import TrustedPeers
from hiwar.door.wheel import Wheel

BACKLOG = 4096  # a storm of 2,000 arrivals a second waits here while a tick is being written
VANISHED_MS = 20_000  # a peer that acknowledges nothing for so long is gone; connections inherit it
UNSENT_BYTES = 64 * 1024  # what the kernel takes ahead of a slow reader, who would else hold up to 4 MiB
_TCP_NOTSENT_LOWAT = 25  # tcp(7); the socket module names it from Python 3.12 on; connections inherit it

__all__ = ["DoorConnection", "DoorServer", "bind_tcp", "tls_context"]


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening socket of IPv4 or IPv6, by the form of `host`; port 0 for any.

    Raises:
        OSError: the address is taken or is not of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(host != "::"))
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, VANISHED_MS)
        bound.setsockopt(socket.IPPROTO_TCP, _TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound


def bind_unix(path: Path) -> socket.socket:
    """A listening Unix socket of mode 0600; a dead one of the same name is replaced."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.bind(str(path))
    path.chmod(0o600)
    bound.listen(BACKLOG)
    bound.setblocking(False)
    return bound


def tls_context(certificate: str, key: str) -> ssl.SSLContext | None:
    """TLS 1.2 and later with this chain and key (PEM files), HTTP/1.1 only; None for '' and ''.

    Raises:
        OSError, ssl.SSLError: a file is missing, or is not what it should be.
    """
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class DoorServer:
    """One handler behind any number of listening sockets.

    `body_bound(method, path)` gives the largest body taken, in bytes. `bouncer` is asked about each
    connection, `refuse` about each request (see `hooks`); without them everybody is let in. With
    `proxy_protocol` a connection of a trusted proxy must begin with a PROXY header of version 2.

    `counts`. Connections: `connections` let in; `full` and `bounced` refused at accept, for want of a place
    and by the bouncer; `unmade` that got no further than their handshake or PROXY header; `unintroduced`
    with a broken PROXY header; `waits` and `short`, how often accepting rested for the budget of handshakes
    and for descriptors. Requests: `requests` handed to the handler; `turned_away` by `refuse`; `refused`
    because they could not be read; `expired`; `failed` by a mistake of ours. `stalled`: answers that were
    not taken in time.
    """

    def __init__(
        self,
        handler: Handler,
        limits: DoorLimits | None = None,
        *,
        trusted: str = "",
        name: str = "door",
        body_bound: BodyBound | None = None,
        bouncer: Bouncer | None = None,
        refuse: Refuse | None = None,
        proxy_protocol: bool = False,
    ) -> None:
        self.handler = handler
        self.limits = limits or DoorLimits()
        self.trusted = TrustedPeers(trusted)
        self.name = name
        self.body_bound: BodyBound = body_bound or (lambda method, path: self.limits.body_bytes_max)
        self.bouncer = bouncer
        self.refuse = refuse
        self.proxy_protocol = proxy_protocol
        self.heads = Heads(self.limits)
        self.handshakes = HandshakeBudget(
            self.limits.handshakes_per_s, self.limits.handshakes_burst, self.limits.handshakes_max
        )
        self.counts: Counter[str] = Counter()
        self.ready = asyncio.Event()
        self._connections: set[DoorConnection] = set()
        self._wheel = Wheel(self.limits.tick_s)
        self._timer: asyncio.TimerHandle | None = None
        self._remembering: set[DoorConnection] = set()  # what they turned away; each has it forgotten in time
        self._forgetting: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop
        self._tasks: asyncio.TaskGroup | None = None
        self._emptied: asyncio.Event | None = None  # there once the door is closing

    @property
    def connections(self) -> int:
        """Connections open now, those taken over among them."""
        return len(self._connections)

    async def serve(
        self,
        *,
        sockets: Sequence[socket.socket] = (),
        unix_path: Path | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Answer on bound `sockets` (and on a Unix socket of mode 0600) until cancelled, then close them."""
        bound = [*sockets, *([bind_unix(unix_path)] if unix_path else [])]
        for each in bound:
            each.listen(BACKLOG)
        self._loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as self._tasks:
            acceptors = [
                Acceptor(self, each, ssl_context if each.family != socket.AF_UNIX else None) for each in bound
            ]
            self.ready.set()
            try:
                await asyncio.Event().wait()
            finally:
                for acceptor in acceptors:
                    acceptor.stop()
                await self._close_gracefully()
                if unix_path:
                    unix_path.unlink(missing_ok=True)

    async def _close_gracefully(self) -> None:
        for connection in tuple(self._connections):
            connection.close_gracefully()
        self._emptied = asyncio.Event()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.limits.close_grace_s):
                    await self._emptied.wait()
        for connection in tuple(self._connections):
            connection.abort()
        for timer in (self._timer, self._forgetting):
            if timer is not None:
                timer.cancel()

    # What acceptors and connections call.

    def admit(self, peer: str | None) -> bool:
        """Whether there is a place for another connection, of a client who is asked about if given."""
        if len(self._connections) >= self.limits.connections_max:
            self.counts["full"] += 1
            return False
        return peer is None or self.ask(peer)

    def ask(self, peer: str) -> bool:
        """Whether the bouncer lets a client's connection in."""
        if self.bouncer is None or self.bouncer.opened(peer):
            return True
        self.counts["bounced"] += 1
        return False

    def add(self, connection: DoorConnection) -> None:
        self.counts["connections"] += 1
        self._connections.add(connection)

    def forget(self, connection: DoorConnection) -> None:
        self._connections.discard(connection)
        if connection.asked and self.bouncer is not None:
            self.bouncer.closed(connection.peer)
        if self._emptied is not None and not self._connections:
            self._emptied.set()

    def remember(self, connection: DoorConnection) -> None:
        """Let the connection forget what it turned away in at most `refusal_s`: one timer serves all."""
        self._remembering.add(connection)
        if self._forgetting is None:
            self._forgetting = self._loop.call_later(self.limits.refusal_s, self._forget_refusals)

    def _forget_refusals(self) -> None:
        self._forgetting = None
        for connection in self._remembering:
            connection.forget_refusal()
        self._remembering.clear()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._tasks is not None
        return self._tasks.create_task(work)

    def now(self) -> float:
        """Seconds of the loop's clock."""
        return self._loop.time()

    def schedule(self, connection: DoorConnection, seconds: float) -> None:
        """Let the connection expire in `seconds`, instead of when it was to."""
        self._wheel.schedule(connection, self._loop.time() + seconds)
        if self._timer is None:
            self._timer = self._loop.call_later(self.limits.tick_s, self._turn)

    def _turn(self) -> None:
        try:
            self._wheel.advance(self._loop.time())
        finally:  # whatever went wrong with one connection, the others keep their deadlines
            self._timer = self._loop.call_later(self.limits.tick_s, self._turn) if self._wheel else None
