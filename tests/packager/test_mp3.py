"""MP3 frames: headers by table, splitting is exact, nothing but the typed error is raised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.feed import Codec
from hiwar.packager.mp3 import BadMp3, Mp3Header, last_whole_frame_end, parse_header, split_frames
from tests.packager.sound import encoded_tone

FRAME = b"\xff\xfb\x54\xc0" + bytes(188)  # 48 kHz, 64 kbit/s, mono, no checksum


@pytest.mark.parametrize(
    ("head", "header"),
    [
        (b"\xff\xfb\x54\xc0\0\0\0\0", Mp3Header(192, 64_000, 48_000, True, 0)),
        (b"\xff\xfb\x56\xc0\0\0\0\0", Mp3Header(193, 64_000, 48_000, True, 0)),
        (b"\xff\xfb\x90\x00\0\0\0\0", Mp3Header(417, 128_000, 44_100, False, 0)),
        (b"\xff\xfb\x98\x00\xff\xff\0\0", Mp3Header(576, 128_000, 32_000, False, 511)),
        (b"\xff\xfa\x54\xc0\xaa\xbb\x01\x80", Mp3Header(192, 64_000, 48_000, True, 3)),
    ],
)
def test_a_header_says_length_rate_and_how_far_it_reaches_back(head: bytes, header: Mp3Header) -> None:
    assert parse_header(head) == header


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xfb\x54",
        b"ID3\x04\0\0\0\0",
        b"\xff\xf3\x54\xc0\0\0\0\0",  # MPEG-2
        b"\xff\xfd\x54\xc0\0\0\0\0",  # Layer II
        b"\xff\xfb\x04\xc0\0\0\0\0",  # free format
        b"\xff\xfb\xf4\xc0\0\0\0\0",
        b"\xff\xfb\x5c\xc0\0\0\0\0",
    ],
)
def test_what_is_no_usable_frame_is_refused(head: bytes) -> None:
    with pytest.raises(BadMp3):
        parse_header(head)


@given(st.integers(0, 6), st.integers(0, 191))
def test_frames_are_split_and_a_torn_one_is_found(count: int, torn: int) -> None:
    source = FRAME * count + FRAME[:torn]
    assert last_whole_frame_end(source) == 192 * count
    assert split_frames(FRAME * count) == [FRAME] * count
    if torn:
        with pytest.raises(BadMp3):
            split_frames(source)


@given(st.binary(max_size=64))
def test_no_bytes_raise_anything_but_bad_mp3(source: bytes) -> None:
    assert 0 <= last_whole_frame_end(source) <= len(source)
    try:
        assert b"".join(split_frames(source)) == source
    except BadMp3:
        return


def test_the_encoders_frames_are_read() -> None:
    frames = encoded_tone(Codec.MP3)
    assert split_frames(b"".join(frames)) == list(frames)
    assert {parse_header(frame).length for frame in frames} == {192}
