"""The room's addresses: who one is, commands, sources, links, the page and its headers."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiwar.door.http import Response
from hiwar.relay.messages import AddFile, Command
from hiwar.relay.records import Phase, Role, Standing
from tests.backstage.world import CONVERSATION, World, a_room

ROOM = f"/b/{CONVERSATION}"


def content(response: Response) -> object:
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


async def post(world: World, path: str, content: object, serial: str = "h1") -> Response:
    body = json.dumps(content).encode()
    return await world.ask(
        "POST", f"{ROOM}/{path}", serial=serial, body=body, content_type="application/json"
    )


async def test_the_room_says_who_one_is_and_a_host_wakes_the_stage(world: World) -> None:
    world.rooms.room_changed(a_room())
    told = content(await world.ask("GET", f"{ROOM}/room"))
    assert isinstance(told, dict)
    assert told["you"] == {"id": "h1", "role": "host", "name": ""}
    assert told["room"]["phase"] == "live"
    assert told["listener_address"].endswith(f"/c/{CONVERSATION}")
    assert world.stages.wanted == [CONVERSATION]


async def test_a_guest_wakes_no_stage_and_nobody_wakes_one_for_what_is_over(world: World) -> None:
    await world.ask("GET", f"{ROOM}/room", serial="g1")
    world.directory.write_standing(CONVERSATION, Standing(phase=Phase.ENDED))
    assert (await world.ask("GET", f"{ROOM}/room")).status == 200
    assert world.stages.wanted == []


async def test_events_are_a_stream_for_who_has_a_pass(world: World) -> None:
    assert (await world.ask("GET", f"{ROOM}/events", token="")).status == 401
    response = await world.ask("GET", f"{ROOM}/events", serial="g1")
    assert response.headers["Content-Type"] == "text/event-stream"
    assert isinstance(response.body, AsyncIterator)
    assert (await anext(response.body)).startswith(b'event: stage\ndata: {"state":"none"}')


async def test_a_command_reaches_the_stage_in_the_askers_name(world: World) -> None:
    assert (await post(world, "commands", {"kind": "mute", "target": "g1"}, "c1")).status == 200
    assert world.asked == [Command(kind="mute", actor="c1", role=Role.COHOST, target="g1")]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"kind": "dance"},
        {"kind": "mute", "target": "../x"},
        {"kind": "mute", "target": "g١"},
        {"kind": "mute", "target": "g1", "value": "x"},
        {"kind": "gain", "target": "g1", "value": "٣"},
        {"kind": "gain", "target": "g1", "value": "99"},
        {"kind": "gain", "target": "g1", "value": "nan"},
        {"kind": "rename", "target": "g1", "value": "\u202e"},
        {"kind": "end", "extra": 1},
        [],
    ],
)
async def test_a_command_of_another_form_is_refused(world: World, asked: object) -> None:
    assert (await post(world, "commands", asked)).status == 400
    assert world.asked == []


async def test_a_body_that_is_too_long_or_no_json_is_refused(world: World) -> None:
    assert (await world.ask("POST", f"{ROOM}/commands", body=b"{}", content_type="text/plain")).status == 415
    assert (await post(world, "commands", {"kind": "rename", "value": "x" * 9000})).status == 413


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
async def test_no_body_breaks_a_command(world: World, body: bytes) -> None:
    response = await world.ask("POST", f"{ROOM}/commands", body=body, content_type="application/json")
    assert response.status in (200, 400)


async def test_removing_somebody_closes_their_pages(world: World) -> None:
    events = (await world.ask("GET", f"{ROOM}/events", serial="g1")).body
    assert isinstance(events, AsyncIterator)
    await anext(events)
    await post(world, "commands", {"kind": "remove", "target": "g1"})
    assert b"removed" in await anext(events)


async def test_a_file_speaks_in_a_place_by_its_bare_name(world: World) -> None:
    folder = world.settings.data / "sources"
    folder.mkdir()
    (folder / "voice.opus").write_bytes(b"OggS")
    asked = {"serial": "g1", "name": "ضيف", "file": "voice.opus"}
    assert (await post(world, "sources", asked)).status == 201
    added = world.asked[0]
    assert isinstance(added, AddFile)
    assert (added.path, added.person.id, added.person.name) == (str(folder / "voice.opus"), "g1", "ضيف")


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("../secrets.json", 400),
        ("/etc/passwd", 400),
        ("..opus", 400),
        ("missing.opus", 404),
        ("outside.opus", 404),
        ("a/b.opus", 400),
    ],
)
async def test_no_other_file_of_the_machine_can_be_named(
    world: World, file: str, status: int, tmp_path: Path
) -> None:
    folder = world.settings.data / "sources"
    folder.mkdir()
    (folder / "outside.opus").symlink_to(world.settings.data / "elsewhere.opus")
    (world.settings.data / "elsewhere.opus").write_bytes(b"secret")
    assert (await post(world, "sources", {"serial": "g1", "file": file})).status == status
    assert world.asked == []


async def test_only_the_host_lets_files_speak_and_only_in_a_place_that_is(world: World) -> None:
    asked = {"serial": "g1", "file": "guest.opus"}
    assert (await post(world, "sources", asked, "c1")).status == 403
    assert (await post(world, "sources", {**asked, "serial": "g9"})).status == 404


async def test_a_host_makes_links_and_takes_them_back(world: World) -> None:
    made = content(await post(world, "links", {"role": "guest", "name": " ضيف  جديد "}))
    assert isinstance(made, dict)
    assert (made["serial"], made["name"], made["role"]) == ("g3", "ضيف جديد", "guest")
    token = made["address"].partition("#")[2]
    assert (await world.ask("GET", f"{ROOM}/room", token=token)).status == 200
    assert (await world.ask("DELETE", f"{ROOM}/links/g3")).status == 200
    refused = await world.ask("GET", f"{ROOM}/room", token=token)
    assert (refused.status, refused.headers["Hiwar-Reason"]) == (403, "revoked")
    assert Command(kind="remove", actor="h1", role=Role.HOST, target="g3") in world.asked


async def test_nobody_sees_or_makes_a_link_above_their_own(world: World) -> None:
    rows = content(await world.ask("GET", f"{ROOM}/links", serial="c1"))
    assert isinstance(rows, list)
    assert {row["serial"]: row["address"] is not None for row in rows} == {
        "h1": False,
        "c1": True,
        "g1": True,
        "g2": True,
    }
    assert (await world.ask("GET", f"{ROOM}/links", serial="g1")).status == 403
    assert (await post(world, "links", {"role": "cohost"}, "c1")).status == 403
    assert (await post(world, "links", {"role": "host"})).status == 400
    assert (await world.ask("DELETE", f"{ROOM}/links/h1", serial="c1")).status == 403
    assert (await world.ask("DELETE", f"{ROOM}/links/h1")).status == 403
    assert (await world.ask("GET", f"{ROOM}/links/h1/qr", serial="c1")).status == 403
    assert (await world.ask("DELETE", f"{ROOM}/links/g77")).status == 404


async def test_a_link_can_be_had_as_a_picture(world: World) -> None:
    response = await world.ask("GET", f"{ROOM}/links/g1/qr")
    assert response.headers["Content-Type"] == "image/svg+xml"
    assert isinstance(response.body, bytes)
    assert response.body.startswith(b"<svg")


async def test_a_resume_token_is_renewed_for_a_good_one_only(world: World) -> None:
    token = (await world.post_offer("g1")).headers["Hiwar-Resume"]
    renewed = content(await world.ask("POST", f"{ROOM}/resume", serial="g1", hiwar_resume=token))
    assert isinstance(renewed, dict)
    assert renewed["resume"]
    assert (await world.ask("POST", f"{ROOM}/resume", serial="g2", hiwar_resume=token)).status == 403


@pytest.mark.parametrize(
    "path", ["/", "/b/abc123", "/b/nowhere1", "/static/design.css", "/none", "/whip/abc123"]
)
async def test_every_answer_carries_the_security_headers(world: World, path: str) -> None:
    headers = (await world.ask("GET", path, token="")).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "microphone=(self)" in headers["Permissions-Policy"]
    assert "Set-Cookie" not in headers
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("query", "accepted", "language"),
    [
        ({}, "", "ar"),
        ({}, "en-GB,en;q=0.9", "en"),
        ({"lang": "ar"}, "en", "ar"),
        ({"lang": "xx"}, "ar", "ar"),
    ],
)
async def test_the_page_comes_in_the_language_asked_for(
    world: World, query: dict[str, str], accepted: str, language: str
) -> None:
    response = await world.ask("GET", ROOM, token="", query=query, accept_language=accepted)
    direction = "rtl" if language == "ar" else "ltr"
    assert isinstance(response.body, bytes)
    assert f'<html lang="{language}" dir="{direction}"' in response.body.decode()
    assert b"<style" not in response.body
    assert b" style=" not in response.body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/b/nowhere1", 404),
        ("GET", "/b/nowhere1/room", 404),
        ("GET", "/b/UPPER/room", 404),
        ("POST", ROOM, 405),
        ("POST", f"{ROOM}/room", 405),
        ("GET", f"{ROOM}/commands", 405),
        ("GET", f"{ROOM}/nothing", 404),
        ("PUT", f"{ROOM}/links", 405),
        ("GET", "/static/backstage/../../secrets.py", 404),
    ],
)
async def test_what_is_not_there_is_not_there(world: World, method: str, path: str, status: int) -> None:
    assert (await world.ask(method, path)).status == status
