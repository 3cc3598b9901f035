"""What people are told, and how fast seats are measured to come free."""

import math

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.odds import SMOOTHING_S, TREND_S, Flow, Odds, Stock, Trend

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
NOBODY = [0, 0, 0, 0]
ALL = 0b1110


def flow_of(offered: list[int], taken: list[int], waiting: int = ALL) -> Flow:
    flow = Flow()
    flow.note(0, NOBODY, True, 0.0)
    for at, seats in enumerate(offered):
        flow.note(seats, taken, True, at + 1.0, waiting=waiting)
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
    assert Odds(9, 1.0, 0.1, soon=0.2).within_soon == pytest.approx(1 - 0.8**5)
    assert Odds(9, 1.0, None).within_soon is None


def test_nothing_is_known_before_somebody_had_to_wait_for_a_second() -> None:
    flow = Flow()
    assert flow.seats_per_s is None
    flow.note(5000, [0, 0, 40, 0], False, 0.0)
    flow.note(5000, [0, 0, 4000, 0], True, 1.0)  # a stock of free seats is no flow
    assert flow.seats_per_s is None
    assert flow.seats_per_s_of(SOLVED, ALL) is None
    flow.note(6, [0, 0, 6, 0], True, 2.0)
    assert flow.seats_per_s == pytest.approx(6)


def test_seats_given_to_all_who_waited_are_no_flow_nor_are_those_after_a_calm() -> None:
    """The host lets everybody in, or nobody waited before: that is a stock."""
    flow = flow_of([50, 50], [0, 0, 50, 0])
    flow.note(9000, [0, 0, 9000, 0], False, 3.0)
    assert flow.seats_per_s == pytest.approx(50)
    flow.note(900, NOBODY, True, 4.0)
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
    bits = sum(1 << each for each in waiting)
    flow = flow_of([50] * 60, taken, bits)
    told = [flow.seats_per_s_of(each, bits) for each in ListenerClass]
    assert told == pytest.approx(list(per_second), abs=1e-6)


def test_a_class_is_not_told_the_share_of_another_that_is_away_between_two_draws() -> None:
    """Solvers are drawn as soon as they come: at most moments only strangers wait."""
    flow = flow_of([50] * 60, [0, 0, 46, 4])
    assert flow.seats_per_s_of(STRANGER, 1 << STRANGER) == pytest.approx(4)
    alone = flow_of([50] * 60, [0, 0, 0, 50], 1 << STRANGER)
    assert alone.seats_per_s_of(STRANGER, 1 << STRANGER) == pytest.approx(50)


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


MINUTE, SOON = 60.0, 5.0


def stock_of(rooms: tuple[int, int, int], given_up: int, seconds: int = 100) -> Stock:
    """A house where `given_up` seats a second are given up by strangers, and given to strangers again."""
    stock = Stock()
    for second in range(seconds):
        stock.note(rooms, [0, 0, 0, given_up], float(second))
    return stock


@pytest.mark.parametrize(
    ("rooms", "given_up", "of_class", "lasts"),
    [
        ((60_000, 60_000, 60_000), 0, 40.0, 40.0),  # enough for long
        ((600, 600, 600), 0, 40.0, 8.0),  # of 50 a second 10 last for a minute: of 40, 8
        ((600, 600, 600), 5, 40.0, 12.0),  # and what is given up meanwhile
        ((0, 0, 0), 50, 40.0, 40.0),  # a full house: the flow is what is given up
        ((6000, 6000, 0), 3, 40.0, 3.0),  # a class that holds all it may: what is given up
        ((6000, 6000, 60), 0, 40.0, 1.0),
    ],
)
def test_of_what_flows_no_more_is_told_than_lasts_for_a_minute(
    rooms: tuple[int, int, int], given_up: int, of_class: float, lasts: float
) -> None:
    stock = stock_of(rooms, given_up)
    assert stock.lasting(50.0, of_class, STRANGER, MINUTE) == pytest.approx(lasts)


def test_a_stock_that_does_not_last_for_a_minute_may_last_until_they_ask_again() -> None:
    stock = stock_of((600, 600, 600), 0)
    assert stock.lasting(50.0, 40.0, STRANGER, SOON) == pytest.approx(40.0)
    assert stock_of((100, 100, 100), 0).lasting(50.0, 40.0, STRANGER, SOON) == pytest.approx(16.0)


def test_what_comes_free_for_all_is_not_what_comes_free_for_strangers() -> None:
    """The host adds ten seats a second, of which strangers may hold seven; solvers take three."""
    stock = Stock()
    for second in range(100):
        stock.note((300, 250, 0), [0, 0, 3, 7], float(second))
    assert stock.lasting(10.0, 10.0, STRANGER, MINUTE) == pytest.approx(7.0)
    assert stock.lasting(10.0, 10.0, SOLVED, MINUTE) == pytest.approx(10.0)


def test_without_a_draw_or_a_flow_there_is_nothing_to_bound() -> None:
    assert Stock().lasting(50.0, 40.0, SOLVED, MINUTE) == 40.0
    assert stock_of((0, 0, 0), 0).lasting(0.0, 0.0, SOLVED, MINUTE) == 0.0


def test_a_calm_before_says_nothing_of_how_fast_seats_come_free() -> None:
    stock = Stock()
    for second in range(200):
        crowded, given = second >= 190, [0, 0, 0, 4 if second > 190 else 0]
        stock.note((0, 0, 0), given, float(second), waiting_on=crowded)
    assert stock.lasting(4.0, 4.0, STRANGER, MINUTE) == pytest.approx(4.0)


def test_everybody_let_in_at_once_does_not_come_free_again() -> None:
    stock = stock_of((0, 0, 0), 4)
    stock.note((15_000, 14_000, 10_000), [0, 0, 0, 1500], 100.0, waiting_on=False)
    stock.note((0, 0, 0), [0, 0, 0, 0], 101.0)
    assert stock.lasting(40.0, 40.0, STRANGER, MINUTE) == pytest.approx(4.0)


def test_many_seats_at_once_are_no_flow_and_a_faster_flow_is_known_soon() -> None:
    """The host lets 15,000 in where five a second came free, and more wait than can join in a second."""
    stock = stock_of((0, 0, 0), 5)
    stock.note((13_500, 12_500, 9_000), [0, 0, 0, 1500], 100.0)
    stock.note((0, 0, 0), [0, 0, 0, 13_500], 101.0)
    assert stock.lasting(1500.0, 1500.0, STRANGER, MINUTE) < 10.0
    for second in range(102, 132):
        stock.note((0, 0, 0), [0, 0, 0, 50], float(second))
    assert stock.lasting(1500.0, 1500.0, STRANGER, MINUTE) == pytest.approx(50, rel=0.3)


def test_a_capacity_that_wobbles_frees_no_seats() -> None:
    stock = Stock()
    for second in range(100):
        left = 3000 + 50 * (second % 2)
        stock.note((left, left, 0), [0, 0, 0, 3], float(second))
    assert stock.lasting(500.0, 500.0, SOLVED, MINUTE) == pytest.approx(3000 / 60 + 3, rel=0.1)


def test_of_the_first_seats_that_are_seen_no_more_than_were_given_are_a_flow() -> None:
    stock = Stock()
    stock.note((0, 0, 0), NOBODY, 0.0)
    stock.note((13_500, 12_500, 9_000), [0, 0, 0, 6], 1.0)
    stock.note((0, 0, 0), [0, 0, 0, 0], 2.0)
    assert stock.lasting(1500.0, 1500.0, STRANGER, MINUTE) <= 8.0


def test_seats_that_were_never_given_are_not_given_up() -> None:
    stock = Stock()
    for second in range(60):  # a house that fills by 10 a second
        left = 600 - 10 * second
        stock.note((left, left, left), [0, 0, 10, 0], float(second))
    assert stock.lasting(10.0, 10.0, SOLVED, MINUTE) == pytest.approx(10 / 60)


def trend_of(weights: list[int]) -> Trend:
    trend = Trend()
    for second, weight in enumerate(weights):
        trend.note([0, 0, 7, weight], float(second))
    return trend


def thinned_by(growth_per_s: float, weight: int, seconds: float) -> float:
    share = growth_per_s * seconds / weight
    return math.log1p(share) / share


@pytest.mark.parametrize(
    ("weights", "soon", "minute"),
    [
        ([], 1.0, 1.0),
        ([100], 1.0, 1.0),
        ([100] * 20, 1.0, 1.0),
        ([0] * 20, 1.0, 1.0),
        (  # 100 a second more than 1,900: for twenty seconds, then they stay 3,900
            list(range(0, 2000, 100)),
            thinned_by(100, 1900, SOON),
            (thinned_by(100, 1900, TREND_S) * TREND_S + (MINUTE - TREND_S) * 1900 / 3900) / MINUTE,
        ),
        ([0] * 10 + [100] * 3, 1.0, 1.0),  # all at once
        ([0] * 10 + [20, 40, 60], thinned_by(20, 60, SOON), None),  # known from the second draw on
        ([1000] * 10 + [1800] + [1000] * 3, 1.0, 1.0),  # up, and down again
        ([900, 700, 500, 300, 100, 10], 1.0, 1.0),  # they are drawn, and the seats go with them
        ([100] * 20 + [0] + [50], 1.0, 1.0),  # all were drawn, and others came
    ],
)
def test_a_part_of_a_crowd_that_grows_becomes_less(
    weights: list[int], soon: float, minute: float | None
) -> None:
    trend = trend_of(weights)
    assert trend.thinned(STRANGER, SOON) == pytest.approx(soon, rel=1e-3)
    assert trend.thinned(SOLVED, SOON) == 1.0
    if minute is not None:
        assert trend.thinned(STRANGER, MINUTE) == pytest.approx(minute, rel=1e-3)
