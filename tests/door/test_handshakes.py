"""The budget of TLS handshakes."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.handshakes import HandshakeBudget


def test_a_burst_is_begun_at_once_and_then_one_each_step() -> None:
    budget = HandshakeBudget(per_s=10, burst=3, at_once_max=100)
    for _ in range(3):
        assert budget.wait_s(5.0) == 0.0
        budget.begin(5.0)
    assert 0.09 < budget.wait_s(5.0) <= 0.1001
    assert budget.wait_s(5.11) == 0.0


def test_when_every_place_is_taken_one_has_to_end_first() -> None:
    budget = HandshakeBudget(per_s=1000, burst=10, at_once_max=2)
    budget.begin(0.0)
    budget.begin(0.0)
    assert budget.wait_s(100.0) == inf
    budget.end()
    assert budget.wait_s(100.0) == 0.0
    assert budget.under_way == 1


@given(st.lists(st.floats(0.0, 0.4), max_size=60), st.integers(1, 5), st.sampled_from([1.0, 7.0, 50.0]))
def test_in_no_window_more_are_begun_than_rate_and_burst_allow(
    pauses: list[float], burst: int, per_s: float
) -> None:
    budget, now, begun = HandshakeBudget(per_s, burst, 1000), 0.0, []
    for pause in pauses:
        now += pause
        if budget.wait_s(now) == 0.0:
            budget.begin(now)
            begun.append(now)
    for first, start in enumerate(begun):
        for count, end in enumerate(begun[first:], 1):
            assert count <= burst + (end - start) * per_s + 1e-6
