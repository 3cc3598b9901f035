"""The door over real sockets, with short deadlines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiwar.door.connection import DoorConnection
from hiwar.door.http import FileSlice, Problem, Request, Response, Takeover
from hiwar.door.limits import DoorLimits
from tests.door.sockets import GET, QUICK, exchange, open_door, status_of

CLOSE = b"Host: a\r\nConnection: close\r\n"


async def echo(request: Request) -> Response:
    return Response(
        200, {"Content-Type": "text/plain"}, f"{request.method} {request.path} ".encode() + request.body
    )


async def count(pieces: int) -> AsyncIterator[bytes]:
    for number in range(pieces):
        yield f"<{number}>".encode()


async def test_requests_of_one_connection_are_answered_in_order() -> None:
    async with open_door(echo) as (door, port):
        many = b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(40))
        received = await exchange(port, many + b"GET /last HTTP/1.1\r\n" + CLOSE + b"\r\n")
        assert received.count(b"200 OK") == 41
        assert received.endswith(b"GET /last ")
        assert received.index(b"GET /7 ") < received.index(b"GET /8 ")
        assert door.counts["requests"] == 41


async def test_a_head_answer_has_the_length_and_no_body() -> None:
    async with open_door(echo) as (_, port):
        received = await exchange(port, b"HEAD /x HTTP/1.1\r\n" + CLOSE + b"\r\n")
        assert b"Content-Length: 8\r\n" in received
        assert received.endswith(b"\r\n\r\n")


async def test_an_iterator_is_chunked_and_for_http_1_0_ends_with_the_connection() -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, count(3))

    async with open_door(handler) as (_, port):
        modern = await exchange(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")
        old = await exchange(port, b"GET / HTTP/1.0\r\n\r\n")
        assert modern.endswith(b"3\r\n<0>\r\n3\r\n<1>\r\n3\r\n<2>\r\n0\r\n\r\n")
        assert old.endswith(b"\r\n\r\n<0><1><2>")
        assert b"chunked" not in old


async def test_slices_of_files_are_sent_to_a_slow_reader_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 8192
    (tmp_path / "a").write_bytes(content)

    async def handler(request: Request) -> Response:
        return Response(200, {}, [b"head", FileSlice(tmp_path / "a", 100, len(content) - 100)])

    async with open_door(handler) as (_, port):
        received = await exchange(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n", pause=0.1)
        head, _, body = received.partition(b"\r\n\r\n")
        assert body == b"head" + content[100:]
        assert f"Content-Length: {len(content) - 96}".encode() in head


async def test_a_file_that_became_shorter_breaks_the_connection(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")

    async def handler(request: Request) -> Response:
        return Response(200, {}, [FileSlice(tmp_path / "a", 0, 10)])

    async with open_door(handler) as (door, port):
        await exchange(port, GET)  # nothing to say about what came before the break
        assert door.connections == 0
        assert door.counts["failed"] == 0


async def test_a_problem_and_an_exception_are_answers_and_the_connection_lives() -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/problem":
            raise Problem(409, "Not now.", {"Retry-After": "2"})
        raise RuntimeError("a mistake of ours")

    async with open_door(handler) as (door, port):
        received = await exchange(
            port, b"GET /problem HTTP/1.1\r\nHost: a\r\n\r\nGET /x HTTP/1.1\r\n" + CLOSE + b"\r\n"
        )
        assert b"409 Conflict" in received
        assert b"Retry-After: 2" in received
        assert b"500 Internal" in received
        assert b"a mistake" not in received
        assert door.counts["failed"] == 1


async def test_cookies_may_be_several_and_a_line_break_in_a_header_is_a_mistake() -> None:
    async def handler(request: Request) -> Response:
        if request.path == "/split":
            return Response(200, {"X": "a\r\nSet-Cookie: evil"}, b"")
        return Response(200, {}, b"ok", ("a=1", "b=2"))

    async with open_door(handler) as (_, port):
        received = await exchange(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")
        assert b"Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n" in received
        assert b"evil" not in await exchange(port, b"GET /split HTTP/1.1\r\n" + CLOSE + b"\r\n")


async def test_continue_is_said_before_a_body_and_not_before_one_too_large() -> None:
    head = b"POST / HTTP/1.1\r\n" + CLOSE + b"Expect: 100-continue\r\nContent-Length: "
    async with open_door(echo) as (_, port):
        received = await exchange(port, head + b"3\r\n\r\n", b"abc", pause=0.05)
        assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
        assert received.endswith(b"POST / abc")
        refused = await exchange(port, head + b"65\r\n\r\n")
        assert status_of(refused) == 413


async def test_a_body_too_large_is_refused_without_reading_it() -> None:
    async with open_door(echo) as (_, port):
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n"
        received = await exchange(port, head, *[b"x" * 10_000] * 20)
        assert status_of(received) == 413


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ((), 0),
        ((b"G", b"E", b"T", b" ") * 6, 408),
        ((b"GET / HTTP/1.1\r\nHost: a\r\n",), 408),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\n", *[b"x"] * 20), 408),
        ((b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 20), 408),
    ],
)
async def test_the_silent_and_the_dripping_are_closed_at_the_deadline(
    pieces: tuple[bytes, ...], status: int
) -> None:
    async with open_door(echo) as (_, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        received = await exchange(port, *pieces, pause=0.03)
        assert status_of(received) == status
        assert 0.15 < loop.time() - began < 1.5


async def test_an_idle_connection_is_closed_and_a_busy_one_is_kept() -> None:
    async with open_door(echo) as (_, port):
        assert (await exchange(port, *[GET] * 8, pause=0.1)).count(b"200 OK") == 8
        loop = asyncio.get_running_loop()
        began = loop.time()
        await exchange(port, GET)
        assert 0.25 < loop.time() - began < 1.0


async def test_who_reads_nothing_is_let_go() -> None:
    stopped = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 65536
        finally:
            stopped.set()

    async def handler(request: Request) -> Response:
        return Response(200, {}, endless())

    async with open_door(handler) as (door, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(GET)
        async with asyncio.timeout(5):
            await stopped.wait()
        writer.close()
        assert door.counts["requests"] == 1


async def test_a_client_that_leaves_stops_the_work_for_it() -> None:
    cancelled = asyncio.Event()

    async def handler(request: Request) -> Response:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Response()

    async with open_door(handler) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.sleep(0.05)
        writer.transport.abort()
        async with asyncio.timeout(2):
            await cancelled.wait()


async def test_a_taken_connection_belongs_to_its_owner() -> None:
    class Owner:
        lost = 0

        def pause_writing(self) -> None: ...
        def resume_writing(self) -> None: ...
        def connection_lost(self) -> None:
            self.lost += 1

    owner = Owner()

    def attach(connection: DoorConnection) -> None:
        connection.take(owner)
        connection.write(b"HTTP/1.1 200 OK\r\n\r\nmine")

    async def handler(request: Request) -> Takeover:
        return Takeover(attach)

    async with open_door(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asyncio.sleep(0.6)  # longer than any deadline of the door
        assert (await reader.read(100)).endswith(b"mine")
        assert owner.lost == 0
        writer.write(b"GET /again HTTP/1.1\r\n\r\n")
        writer.close()
        await asyncio.sleep(0.1)
        assert owner.lost == 1


async def test_more_connections_than_allowed_are_closed_at_once() -> None:
    async with open_door(echo, DoorLimits(connections_max=1, tick_s=0.02)) as (door, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.sleep(0.05)
        assert await exchange(port, GET) == b""
        assert door.counts["full"] == 1
        writer.close()


async def test_closing_finishes_the_answer_under_way() -> None:
    began = asyncio.Event()

    async def handler(request: Request) -> Response:
        began.set()
        await asyncio.sleep(0.2)
        return Response(200, {}, b"finished")

    async with asyncio.TaskGroup() as group:
        async with open_door(handler) as (_, port):
            asked = group.create_task(exchange(port, GET))
            await began.wait()
        assert (await asked).endswith(b"finished")


FRAGMENTS = [
    GET,
    b"GET ",
    b"\r\n\r\n",
    b"Content-Length: 5\r\n",
    b"\n",
    b"POST / HTTP/1.1\r\nHost: a\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"5\r\nabcde\r\n",
    b"0\r\n\r\n",
    b"Expect: 100-continue\r\n",
]
_pieces = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=40)), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_pieces)
def test_any_bytes_get_valid_answers_or_a_close_and_disturb_nobody(pieces: list[bytes]) -> None:
    async def scene() -> None:
        quick = DoorLimits(
            head_s=0.05, body_s=0.05, idle_s=0.05, linger_s=0.05, tick_s=0.01, body_bytes_max=64
        )
        async with open_door(echo, quick) as (door, port):
            received = await exchange(port, b"".join(pieces))
            assert not received or received.startswith(b"HTTP/1.1 ")
            assert door.counts["failed"] == 0
            assert b"200 OK" in await exchange(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n")

    uvloop.run(scene())


async def test_others_are_served_while_one_drips() -> None:
    async with open_door(echo) as (_, port), asyncio.TaskGroup() as group:
        slow = group.create_task(exchange(port, *[b"G"] * 10, pause=0.05))
        answers = [await exchange(port, b"GET / HTTP/1.1\r\n" + CLOSE + b"\r\n") for _ in range(5)]
        assert all(status_of(answer) == 200 for answer in answers)
        with contextlib.suppress(ConnectionError):
            await slow


def test_the_deadlines_of_production_are_what_is_promised() -> None:
    assert (DoorLimits().head_s, DoorLimits().body_s, DoorLimits().handshake_s) == (3.0, 5.0, 2.0)
    assert QUICK.head_s < DoorLimits().head_s
