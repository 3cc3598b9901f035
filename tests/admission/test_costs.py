"""What a write costs, learned on line."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.costs import IDLE_LOAD, WRITE_US, WRITE_US_MAX, WRITE_US_MIN, CostModel
from hiwar.admission.signals import Limits
from tests.admission.readings import signals

QUIET: dict[str, Any] = {"requests": 0.0, "joins": 0.0}


def learned(model: CostModel, ticks: int = 500, **readings: float) -> float:
    for _ in range(ticks):
        model.learn(signals(**readings), Limits())
    return model.write_s * 1e6


def test_a_prior_holds_until_there_is_something_to_learn_from() -> None:
    assert CostModel().write_s == pytest.approx(WRITE_US / 1e6)
    assert CostModel(8).write_s == pytest.approx(8e-6)


@pytest.mark.parametrize("true_us", [5.0, 12.0, 30.0])
def test_the_cost_of_a_write_is_learned_while_the_door_is_quiet(true_us: float) -> None:
    cpu = IDLE_LOAD + 10_000 * true_us / 1e6
    assert learned(CostModel(), writes=10_000.0, cpu=cpu, **QUIET) == pytest.approx(true_us, rel=0.01)


def test_what_a_few_requests_cost_is_not_taken_for_writing() -> None:
    cpu = IDLE_LOAD + 30_000 * 10e-6 + 600 * 22e-6
    few: dict[str, Any] = {"requests": 600.0, "joins": 0.0}
    assert learned(CostModel(), writes=30_000.0, cpu=cpu, **few) == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize(
    "readings",
    [
        {"writes": 499.0, "cpu": 0.5, **QUIET},  # too few writes
        {"writes": 10_000.0, "cpu": 0.04, **QUIET},  # too little load
        {"writes": 10_000.0, "cpu": 0.95, **QUIET},  # a full core
        {"writes": 10_000.0, "cpu": 0.8, "requests": 20_000.0, "joins": 0.0},  # a flood
        {"writes": 10_000.0, "cpu": 0.8, "requests": 400.0, "joins": 400.0},  # a storm of joins
    ],
)
def test_nothing_is_learned_where_the_load_says_nothing_about_writes(readings: dict[str, Any]) -> None:
    assert learned(CostModel(), **readings) == pytest.approx(WRITE_US)


@given(st.lists(st.tuples(st.floats(500, 1e6), st.floats(0.05, 0.9)), max_size=50))
def test_what_is_learned_stays_within_its_bounds(readings: list[tuple[float, float]]) -> None:
    model = CostModel()
    for writes, cpu in readings:
        learned(model, ticks=20, writes=writes, cpu=cpu, **QUIET)
        assert WRITE_US_MIN <= model.write_s * 1e6 <= WRITE_US_MAX


def test_the_load_is_parted_into_writing_and_the_door() -> None:
    model = CostModel(20)
    seen = signals(writes=10_000.0, cpu=0.7)
    assert model.fan_out(seen) == pytest.approx(0.2)
    assert model.door(seen) == pytest.approx(0.5 - IDLE_LOAD)
    overrated = signals(writes=10_000.0, cpu=0.15)
    assert model.fan_out(overrated) == pytest.approx(0.15)
    assert model.door(overrated) == 0


def test_a_longer_interval_costs_in_proportion_less() -> None:
    model = CostModel(20)
    assert model.fan_out_of(1000, 80) == pytest.approx(0.25)
    assert model.fan_out_of(1000, 640) == pytest.approx(0.25 / 8)
