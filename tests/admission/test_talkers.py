"""The heaviest keys in bounded space."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.talkers import Talker, TopTalkers


def test_few_keys_are_counted_exactly_and_listed_heaviest_first() -> None:
    talkers = TopTalkers(4, 10.0)
    for key, times in ((1, 3), (2, 5), (3, 3)):
        for _ in range(times):
            talkers.add(key, 100.0)
    talkers.add(4, 100.0, 2.5)
    assert talkers.top(9, 100.0) == [Talker(2, 5, 0), Talker(1, 3, 0), Talker(3, 3, 0), Talker(4, 2.5, 0)]
    assert talkers.top(1, 100.0) == [Talker(2, 5, 0)]
    assert talkers.total(100.0) == 13.5
    assert len(talkers) == 4


def test_a_newcomer_takes_the_place_and_the_count_of_the_least() -> None:
    talkers = TopTalkers(2, 10.0)
    for key in (1, 1, 1, 2, 2, 3):
        talkers.add(key, 0.0)
    assert talkers.top(9, 0.0) == [Talker(1, 3, 0), Talker(3, 3, 2)]


def test_what_was_counted_weighs_half_after_each_period() -> None:
    talkers = TopTalkers(4, 10.0)
    talkers.add(1, 100.0, 8)
    assert [talkers.top(1, now)[0].weight for now in (109.9, 110.0, 119.0, 120.0, 141.0)] == [8, 4, 4, 2, 0.5]
    assert talkers.total(141.0) == 0.5


def test_who_is_loud_now_stands_before_who_was_louder_a_while_ago() -> None:
    talkers = TopTalkers(4, 10.0)
    talkers.add(1, 0.0, 1000)
    talkers.add(2, 40.0, 100)
    assert [each.key for each in talkers.top(2, 40.0)] == [2, 1]


def test_errors_halve_with_the_weights() -> None:
    talkers = TopTalkers(1, 10.0)
    talkers.add(1, 0.0, 8)
    talkers.add(2, 0.0, 8)
    assert talkers.top(1, 10.0) == [Talker(2, 8, 4)]


def test_time_that_goes_back_counts_as_the_latest() -> None:
    talkers = TopTalkers(4, 10.0)
    talkers.add(1, 100.0, 8)
    talkers.add(1, 110.0, 8)
    talkers.add(1, 95.0, 8)
    assert talkers.top(1, 95.0) == [Talker(1, 20, 0)]
    assert talkers.total(110.0) == 20


def test_very_many_periods_keep_the_numbers_in_range() -> None:
    talkers = TopTalkers(3, 1.0)
    for second in range(3000):
        talkers.add(1, second, 2)
        talkers.add(2, second, 1)
        talkers.add(2 + second, second, 0.25)
    first, second_ = talkers.top(2, 2999)
    assert (first.key, second_.key) == (1, 2)
    assert 4 <= first.weight <= 4 + first.error + 1e-9
    assert 2 <= second_.weight <= 2 + second_.error + 1e-9


def test_the_least_is_still_found_after_the_numbers_were_scaled() -> None:
    talkers = TopTalkers(4, 1.0)
    for second in range(256):
        talkers.add(1, second, 100)
    for key, weight in ((2, 50), (3, 30), (4, 10)):
        talkers.add(key, 256, weight)
    talkers.add(5, 257, 1)
    assert [(each.key, each.error) for each in talkers.top(4, 257)][1:] == [(2, 0), (3, 0), (5, 5)]


def test_after_a_silence_of_any_length_everything_is_forgotten() -> None:
    talkers = TopTalkers(3, 1.0)
    talkers.add(1, 0.0, 1e9)
    talkers.add(2, 1e12, 1.0)
    assert talkers.top(9, 1e12) == [Talker(2, 1, 0)]
    assert talkers.top(9, 1e12 + 1) == [Talker(2, 0.5, 0)]


def test_an_empty_table_has_nothing_to_list() -> None:
    talkers = TopTalkers()
    assert talkers.top(3, 5.0) == []
    assert talkers.total(50.0) == 0.0


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([0.0, 0.0, 0.25, 1.0, 300.0]), st.integers(1, 9)),
        min_size=1,
        max_size=150,
    ),
    st.integers(1, 6),
)
def test_no_weight_and_no_heavy_key_is_missed_by_more_than_the_stated_bound(
    steps: list[tuple[int, float, int]], entries_max: int
) -> None:
    talkers, now = TopTalkers(entries_max, 1.0), -steps[0][1]  # so that the first comes at 0
    truth: dict[int, Fraction] = {}
    for key, passes, weight in steps:
        halvings = int(now + passes) - int(max(now, 0))
        now += passes
        truth = {each: held / 2**halvings for each, held in truth.items()}
        truth[key] = truth.get(key, Fraction(0)) + weight
        talkers.add(key, now, weight)
        assert len(talkers) <= entries_max
    total = float(sum(truth.values()))
    bound, rounding = total / entries_max, 1e-9 * total
    listed = {each.key: each for each in talkers.top(entries_max, now)}
    assert abs(talkers.total(now) - total) <= rounding
    for each in listed.values():
        assert each.error <= bound + rounding
        assert each.weight - each.error - rounding <= truth[each.key] <= each.weight + rounding
    assert {key for key, held in truth.items() if held > bound + rounding} <= set(listed)
