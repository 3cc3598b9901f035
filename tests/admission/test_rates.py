"""GCRA on a bounded table."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.rates import OVERFLOW_PARTS, SLACK_S, Rate, RateTable


def passed(table: RateTable, key: int, now: float, tries: int) -> int:
    return sum(table.wait_s(key, now) == 0.0 for _ in range(tries))


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (1, 0.5), (float("nan"), 1)])
def test_a_rate_that_lets_nothing_through_is_refused(per_second: float, burst: float) -> None:
    with pytest.raises(ValueError, match="lets nothing through"):
        Rate(per_second, burst)


def test_a_burst_passes_at_once_and_the_rest_at_the_rate() -> None:
    table = RateTable(Rate(2, 5), 10)
    assert passed(table, 7, 100.0, 20) == 5
    assert table.refused == 15
    assert passed(table, 7, 100.5, 20) == 1
    assert passed(table, 7, 102.0, 20) == 3
    assert passed(table, 7, 1000.0, 20) == 5


def test_the_wait_is_until_the_next_would_pass_and_asking_early_does_not_lengthen_it() -> None:
    table = RateTable(Rate(0.5, 1), 10)
    assert table.wait_s(7, 100.0) == 0.0
    waits = [table.wait_s(7, 100.0 + each / 4) for each in range(9)]
    assert waits == [2.0, 1.75, 1.5, 1.25, 1.0, 0.75, 0.5, 0.25, 0.0]


def test_keys_know_nothing_of_each_other() -> None:
    table = RateTable(Rate(1, 3), 10)
    assert passed(table, 1, 0.0, 9) == 3
    assert passed(table, 2, 0.0, 9) == 3


def test_a_dear_event_counts_for_several() -> None:
    table = RateTable(Rate(1, 6), 10)
    assert [table.wait_s(1, 0.0, cost) for cost in (4.0, 4.0, 2.0, 0.5)] == [0.0, 2.0, 0.0, 0.5]


@pytest.mark.parametrize("known", [False, True])
def test_an_event_dearer_than_the_burst_is_a_programming_error(known: bool) -> None:
    table = RateTable(Rate(1, 6), 10)
    if known:
        table.wait_s(1, 0.0)
    with pytest.raises(AssertionError):
        table.wait_s(1, 100.0, 7.0)


def test_time_that_stands_still_or_goes_back_lets_nobody_through_sooner() -> None:
    table = RateTable(Rate(1, 2), 10)
    assert passed(table, 1, 50.0, 9) == 2
    assert passed(table, 1, 50.0, 9) == 0
    assert table.wait_s(1, 49.0) == 2.0
    assert table.wait_s(1, 51.0) == 0.0


def test_time_that_goes_back_behind_the_death_of_an_entry_brings_nothing_twice() -> None:
    table = RateTable(Rate(1, 4), 1)
    assert passed(table, 1, 50.0, 9) == 4
    assert table.wait_s(2, 54.0) == 0.0  # takes the place of the first
    assert table.wait_s(3, 55.0) == 0.0
    assert passed(table, 1, 56.0, 9) == 4
    assert table.wait_s(4, 60.0) == 0.0
    assert table.wait_s(5, 61.0) == 0.0
    table.give_back(5)
    assert passed(table, 1, 59.0, 9) == 2  # as if at 61, two seconds off
    assert table.overflowed == 0


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.sampled_from([0.0, 0.125, 0.5, 1.0, 4.0]), st.sampled_from([0.5, 1.0, 2.0])
        ),
        max_size=60,
    )
)
def test_it_decides_as_an_exact_token_bucket(steps: list[tuple[int, float, float]]) -> None:
    rate, now = Rate(2.0, 4.0), Fraction(1000)
    table = RateTable(rate, 8)
    tokens = dict.fromkeys(range(4), Fraction(4))
    for key, passes, cost in steps:
        now += Fraction(passes)
        tokens = {each: min(Fraction(4), held + 2 * Fraction(passes)) for each, held in tokens.items()}
        wait = max(Fraction(0), (Fraction(cost) - tokens[key]) / 2)
        assert table.peek_s(key, float(now), cost) == wait
        assert table.wait_s(key, float(now), cost) == wait
        if not wait:
            tokens[key] -= Fraction(cost)


@given(
    st.floats(1e-3, 1e4),
    st.floats(1, 1e4),
    st.floats(0, 1e7),
    st.lists(st.tuples(st.floats(-0.1, 10), st.floats(0.01, 1)), max_size=30),
)
def test_who_waits_as_told_conforms(
    per_second: float, burst: float, now: float, steps: list[tuple[float, float]]
) -> None:
    table = RateTable(Rate(per_second, burst), 2)
    for passes, share in steps:
        cost = share * burst
        now += passes
        if wait := table.wait_s(1, now, cost):
            assert SLACK_S < wait <= burst / per_second + 0.1 * len(steps) + SLACK_S
            now += wait
            assert table.wait_s(1, now, cost) == 0.0


def test_a_place_is_given_to_the_next_once_its_entry_says_nothing_more() -> None:
    table = RateTable(Rate(10, 1), 1000)
    for number in range(5000):
        assert table.wait_s(number, number * 0.05) == 0.0  # two of them alive at each time
    assert len(table) < 10
    assert table.overflowed == 0


def test_an_entry_is_not_dead_before_its_time() -> None:
    table = RateTable(Rate(1, 1), 1)
    assert table.wait_s(1, 0.0) == 0.0
    table.wait_s(2, 0.999)
    assert table.overflowed == 1
    assert table.wait_s(1, 0.999) > 0
    assert table.wait_s(3, 1.0) == 0.0
    assert table.overflowed == 1


def full_table(rate: Rate, entries_max: int) -> RateTable:
    table = RateTable(rate, entries_max)
    for key in range(entries_max):
        passed(table, key, 0.0, int(rate.burst))
    assert len(table) == entries_max
    return table


def test_in_a_full_table_newcomers_share_one_bucket_and_are_counted() -> None:
    table = full_table(Rate(1, 5), 64)
    newcomers = sum(table.wait_s(1000 + each, 0.0) == 0.0 for each in range(500))
    assert newcomers == 5 * 64 / OVERFLOW_PARTS
    assert table.overflowed == 500
    assert table.refused == 500 - newcomers
    assert table.wait_s(9999, 0.0) == pytest.approx(OVERFLOW_PARTS / 64)
    assert table.peek_s(9999, 0.0) == pytest.approx(OVERFLOW_PARTS / 64)
    assert table.wait_s(9999, OVERFLOW_PARTS / 64) == 0.0


def test_in_a_small_full_table_the_bucket_is_still_that_of_one_key() -> None:
    table = full_table(Rate(1, 5), 2)
    assert sum(table.wait_s(1000 + each, 0.0) == 0.0 for each in range(50)) == 5


def test_a_dead_entry_is_found_wherever_in_a_full_table_it_lies() -> None:
    for dead in range(32):
        table = full_table(Rate(1, 5), 32)
        for _ in range(5):
            table.give_back(dead)
        for newcomer in range(1000, 1016):  # each looks at two
            table.wait_s(newcomer, 0.0)
        assert table.overflowed == 15


def test_a_flood_of_ever_new_keys_frees_no_one_who_is_held_back() -> None:
    rate, entries_max, random = Rate(0.2, 3), 256, Random(5)
    table = RateTable(rate, entries_max)
    held = list(range(20))
    for key in held:
        assert passed(table, key, 0.0, 9) == 3
    through, now = 0, 0.0
    for number in range(20_000):
        now = number * 2e-4
        through += table.wait_s(1 << 48 | random.getrandbits(48), now) == 0.0
    assert all(table.wait_s(key, now) > 0 for key in held)
    assert len(table) == entries_max
    assert through <= entries_max + (rate.burst + rate.per_second * now) * entries_max / OVERFLOW_PARTS
    assert table.overflowed >= 20_000 - entries_max


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from([-0.25, 0.0, 0.25, 1.0, 9.0])), max_size=120),
    st.integers(1, 6),
)
def test_whatever_comes_the_table_keeps_its_bound_and_nobody_gets_more_than_the_rate_and_the_bucket(
    steps: list[tuple[int, float]], entries_max: int
) -> None:
    rate, now = Rate(1, 2), 100.0
    table = RateTable(rate, entries_max)
    earliest = latest = now
    passes_of = dict.fromkeys(range(12), 0)
    overflow = 0
    for key, passes in steps:
        now += passes
        earliest, latest = min(earliest, now), max(latest, now)
        before = table.overflowed
        conforms = table.wait_s(key, now) == 0.0
        passes_of[key] += conforms and table.overflowed == before
        overflow += conforms and table.overflowed > before
        assert len(table) <= entries_max
        allowed = rate.burst + rate.per_second * (latest - earliest)
        assert max(passes_of.values()) <= allowed
        assert overflow <= allowed  # so small a table's bucket is that of one key


def test_looking_counts_nothing() -> None:
    table = RateTable(Rate(1, 1), 2)
    assert [table.peek_s(1, 0.0) for _ in range(3)] == [0.0] * 3
    assert len(table) == 0
    table.wait_s(1, 0.0)
    assert [table.peek_s(1, 0.0) for _ in range(3)] == [1.0] * 3
    assert table.refused == 0
    assert table.peek_s(1, 1.0) == 0.0


def test_looking_at_a_full_table_whose_bucket_is_untouched_promises_a_pass() -> None:
    assert full_table(Rate(1, 5), 4).peek_s(99, 0.0) == 0.0


def test_what_is_given_back_was_never_asked() -> None:
    table = RateTable(Rate(1, 2), 10)
    for _ in range(9):
        assert table.wait_s(1, 50.0, 2.0) == 0.0
        table.give_back(1, 2.0)
    assert passed(table, 1, 50.0, 9) == 2
    table.give_back(1)
    assert passed(table, 1, 50.0, 9) == 1


def test_an_entry_given_back_makes_room_at_once() -> None:
    table = RateTable(Rate(1, 2), 1)
    table.wait_s(1, 50.0)
    table.give_back(1)
    assert table.wait_s(2, 50.0) == 0.0
    assert table.overflowed == 0


def test_what_the_shared_bucket_allowed_is_given_back_to_it() -> None:
    table = full_table(Rate(1, 5), 2)
    for each in range(50):
        assert table.wait_s(1000 + each, 0.0) == 0.0
        table.give_back(1000 + each)
    assert sum(table.wait_s(2000 + each, 0.0) == 0.0 for each in range(50)) == 5
