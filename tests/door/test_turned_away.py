"""Requests that are turned away before any work is begun for them."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from hiwar.door.client import UpstreamClient
from hiwar.door.head import Draft
from hiwar.door.http import Request, Response
from hiwar.door.server import DoorServer
from tests.door.sockets import GET, QUICK, connect, exchange, open_door, until

ANSWER = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 5\r\nRetry-After: 1\r\n\r\nlater"
CLOSING = ANSWER.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
NO = b"GET /no HTTP/1.1\r\nHost: a\r\n\r\n"


async def fine(request: Request) -> Response:
    return Response(200, {}, b"fine")


def refuse(draft: Draft, client: str) -> bytes | None:
    if draft.path == "/mistake":
        raise RuntimeError("a mistake of ours")
    return ANSWER if draft.path == "/no" or client == "6.6.6.6" else None


async def ask(port: int, *requests: bytes) -> bytes:
    """One after the other, each when the former was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    received = b""
    for request in requests:
        writer.write(request)
        received += await _answer(reader)
    writer.close()
    return received


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return head + await reader.readexactly(length)


async def test_the_bytes_go_out_as_they_are_and_the_connection_lives() -> None:
    async with open_door(fine, refuse=refuse) as (door, port):
        received = await ask(port, NO, GET, NO, NO, GET, NO)
        assert received.startswith(ANSWER + b"HTTP/1.1 200 OK")
        assert (received.count(ANSWER), received.count(b"fine")) == (4, 2)
        assert (door.counts["turned_away"], door.counts["requests"]) == (4, 2)
        assert door.counts["connections"] == 1


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"GET /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", CLOSING),
        (b"GET /no HTTP/1.0\r\n\r\n", CLOSING),
        (b"HEAD /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", CLOSING.removesuffix(b"later")),
        (b"POST /no HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", CLOSING),
        (NO * 40, CLOSING),
        (NO + b"G", CLOSING),
    ],
)
async def test_head_has_no_body_and_a_close_is_told(sent: bytes, received: bytes) -> None:
    """Requests sent ahead of the answers are not worth reading when the first was turned away."""
    async with open_door(fine, refuse=refuse) as (_, port):
        assert await exchange(port, sent) == received


async def test_the_same_bytes_are_turned_away_again_unasked_for_a_moment() -> None:
    asked: list[str] = []

    def once(draft: Draft, client: str) -> bytes | None:
        asked.append(draft.raw_target)
        return ANSWER if draft.path == "/no" else None

    other = NO.replace(b"/no", b"/no?x")
    async with open_door(fine, replace(QUICK, refusal_s=0.15), refuse=once) as (door, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def turn(request: bytes) -> bytes:
            writer.write(request)
            return await _answer(reader)

        for request in (NO, NO, NO, other, NO, NO):
            assert await turn(request) == ANSWER
        assert asked == ["/no", "/no?x", "/no"]
        assert (await turn(GET)).endswith(b"fine")
        assert await turn(NO) == ANSWER
        assert asked[3:] == ["/", "/no"]
        await asyncio.sleep(0.2)
        assert await turn(NO) == ANSWER
        assert asked[5:] == ["/no"]
        assert (door.counts["turned_away"], door.counts["requests"]) == (8, 1)
        body = b"POST /no HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        assert await turn(body) + await turn(body) == ANSWER * 2
        assert asked[6:] == ["/no", "/no"]
        writer.close()


@pytest.mark.parametrize(("refusal_s", "then"), [(0.05, b""), (60.0, GET), (60.0, b"close")])
async def test_repetitions_are_counted_once_forgotten(refusal_s: float, then: bytes) -> None:
    """That is in time, or when something else is asked, or when the connection goes."""
    async with open_door(fine, replace(QUICK, idle_s=60.0, refusal_s=refusal_s), refuse=refuse) as (
        door,
        port,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(NO)
            assert await _answer(reader) == ANSWER
        if then == GET:
            writer.write(GET)
        elif then:
            writer.close()
        await until(lambda: door.counts["turned_away"] == 3)
        assert door.connections == (then != b"close")
        writer.close()
        await until(lambda: not door.connections)
        assert door.counts["turned_away"] == 3


async def test_half_a_request_after_one_turned_away_is_no_repetition() -> None:
    async with open_door(fine, refuse=refuse) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for pieces in ([NO], [NO], [NO[:9], NO[9:]], [NO], [GET[:9], GET[9:]]):
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0.01)
            answer = await _answer(reader)
            assert answer.endswith(b"fine") == (pieces[0] == GET[:9])
        writer.close()


async def test_head_keeps_the_connection_too() -> None:
    async with open_door(fine, refuse=refuse) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HEAD /no HTTP/1.1\r\nHost: a\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == ANSWER.removesuffix(b"later")
        writer.write(GET)
        assert (await _answer(reader)).endswith(b"fine")
        writer.close()


async def test_the_client_is_whom_a_trusted_proxy_names() -> None:
    forwarded = GET.removesuffix(b"\r\n") + b"X-Forwarded-For: 6.6.6.6\r\n\r\n"
    async with open_door(fine, refuse=refuse, trusted="127.0.0.1") as (_, port):
        assert (await ask(port, forwarded, GET)).startswith(ANSWER)
    async with open_door(fine, refuse=refuse) as (_, port):
        assert (await ask(port, forwarded)).endswith(b"fine")


async def test_being_turned_away_counts_as_a_request_of_the_connection() -> None:
    async with open_door(fine, replace(QUICK, requests_max=3), refuse=refuse) as (_, port):
        assert (await ask(port, NO, GET, NO)).endswith(CLOSING)
        assert (await ask(port, NO, NO, NO)) == ANSWER * 2 + CLOSING


async def test_an_idle_connection_is_closed_and_being_turned_away_is_not_idle() -> None:
    limits = replace(QUICK, idle_s=0.2, head_s=0.1)
    async with open_door(fine, limits, refuse=refuse) as (_, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        received = await exchange(port, *[NO] * 6, pause=0.1)
        assert received == ANSWER * 6
        assert 0.65 < loop.time() - began < 1.3


async def test_who_does_not_read_that_they_are_turned_away_is_let_go() -> None:
    long = ANSWER.replace(b"Content-Length: 5", b"Content-Length: 8192").replace(b"later", b"x" * 8192)
    limits = replace(QUICK, refusal_s=0.02)
    async with open_door(fine, limits, refuse=lambda draft, client: long) as (door, port):
        client = connect(port, receive_bytes=4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await until(lambda: door.connections == 1)
        asked = 0
        while door.connections:
            assert asked < 200
            with contextlib.suppress(ConnectionError):
                await loop.sock_sendall(client, NO)
            asked += 1
            await until(lambda: door.counts["turned_away"] == asked or not door.connections)  # noqa: B023
        assert asked > 8
        client.close()


async def test_a_mistake_in_refusing_costs_one_connection() -> None:
    async with open_door(fine, refuse=refuse) as (_, port):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        assert await exchange(port, b"GET /mistake HTTP/1.1\r\nHost: a\r\n\r\n") == b""
        assert (await ask(port, GET)).endswith(b"fine")


async def test_over_a_unix_socket_the_edge_names_the_client(tmp_path: Path) -> None:
    door = DoorServer(fine, QUICK, refuse=refuse)
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(door.serve(unix_path=tmp_path / "s"))
        await door.ready.wait()
        client = UpstreamClient(tmp_path / "s")
        for address, status in (("6.6.6.6", 429), ("7.7.7.7", 200)):
            answer = await client.request("GET", "/", [("Host", "a"), ("X-Hiwar-Client", address)])
            assert answer.status == status
            await answer.read(100)
        client.close()
        serving.cancel()
