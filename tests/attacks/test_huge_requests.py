"""Heads and bodies without end, poured in as fast as they are taken. Out: the bounds of both."""

import asyncio
import contextlib
import tracemalloc
from dataclasses import replace

import pytest

from hiwar.door.http import Request, Response
from hiwar.door.limits import DoorLimits
from tests.door.sockets import open_door, status_of

BOUNDS = DoorLimits(close_grace_s=0.2)
ENDLESS = 1 << 30
NO_BOUNDS = replace(
    BOUNDS, head_bytes_max=ENDLESS, headers_max=ENDLESS, target_bytes_max=ENDLESS, body_bytes_max=ENDLESS,
)  # fmt: skip
MACHINES, EACH = 4, 4 << 20
READ = 256 << 10  # uvloop takes so much at once from each, whoever is answered
HEAD = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
LINES = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000
TARGET = b"GET /"
BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (2 * EACH)
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n"
OPENINGS = pytest.mark.parametrize("opening", [HEAD, LINES, TARGET, BODY, CHUNKED])


async def small(request: Request) -> Response:
    return Response(200, {}, b"ok")


async def pour(limits: DoorLimits, opening: bytes) -> tuple[list[bytes], int]:
    """What the machines are answered, and how much memory the door came to hold at most."""
    piece = b"x" * 65536
    async with open_door(small, limits) as (_, port):
        tracemalloc.start()
        try:
            pieces = [opening, *[piece] * (EACH // len(piece))]
            answers = await asyncio.gather(*(_send(port, pieces) for _ in range(MACHINES)))
            return answers, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


async def _send(port: int, pieces: list[bytes]) -> bytes:
    """Never more on its way than is taken: what is counted is the door's. Then wait for an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(3):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
    answer = b""
    with contextlib.suppress(ConnectionError, TimeoutError):
        async with asyncio.timeout(0.3):
            answer = await reader.read(4096)
    writer.transport.abort()
    return answer


@OPENINGS
async def test_nothing_huge_is_taken_in(opening: bytes) -> None:
    answers, most = await pour(BOUNDS, opening)
    assert {status_of(answer) for answer in answers} <= {0, 400, 413, 414, 431}
    assert most < MACHINES * READ


@OPENINGS
async def test_without_bounds_the_door_holds_all_of_it(opening: bytes) -> None:
    _, most = await pour(NO_BOUNDS, opening)
    assert most > MACHINES * EACH
