"""Crowds that are turned away and come again and again, for 30 simulated minutes."""

from dataclasses import replace

import pytest

from hiwar.sim.scenarios import scenario_named
from tests.sim.ablated import twitchy
from tests.sim.worlds import BEGINS_S, HIDING, report_of

WAITING = scenario_named("retrying-crowd").resized(scale=1 / 30)


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_a_crowd_that_waits_for_seats_leads_down_once(seed: int | None) -> None:
    report = report_of(WAITING, seed)
    assert report.moves[-1].to == "limited"
    assert report.moves[-1].seconds <= full_s(report.series) + 2
    assert len(report.moves) <= 3


def full_s(series: dict[str, list[float]]) -> float:
    """When the seats that newcomers may have were taken."""
    rows = zip(series["seconds"], series["taken"], series["seats"], strict=True)
    return next(at for at, taken, seats in rows if taken >= 0.94 * seats)


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_a_crowd_that_asks_less_often_in_siege_is_not_taken_for_calm(seed: int | None) -> None:
    report = report_of(HIDING, seed)
    assert report.moves[-1].to == "siege"
    assert report.moves[-1].seconds <= BEGINS_S + 5 + 2
    assert len(report.moves) <= 3


def test_without_hysteresis_and_reckoning_it_swings() -> None:
    assert len(report_of(replace(HIDING, seconds=330), cores=twitchy()).moves) >= 30
