"""The jitter buffer by transcripts: what is added, what is pulled."""

from dataclasses import dataclass, field

import pytest

from hiwar.mixer.jitter import (
    PACKETS_MAX,
    Conceal,
    Decode,
    DecodeFec,
    JitterBuffer,
    Merge,
    Silence,
    Verdict,
)
from tests.mixer.line import FRAME, number_of, payload_of

NO_FEC = b"\xf8nofec"
DTX = b"\x08\x00"


@dataclass
class Bench:
    """A buffer with a clock: `at(k)` adds packet k as if it came `late` seconds after its time."""

    buffer: JitterBuffer = field(default_factory=JitterBuffer)
    frame: int = 0

    def at(self, k: int, late: float = 0.0, payload: bytes | None = None, stamp: int | None = None) -> None:
        body = payload_of(k) if payload is None else payload
        stamp = k * 960 if stamp is None else stamp
        self.buffer.add(k % 65_536, stamp % (1 << 32), 960, body, k * FRAME + late)

    def pull(self, quiet: bool = False) -> Verdict:
        verdict = self.buffer.pull(self.frame * FRAME, quiet)
        self.frame += 1
        return verdict

    def through(self, first: int, last: int) -> list[Verdict]:
        """Packets first..last, each on its time, a pull after each."""
        out = []
        for k in range(first, last + 1):
            self.at(k)
            out.append(self.pull())
        return out


def playing() -> Bench:
    """A bench that has played packets 0..9; packet 10 is in hand."""
    bench = Bench()
    bench.through(0, 10)
    return bench


def test_on_a_good_network_one_packet_plays_while_one_is_in_hand() -> None:
    bench = Bench()
    verdicts = bench.through(0, 5)
    assert verdicts == [Silence(960)] + [Decode(payload_of(k)) for k in range(5)]
    assert len(bench.buffer) == 1
    assert bench.buffer.depth == 960
    assert bench.buffer.target == 2


def test_an_empty_buffer_is_silent() -> None:
    buffer = JitterBuffer()
    assert buffer.pull(0.0) == Silence(960)
    assert buffer.depth == 0


def test_a_lost_packet_is_taken_from_the_next_ones_fec() -> None:
    bench = playing()
    assert bench.pull() == Decode(payload_of(10))
    bench.at(12)
    bench.at(13)
    assert bench.pull() == DecodeFec(payload_of(12), 960)
    assert bench.pull() == Decode(payload_of(12))
    assert bench.buffer.counts.fec == 1


def test_a_lost_packet_without_fec_is_concealed() -> None:
    bench = playing()
    bench.pull()
    bench.at(12, payload=NO_FEC)
    assert [bench.pull(), bench.pull()] == [Conceal(960), Decode(NO_FEC)]
    assert bench.buffer.counts.concealed == 1


def test_of_several_lost_packets_the_last_is_taken_from_fec() -> None:
    bench = playing()
    bench.pull()
    bench.at(14)
    assert [bench.pull() for _ in range(4)] == [
        Conceal(960),
        Conceal(960),
        DecodeFec(payload_of(14), 960),
        Decode(payload_of(14)),
    ]


def test_time_concealed_while_waiting_counts_for_the_packets_that_were_lost() -> None:
    bench = playing()
    bench.pull()
    assert bench.pull() == Conceal(960)
    bench.at(13)
    assert bench.pull() == DecodeFec(payload_of(13), 960)
    counts = bench.buffer.counts
    assert (counts.concealed, counts.stretched, counts.fec) == (1, 0, 1)


def test_time_concealed_for_a_late_packet_counts_as_stretched_and_the_packet_is_played() -> None:
    bench = playing()
    bench.pull()
    assert bench.pull() == Conceal(960)
    bench.at(11, late=0.03)
    assert bench.pull() == Decode(payload_of(11))
    counts = bench.buffer.counts
    assert (counts.concealed, counts.stretched, counts.late) == (0, 1, 0)


def test_a_late_packet_is_counted_and_not_played() -> None:
    bench = playing()
    bench.at(11)
    bench.at(9, late=0.05)
    assert bench.buffer.counts.duplicate == 1
    bench.pull()
    bench.at(13)
    bench.pull()
    bench.pull()
    bench.at(12, late=0.05)
    assert bench.buffer.counts.late == 1
    assert bench.pull() == Decode(payload_of(13))


def test_a_duplicate_is_counted_and_not_played() -> None:
    bench = playing()
    bench.at(10)
    assert bench.buffer.counts.duplicate == 1
    assert len(bench.buffer) == 1


def test_after_five_concealed_frames_the_buffer_waits_in_silence_and_starts_anew() -> None:
    bench = playing()
    bench.pull()
    assert [bench.pull() for _ in range(7)] == [Conceal(960)] * 5 + [Silence(960)] * 2
    assert bench.buffer.counts.concealed == 5
    assert bench.through(18, 20) == [Decode(payload_of(k)) for k in (18, 19, 20)]


def test_after_a_dtx_packet_an_empty_buffer_is_silence_and_no_loss() -> None:
    bench = playing()
    bench.at(11, payload=DTX)
    bench.pull()
    assert bench.pull() == Decode(DTX)
    assert bench.pull() == Silence(960)
    assert bench.buffer.counts.concealed == 0


def test_a_gap_of_timestamps_without_a_gap_of_numbers_is_silence() -> None:
    bench = playing()
    bench.pull()
    bench.at(11, stamp=13 * 960 + 500)
    assert [bench.pull() for _ in range(4)] == [
        Silence(960),
        Silence(960),
        Silence(480),
        Decode(payload_of(11)),
    ]


def test_a_gap_longer_than_the_deepest_buffer_is_jumped() -> None:
    bench = playing()
    bench.pull()
    bench.at(11, stamp=1_000_000)
    assert bench.pull() == Decode(payload_of(11))


def test_the_numbers_wrap() -> None:
    bench = Bench(frame=65_530)
    verdicts = [verdict for k in range(65_530, 65_545) for verdict in bench.through(k, k)]
    assert verdicts[1:] == [Decode(payload_of(k)) for k in range(65_530, 65_544)]


def test_one_packet_with_absurd_numbers_is_refused_and_disturbs_nobody() -> None:
    bench = playing()
    bench.buffer.add(40_000, 123, 960, b"absurd", 0.2)
    bench.buffer.add(11, 960, 960, b"backwards", 0.2)
    assert bench.buffer.counts.rejected == 2
    assert bench.through(11, 12) == [Decode(payload_of(10)), Decode(payload_of(11))]


def test_two_absurd_packets_in_a_row_are_a_sender_that_has_started_again() -> None:
    bench = playing()
    for k in range(4):
        bench.buffer.add(40_000 + k, 77 + k * 960, 960, payload_of(40_000 + k), 0.22 + k * FRAME)
    bench.frame = 15
    assert bench.pull() == Decode(payload_of(40_001))
    assert bench.buffer.counts.rejected == 1


def test_reset_starts_anew_and_keeps_the_counts() -> None:
    bench = playing()
    bench.buffer.reset()
    assert (len(bench.buffer), bench.buffer.depth, bench.buffer.counts.received) == (0, 0, 11)
    assert bench.pull() == Silence(960)


def test_a_stalled_network_that_hands_over_everything_at_once_leaves_only_the_newest() -> None:
    bench = playing()
    bench.pull()
    for k in range(11, 111):
        bench.at(k, late=3.0 - k * FRAME)
    assert len(bench.buffer) == PACKETS_MAX
    verdict = bench.pull()
    assert isinstance(verdict, Merge)
    assert (number_of(verdict.first), number_of(verdict.second)) == (61, 105)
    assert bench.buffer.depth == 5 * 960
    assert bench.buffer.counts.dropped == 50 + 43


def test_too_much_lead_is_merged_away_after_two_seconds_or_in_a_quiet_moment() -> None:
    for quiet, pulls in ((False, 101), (True, 26)):
        bench = playing()
        bench.frame += 2  # two frames of sound have been played late
        merged_after = 0
        for k in range(11, 300):
            bench.at(k)
            merged_after += 1
            if isinstance(bench.pull(quiet), Merge):
                break
        assert pulls - 2 <= merged_after <= pulls + 2


def test_nothing_is_merged_while_the_packet_after_the_next_is_missing() -> None:
    bench = playing()
    bench.frame += 2
    for k in range(12, 400, 2):
        bench.at(k)
        assert not isinstance(bench.pull(), Merge)
        assert not isinstance(bench.pull(), Merge)
    assert bench.buffer.counts.merged == 0


def test_the_target_follows_late_packets_up() -> None:
    bench = playing()
    for k in range(11, 80):
        bench.at(k, late=0.05 if k % 5 == 0 else 0.0)
        bench.pull()
    assert bench.buffer.target == 4
    assert bench.buffer.counts.stretched >= 1


def test_a_packet_sent_again_after_a_long_round_trip_does_not_deepen_the_buffer() -> None:
    bench = playing()
    bench.at(12)
    bench.at(11, late=0.4)
    assert bench.buffer.target == 2


@pytest.mark.parametrize("samples", [120, 480, 1920, 2880, 5760])
def test_packets_of_every_duration_play_in_order(samples: int) -> None:
    buffer = JitterBuffer()
    due, heard, sent = 0.0, [], 0
    for tick in range(2000):
        now = tick * 0.0025
        while (sent + 1) * samples <= tick * 120:
            buffer.add(sent, sent * samples, samples, payload_of(sent), now)
            sent += 1
        if due <= now:
            verdict = buffer.pull(due)
            if isinstance(verdict, Decode):
                heard.append(number_of(verdict.payload))
                due += samples / 48_000
            else:
                due += 0.02
    assert heard == list(range(len(heard)))
    assert len(heard) >= sent - 8 - 5760 // samples
    assert buffer.counts.concealed == 0


def test_counts_have_names() -> None:
    assert JitterBuffer().counts.as_dict()["received"] == 0
