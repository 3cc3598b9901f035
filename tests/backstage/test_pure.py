"""Session addresses, bodies, ICE servers, and the pauses between restarts."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.backstage.ice import ice_servers, render_link_header
from hiwar.backstage.resources import entity_tag, parse_resource, render_resource
from hiwar.backstage.restarts import PAUSE_MAX, QUIET_SECONDS, Restarts
from hiwar.backstage.sdp import SDP_BYTES_MAX, BadBody, read_fragment, read_offer
from hiwar.ops.settings import load_settings
from tests.backstage.world import FRAGMENT, KEY, OFFER

VIDEO_ONLY = b"v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"


def test_a_session_belongs_to_the_pass_that_made_it() -> None:
    segment = render_resource("abc123", "g1", "session-1", KEY)
    assert parse_resource(segment, "abc123", "g1", KEY) == "session-1"
    assert parse_resource(segment, "abc123", "g2", KEY) is None
    assert parse_resource(segment, "other1", "g1", KEY) is None
    assert parse_resource(segment, "abc123", "g1", bytes(32)) is None


@given(st.text(max_size=100))
def test_no_text_is_taken_for_a_session_that_it_is_not(text: str) -> None:
    assert parse_resource(text, "abc123", "g1", KEY) is None


def test_an_entity_tag_is_a_quoted_string() -> None:
    assert entity_tag("session~0123456789abcdef01234567") == '"0123456789ab"'


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", OFFER, 415),
        ("", OFFER, 415),
        ("application/sdp", b"", 400),
        ("application/sdp", b"hello", 400),
        ("application/sdp", b"v=0\r\nthis is not SDP\r\n", 400),
        ("application/sdp", b"\xff\xfe", 400),
        ("application/sdp", VIDEO_ONLY, 422),
        ("application/sdp", OFFER + b"a=x\r\n" * SDP_BYTES_MAX, 413),
    ],
)
def test_an_offer_that_is_none_is_refused(kind: str, body: bytes, status: int) -> None:
    with pytest.raises(BadBody) as refusal:
        read_offer(kind, body)
    assert refusal.value.status == status


def test_an_offer_may_name_parameters_of_its_type_and_have_video_beside_the_audio() -> None:
    body = OFFER + b"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
    assert read_offer("Application/SDP; charset=utf-8", body) == body.decode()


@pytest.mark.parametrize("body", [b"", b"a=mid:0\r\n", b"v=0\r\n", b"GET / HTTP/1.1\r\n", b"\xff"])
def test_a_fragment_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(BadBody):
        read_fragment("application/trickle-ice-sdpfrag", body)


def test_a_fragment_with_a_candidate_is_taken() -> None:
    assert read_fragment("application/trickle-ice-sdpfrag", FRAGMENT) == FRAGMENT.decode()


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_and_nothing_else(body: bytes) -> None:
    for read, kind in ((read_offer, "application/sdp"), (read_fragment, "application/trickle-ice-sdpfrag")):
        with contextlib.suppress(BadBody):
            assert isinstance(read(kind, body), str)


def test_ice_servers_are_told_in_a_link_header() -> None:
    settings = load_settings(
        {
            "HIWAR_STUN_URL": "stun:stun.example.org:3478",
            "HIWAR_TURN_URL": "turn:turn.example.org:3478",
            "HIWAR_TURN_USER": "speaker",
            "HIWAR_TURN_PASSWORD": 'a"b',
        }
    )
    servers = ice_servers(settings)
    assert [server["urls"] for server in servers] == [
        "stun:stun.example.org:3478",
        "turn:turn.example.org:3478",
    ]
    assert render_link_header(servers) == (
        '<stun:stun.example.org:3478>; rel="ice-server", <turn:turn.example.org:3478>; rel="ice-server"; '
        'username="speaker"; credential="a\\"b"; credential-type="password"'
    )
    assert ice_servers(load_settings({})) == []


def test_the_first_death_is_answered_at_once_and_a_crash_loop_ever_more_slowly() -> None:
    restarts = Restarts()
    pauses = [restarts.pause(float(now)) for now in range(12)]
    assert pauses[:4] == [0.0, 0.25, 0.5, 1.0]
    assert pauses[-1] == PAUSE_MAX


def test_a_stage_that_lived_long_is_replaced_at_once_again() -> None:
    restarts = Restarts()
    assert [restarts.pause(0.0), restarts.pause(1.0), restarts.pause(2.0 + QUIET_SECONDS)] == [0.0, 0.25, 0.0]
