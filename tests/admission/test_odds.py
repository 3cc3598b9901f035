"""What people are told, and how fast seats are measured to come free."""

import math

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.odds import SMOOTHING_S, TREND_S, Flow, Odds, Stock, Trend

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
NOBODY = [0, 0, 0, 0]
ALL = 0b1110


def flow_of(offered: list[int], taken: list[int], waited_on: list[bool] | None = None) -> Flow:
    flow = Flow()
    flow.note(0, NOBODY, True, 0.0)
    for at, seats in enumerate(offered):
        flow.note(seats, taken, True if waited_on is None else waited_on[at], at + 1.0)
    return flow


@pytest.mark.parametrize(
    ("each_epoch", "within_minute", "expected_s"),
    [(None, None, None), (0.0, 0.0, None), (1.0, 1.0, 1.0), (0.5, 1 - 0.5**60, 2.0), (0.01, 0.45284, 100.0)],
)
def test_the_chance_within_a_minute_follows_from_that_of_each_second(
    each_epoch: float | None, within_minute: float | None, expected_s: float | None
) -> None:
    odds = Odds(1000, 50.0, each_epoch)
    assert odds.within() == (
        within_minute if within_minute is None else pytest.approx(within_minute, abs=1e-5)
    )
    assert odds.expected_s == expected_s


def test_the_chance_within_another_time() -> None:
    assert Odds(9, 1.0, 0.1).within(2.0) == pytest.approx(0.19)


def test_nothing_is_known_before_somebody_had_to_wait_for_a_second() -> None:
    flow = Flow()
    assert flow.seats_per_s is None
    flow.note(5000, [0, 0, 40, 0], False, 0.0)
    flow.note(5000, [0, 0, 4000, 0], True, 1.0)  # a stock of free seats is no flow
    assert flow.seats_per_s is None
    assert flow.seats_per_s_of(SOLVED, ALL) is None
    flow.note(6, [0, 0, 6, 0], True, 2.0)
    assert flow.seats_per_s == pytest.approx(6)


def test_seats_that_found_nobody_count_as_offered_and_what_follows_is_no_flow() -> None:
    flow = flow_of([50], [0, 0, 40, 0], [False])
    assert flow.seats_per_s == pytest.approx(50)
    flow.note(900, NOBODY, True, 2.0)
    assert flow.seats_per_s == pytest.approx(50)


def test_the_rate_is_by_time_however_often_seats_are_drawn() -> None:
    flow = flow_of([], NOBODY)
    for draw in range(1, 101):
        flow.note(25, [0, 0, 25, 0], True, draw / 2)
    assert flow.seats_per_s == pytest.approx(50)
    flow.note(25, [0, 0, 25, 0], True, 50.0)  # a second draw in the same instant
    assert flow.seats_per_s is not None
    assert flow.seats_per_s > 50


def test_after_a_cut_the_new_rate_is_known_soon_and_an_old_one_is_given_up() -> None:
    flow = flow_of([50] * 100 + [5] * 60, NOBODY)
    assert flow.seats_per_s == pytest.approx(5, abs=3)
    flow.note(0, NOBODY, False, 161.0)
    flow.note(0, NOBODY, False, 250.0)
    assert flow.seats_per_s == pytest.approx(5, abs=3)
    flow.note(0, NOBODY, True, 300.0)
    assert flow.seats_per_s is None


@pytest.mark.parametrize(
    ("taken", "waiting", "per_second"),
    [
        ([0, 20, 27, 3], {INVITED, SOLVED, STRANGER}, (50, 20, 27.5, 3)),  # all in full: their shares
        ([0, 2, 45, 3], {INVITED, SOLVED, STRANGER}, (50, 20, 45, 3)),  # few invited: what they leave
        ([0, 0, 0, 50], {STRANGER}, (50, 47.5, 47.5, 50)),  # who comes in now displaces strangers
        ([10, 16, 22, 2], {INVITED, SOLVED, STRANGER}, (50, 16, 22, 2)),  # shares are of what returns leave
        ([50, 0, 0, 0], {SOLVED}, (50, 0, 0, 0)),
    ],
)
def test_a_class_is_told_its_share_or_what_the_others_leave(
    taken: list[int], waiting: set[ListenerClass], per_second: tuple[float, ...]
) -> None:
    flow = flow_of([50] * 60, taken)
    bits = sum(1 << each for each in waiting)
    told = [flow.seats_per_s_of(each, bits) for each in ListenerClass]
    assert told == pytest.approx(list(per_second), abs=1e-6)


def test_a_door_that_was_shut_for_long_begins_anew_and_one_that_opens_and_shuts_has_the_mean() -> None:
    flow = flow_of([50] * 100, NOBODY)
    for second in range(101, 401):
        shut = second % 2 == 0
        flow.note(0 if shut else 50, NOBODY, True, second, shut=shut)
    assert flow.seats_per_s == pytest.approx(25, rel=0.05)
    for second in range(401, 401 + int(SMOOTHING_S) + 1):
        flow.note(0, NOBODY, True, second, shut=True)
    assert flow.seats_per_s is None
    flow.note(30, NOBODY, True, 430.0)
    flow.note(30, NOBODY, True, 431.0)
    assert flow.seats_per_s == pytest.approx(30)


def test_a_door_that_has_just_been_shut_for_long_knows_nothing_when_it_opens() -> None:
    flow = flow_of([50] * 100, NOBODY)
    for second in range(101, 102 + int(SMOOTHING_S)):  # the last of these is the first draw of a long time
        flow.note(0, NOBODY, True, second, shut=True)
    flow.note(30, NOBODY, True, 122.0)
    assert flow.seats_per_s is None
    flow.note(30, NOBODY, True, 123.0)
    assert flow.seats_per_s == pytest.approx(30)


def stock_of(left: tuple[int, ...], given_up: int, seconds: int = 100) -> Stock:
    """A house where `given_up` seats a second come free and are given again."""
    stock = Stock()
    for second in range(seconds):
        stock.note(1000, given_up, left, float(second))
    return stock


@pytest.mark.parametrize(
    ("left", "given_up", "of_class", "lasts"),
    [
        ((60_000, 60_000, 60_000, 60_000), 0, 40.0, 40.0),  # enough for long
        ((600, 600, 600, 600), 0, 40.0, 8.0),  # of 50 a second 10 last for a minute: of 40, 8
        ((600, 600, 600, 600), 5, 40.0, 12.0),  # and what is given up meanwhile
        ((0, 0, 0, 0), 50, 40.0, 40.0),  # a full house: the flow is what is given up
        ((6000, 6000, 6000, 0), 3, 40.0, 3.0),  # a class that holds all it may: what is given up
        ((6000, 6000, 6000, 60), 0, 40.0, 1.0),
    ],
)
def test_of_what_flows_no_more_is_told_than_lasts_for_a_minute(
    left: tuple[int, ...], given_up: int, of_class: float, lasts: float
) -> None:
    stock = stock_of(left, given_up)
    assert stock.lasting(50.0, of_class, STRANGER) == pytest.approx(lasts)


def test_without_a_draw_or_a_flow_there_is_nothing_to_bound() -> None:
    assert Stock().lasting(50.0, 40.0, SOLVED) == 40.0
    assert stock_of((0, 0, 0, 0), 0).lasting(0.0, 0.0, SOLVED) == 0.0


def test_a_calm_before_says_nothing_of_how_fast_seats_come_free() -> None:
    stock = Stock()
    for second in range(200):
        crowded = second >= 190
        stock.note(0, 4 if second > 190 else 0, (0, 0, 0, 0), float(second), waiting_on=crowded)
    assert stock.lasting(4.0, 4.0, STRANGER) == pytest.approx(4.0)


def test_seats_that_were_never_given_are_not_given_up() -> None:
    stock = Stock()
    for second in range(60):  # a house that fills by 10 a second
        stock.note(600 - 10 * second, 10, (0, 0, 0, 0), float(second))
    assert stock.lasting(10.0, 10.0, SOLVED) == pytest.approx(0.0)


def trend_of(weights: list[int]) -> Trend:
    trend = Trend()
    for second, weight in enumerate(weights):
        trend.note([0, 0, 7, weight], float(second))
    return trend


@pytest.mark.parametrize(
    ("weights", "factor"),
    [
        ([], 1.0),
        ([100], 1.0),
        ([100] * 20, 1.0),
        ([0] * 20, 1.0),
        (
            list(range(0, 2000, 100)),
            math.log1p(TREND_S / 19) / (TREND_S / 19),
        ),  # 100 a second more than 1,900
        ([0] * 10 + [100] * 3, 1.0),  # all at once
        ([5, 90, *range(0, 1000, 100), 750], 1.0),  # up, and now down
        ([900, 700, 500, 300, 100, 10], -2 * math.log(0.5)),  # taken to halve, at most
    ],
)
def test_a_part_of_a_crowd_that_grows_becomes_less(weights: list[int], factor: float) -> None:
    assert trend_of(weights).thinned(STRANGER) == pytest.approx(factor, rel=1e-3)
    assert trend_of(weights).thinned(SOLVED) == 1.0
