"""A flood of requests for pages that comes and goes every half a minute, for 30 simulated minutes."""

from dataclasses import replace

import pytest

from hiwar.sim.attacks import Pages
from hiwar.sim.curves import Wave
from hiwar.sim.report import Moved, Report
from hiwar.sim.scenarios import scenario_named
from tests.sim.ablated import twitchy
from tests.sim.worlds import report_of

WORLD = scenario_named("square-wave")
BEGINS_S, PERIOD_S = 30.0, 60.0
UNSEEN_S = 0.75  # the readings are half a second old: so long a calm can seem to go on
DAMPED_MOVES = 24  # 8 rounds, each up one and down two, until and whenever the damping has to learn


def since_onset_s(move: Moved) -> float:
    return (move.seconds - BEGINS_S) % PERIOD_S


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_the_ladder_is_down_within_two_seconds_and_does_not_swing(seed: int | None) -> None:
    report = report_of(WORLD, seed)
    down = [move for move in report.moves if move.cause != "calm"]
    assert down
    assert all(since_onset_s(move) <= 2 for move in down)
    calm = [since_onset_s(move) for move in report.moves if move.cause == "calm"]
    assert all(since >= PERIOD_S / 2 or since <= UNSEEN_S for since in calm)
    assert len(report.moves) <= DAMPED_MOVES
    assert loaded_without_siege(report) == 0


def loaded_without_siege(report: Report) -> int:
    """Rows in which the core was full for all their time and the door stood open."""
    on = [(at - BEGINS_S) % PERIOD_S for at in report.series["seconds"]]
    rows = zip(on, report.series["rung"], strict=True)
    return sum(4 < since < PERIOD_S / 2 and rung < 3 for since, rung in rows if since >= 0)


def test_without_hysteresis_it_swings_with_the_wave() -> None:
    assert len(report_of(WORLD, cores=twitchy()).moves) > 2 * DAMPED_MOVES


def test_a_minute_of_calm_opens_the_door_again() -> None:
    world = replace(WORLD, seconds=360, attacks=(Pages(60_000, Wave(30, 270, 60)),))
    report = report_of(world)
    assert report.moves[-1].to == "open"
    assert report.moves[-1].seconds <= 240 + 60
