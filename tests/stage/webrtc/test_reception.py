"""What is counted about a source, with the sequence number turning over."""

from hypothesis import given
from hypothesis import strategies as st

from hiwar.stage.webrtc.reception import MISSING_MAX, Reception

FRAME = 0.02


def receive(sequences: list[int]) -> tuple[Reception, list[list[int]]]:
    reception = Reception(ssrc=7)
    asked = [reception.add(sequence % 65_536, 960 * sequence, FRAME * sequence) for sequence in sequences]
    return reception, asked


def test_packets_in_order_lose_nothing_over_the_turn() -> None:
    reception, asked = receive(list(range(65_000, 66_200)))
    report = reception.report()
    assert (report.packets_lost, report.fraction_lost) == (0, 0)
    assert report.highest_sequence == 66_199
    assert not any(asked)
    assert reception.jitter_ms < 0.01


def test_a_gap_is_asked_for_once_it_opens_and_counted() -> None:
    reception, asked = receive([65_534, 65_535, 65_538, 65_539])
    assert asked == [[], [], [0, 1], []]
    assert reception.report().packets_lost == 2


def test_a_packet_that_comes_after_all_is_no_longer_missing() -> None:
    reception, asked = receive([10, 12, 11, 14])
    assert asked == [[], [11], [], [13]]
    assert reception.report().packets_lost == 1


def test_no_more_is_asked_for_than_can_still_be_played() -> None:
    _, asked = receive([0, 1_000])
    assert asked[1] == list(range(1_000 - MISSING_MAX, 1_000))


def test_a_jump_too_far_is_a_new_beginning() -> None:
    reception, asked = receive([0, 1, 20_000, 20_001])
    assert not any(asked)
    assert reception.report().packets_lost == 0


def test_the_fraction_is_that_of_the_last_interval() -> None:
    reception, _ = receive([0, 1, 2, 4])
    assert reception.report().fraction_lost == 256 // 5
    for sequence in (5, 6):
        reception.add(sequence, 960 * sequence, FRAME * sequence)
    assert reception.report().fraction_lost == 0
    assert reception.report().fraction_lost == 0  # nothing new came


def test_jitter_grows_with_uneven_arrival() -> None:
    reception = Reception(ssrc=7)
    for number in range(200):
        reception.add(number, 960 * number, FRAME * number + (0.01 if number % 2 else 0.0))
    assert 9 < reception.jitter_ms < 11


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, (1 << 32) - 1), st.floats(0, 1e6))))
def test_no_packets_break_the_figures(packets: list[tuple[int, int, float]]) -> None:
    reception = Reception(ssrc=7)
    for sequence, timestamp, arrival in packets:
        assert len(reception.add(sequence, timestamp, arrival)) <= MISSING_MAX
        report = reception.report()
        assert 0 <= report.fraction_lost <= 255
        assert 0 <= report.highest_sequence < 1 << 32
        assert 0 <= report.jitter < 1 << 32
