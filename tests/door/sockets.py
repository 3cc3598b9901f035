"""A door with a handler on a port of its own, and raw bytes to and from it."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

from hiwar.door.http import Handler, Request, Response
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer, bind_tcp

QUICK = DoorLimits(
    head_s=0.2, body_s=0.25, idle_s=0.3, write_stall_s=0.5, linger_s=0.2, close_grace_s=0.5, handshake_s=0.3,
    tick_s=0.02, body_bytes_max=64, head_bytes_max=1024, headers_max=16,
)  # fmt: skip
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


async def small(request: Request) -> Response:
    """Answers."""
    return Response(200, {}, b"ok")


@contextlib.asynccontextmanager
async def open_door(
    handler: Handler, limits: DoorLimits = QUICK, context: ssl.SSLContext | None = None, **hooks: Any
) -> AsyncIterator[tuple[DoorServer, int]]:
    """The door and its port; closed gracefully afterwards. `hooks` go to the server."""
    bound = bind_tcp("127.0.0.1", 0)
    door = DoorServer(handler, limits, name="test", **hooks)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve(sockets=[bound], ssl_context=context))
        await door.ready.wait()
        try:
            yield door, bound.getsockname()[1]
        finally:
            serving.cancel()


async def exchange(
    port: int,
    *pieces: bytes,
    pause: float = 0.0,
    most: float = 3.0,
    tls: ssl.SSLContext | None = None,
) -> bytes:
    """Everything that comes back until the door closes the connection (or `most` seconds)."""
    try:
        reader, writer = await asyncio.open_connection("localhost" if tls else "127.0.0.1", port, ssl=tls)
    except OSError:  # closed before this side had even seen that it was open
        return b""
    received: list[bytes] = []

    async def read() -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(65536):
                received.append(piece)

    async def write() -> None:
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(pause)

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most), asyncio.TaskGroup() as group:
            writing = group.create_task(write())
            await read()
            writing.cancel()
    writer.close()
    return b"".join(received)


def connect(port: int, receive_bytes: int = 0) -> socket.socket:
    """A blocking connection, made in the kernel while the loop stands still; `receive_bytes`: of buffer."""
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(2.0)
    client.connect(("127.0.0.1", port))
    return client


async def until(condition: Callable[[], bool], seconds: float = 3.0) -> None:
    """Wait until something shows."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def status_of(response: bytes) -> int:
    return int(response[9:12]) if response else 0
