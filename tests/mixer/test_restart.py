"""The sender starts again, with other numbers, without saying so."""

from hiwar.mixer.jitter import Silence
from tests.mixer.line import Sent, run, steady


def test_a_sender_that_starts_again_is_heard_again_at_once() -> None:
    before = steady(10, lambda _: 0.0)
    after = [Sent(12.005 + k * 0.02, 30_000 + k, 5_000 + k * 960) for k in range(500)]
    heard, buffer = run(before + after, 22)
    assert heard.numbers.count(30_001) == 1
    assert heard.numbers[-1] >= 30_497
    assert heard.count(Silence) < 2 * 50 + 8
    assert buffer.counts.rejected == 1
    assert buffer.depth <= 960


def test_a_pause_whose_time_the_sender_does_not_count_adds_no_delay() -> None:
    before = steady(10, lambda _: 0.0)
    after = [
        Sent(packet.arrives + 13, packet.number + 500, packet.stamp + 500 * 960)
        for packet in steady(10, lambda _: 0.0)
    ]
    heard, buffer = run(before + after, 33)
    assert heard.numbers == list(range(65_000, 65_000 + len(heard.numbers)))
    assert len(heard.numbers) >= 998
    assert max(heard.depths) <= 2 * 960
    assert buffer.counts.merged == 0
