"""How wins are counted and forgiven."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.wins import FORGIVEN_S, WINS_COUNTED_MAX, Wins


@pytest.mark.parametrize(
    ("won_at", "now", "recent"),
    [
        ([], 1.0, 0),
        ([0.0], 0.0, 1),
        ([0.0], 0.99, 1),
        ([0.0], 1.0, 0),
        ([0.0, 0.0], 0.0, 2),
        ([0.0, 0.0], 1.01, 1),
        ([0.0, 0.0], 2.0, 0),
        ([0.0, 1.5], 1.5, 1),
        ([0.0] * 50, 0.0, WINS_COUNTED_MAX),
        ([0.0] * 50, WINS_COUNTED_MAX - 0.01, 1),
        ([0.0] * 50, float(WINS_COUNTED_MAX), 0),
    ],
)
def test_one_win_is_forgiven_in_each_span(won_at: list[float], now: float, recent: int) -> None:
    """Times are in spans of `FORGIVEN_S`."""
    wins = Wins()
    for at in won_at:
        wins.add(7, at * FORGIVEN_S)
    assert wins.recent(7, now * FORGIVEN_S) == recent
    assert wins.recent(8, now * FORGIVEN_S) == 0


@given(st.floats(0, 1e7), st.integers(1, WINS_COUNTED_MAX))
def test_wins_count_as_whole_ones_on_any_clock(now: float, count: int) -> None:
    wins = Wins()
    for _ in range(count):
        wins.add("somebody", now)
    assert wins.recent("somebody", now) == count
    assert wins.recent("somebody", now + FORGIVEN_S * count) == 0


def test_the_memory_is_bounded_and_forgets_the_win_that_is_longest_ago() -> None:
    wins = Wins(remembered_max=3)
    for now, site in enumerate([1, 2, 3, 1, 4]):
        wins.add(site, float(now))
    assert len(wins) == 3
    assert wins.forgotten == 1
    assert [wins.recent(site, 5.0) for site in (1, 2, 3, 4)] == [2, 0, 1, 1]
