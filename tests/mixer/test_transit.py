"""What arrivals say about the network."""

import pytest

from hiwar.mixer.transit import TransitWindow, WindowPeak


def test_a_peak_is_forgotten_after_its_window() -> None:
    peak = WindowPeak()
    assert peak.add(5.0, 0.0) == 5.0
    assert peak.add(1.0, 7.9) == 5.0
    assert peak.add(1.0, 8.1) == 1.0


def test_memory_is_bounded_and_an_empty_window_is_zero() -> None:
    peak = WindowPeak()
    assert peak.peak == 0.0
    for second in range(100):
        peak.add(-second, float(second))
    assert len(peak._buckets) == 8
    assert peak.peak == -92
    peak.clear()
    assert peak.peak == 0.0


@pytest.mark.parametrize(
    ("jitter_ms", "target"), [(0, 2), (10, 2), (14, 3), (30, 3), (60, 5), (90, 6), (500, 6)]
)
def test_the_target_covers_the_spread_between_two_and_six_packets(jitter_ms: int, target: int) -> None:
    window = TransitWindow()
    window.add(-1e9, 0.0)
    window.add(-1e9 + jitter_ms * 48, 0.02)
    assert window.target == target
    assert window.base == -1e9


def test_the_target_goes_up_at_once_and_down_after_eight_seconds() -> None:
    window = TransitWindow()
    window.add(0.0, 0.0)
    window.add(60 * 48.0, 0.02)
    assert window.target == 5
    for tick in range(8):
        window.add(0.0, tick + 0.5)
        assert window.target == 5
    window.add(0.0, 8.6)
    assert window.target == 2


def test_rebasing_keeps_the_spread_and_clearing_does_not() -> None:
    window = TransitWindow()
    window.add(0.0, 0.0)
    window.add(60 * 48.0, 0.02)
    window.rebase()
    window.add(1e6, 0.04)
    assert (window.base, window.target) == (1e6, 5)
    window.clear()
    assert (window.base, window.target, window.lead) == (0.0, 2, 960.0)
