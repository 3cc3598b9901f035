"""When people come."""

from math import inf

import numpy as np
import pytest

from hiwar.sim.curves import Curve, Wave

GENERATOR = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("curve", "seconds", "part"),
    [
        (Curve(10, 20, 30, 40), 10, 0.0),
        (Curve(10, 20, 30, 40), 30, 10 / 60),
        (Curve(10, 20, 30, 40), 60, 40 / 60),
        (Curve(10, 20, 30, 40), 80, 55 / 60),
        (Curve(10, 20, 30, 40), 100, 1.0),
        (Curve(5, 0, 10, 0), 10, 0.5),
        (Curve(5), 5, 0.0),
        (Curve(5), 5.1, 1.0),
    ],
)
def test_a_crowd_rises_holds_and_falls(curve: Curve, seconds: float, part: float) -> None:
    assert curve.come_by(np.array([seconds]))[0] == pytest.approx(part)


def test_everybody_comes_in_some_tick_and_as_the_curve_says() -> None:
    counts = Curve(10, 20, 30, 40).counts(60_000, 500, GENERATOR)
    assert counts.sum() == 60_000
    assert counts[:40].sum() == counts[400:].sum() == 0
    assert counts[120:240].sum() == pytest.approx(30_000, rel=0.03)


def test_who_would_come_after_the_end_does_not_come() -> None:
    assert Curve(0, 0, 100, 0).counts(10_000, 200, GENERATOR).sum() == pytest.approx(5_000, rel=0.05)
    assert Curve(100).counts(10_000, 200, GENERATOR).sum() == 0


def test_all_at_once_is_the_steepest() -> None:
    assert Curve(3).steepest_per_s == inf
    assert Curve(3, 10, 0, 10).steepest_per_s == pytest.approx(0.1)
    assert Curve(10, 20, 30, 40).ends_s == 100


def test_no_time_is_negative() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Curve(0, -1)


def test_a_wave_is_on_for_half_of_each_period_or_all_the_time() -> None:
    wave = Wave(10, 100, 20)
    assert [at for at in range(0, 110, 5) if wave.is_on(at)] == [10, 15, 30, 35, 50, 55, 70, 75, 90, 95]
    assert Wave(10, 20).is_on(19.9)
    assert not Wave(10, 20).is_on(20)
