"""What pages are told."""

import json

import pytest

from hiwar.backstage import feed as feed_module
from hiwar.backstage.feed import QUEUE_MAX, RoomFeed, TooManyPages
from hiwar.relay.records import Person, Phase, Role, Speaker
from tests.backstage.world import a_room

GUEST = Person(id="g1", name="ضيف", role=Role.GUEST)


def parse(chunk: bytes) -> list[tuple[str, object]]:
    blocks = [block.split("\n") for block in chunk.decode().strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def names(chunk: bytes) -> list[str]:
    return [name for name, _ in parse(chunk)]


async def test_a_newcomer_gets_the_whole_room_at_once() -> None:
    feed = RoomFeed()
    feed.show(a_room(), 0.0)
    events = feed.events("g1")
    assert names(await anext(events)) == ["stage", "room"]


async def test_a_change_is_told_whole_and_levels_alone_are_told_short() -> None:
    feed = RoomFeed()
    events = feed.events("g1")
    await anext(events)
    feed.show(a_room(speakers=(Speaker(person=GUEST, level_dbfs=-30),)), 0.0)
    feed.show(a_room(speakers=(Speaker(person=GUEST, level_dbfs=-20),), listeners=5), 0.1)
    feed.show(a_room(speakers=(Speaker(person=GUEST, level_dbfs=-20),), phase=Phase.ENDED), 0.2)
    told = parse(await anext(events))
    assert [name for name, _ in told] == ["stage", "room", "levels", "room"]
    assert told[2][1] == {
        "on_air_seconds": 0.0,
        "listeners": 5,
        "ends_in_seconds": None,
        "levels": {"g1": -20},
        "loss": {"g1": 0.0},
    }


async def test_the_whole_room_comes_again_after_a_while() -> None:
    feed = RoomFeed()
    feed.show(a_room(), 0.0)
    events = feed.events("g1")
    await anext(events)
    feed.show(a_room(), feed_module.WHOLE_SECONDS)
    assert names(await anext(events)) == ["room"]


async def test_a_page_that_does_not_read_gets_the_room_instead_of_what_it_missed() -> None:
    feed = RoomFeed()
    feed.show(a_room(), 0.0)
    events = feed.events("g1")
    for _ in range(QUEUE_MAX):
        feed.show(a_room(), 0.1)
    assert names(await anext(events)) == ["room"]


async def test_a_lost_stage_and_a_new_one_are_told_once_each() -> None:
    feed = RoomFeed()
    feed.show(a_room(), 0.0)
    events = feed.events("g1")
    await anext(events)
    feed.lose()
    feed.lose()
    feed.show(a_room(incarnation=2), 0.1)
    assert parse(await anext(events))[:2] == [("stage", {"state": "lost"}), ("stage", {"state": "ready"})]


async def test_who_is_expelled_is_told_why_and_the_stream_ends() -> None:
    feed = RoomFeed()
    mine, others = feed.events("g1"), feed.events("g2")
    await anext(mine)
    await anext(others)
    feed.expel("g1", "removed")
    assert parse(await anext(mine)) == [("out", {"reason": "removed"})]
    with pytest.raises(StopAsyncIteration):
        await anext(mine)
    assert feed.pages == 1


async def test_pages_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PAGES_MAX", 1)
    feed = RoomFeed()
    feed.events("g1")
    with pytest.raises(TooManyPages):
        feed.events("g1")


async def test_the_oldest_page_of_a_link_gives_way_and_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "PAGES_OF_ONE_MAX", 2)
    feed = RoomFeed()
    host, *guests = [feed.events(serial) for serial in ("h1", "g1", "g1", "g1")]
    assert feed.pages == 3
    assert len([chunk async for chunk in guests[0]]) == 1  # what it was told before, then the end
    for events in (host, *guests[1:]):
        assert await anext(events)


async def test_a_silent_room_still_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "KEEPALIVE_SECONDS", 0.0)
    events = RoomFeed().events("g1")
    await anext(events)
    assert await anext(events) == b": still here\n\n"
