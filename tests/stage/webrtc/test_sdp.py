"""Offers of every shape: the right answer, or the right refusal in one sentence."""

import re

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from hiwar.stage.webrtc import sdp
from hiwar.stage.webrtc.options import OfferRefused, RtcOptions
from tests.stage.webrtc.offers import CHROMIUM, DATA, FINGERPRINT, FIREFOX, OBS, VIDEO, wire

LOCAL = sdp.LocalSide(
    ufrag="abcd",
    password="0123456789012345678901",
    fingerprints=[("sha-256", FINGERPRINT)],
    candidates=["1 1 udp 2130706431 192.0.2.9 40500 typ host"],
    ssrc=77,
    cname="stage",
)


def refusal(offer: str) -> OfferRefused:
    with pytest.raises(OfferRefused) as caught:
        sdp.parse_offer(wire(offer))
    return caught.value


@pytest.mark.parametrize(
    ("text", "payload_type", "direction", "candidates", "extensions"),
    [
        (CHROMIUM, 111, "sendrecv", ["192.0.2.2", "2001:db8::2"], [1, 4]),
        (CHROMIUM + VIDEO + DATA, 111, "sendrecv", ["192.0.2.2", "2001:db8::2"], [1, 4]),
        (FIREFOX, 109, "sendrecv", [], [1, 3]),
        (OBS, 111, "sendonly", ["192.0.2.7"], []),
    ],
    ids=["chromium", "chromium with video and data", "firefox", "obs"],
)
def test_offers_of_real_peers_are_understood(
    text: str, payload_type: int, direction: str, candidates: list[str], extensions: list[int]
) -> None:
    offer = sdp.parse_offer(wire(text))
    assert offer.payload_type == payload_type
    assert offer.direction == direction
    assert offer.setup == "actpass"
    assert offer.bundle
    assert [candidate.address for candidate in offer.candidates] == candidates
    assert [number for number, _ in offer.extensions] == extensions
    assert offer.fingerprints == (("sha-256", FINGERPRINT),)


@pytest.mark.parametrize("text", [CHROMIUM, CHROMIUM + VIDEO + DATA, FIREFOX, OBS])
def test_what_aiortc_gets_has_one_audio_section_with_opus(text: str) -> None:
    clean = SessionDescription.parse(sdp.render_clean_offer(sdp.parse_offer(wire(text))))
    assert [media.kind for media in clean.media] == ["audio"]
    assert [codec.mimeType for codec in clean.media[0].rtp.codecs] == ["audio/opus"]
    assert all(not candidate.ip.endswith(".local") for candidate in clean.media[0].ice_candidates)


def test_the_answer_asks_for_forward_error_correction_and_20_ms() -> None:
    answer = sdp.render_answer(sdp.parse_offer(wire(CHROMIUM)), LOCAL, RtcOptions())
    assert "a=fmtp:111 minptime=10;useinbandfec=1" in answer
    assert "a=ptime:20\r\n" in answer
    assert "a=maxptime:20\r\n" in answer
    assert "a=rtcp-fb" not in answer
    assert "a=setup:active\r\n" in answer
    assert answer.count("a=candidate:") == 1
    assert "a=ssrc:77 cname:stage\r\n" in answer


def test_the_answer_asks_for_resending_where_that_is_chosen() -> None:
    answer = sdp.render_answer(sdp.parse_offer(wire(CHROMIUM)), LOCAL, RtcOptions(recovery="nack"))
    assert "a=rtcp-fb:111 nack\r\n" in answer
    assert "useinbandfec=0" in answer


def test_video_and_data_beside_audio_are_rejected_in_their_place() -> None:
    answer = sdp.render_answer(sdp.parse_offer(wire(CHROMIUM + VIDEO + DATA)), LOCAL, RtcOptions())
    assert re.findall(r"^m=(\w+) (\d+)", answer, re.MULTILINE) == [
        ("audio", "9"),
        ("video", "0"),
        ("application", "0"),
    ]
    assert "a=group:BUNDLE 0\r\n" in answer


def test_an_outside_encoder_is_received_and_sent_nothing() -> None:
    answer = sdp.render_answer(sdp.parse_offer(wire(OBS)), LOCAL, RtcOptions())
    assert "a=recvonly\r\n" in answer
    assert "a=ssrc" not in answer
    assert "a=group:BUNDLE audio\r\n" in answer


def test_a_peer_that_starts_the_handshake_is_waited_for() -> None:
    offer = sdp.parse_offer(wire(CHROMIUM.replace("actpass", "active")))
    assert "a=setup:passive\r\n" in sdp.render_answer(offer, LOCAL, RtcOptions())


@pytest.mark.parametrize(
    ("text", "status", "word"),
    [
        ("", 400, "v=0"),
        ("hello", 400, "v=0"),
        ("{}", 400, "v=0"),
        ("v=0\ns=-\n", 400, "m= line"),
        ("v=0\nm=audio\n", 400, "cannot be read"),
        ("v=0\nm=audio ٩ UDP/TLS/RTP/SAVPF 111\n", 400, "cannot be read"),
        (CHROMIUM.replace("a=ice-ufrag:1fbe\n", ""), 400, "ICE"),
        (CHROMIUM.replace("a=ice-pwd:uBxo3IjOa51N3UNTNFZZahBY", "a=ice-pwd:short"), 400, "ICE"),
        (CHROMIUM.replace("a=fingerprint:sha-256", "a=fingerprint:md5"), 400, "fingerprint"),
        (CHROMIUM.replace("a=setup:actpass", "a=setup:holdconn"), 400, "setup"),
        (CHROMIUM.replace("a=mid:0", "a=mid:0 1"), 400, "mid"),
        (CHROMIUM.replace("a=rtcp-mux\n", ""), 422, "multiplex"),
        (CHROMIUM.replace("opus/48000/2", "speex/16000"), 422, "Opus"),
        (CHROMIUM.replace("111", "72"), 422, "Opus"),
        (CHROMIUM.replace("a=sendrecv", "a=recvonly"), 422, "no sound"),
        (CHROMIUM.replace("a=sendrecv", "a=inactive"), 422, "no sound"),
        (CHROMIUM.replace("m=audio 34921", "m=audio 0"), 422, "no audio"),
        (CHROMIUM + CHROMIUM[CHROMIUM.index("m=audio") :], 422, "more than one"),
        ("v=0\n" + VIDEO, 422, "video"),
        ("v=0\n" + DATA, 422, "audio"),
        (CHROMIUM + VIDEO * 16, 413, "sections"),
        (CHROMIUM + "a=x\n" * 2_000, 413, "lines"),
        (CHROMIUM + "a=" + "x" * 70_000, 413, "larger"),
        ("v=0\n" + "a" * 10_000_000, 413, "larger"),
    ],
)
def test_an_offer_that_cannot_be_taken_is_refused_in_one_sentence(text: str, status: int, word: str) -> None:
    refused = refusal(text)
    assert refused.status == status
    assert word in refused.reason
    assert refused.reason.endswith(".")
    assert "\n" not in refused.reason


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        ("1 1 udp 1 192.0.2.1 4000 typ host", True),
        ("1 1 UDP 1 2001:db8::1 4000 typ srflx raddr :: rport 9", True),
        ("1 1 udp 1 192.0.2.1 4000 typ prflx", False),
        ("1 2 udp 1 192.0.2.1 4000 typ host", False),
        ("1 1 tcp 1 192.0.2.1 9 typ host tcptype active", False),
        ("1 1 udp 1 speaker.local 4000 typ host", False),
        ("1 1 udp 1 example.org 4000 typ host", False),
        ("1 1 udp 1 224.0.0.1 4000 typ host", False),
        ("1 1 udp 1 0.0.0.0 4000 typ host", False),
        ("1 1 udp 1 192.0.2.1 0 typ host", False),
        ("1 1 udp 1 192.0.2.1 65536 typ host", False),
        ("1 1 udp 4294967296 192.0.2.1 4000 typ host", False),
        ("1 1 udp 1 192.0.2.1 ٤٠٠٠ typ host", False),
        ("nonsense", False),
    ],
)
def test_only_addresses_of_use_are_taken(value: str, taken: bool) -> None:
    assert len(list(sdp.parse_candidates([value]))) == taken


def test_no_more_addresses_are_taken_than_the_bound() -> None:
    many = [f"1 1 udp 1 192.0.2.1 {port} typ host" for port in range(4000, 5000)]
    assert len(list(sdp.parse_candidates(many))) == sdp.CANDIDATES_MAX


def test_a_trickle_fragment_gives_its_candidates() -> None:
    offer = sdp.parse_offer(wire(CHROMIUM))
    fragment = "a=ice-ufrag:1fbe\na=ice-pwd:x\nm=audio 9 RTP/AVP 0\na=mid:0\n"
    fragment += "a=candidate:1 1 udp 1 192.0.2.1 4000 typ host\na=end-of-candidates\n"
    assert [one.port for one in sdp.parse_fragment(wire(fragment), offer)] == [4000]


@pytest.mark.parametrize(
    ("fragment", "status"),
    [
        ("", 400),
        ("a=candidate:1 1 udp 1 192.0.2.1 4000 typ host", 400),
        ("a=ice-ufrag:other\na=ice-pwd:x", 422),
        ("a=x\n" * 100_000, 413),
    ],
)
def test_a_fragment_that_cannot_be_taken_is_refused(fragment: str, status: int) -> None:
    with pytest.raises(OfferRefused) as caught:
        sdp.parse_fragment(fragment, sdp.parse_offer(wire(CHROMIUM)))
    assert caught.value.status == status


LINES = [*CHROMIUM.splitlines(), *VIDEO.splitlines(), *OBS.splitlines(), *FIREFOX.splitlines()]
BROKEN_LINES = st.sampled_from(LINES).flatmap(
    lambda line: st.tuples(st.integers(0, len(line)), st.text(max_size=12), st.integers(0, len(line))).map(
        lambda cut: line[: cut[0]] + cut[1] + line[cut[2] :]
    )
)


@given(st.lists(st.one_of(st.sampled_from(LINES), BROKEN_LINES, st.text(max_size=40)), max_size=60))
def test_no_text_breaks_the_reader_and_what_is_taken_can_be_answered(lines: list[str]) -> None:
    check_robust("v=0\r\n" + "\r\n".join(lines))


@given(st.integers(0, len(CHROMIUM)), st.integers(0, 60), st.text(max_size=60))
def test_no_damage_to_a_good_offer_breaks_the_reader(at: int, removed: int, put: str) -> None:
    check_robust(wire(CHROMIUM[:at] + put + CHROMIUM[at + removed :]))


def check_robust(text: str) -> None:
    try:
        offer = sdp.parse_offer(text)
    except OfferRefused:
        return
    clean = SessionDescription.parse(sdp.render_clean_offer(offer))
    assert len(clean.media) == 1
    answer = sdp.render_answer(offer, LOCAL, RtcOptions())
    assert answer.count("\r\nm=") == len(offer.sections)
