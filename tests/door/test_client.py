"""Asking other processes over Unix sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from hiwar.door.client import Busy, ClientLimits, Slow, Unavailable, UpstreamClient, render_request
from hiwar.door.http import Request, Response
from hiwar.door.server import DoorServer

QUICK = ClientLimits(connections_max=2, queue_max=1, queue_s=0.1, connect_s=0.2, head_s=0.3, body_s=0.3)
HOST = [("Host", "a")]


@contextlib.asynccontextmanager
async def upstream(
    path: Path, handler: Callable[[Request], Awaitable[Response]]
) -> AsyncIterator[DoorServer]:
    door = DoorServer(handler, name="upstream")
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve(unix_path=path))
        await door.ready.wait()
        try:
            yield door
        finally:
            serving.cancel()


async def test_a_connection_is_used_again_once_its_answer_was_read(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"X": "1"}, request.method.encode() + request.body, ("a=1", "b=2"))

    async with upstream(tmp_path / "s", handler) as door:
        client = UpstreamClient(tmp_path / "s", QUICK)
        for body in (b"", b"abc", b"x" * 5000):
            answer = await client.request("POST", "/", HOST, body)
            assert await answer.read(10_000) == b"POST" + body
            assert [value for name, value in answer.headers if name == "set-cookie"] == ["a=1", "b=2"]
        head = await client.request("HEAD", "/", HOST)
        assert await head.read(10) == b""
        assert door.counts["connections"] == 1
        client.close()


async def test_a_streamed_answer_comes_piece_by_piece_and_may_be_left(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0)

    async def handler(request: Request) -> Response:
        return Response(200, {}, endless())

    async with upstream(tmp_path / "s", handler):
        client = UpstreamClient(tmp_path / "s", QUICK)
        for _ in range(5):  # more than there are connections: each is given back
            answer = await client.request("GET", "/", HOST)
            assert await answer.read(5000) is None


async def test_nobody_there_too_slow_and_too_many_are_told_apart(tmp_path: Path) -> None:
    client = UpstreamClient(tmp_path / "none", QUICK)
    with pytest.raises(Unavailable):
        await client.request("GET", "/", HOST)

    async def handler(request: Request) -> Response:
        await asyncio.sleep(5)
        return Response()

    async with upstream(tmp_path / "s", handler):
        client = UpstreamClient(tmp_path / "s", QUICK)
        results = await asyncio.gather(
            *(client.request("GET", "/", HOST) for _ in range(4)), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in results) == ["Busy", "Busy", "Slow", "Slow"]
        assert issubclass(Busy, Unavailable)
        assert issubclass(Slow, Unavailable)


async def test_a_kept_connection_that_died_is_replaced_unseen(tmp_path: Path) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, b"ok")

    client = UpstreamClient(tmp_path / "s", QUICK)
    for _ in range(2):
        async with upstream(tmp_path / "s", handler):
            answer = await client.request("GET", "/", HOST)
            assert await answer.read(10) == b"ok"


def test_a_line_break_never_gets_into_a_request() -> None:
    with pytest.raises(ValueError, match="line break"):
        render_request("GET", "/", [("X", "a\r\nB: c")], b"")
