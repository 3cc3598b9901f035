"""The host's hand on the front door: what is seen of it, what is wished, who is told, and that it needs no
answer from the edge."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiwar.backstage import front_view
from hiwar.backstage.feed import QUEUE_MAX, RoomFeed
from hiwar.backstage.front_view import FrontView, follow_front, tell_news
from hiwar.door.http import Response
from hiwar.ops.clock import wallclock
from hiwar.relay.front import (
    SEATS_MAX,
    FrontRow,
    FrontWishes,
    Rung,
    read_front_wishes,
    write_front_state,
    write_front_wishes,
)
from hiwar.relay.records import Phase, Specification, Standing
from tests.backstage.test_feed import names, parse
from tests.backstage.world import CONVERSATION, World, a_room
from tests.relay.fronts import notice, state

FRONT = f"/b/{CONVERSATION}/front"


def content(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


async def post(world: World, body: object, serial: str = "h1") -> Response:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await world.ask("POST", FRONT, serial=serial, body=sent, content_type="application/json")


async def opened(world: World, serial: str) -> AsyncIterator[bytes]:
    events = (await world.ask("GET", f"/b/{CONVERSATION}/events", serial=serial)).body
    assert isinstance(events, AsyncIterator)
    return events


def kept(world: World) -> FrontWishes | None:
    return read_front_wishes(world.directory)


async def test_who_leads_sees_the_state_and_the_wishes(world: World) -> None:
    write_front_state(world.directory, state(at_wallclock=wallclock() - 2.0))
    for serial in ("h1", "c1"):
        told = content(await world.ask("GET", FRONT, serial=serial))
        assert (told["state"]["seats"], told["state"]["rung"], told["step"]) == (12000, "open", 1200)
        assert 2.0 <= told["age_s"] < 60.0
        assert msgspec.convert(told["wishes"], FrontWishes) == FrontWishes()


async def test_guests_and_strangers_see_and_wish_nothing(world: World) -> None:
    for method in ("GET", "POST"):
        assert (await world.ask(method, FRONT, serial="g1", body=b'{"more":true}')).status == 403
        assert (await world.ask(method, FRONT, token="")).status == 401
    assert (await world.ask("DELETE", FRONT)).status == 405
    assert kept(world) is None


@pytest.mark.parametrize("damage", [None, b"", b'{"rung":'])
async def test_a_front_door_that_does_not_report_takes_nothing_from_the_host(
    world: World, damage: bytes | None
) -> None:
    world.directory.runtime.mkdir()
    if damage is not None:
        world.directory.front_file.write_bytes(damage)
    told = content(await world.ask("GET", FRONT))
    assert (told["state"], told["age_s"], told["step"]) == (None, None, None)
    assert content(await post(world, {"hold": "siege"}))["hold"] == "siege"
    assert (await post(world, {"notices": "ask"})).status == 200


async def test_a_state_of_the_future_is_not_older_than_nothing(world: World) -> None:
    write_front_state(world.directory, state(at_wallclock=wallclock() + 3600.0))
    assert content(await world.ask("GET", FRONT))["age_s"] == 0.0


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ({"hold": "siege"}, {"hold": Rung.SIEGE}),
        ({"hold": None}, {"hold": None}),
        ({"seats": 1}, {"seats": 1}),
        ({"seats": SEATS_MAX}, {"seats": SEATS_MAX}),
        ({"seats": None}, {"seats": None}),
        ({"more": True}, {"more": 8}),
        ({"fewer": True}, {"fewer": 4}),
        ({"notices": "off"}, {"notices": "off"}),
    ],
)
async def test_a_wish_changes_its_one_thing_and_says_whose_it_is(
    world: World, body: dict[str, object], change: dict[str, object]
) -> None:
    before = FrontWishes(hold=Rung.BUSY, seats=700, more=7, fewer=3, by="h1")
    world.context.front.wish(before)
    answer = await post(world, body, "c1")
    wishes = kept(world)
    assert wishes is not None
    assert wishes.at_wallclock > 0
    assert wishes == msgspec.structs.replace(before, by="c1", at_wallclock=wishes.at_wallclock, **change)
    assert msgspec.convert(content(answer), FrontWishes) == wishes


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "exactly one"),
        ([], "not understood"),
        (b"", "not understood"),
        (b'{"seats": ' + "١٢".encode() + b"}", "not understood"),
        (b'{"hold": ' + b"[" * 8000, "not understood"),
        ({"weather": True}, "exactly one"),
        ({"more": True, "seats": 5}, "exactly one"),
        ({"hold": "closed"}, "A state to hold is one of open, busy, limited, siege, or null."),
        ({"hold": 3}, "A state to hold"),
        ({"hold": "record-only"}, "A state to hold"),
        ({"seats": 0}, "A number of seats is a whole number from 1 to 1000000"),
        ({"seats": -5}, "A number of seats"),
        ({"seats": SEATS_MAX + 1}, "A number of seats"),
        ({"seats": 10**40}, "A number of seats"),
        ({"seats": 10.5}, "A number of seats"),
        ({"seats": "12"}, "A number of seats"),
        ({"seats": "١٢"}, "A number of seats"),
        ({"seats": True}, "A number of seats"),
        (b'{"seats": 1e400}', "A number of seats"),
        ({"more": False}, "let in by true"),
        ({"more": 5}, "let in by true"),
        ({"fewer": None}, "let in by true"),
        ({"notices": "later"}, "auto, ask or off"),
        ({"approve": "950"}, "at_wallclock"),
    ],
)
async def test_a_wish_of_another_form_is_refused_in_one_sentence(
    world: World, body: object, sentence: str
) -> None:
    refused = await post(world, body)
    assert refused.status == 400
    assert sentence in content(refused)["detail"]
    assert kept(world) is None


async def test_a_huge_body_and_another_type_are_refused(world: World) -> None:
    assert (await post(world, {"hold": "x" * 9000})).status == 413
    assert (await world.ask("POST", FRONT, body=b"{}", content_type="text/plain")).status == 415


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=100)
    | st.dictionaries(
        st.sampled_from(["hold", "seats", "more", "notices", "approve"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        max_size=2,
    )
)
async def test_no_body_breaks_the_wishes(world: World, body: object) -> None:
    response = await post(world, body)
    assert response.status in (200, 400, 404, 409)
    world.context.front._wishes = FrontWishes()


async def test_nothing_is_wished_for_what_is_over_or_hidden(world: World) -> None:
    world.directory.write_standing(CONVERSATION, Standing(phase=Phase.ENDED))
    assert (await post(world, {"more": True})).status == 410
    assert (await world.ask("GET", FRONT)).status == 200
    world.directory.write_specification(Specification(id=CONVERSATION, title="x", hidden=True))
    assert (await world.ask("GET", FRONT)).status == 403
    assert kept(world) is None


async def test_a_wish_that_cannot_be_written_changes_nothing(world: World) -> None:
    world.directory.front_wishes_file.mkdir(parents=True)
    refused = await post(world, {"more": True})
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    assert content(await world.ask("GET", FRONT))["wishes"]["more"] == 0


async def test_wishes_outlive_backstage(world: World) -> None:
    write_front_wishes(world.directory, FrontWishes(more=3, hold=Rung.LIMITED))
    assert FrontView(world.directory).wishes == FrontWishes(more=3, hold=Rung.LIMITED)


async def test_a_draft_is_published_once_notices_are_asked_about(world: World) -> None:
    drafts = (notice(10.0), notice(20.5), notice(30.0))
    write_front_state(world.directory, state(notices=drafts))
    assert (await post(world, {"approve": 20.5})).status == 409
    await post(world, {"notices": "off"})
    await post(world, {"notices": "ask"})
    assert (await post(world, {"approve": 15.0})).status == 404
    assert content(await post(world, {"approve": 20.5}))["approved"] == [20.5]
    assert content(await post(world, {"approve": 30}))["approved"] == [20.5, 30.0]


async def test_what_the_door_no_longer_knows_needs_no_leave(world: World) -> None:
    world.context.front.wish(FrontWishes(notices="ask", approved=(5.0, 10.0)))
    write_front_state(world.directory, state(notices=(notice(10.0), notice(20.0))))
    assert content(await post(world, {"approve": 20.0}))["approved"] == [10.0, 20.0]
    world.directory.front_file.unlink()
    assert (await post(world, {"approve": 20.0})).status == 404


async def test_what_was_public_before_one_is_asked_stays_public(world: World) -> None:
    write_front_state(world.directory, state(notices=(notice(10.0), notice(20.0))))
    assert content(await post(world, {"notices": "ask"}))["approved"] == [10.0, 20.0]
    await post(world, {"notices": "off"})
    assert content(await post(world, {"notices": "ask"}))["approved"] == [10.0, 20.0]


async def test_only_who_leads_is_told_of_the_front(world: World) -> None:
    write_front_state(world.directory, state())
    host, guest = await opened(world, "h1"), await opened(world, "g1")
    assert names(await anext(host)) == ["stage", "front"]
    assert names(await anext(guest)) == ["stage"]
    await post(world, {"more": True})
    ((name, told),) = parse(await anext(host))
    assert isinstance(told, dict)
    assert (name, told["wishes"]["more"]) == ("front", 1)
    world.rooms.room_changed(a_room())
    assert names(await anext(guest)) == ["stage", "room"]


async def test_news_come_only_when_the_file_was_replaced(world: World) -> None:
    view, events = world.context.front, await opened(world, "c1")
    await anext(events)
    tell_news(view, world.rooms)
    assert names(await anext(events)) == ["front"]
    tell_news(view, world.rooms)
    write_front_state(world.directory, state(taken=7))
    tell_news(view, world.rooms)
    told = parse(await anext(events))
    assert [(name, content["state"]["taken"]) for name, content in told] == [("front", 7)]  # type: ignore[index]


async def test_nothing_is_looked_at_while_nobody_who_leads_is_there(world: World) -> None:
    view = world.context.front
    await opened(world, "g1")
    tell_news(view, world.rooms)
    assert view._told is None


def test_what_is_long_is_told_again_only_when_it_changed(world: World) -> None:
    view, row = FrontView(world.directory), FrontRow(995.0, 0, 1, 2, 3, 4.0, 80, 0.1)
    write_front_state(world.directory, state(history=(row,)))
    long = {"notices", "history"}
    seen: list[set[str]] = []
    for change in ({}, {"taken": 1}, {"history": (row, row)}, {"notices": (notice(),)}):
        write_front_state(world.directory, state(**{"history": (row,), **change}))
        ((_, told),) = parse(view.news(1000.0))
        seen.append(long & set(told["state"]))  # type: ignore[index]
    assert seen == [long, set(), {"history"}, long]


def test_after_an_absence_everything_is_told_again(world: World) -> None:
    view = FrontView(world.directory)
    for _ in range(2):
        write_front_state(world.directory, state())
        ((_, told),) = parse(view.news(1000.0))
        assert {"notices", "history"} <= set(told["state"])  # type: ignore[index]
        assert view.news(1000.0) == b""
        world.directory.front_file.unlink()
        ((_, told),) = parse(view.news(1000.0))
        assert told["state"] is None  # type: ignore[index]


async def test_a_page_that_does_not_read_gets_the_front_whole_beside_the_room() -> None:
    feed = RoomFeed()
    feed.show(a_room(), 0.0)
    events = feed.events("h1", b"event: front\ndata: 1\n\n")
    feed.tell_front(b"event: front\ndata: 2\n\n", b"event: front\ndata: 3\n\n")
    for _ in range(QUEUE_MAX - 1):
        feed.show(a_room(), 0.1)
    assert [(name, told if name == "front" else 0) for name, told in parse(await anext(events))] == [
        ("room", 0),
        ("front", 3),
    ]


async def test_trouble_with_the_front_ends_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front_view, "LOOK_S", 0.0)
    looked = asyncio.Event()
    calls = 0

    class Broken:
        @property
        def led(self) -> bool:
            nonlocal calls
            calls += 1
            if calls == 3:
                looked.set()
            raise RuntimeError("broken")

        def tell_front(self, news: bytes, whole: bytes) -> None: ...

    task = asyncio.ensure_future(follow_front(FrontView(world.directory), Broken()))  # noqa: TID251
    async with asyncio.timeout(5):
        await looked.wait()
    assert not task.done()
    task.cancel()
