"""Passing on to web and archive, with the cache in front."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import msgspec
import pytest

from hiwar.admission.limits import Exempt
from hiwar.admission.seat_rows import SeatView, table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.assets import STATIC
from hiwar.door.client import ClientLimits, UpstreamClient
from hiwar.door.http import Problem, Request, Response
from hiwar.door.respond import ResponseWriter
from hiwar.door.server import DoorServer
from hiwar.door.static import StaticFiles
from hiwar.edge.access import Access
from hiwar.edge.asking import AskingDesk
from hiwar.edge.cache import FRESH_SECONDS
from hiwar.edge.passthrough import CachedPassThrough, PassThrough, forwarded_headers
from hiwar.edge.routes import FrontDoor
from hiwar.edge.usher import Usher
from hiwar.relay.directory import Directory
from hiwar.relay.records import Specification
from tests.edge.test_cache import ask

QUICK = ClientLimits(connections_max=4, queue_max=4, queue_s=0.2, connect_s=0.2, head_s=0.5, body_s=0.5)


class Web:
    """Counts what reaches it and remembers the last request."""

    def __init__(self) -> None:
        self.asked = 0
        self.last: Request | None = None
        self.response = Response(
            200, {"Content-Type": "text/html", "Cache-Control": "public, max-age=1"}, b"page"
        )
        self.pause = 0.0

    async def answer(self, request: Request) -> Response:
        self.asked += 1
        self.last = request
        await asyncio.sleep(self.pause)
        if isinstance(self.response.body, bytes):
            return Response(
                self.response.status, dict(self.response.headers), self.response.body, self.response.cookies
            )
        return self.response


@contextlib.asynccontextmanager
async def serving(path: Path, web: Web) -> AsyncIterator[None]:
    door = DoorServer(web.answer, name="web")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(door.serve(unix_path=path))
        await door.ready.wait()
        try:
            yield
        finally:
            task.cancel()


def pages_of(path: Path) -> CachedPassThrough:
    return CachedPassThrough(PassThrough(UpstreamClient(path, QUICK)), "en")


async def body_of(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    assert not isinstance(response.body, list)
    return b"".join([piece async for piece in response.body])


def test_a_client_cannot_speak_in_the_edges_name() -> None:
    claims = {
        "connection": "close, x-private",
        "x-private": "1",
        "x-hiwar-client": "6.6.6.6",
        "x_hiwar_client": "6.6.6.6",
        "x-forwarded-for": "6.6.6.6",
        "x-forwarded-proto": "https",
        "forwarded": "for=6.6.6.6",
        "te": "trailers",
        "upgrade": "h2c",
        "transfer-encoding": "chunked",
        "content-length": "3",
        "cookie": "a=1",
        "host": "a.example",
    }
    headers = forwarded_headers(Request("GET", "/", "/", {}, claims, "1.1.1.1", False))
    assert dict(headers) == {
        "host": "a.example",
        "cookie": "a=1",
        "X-Hiwar-Client": "1.1.1.1",
        "X-Forwarded-For": "1.1.1.1",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "a.example",
    }
    assert len(headers) == 6


async def test_concurrent_requests_for_a_page_are_one_and_the_next_come_from_the_cache(
    tmp_path: Path,
) -> None:
    web = Web()
    web.pause = 0.05
    async with serving(tmp_path / "s", web):
        pages = pages_of(tmp_path / "s")
        answers = await asyncio.gather(*(pages.answer(ask("/")) for _ in range(20)))
        assert {await body_of(answer) for answer in answers} == {b"page"}
        assert web.asked == 1
        await pages.answer(ask("/"))
        assert web.asked == 1
        assert (pages.counts["misses"], pages.counts["shared"], pages.counts["hits"]) == (1, 19, 1)


async def test_a_cacheable_request_carries_nothing_that_is_not_in_the_key(tmp_path: Path) -> None:
    web = Web()
    async with serving(tmp_path / "s", web):
        pages = pages_of(tmp_path / "s")
        await pages.answer(
            ask("/?lang=ar", user_agent="evil", cookie="x=1", accept_language="ar-EG,fr", referer="y")
        )
        assert web.last is not None
        assert set(web.last.headers) == {
            "host", "accept", "accept-language", "x-hiwar-client", "x-forwarded-for", "x-forwarded-proto",
            "x-forwarded-host",
        }  # fmt: skip
        assert web.last.headers["accept-language"] == "ar"
        assert web.last.client == "1.1.1.1"


async def test_a_page_with_a_cookie_is_for_one_and_the_others_ask_themselves(tmp_path: Path) -> None:
    web = Web()
    web.pause = 0.05
    web.response = Response(200, {}, b"yours", ("a=1",))
    async with serving(tmp_path / "s", web):
        pages = pages_of(tmp_path / "s")
        answers = await asyncio.gather(*(pages.answer(ask("/")) for _ in range(3)))
        assert web.asked == 3
        assert all(answer.cookies == ("a=1",) for answer in answers)
        assert len(pages.cache) == 0


async def test_pages_come_from_the_cache_while_web_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web, clock = Web(), [100.0]
    monkeypatch.setattr("hiwar.edge.passthrough.monotonic", lambda: clock[0])
    pages = pages_of(tmp_path / "s")
    async with serving(tmp_path / "s", web):
        await pages.answer(ask("/"))
        clock[0] += FRESH_SECONDS + 1
        web.response = Response(500, {}, b"broken")
        assert await body_of(await pages.answer(ask("/"))) == b"page"
    assert await body_of(await pages.answer(ask("/"))) == b"page"
    assert await body_of(await pages.answer(ask("/", cookie="hiwar_session=x"))) == b"page"
    with pytest.raises(Problem) as caught:
        await pages.answer(ask("/other"))
    assert caught.value.status == 502
    clock[0] += 61
    with pytest.raises(Problem):
        await pages.answer(ask("/"))


async def test_too_many_requests_at_once_are_told_when_to_come_again(tmp_path: Path) -> None:
    web = Web()
    web.pause = 0.4
    async with serving(tmp_path / "s", web):
        through = PassThrough(UpstreamClient(tmp_path / "s", QUICK))
        results = await asyncio.gather(
            *(through.answer(ask(f"/{n}")) for n in range(20)), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, Problem)]
        assert {problem.status for problem in refused} == {503}
        assert all("Retry-After" in problem.headers for problem in refused)
        assert len(refused) >= 12
        for result in results:
            if isinstance(result, Response):
                await body_of(result)


async def test_a_large_answer_is_streamed_with_its_length(tmp_path: Path) -> None:
    web = Web()
    web.response = Response(206, {"Content-Range": "bytes 0-1/9", "ETag": '"x"'}, b"y" * 3_000_000)
    async with serving(tmp_path / "s", web):
        answer = await PassThrough(UpstreamClient(tmp_path / "s", QUICK)).answer(ask("/", range="bytes=0-1"))
        assert answer.headers["Content-Length"] == "3000000"
        assert answer.headers["Content-Range"] == "bytes 0-1/9"
        assert len(await body_of(answer)) == 3_000_000


async def test_a_hidden_conversations_page_never_comes_from_the_cache_not_even_while_web_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    for module in ("passthrough", "access"):
        monkeypatch.setattr(f"hiwar.edge.{module}.monotonic", lambda: clock[0])
    directory = Directory(tmp_path / "d", tmp_path)
    seen = Specification(id="abcdef1234", title="x")
    directory.write_specification(seen)
    nobody = PassThrough(UpstreamClient(tmp_path / "none", QUICK))
    pages = pages_of(tmp_path / "s")
    access = Access(directory, b"k" * 32)
    usher = Usher(SeatView(empty_table(), seats_max=1), b"k" * 32, Exempt(), print, print)
    front = FrontDoor(
        {}, access, usher=usher, desk=AskingDesk(usher, b"k" * 32),
        pages=pages, archive=nobody, static=StaticFiles(STATIC),
    )  # fmt: skip
    shown = [ask("/c/abcdef1234"), ask("/c/abcdef1234/status")]
    async with serving(tmp_path / "s", Web()):
        for page in shown:
            assert await body_of(cast(Response, await front.answer(page))) == b"page"
    clock[0] += FRESH_SECONDS + 1
    for page in (*shown, ask("/%63/abcdef1234")):
        assert await body_of(cast(Response, await front.answer(page))) == b"page"
    directory.write_specification(msgspec.structs.replace(seen, hidden=True))
    clock[0] += FRESH_SECONDS + 1
    for page in (ask("/%63/abcdef1234"), *shown):
        with pytest.raises(Problem):
            await front.answer(page)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304), ("GET", 204)])
async def test_an_answer_without_a_body_gives_its_place_back(
    tmp_path: Path, method: str, status: int
) -> None:
    web = Web()
    web.response = Response(status, {"ETag": '"a"'}, b"page" if method == "HEAD" else b"")
    async with serving(tmp_path / "s", web):
        passing = PassThrough(UpstreamClient(tmp_path / "s", QUICK))
        for _ in range(QUICK.connections_max + 1):
            response = await passing.answer(ask("/", method))
            writer = ResponseWriter(Nowhere(), head_only=method == "HEAD", http_1_0=False, close=False)
            assert await writer.write(response)
    assert web.asked == QUICK.connections_max + 1


def empty_table() -> memoryview:
    """A seat table in which nobody sits."""
    buffer = memoryview(bytearray(table_bytes(1)))
    SeatTable.create(buffer, seats_max=1)
    return buffer


class Nowhere:
    """Takes everything."""

    def write(self, piece: bytes) -> None:
        pass

    async def drain(self) -> None:
        pass
