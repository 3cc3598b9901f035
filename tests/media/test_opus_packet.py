"""What the first bytes of an Opus packet say (RFC 6716, section 3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.opus_packet import carries_fec, frame_samples, packet_samples


@pytest.mark.parametrize(
    ("config", "samples"),
    [
        *((c, (480, 960, 1920, 2880)[c % 4]) for c in range(12)),
        *((c, (480, 960)[c % 2]) for c in range(12, 16)),
        *((c, (120, 240, 480, 960)[c % 4]) for c in range(16, 32)),
    ],
)
def test_the_duration_of_a_frame_is_that_of_the_table_in_the_rfc(config: int, samples: int) -> None:
    assert frame_samples(config << 3) == samples


@pytest.mark.parametrize(
    ("payload", "samples"),
    [
        (b"\xf8\xff\xfe", 960),
        (b"\xf9" + bytes(10), 1920),
        (b"\xfa" + bytes(10), 1920),
        (b"\xfb\x03" + bytes(10), 2880),
        (b"\xfb\x83" + bytes(10), 2880),
        (b"\x18", 2880),
        (b"\xe3\x30" + bytes(50), 5760),
    ],
)
def test_the_duration_of_a_packet_counts_its_frames(payload: bytes, samples: int) -> None:
    assert packet_samples(payload) == samples


@pytest.mark.parametrize("payload", [b"", b"\xfb", b"\xfb\x00", b"\xfb\x07", b"\x1b\x03", b"\xfb\x3f"])
def test_what_is_no_packet_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="Opus packet"):
        packet_samples(payload)


@pytest.mark.parametrize(
    ("payload", "fec"),
    [
        (b"\x08\x40\x00", True),  # mono, 20 ms: voice flag, LBRR flag
        (b"\x08\x80\x00", False),
        (b"\x10\x20\x00", True),  # 40 ms: two voice flags first
        (b"\x18\x10\x00", True),  # 60 ms: three
        (b"\x0c\x10\x00", True),  # stereo: the side channel's flag
        (b"\x0c\x40\x00", True),  # the middle's
        (b"\x0c\x20\x00", False),
        (b"\xf8\xff\xff", False),  # CELT carries none
        (b"\x09\x40\x00", False),  # two frames
        (b"\x08\x40", False),  # DTX
    ],
)
def test_the_fec_flag_lies_behind_the_voice_flags(payload: bytes, fec: bool) -> None:
    assert carries_fec(payload) is fec


@given(st.binary(max_size=1300))
def test_every_packet_lasts_between_two_and_a_half_and_120_milliseconds(payload: bytes) -> None:
    try:
        samples = packet_samples(payload)
    except ValueError:
        return
    assert 120 <= samples <= 5760
    assert samples % 120 == 0
    carries_fec(payload)
