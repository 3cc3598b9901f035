"""The histogram of lateness."""

import random

import pytest

from hiwar.stage.lateness import BIN_SECONDS, LATE_SECONDS, RECENT_FRAMES, Lateness


def test_nothing_counted_reads_as_nothing_late() -> None:
    assert Lateness().percentile(99.9) == 0.0


@pytest.mark.parametrize("percent", [50, 99, 99.9])
def test_percentiles_are_exact_to_a_bin(percent: float) -> None:
    values = [random.Random(7).expovariate(1000) for _ in range(1)] + [
        min(0.019, random.Random(n).expovariate(1000)) for n in range(20_000)
    ]
    held = Lateness()
    for value in values:
        held.add(value)
    exact = sorted(values)[int(len(values) * percent / 100) - 1]
    assert held.percentile(percent) == pytest.approx(exact, abs=2 * BIN_SECONDS)


def test_what_is_later_than_a_frame_shows_as_the_maximum() -> None:
    held = Lateness()
    held.add(0.001)
    held.add(3.0)
    assert held.percentile(99.9) == 3.0
    assert held.over(0.02) == 1
    assert held.over(0.0005) == 2


def test_an_early_frame_counts_as_punctual() -> None:
    held = Lateness()
    held.add(-0.5)
    assert held.max_seconds == 0.0
    assert held.percentile(50) == 0.0


def test_the_last_second_forgets_what_was_before() -> None:
    held = Lateness()
    assert held.recent(LATE_SECONDS) == (0.0, 0)
    held.add(0.3)
    for number in range(RECENT_FRAMES - 1):
        held.add(0.006 if number < 2 else 0.001)
    assert held.recent(LATE_SECONDS) == (0.3, 3)
    held.add(0.0)
    assert held.recent(LATE_SECONDS) == (0.006, 2)
