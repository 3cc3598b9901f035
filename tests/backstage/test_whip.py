"""WHIP as RFC 9725 has it."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiwar.door.http import Response
from hiwar.relay.messages import Answer, ControlMessage, Leave, Offer, Trickle
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Role, Specification, Standing
from tests.backstage.world import CONVERSATION, FRAGMENT, World, pass_of

FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"


def reason(response: Response) -> str:
    return response.headers.get("Hiwar-Reason", "")


async def test_an_offer_is_answered_with_an_address_a_tag_and_a_way_back(world: World) -> None:
    response = await world.post_offer("g1", hiwar_name="%D8%B6%D9%8A%D9%81")
    assert response.status == 201
    assert response.headers["Content-Type"] == "application/sdp"
    assert response.headers["Location"].startswith(f"/whip/{CONVERSATION}/session1~")
    assert response.headers["ETag"].startswith('"')
    assert response.headers["Hiwar-Resume"]
    assert "Link" not in response.headers
    offer = world.asked[0]
    assert isinstance(offer, Offer)
    assert (offer.person.id, offer.person.name, offer.person.role) == ("g1", "ضيف", Role.GUEST)
    assert not offer.resume


async def test_ice_servers_are_told_with_the_answer(world: World, tmp_path: object) -> None:
    told = World(world.settings.data, stun_url="stun:stun.example.org")
    response = await told.post_offer()
    assert response.headers["Link"] == '<stun:stun.example.org>; rel="ice-server"'


async def test_a_resume_token_claims_the_old_place(world: World) -> None:
    first = await world.post_offer("g1")
    await world.post_offer("g1", hiwar_resume=first.headers["Hiwar-Resume"])
    await world.post_offer("g2", hiwar_resume=first.headers["Hiwar-Resume"])
    await world.post_offer("g1", hiwar_resume="forged")
    assert [offer.resume for offer in world.asked if isinstance(offer, Offer)] == [False, True, False, False]


async def test_a_second_speaker_with_the_same_pass_is_told_that_the_place_is_taken(world: World) -> None:
    def taken(message: ControlMessage) -> ControlMessage:
        raise RequestFailed(409, "Somebody speaks by this link already.")

    assert world.stages.stage is not None
    world.stages.stage.reply = taken
    response = await world.post_offer()
    assert (response.status, reason(response)) == (409, "taken")
    assert json.loads(response.body if isinstance(response.body, bytes) else b"")["status"] == 409


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("", 401),
        ("x" * 2000, 401),
        (pass_of("g1", key=bytes(32)), 401),
        (pass_of("g1", conversation="other1"), 401),
        (pass_of("g1", expires=1), 401),
        (pass_of("g55"), 403),
    ],
)
async def test_without_a_good_pass_nobody_speaks(world: World, token: str, status: int) -> None:
    response = await world.ask(
        "POST", f"/whip/{CONVERSATION}", token=token, body=b"", content_type="application/sdp"
    )
    assert response.status == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert world.asked == []


@pytest.mark.parametrize(
    ("method", "kind", "body", "status"),
    [
        ("POST", "text/plain", b"v=0\r\n", 415),
        ("POST", "application/sdp", b"not SDP", 400),
        ("POST", "application/sdp", b"v=0\r\nm=video 9 X 96\r\n", 422),
        ("POST", "application/sdp", b"v=0\r\n" + b"a" * 300_000, 413),
        ("GET", "", b"", 405),
        ("PUT", "", b"", 405),
        ("DELETE", "", b"", 405),
    ],
)
async def test_the_endpoint_refuses_what_is_no_offer(
    world: World, method: str, kind: str, body: bytes, status: int
) -> None:
    response = await world.ask(method, f"/whip/{CONVERSATION}", body=body, content_type=kind)
    assert response.status == status
    assert world.asked == []


async def test_options_tell_what_may_be_posted(world: World) -> None:
    response = await world.ask("OPTIONS", f"/whip/{CONVERSATION}", token="")
    assert (response.status, response.headers["Accept-Post"]) == (204, "application/sdp")


async def test_unknown_hidden_and_ended_conversations_take_nobody(world: World) -> None:
    unknown = await world.ask("POST", "/whip/nowhere1", content_type="application/sdp")
    assert (unknown.status, reason(unknown)) == (404, "unknown")
    world.directory.write_standing(CONVERSATION, Standing(phase=Phase.ENDED))
    ended = await world.post_offer()
    assert (ended.status, reason(ended)) == (410, "ended")
    world.directory.write_specification(Specification(id=CONVERSATION, title="", hidden=True))
    hidden = await world.post_offer()
    assert (hidden.status, reason(hidden)) == (403, "hidden")


async def test_without_a_stage_one_is_asked_to_come_again(world: World) -> None:
    world.stages.stage = None
    response = await world.post_offer()
    assert (response.status, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize(
    ("match", "kind", "body", "status"),
    [
        ("TAG", FRAGMENT_TYPE, FRAGMENT, 204),
        ("", FRAGMENT_TYPE, FRAGMENT, 428),
        ('"other"', FRAGMENT_TYPE, FRAGMENT, 412),
        ("*", FRAGMENT_TYPE, FRAGMENT, 422),
        ("TAG", "application/sdp", FRAGMENT, 415),
        ("TAG", FRAGMENT_TYPE, b"nonsense", 400),
    ],
)
async def test_a_patch_is_answered_as_the_standard_says(
    world: World, match: str, kind: str, body: bytes, status: int
) -> None:
    session = await world.post_offer("g1")
    tag = match.replace("TAG", session.headers["ETag"])
    address = session.headers["Location"]
    response = await world.ask("PATCH", address, serial="g1", body=body, content_type=kind, if_match=tag)
    assert response.status == status
    trickled = [message for message in world.asked if isinstance(message, Trickle)]
    assert [message.resource for message in trickled] == (["session1"] if status == 204 else [])


async def test_leaving_ends_the_session_and_only_its_owner_can(world: World) -> None:
    address = (await world.post_offer("g1")).headers["Location"]
    assert (await world.ask("DELETE", address, serial="g2")).status == 404
    assert (await world.ask("DELETE", f"{address[:-1]}z", serial="g1")).status == 404
    assert (await world.ask("DELETE", address, token="")).status == 401
    assert (await world.ask("POST", address, serial="g1")).status == 405
    assert (await world.ask("DELETE", address, serial="g1")).status == 200
    assert [message for message in world.asked if isinstance(message, Leave)] == [Leave(resource="session1")]


async def test_a_removed_person_comes_back_neither_by_an_old_token_nor_by_the_old_link(world: World) -> None:
    token = (await world.post_offer("g1")).headers["Hiwar-Resume"]
    body = b'{"kind": "remove", "target": "g1"}'
    await world.ask("POST", f"/b/{CONVERSATION}/commands", body=body, content_type="application/json")
    assert (await world.post_offer("g1")).status == 403
    response = await world.post_offer("g1", hiwar_resume=token)
    assert (response.status, reason(response)) == (403, "revoked")


async def test_a_stage_that_answers_something_else_is_a_bad_gateway(world: World) -> None:
    assert world.stages.stage is not None
    world.stages.stage.reply = lambda message: Leave(resource="x")
    assert (await world.post_offer()).status == 502


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300), name=st.text(max_size=80), kind=st.sampled_from(["", "application/sdp"]))
async def test_no_body_and_no_name_breaks_the_endpoint(
    world: World, body: bytes, name: str, kind: str
) -> None:
    response = await world.post_offer("g1", body=body, hiwar_name=name, content_type=kind)
    assert response.status in (201, 400, 413, 415, 422)
    offered = [message for message in world.asked if isinstance(message, Offer)]
    assert all(offer.person.name for offer in offered)
    assert Answer not in [type(message) for message in world.asked]
