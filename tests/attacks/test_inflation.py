"""A botnet makes the queue long, so that puzzles become dear for everybody. Out: the cap of the effort."""

import pytest

from hiwar.admission import effort as module
from hiwar.admission.effort import Effort
from hiwar.admission.puzzle import SLOWEST_SQUARING_US, SOLVE_S_MAX

QUEUED, SERVED_PER_S = 100_000, 50
PATIENCE_S = 60.0


def slow_phone_s() -> float:
    """How long a slow phone works for a puzzle after two minutes of it."""
    effort = Effort(0.0)
    for second in range(1, 121):
        effort.observe(queued=QUEUED, served=SERVED_PER_S, now=float(second))
    return effort.effort * SLOWEST_SQUARING_US / 1e6


def test_the_slowest_phone_goes_on_solving_within_seconds() -> None:
    assert 0 < slow_phone_s() <= SOLVE_S_MAX


def test_without_the_cap_it_works_longer_than_anybody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EFFORT_MAX", 1 << 62)
    assert slow_phone_s() > PATIENCE_S
