"""Botnets of ordinary machines, and a GPU farm, against 40 honest newcomers a second for 50 joins a second,
with 60 s of patience: the whole front door. At two fifths of the size, with the same ratios."""

import pytest

from hiwar.sim.scenarios import scenario_named
from tests.sim.ablated import first_come
from tests.sim.worlds import report_of

SCALE = 0.4


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
@pytest.mark.parametrize(("name", "least"), [("botnet", 0.95), ("big-botnet", 0.70), ("gpu-farm", 0.95)])
def test_honest_newcomers_are_seated_as_often_as_they_are_told(
    name: str, least: float, seed: int | None
) -> None:
    report = report_of(scenario_named(name).resized(scale=SCALE), seed)
    honest = report.honest
    assert honest.seated >= least
    assert honest.told >= 0.9 * honest.judged
    assert honest.told_seated == pytest.approx(honest.told_chance, rel=0.05)
    assert report.totals["worst_rung"] == 2  # limited: no attack of these leads further


@pytest.mark.parametrize(("name", "most"), [("botnet", 0.2), ("big-botnet", 0.1), ("gpu-farm", 0.2)])
def test_in_a_queue_the_same_machines_keep_them_out(name: str, most: float) -> None:
    assert report_of(scenario_named(name).resized(scale=0.2), cores=first_come()).honest.seated <= most
