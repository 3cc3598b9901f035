"""Asking another process over a Unix socket: HTTP/1.1, streaming, bounded.

Rules: a connection carries one request at a time and is used again only when its last answer was read to
the end. At most `connections_max` requests are out at once, `queue_max` wait for `queue_s`; more are
refused at once, so that a dead or slow process costs its own pages and nothing else. What the other side
sends is never buffered beyond `BUFFER_BYTES`.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httptools

BUFFER_BYTES = 256 * 1024
HEAD_BYTES_MAX = 64 * 1024
IDLE_CONNECTIONS_MAX = 8


class Unavailable(ConnectionError):
    """Nobody answers there, or they stopped in the middle."""


class Busy(Unavailable):
    """As many requests as are allowed are out and waiting already."""


class Slow(Unavailable):
    """No answer, or no more of it, within the time allowed."""


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Numbers of requests; seconds. `head_s` until the answer begins, `body_s` between its pieces."""

    connections_max: int = 16
    queue_max: int = 64
    queue_s: float = 2.0
    connect_s: float = 1.0
    head_s: float = 10.0
    body_s: float = 10.0


class _Exchange(asyncio.Protocol):
    """One connection: sends a request, parses the answer, holds back when it is read too slowly."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.fresh = True
        self._reset()

    def _reset(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[str, str]] = []
        self.status = 0
        self.begun = self.headed = self.complete = self.lost = self.kept = False
        self._pieces: deque[bytes] = deque()  # bounded by BUFFER_BYTES: reading is paused
        self._held = self._head_bytes = 0
        self._arrived = asyncio.Event()

    @property
    def usable(self) -> bool:
        """Whether another request may be sent on it."""
        return self.transport is not None and not self.transport.is_closing() and self.complete and self.kept

    def send(self, head_and_body: bytes) -> None:
        self._reset()
        if self.transport is None or self.transport.is_closing():
            raise Unavailable("the connection is gone")
        self.transport.write(head_and_body)

    async def head(self) -> None:
        while not self.headed:
            await self._more()

    async def piece(self) -> bytes:
        """The next piece of the body; b'' at its end."""
        while not self._pieces:
            if self.complete:
                return b""
            await self._more()
        found = self._pieces.popleft()
        self._held -= len(found)
        if self._held < BUFFER_BYTES // 2 and self.transport is not None:
            self.transport.resume_reading()
        return found

    async def _more(self) -> None:
        if self.lost:
            raise Unavailable("the other side stopped in the middle of its answer")
        self._arrived.clear()
        await self._arrived.wait()

    def close(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.headed and not self.complete and not self._is_framed():
            self.complete = True  # a body that ends with the connection
        self.transport = None
        self.lost = True
        self._arrived.set()

    def data_received(self, data: bytes) -> None:
        self.begun = True
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.lost = True
            self.close()
        self._arrived.set()
        if self._held > BUFFER_BYTES and self.transport is not None:
            self.transport.pause_reading()

    def _is_framed(self) -> bool:
        return any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.close()
        elif not self.headed:
            self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        self.status = self.parser.get_status_code()
        if self.status < 200:
            self.headers.clear()
            return
        self.headed = True

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)
        self._held += len(body)

    def on_message_complete(self) -> None:
        self.complete = self.headed
        self.kept = self.parser.should_keep_alive()


class Answer:
    """An answer whose body is still to be read: iterate over `pieces()` once, or call `close()`.

    It is an iterator of its own and no generator: one that is closed before its first piece (HEAD, 304, a
    client that went away) must give its connection back too, and a generator that never began does nothing.
    """

    def __init__(self, exchange: _Exchange, client: "UpstreamClient", *, bodiless: bool) -> None:
        self.status = exchange.status
        self.headers = exchange.headers
        self._exchange = exchange
        self._client = client
        self._bodiless = bodiless
        self._released = False

    def pieces(self) -> "Answer":
        """The body, piece by piece.

        Raises:
            Unavailable: it stopped in the middle.
            Slow: nothing came for `body_s`.
        """
        return self

    def __aiter__(self) -> "Answer":
        return self

    async def __anext__(self) -> bytes:
        try:
            piece = b"" if self._bodiless or self._released else await self._piece()
        except BaseException:
            self.close()
            raise
        if not piece:
            self.close()
            raise StopAsyncIteration
        return piece

    async def _piece(self) -> bytes:
        try:
            async with asyncio.timeout(self._client.limits.body_s):
                return await self._exchange.piece()
        except TimeoutError as error:
            raise Slow("the answer does not go on") from error

    async def aclose(self) -> None:
        """As `close`, for whoever writes a body."""
        self.close()

    async def read(self, bytes_max: int) -> bytes | None:
        """The whole body, or None when it is longer than `bytes_max` (it is then lost)."""
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > bytes_max:
                self.close()
                return None
        return bytes(body)

    def close(self) -> None:
        """Give the connection back: for another request if the body was read to its end."""
        if not self._released:
            self._released = True
            self._client.release(self._exchange)


class UpstreamClient:
    """Requests to the process behind the Unix socket `path`."""

    def __init__(self, path: Path, limits: ClientLimits | None = None) -> None:
        self.path = path
        self.limits = limits or ClientLimits()
        self._slots = asyncio.Semaphore(self.limits.connections_max)
        self._waiting = 0
        self._idle: deque[_Exchange] = deque(maxlen=IDLE_CONNECTIONS_MAX)

    async def request(
        self, method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> Answer:
        """Send a request; the answer once its head is there. `headers` without framing.

        Raises:
            Busy, Slow, Unavailable
        """
        await self._take_slot()
        exchange: _Exchange | None = None
        try:
            message = render_request(method, target, headers, body)
            async with asyncio.timeout(self.limits.head_s):
                exchange = await self._send(message, again=method in ("GET", "HEAD"))
            return Answer(exchange, self, bodiless=method == "HEAD")
        except BaseException as error:
            if exchange is not None:
                exchange.close()
            self._slots.release()
            if isinstance(error, TimeoutError):
                raise Slow("no answer in time") from error
            raise

    async def _send(self, message: bytes, *, again: bool) -> _Exchange:
        """A kept connection may have been closed meanwhile: what changes nothing is then sent once more."""
        exchange = await self._connection()
        reused = not exchange.fresh
        try:
            exchange.send(message)
            await exchange.head()
        except Unavailable:
            exchange.close()
            if not (reused and again and not exchange.begun):
                raise
            exchange = await self._connect()
            exchange.send(message)
            await exchange.head()
        except BaseException:
            exchange.close()
            raise
        exchange.fresh = False
        return exchange

    async def _connection(self) -> _Exchange:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.usable:
                return exchange
            exchange.close()
        return await self._connect()

    async def _connect(self) -> _Exchange:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.limits.connect_s):
                _, exchange = await loop.create_unix_connection(_Exchange, str(self.path))
        except (OSError, TimeoutError) as error:
            raise Unavailable("nobody answers there") from error
        return exchange

    async def _take_slot(self) -> None:
        if self._slots.locked() and self._waiting >= self.limits.queue_max:
            raise Busy("too many requests are waiting")
        self._waiting += 1
        try:
            async with asyncio.timeout(self.limits.queue_s):
                await self._slots.acquire()
        except TimeoutError as error:
            raise Busy("too many requests are out") from error
        finally:
            self._waiting -= 1

    def release(self, exchange: _Exchange) -> None:
        """The end of an answer."""
        self._slots.release()
        if exchange.usable and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append(exchange)
        else:
            exchange.close()

    def close(self) -> None:
        while self._idle:
            self._idle.pop().close()


def render_request(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """A request as it goes out, with its framing.

    Raises:
        ValueError: a line break in a header or the target.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if body or method in ("POST", "PUT", "PATCH"):
        lines.append(f"Content-Length: {len(body)}")
    text = "\r\n".join(lines)
    if text.count("\r") + text.count("\n") != 2 * (len(lines) - 1):
        raise ValueError("a request header holds a line break")
    return (text + "\r\n\r\n").encode("latin-1") + body
