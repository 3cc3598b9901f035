"""As many connections as there are places, on which nothing comes, or a letter now and then. Out: the
deadlines."""

import asyncio
import contextlib
import socket
from dataclasses import replace

import pytest

from hiwar.door.http import Request, Response
from hiwar.door.limits import DoorLimits
from tests.door.sockets import QUICK, connect, exchange, open_door, status_of, until

LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PLACES = 40
DEADLINES = replace(QUICK, connections_max=PLACES)
NEVER_S = 3600.0
NO_DEADLINES = replace(
    DEADLINES, head_s=NEVER_S, body_s=NEVER_S, idle_s=NEVER_S, write_stall_s=NEVER_S, linger_s=NEVER_S
)
LARGE = b"x" * (1 << 20)
# What each sends first, and what it sends from then on.
KINDS = {
    "silent": (b"", b""),
    "head": (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
    "body": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 64\r\n\r\n", b"x"),
    "idle": (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b""),
    "unread": (b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n", b""),
}
EACH = pytest.mark.parametrize("kind", KINDS)


async def answer(request: Request) -> Response:
    return Response(200, {}, LARGE if request.path == "/large" else b"ok")


async def hold(limits: DoorLimits, kind: str) -> bool:
    """Whether a newcomer gets in within three deadlines while the attackers go on."""
    opening, drip = KINDS[kind]
    async with open_door(answer, limits) as (door, port):
        held = [connect(port, receive_bytes=4096) for _ in range(PLACES)]
        for each in held:
            each.sendall(opening)
        await until(lambda: door.connections == PLACES)
        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(_drip(held, drip))
            got_in = await _gets_in(port)
            dripping.cancel()
        for each in held:
            each.close()
        return got_in


async def _gets_in(port: int) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(3 * QUICK.write_stall_s):
            while status_of(await exchange(port, LAST, most=0.5)) != 200:
                await asyncio.sleep(0.05)
            return True
    return False


async def _drip(held: list[socket.socket], drip: bytes) -> None:
    while drip:
        await asyncio.sleep(0.05)
        for each in held:
            with contextlib.suppress(OSError):
                each.send(drip)


@EACH
async def test_a_door_full_of_slow_ones_has_places_again_after_the_deadline(kind: str) -> None:
    assert await hold(DEADLINES, kind)


@EACH
async def test_without_deadlines_it_stays_full(kind: str) -> None:
    assert not await hold(NO_DEADLINES, kind)
