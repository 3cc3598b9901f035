import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hiwar.relay.control import ControlPeer, ControlServer, LocalControlClient
from hiwar.relay.messages import Ask, ControlMessage, Done, Leave, Notice, Trickle, Watch
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Room

ROOM = Room(conversation="abcdef", title="x", phase=Phase.LIVE, incarnation=1)


async def answer(message: ControlMessage, peer: ControlPeer) -> ControlMessage:
    match message:
        case Ask():
            return Notice(room=ROOM)
        case Watch():
            for _ in range(3):
                peer.send(Notice(room=ROOM))
            return Done()
        case Leave(resource="slow"):
            await asyncio.sleep(0.2)
            return Done()
        case Trickle():
            raise RequestFailed(404, "No such session.")
        case Leave(resource="bug"):
            raise RuntimeError("a bug")
    return Done()


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[tuple[LocalControlClient, list[Exception]]]:
    failed: list[Exception] = []
    server, ready = ControlServer(answer, failed.append), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(server.serve(path, ready))
        await ready.wait()
        client = await LocalControlClient.connect(path, patience=1.0)
        yield client, failed
        await client.close()
        task.cancel()


async def test_a_request_gets_its_own_reply_even_when_an_earlier_one_is_slower(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, _):
        slow = asyncio.gather(client.request(Leave(resource="slow")))
        assert isinstance(await client.request(Ask()), Notice)
        assert not slow.done()
        assert isinstance((await slow)[0], Done)


async def test_a_refusal_carries_its_status_and_reason(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, _):
        with pytest.raises(RequestFailed, match="No such session") as caught:
            await client.request(Trickle(resource="x", fragment=""))
        assert caught.value.status == 404


async def test_a_handler_that_breaks_answers_500_and_the_connection_lives(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, failed):
        with pytest.raises(RequestFailed) as caught:
            await client.request(Leave(resource="bug"))
        assert caught.value.status == 500
        assert len(failed) == 1
        assert isinstance(await client.request(Ask()), Notice)


async def test_a_watcher_gets_notices(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, _):
        await client.request(Watch())
        notices = client.notices()
        assert [(await anext(notices)).room for _ in range(3)] == [ROOM] * 3


async def test_when_the_stage_goes_requests_fail_and_notices_end(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, _):
        waiting = asyncio.gather(client.request(Leave(resource="slow")), return_exceptions=True)
        await asyncio.sleep(0.05)
        client.abort()
        assert isinstance((await waiting)[0], ConnectionError)
        assert [notice async for notice in client.notices()] == []
        with pytest.raises(ConnectionError):
            await client.request(Ask())


async def test_bytes_that_are_no_message_end_that_connection_only(tmp_path: Path) -> None:
    async with serving(tmp_path / "s") as (client, _):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
        writer.write(b"\xff" * 64)
        assert await reader.read() == b""
        writer.close()
        assert isinstance(await client.request(Ask()), Notice)
