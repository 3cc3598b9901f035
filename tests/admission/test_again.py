"""How many people ask is seen whether or not they come in step, and what they would ask if they waited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.again import (
    ASK_LATER_S,
    LATER_SPREAD,
    LOOKS_MAX,
    REFUSED_AGAIN_S,
    ROUND_S,
    Crowd,
    asked_if_let_wait,
)
from hiwar.admission.waiting import ABSENT_S, ASK_AGAIN_S, WAITING_MAX

TICK_S = 0.25


def seen(refused: list[float], *, requests: float = 0.0, door: float = 0.0, step_s: float = TICK_S) -> Crowd:
    """A crowd that was looked at with so many a second turned away; `requests` for others a second beside."""
    crowd = Crowd()
    for rate in refused:
        crowd.see(rate, rate + requests, door, step_s)
    return crowd


@pytest.mark.parametrize(
    ("people", "asked"),
    [
        (0, 0.0),
        (10_000, 2000.0),
        (WAITING_MAX, 13_107.2),
        (WAITING_MAX + 150_000, 23_107.2),
        (500_000, 42_071.5),
    ],
)
def test_those_with_a_place_ask_oftener_than_those_without(people: float, asked: float) -> None:
    assert asked_if_let_wait(people) == pytest.approx(asked, rel=1e-5)


@given(st.floats(0, 1e7), st.floats(0, 1e7))
def test_more_people_ask_more_and_nobody_oftener_than_from_a_place_in_the_room(
    one: float, more: float
) -> None:
    assert asked_if_let_wait(one) <= asked_if_let_wait(one + more)
    assert one / ASK_LATER_S <= asked_if_let_wait(one) * (1 + 1e-9)
    assert asked_if_let_wait(one) <= one / ASK_AGAIN_S * (1 + 1e-9)


def test_beyond_the_room_a_crowd_asks_no_oftener_in_the_room_than_in_siege() -> None:
    """Else the better rung would be overrun by the same people whom the worse one carries with ease."""
    people = 4 * WAITING_MAX
    assert asked_if_let_wait(people) <= 1.05 * people / REFUSED_AGAIN_S


def test_who_has_no_place_asks_later_than_who_has_one_however_it_is_spread() -> None:
    assert ASK_LATER_S * (1 - LATER_SPREAD) > ASK_AGAIN_S
    assert ASK_AGAIN_S < ABSENT_S


@given(st.integers(1, 40), st.integers(0, 39), st.integers(1, 100_000))
def test_people_who_come_in_step_are_no_fewer_than_if_they_came_evenly(
    ticks_long: int, looked: int, people: int
) -> None:
    """All of them within `ticks_long` of each 40 ticks, whenever it is looked; at most twice in a round."""
    rate = people / (ticks_long * TICK_S)
    beat = [rate if tick % 40 < ticks_long else 0.0 for tick in range(120)]
    assert people * 0.999 <= seen(beat[: 80 + looked]).people <= people * 2.001
    assert seen([people / ROUND_S] * 48).people == pytest.approx(people)


def test_in_the_first_seconds_a_crowd_is_reckoned_ahead() -> None:
    assert seen([0.0] * 44 + [1000.0] * 4).people == pytest.approx(12_000)
    assert seen([0.0] * 47 + [1000.0]).people == pytest.approx(3000)


def test_a_crowd_that_has_gone_is_forgotten_after_a_round() -> None:
    crowd = seen([1000.0] * 48 + [0.0] * 46, door=0.5)
    assert crowd.people < 3100
    crowd.see(0, 0, 0, TICK_S)
    crowd.see(0, 0, 0, TICK_S)
    assert crowd.people == 0
    assert crowd.load_if_let_wait == 0


def test_it_is_reckoned_at_what_a_request_costs_now_also_in_a_still_moment() -> None:
    crowd = seen([4000.0] * 24 + [0.0] * 24, door=0.0)
    assert crowd.load_if_let_wait == 0
    crowd = Crowd()
    for rate in [4000.0] * 24 + [0.0] * 24:
        crowd.see(rate, rate, rate * 50e-6, TICK_S)
    assert crowd.people == pytest.approx(24_000)
    assert crowd.load_if_let_wait == pytest.approx(24_000 / ASK_AGAIN_S * 50e-6)


def test_a_flood_of_pages_is_no_crowd() -> None:
    crowd = seen([2.0] * 48, requests=60_000, door=0.9)
    assert crowd.load_if_let_wait < 0.001


def test_nothing_is_reckoned_of_nothing() -> None:
    assert Crowd().people == 0
    assert Crowd().load_if_let_wait == 0


def test_looks_are_bounded_however_often_it_is_looked() -> None:
    crowd = seen([100.0] * 10_000, step_s=0.01)
    assert crowd.people == pytest.approx(100 * 0.01 * LOOKS_MAX)
    assert LOOKS_MAX * TICK_S > ROUND_S
