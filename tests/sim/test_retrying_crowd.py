"""Crowds that are turned away and come again and again, for 30 simulated minutes."""

from dataclasses import replace
from math import inf

import pytest

from hiwar.admission.ladder import FORGET_S
from hiwar.sim.curves import Curve
from hiwar.sim.machine import Costs
from hiwar.sim.populations import Population
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import scenario_named
from tests.sim.ablated import twitchy
from tests.sim.worlds import report_of

WAITING = scenario_named("retrying-crowd").resized(scale=1 / 30)
BEGINS_S, SECONDS = 30.0, 1800.0

# 10,000 people at a machine that takes 25 times as long over a question: waiting, they ask each 5 s, which is
# more than it can answer; in siege each 10 s, which looks like a calm.
HIDING = Scenario(
    name="hiding",
    title="hiding",
    seconds=BEGINS_S + SECONDS,
    populations=(
        Population(name="crowd", people=10_000, curve=Curve(BEGINS_S, 0, 5, 0), patience_s=(inf, inf)),
    ),
    costs=Costs(ask_us=550, refuse_us=250),
    seats=200,
)


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
def test_a_crowd_that_hides_in_siege_is_tried_again_but_rarely(seed: int | None) -> None:
    report = report_of(HIDING, seed)
    down = next(move for move in report.moves if move.to == "siege")
    assert down.seconds <= BEGINS_S + 5 + 2
    assert {move.to for move in report.moves if move.seconds > down.seconds} <= {"limited", "siege"}
    assert len(report.moves) <= 4 + 4 * SECONDS / FORGET_S


def test_without_hysteresis_it_swings() -> None:
    assert len(report_of(replace(HIDING, seconds=330), cores=twitchy()).moves) >= 30
