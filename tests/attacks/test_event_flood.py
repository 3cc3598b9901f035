"""Event streams are opened and never read, while events go on. Out: the rule that who is slow misses some."""

import asyncio

import pytest

from hiwar.edge.events import BUFFER_BYTES, Follower
from hiwar.media.timeline import CHUNK_SAMPLES
from hiwar.relay.messages import Event
from tests.door.sockets import connect
from tests.edge.house import open_house, until
from tests.edge.test_listening import ID, heard, start_stage

STREAMS, EVENTS = 20, 150
LARGE = b'{"phase":"live","speakers":"' + b"x" * 16_384 + b'"}'
FOLLOW = f"GET /c/{ID}/events HTTP/1.1\r\nHost: a\r\n\r\n".encode()


async def flood() -> int:
    """How many bytes are kept for all those who read nothing."""
    async with open_house() as house:
        stage = await start_stage(house)
        held = [connect(house.port, receive_bytes=4096) for _ in range(STREAMS)]
        for each in held:
            each.sendall(FOLLOW)
        board = house.stages.broadcasts[ID].board
        await until(lambda: len(board.followers) == STREAMS)
        for number in range(EVENTS):
            stage.publisher.event(Event(stage.media_time + number, "state", LARGE))
            await asyncio.sleep(0)
        stage.step()
        await until(lambda: heard(house) == stage.media_time // CHUNK_SAMPLES)
        transports = [each.connection.transport for each in board.followers]
        kept = sum(each.get_write_buffer_size() for each in transports if each is not None)
        for each in held:
            each.close()
        await stage.publisher.close()
        return kept


async def test_for_who_reads_nothing_hardly_anything_is_kept() -> None:
    assert await flood() <= STREAMS * (BUFFER_BYTES + 2 * len(LARGE))


async def test_without_the_rule_all_of_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Follower, "pause_writing", lambda self: None)
    assert await flood() > STREAMS * EVENTS * len(LARGE) / 2
