"""RTP packets: what is rendered is read back, and nothing on the wire breaks the reader."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.packet import (
    BadPacket,
    parse_rtp,
    render_audio_level,
    render_extension,
    render_rtp,
)

FIXED = "80 6f 12 34 00 00 03 c0 de ad be ef"


@pytest.mark.parametrize(
    ("wire", "payload", "level"),
    [
        (FIXED, "", None),
        (FIXED + " aa bb", "aabb", None),
        ("82" + FIXED[2:] + " 00000001 00000002 aa", "aa", None),  # two CSRCs
        ("a0" + FIXED[2:] + " aa 00 00 03", "aa", None),  # padding
        ("90" + FIXED[2:] + " bede 0001 10 1e 00 00 aa", "aa", -30),
        ("90" + FIXED[2:] + " bede 0001 00 00 10 9e aa", "aa", -30),  # padding first, voice bit set
        ("90" + FIXED[2:] + " bede 0001 20 01 10 05 aa", "aa", -5),  # another element before
        ("90" + FIXED[2:] + " bede 0001 f0 01 10 05 aa", "aa", None),  # id 15 ends the reading
        ("90" + FIXED[2:] + " bede 0001 2f 01 10 05 aa", "aa", None),  # element longer than the block
        ("90" + FIXED[2:] + " 1000 0001 01 01 1e 00 aa", "aa", -30),  # two-byte elements
        ("90" + FIXED[2:] + " 1000 0001 00 00 00 01 aa", "aa", None),  # two-byte element cut short
        ("90" + FIXED[2:] + " abcd 0001 10 1e 00 00 aa", "aa", None),  # unknown profile
        ("90" + FIXED[2:] + " bede 0000 aa", "aa", None),
    ],
)
def test_a_packet_is_read_as_rfc_3550_says(wire: str, payload: str, level: int | None) -> None:
    raw = bytes.fromhex(wire)
    packet = parse_rtp(raw, 1.5, audio_level_id=1)
    assert packet.payload == bytes.fromhex(payload)
    assert packet.audio_level == level
    assert (packet.sequence, packet.timestamp, packet.ssrc) == (0x1234, 960, 0xDEADBEEF)
    assert (packet.payload_type, packet.marker, packet.arrival, packet.raw) == (111, False, 1.5, raw)


@pytest.mark.parametrize(
    "wire",
    [
        "",
        FIXED[:-2],
        "40" + FIXED[2:],  # version 1
        "8f" + FIXED[2:],  # 15 CSRCs that are not there
        "90" + FIXED[2:] + " bede",
        "90" + FIXED[2:] + " bede 0002 10 1e 00 00",
        "a0" + FIXED[2:] + " aa 00",  # padding of none
        "a0" + FIXED[2:] + " aa 09",  # padding longer than the rest
    ],
)
def test_a_damaged_packet_is_refused(wire: str) -> None:
    with pytest.raises(BadPacket):
        parse_rtp(bytes.fromhex(wire), 0.0, audio_level_id=1)


def test_a_level_is_not_looked_for_where_none_was_agreed() -> None:
    raw = bytes.fromhex("90" + FIXED[2:] + " bede 0001 10 1e 00 00 aa")
    assert parse_rtp(raw, 0.0).audio_level is None


@given(
    payload_type=st.integers(0, 127),
    sequence=st.integers(0, 65_535),
    timestamp=st.integers(0, (1 << 32) - 1),
    ssrc=st.integers(0, (1 << 32) - 1),
    payload=st.binary(max_size=200),
    marker=st.booleans(),
    level=st.integers(-127, 0),
)
def test_parsing_what_was_rendered_gives_it_back(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, marker: bool, level: int
) -> None:
    extension = render_extension([(3, b"mid"), (1, render_audio_level(level, voice=True))])
    raw = render_rtp(
        payload_type=payload_type,
        sequence=sequence,
        timestamp=timestamp,
        ssrc=ssrc,
        payload=payload,
        marker=marker,
        extension=extension,
    )
    packet = parse_rtp(raw, 0.0, audio_level_id=1)
    assert (packet.payload_type, packet.sequence, packet.timestamp) == (payload_type, sequence, timestamp)
    assert (packet.ssrc, packet.marker, packet.payload, packet.audio_level) == (ssrc, marker, payload, level)
    assert packet.raw == raw


@given(st.binary(max_size=80), st.sampled_from([None, 1, 14]))
def test_no_bytes_break_the_reader(raw: bytes, audio_level_id: int | None) -> None:
    try:
        packet = parse_rtp(raw, 0.0, audio_level_id)
    except BadPacket:
        return
    assert packet.raw == raw
    assert packet.payload in raw
    assert packet.audio_level is None or -127 <= packet.audio_level <= 0


@given(st.binary(max_size=60))
def test_no_extension_breaks_the_reader(rest: bytes) -> None:
    raw = bytes.fromhex("90" + FIXED[2:]) + rest
    try:
        parse_rtp(raw, 0.0, 1)
    except BadPacket:
        return


@pytest.mark.parametrize("fields", [{"payload_type": 128}, {"sequence": 65_536}, {"timestamp": -1}])
def test_a_field_out_of_range_is_not_rendered(fields: dict[str, int]) -> None:
    good = {"payload_type": 111, "sequence": 0, "timestamp": 0, "ssrc": 0}
    with pytest.raises(BadPacket):
        render_rtp(**{**good, **fields}, payload=b"")


@pytest.mark.parametrize(("number", "value"), [(0, b"a"), (15, b"a"), (1, b""), (1, bytes(17))])
def test_an_element_that_one_byte_cannot_describe_is_not_rendered(number: int, value: bytes) -> None:
    with pytest.raises(BadPacket):
        render_extension([(number, value)])


def test_no_elements_are_no_extension() -> None:
    assert render_extension([]) == b""
