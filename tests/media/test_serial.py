"""Serial arithmetic: every wrap is right, and extension finds the nearest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.serial import extend_sequence, extend_timestamp, sequence_distance, timestamp_distance

SEQUENCES = st.integers(0, 0xFFFF)
TIMESTAMPS = st.integers(0, 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("newer", "older", "distance"),
    [
        (1, 0, 1),
        (0, 0xFFFF, 1),  # modulo 2^16, not 2^16 - 1
        (0xFFFF, 0, -1),
        (0x7FFF, 0, 32767),
        (0x8000, 0, -32768),  # undefined by RFC 1982; ours is "older"
        (5, 0xFFF0, 21),
    ],
)
def test_a_sequence_distance_goes_the_short_way_round(newer: int, older: int, distance: int) -> None:
    assert sequence_distance(newer, older) == distance


@given(SEQUENCES, st.integers(-32768, 32767))
def test_a_sequence_distance_undoes_a_step(older: int, step: int) -> None:
    assert sequence_distance((older + step) % 65536, older) == step


@given(TIMESTAMPS, st.integers(-(2**31), 2**31 - 1))
def test_a_timestamp_distance_undoes_a_step(older: int, step: int) -> None:
    assert timestamp_distance((older + step) % 2**32, older) == step


@given(SEQUENCES, SEQUENCES)
def test_there_and_back_is_nothing_unless_it_is_exactly_half_way(one: int, other: int) -> None:
    there, back = sequence_distance(one, other), sequence_distance(other, one)
    assert there + back == (0 if there != -32768 else -65536)


@given(st.integers(0, 2**40), st.integers(-32768, 32767))
def test_an_extended_sequence_is_found_again_from_near_by(extended: int, away: int) -> None:
    assert extend_sequence((extended + away) % 65536, extended) == extended + away


@given(st.integers(0, 2**60), st.integers(-(2**31), 2**31 - 1))
def test_an_extended_timestamp_is_found_again_from_near_by(extended: int, away: int) -> None:
    assert extend_timestamp((extended + away) % 2**32, extended) == extended + away


def test_extended_numbers_only_grow_over_many_wraps() -> None:
    extended = 0xFFF0
    for sequence in [*range(0xFFF1, 0x10000), *range(0x10000), *range(0x100)]:
        following = extend_sequence(sequence, extended)
        assert following == extended + 1
        extended = following
