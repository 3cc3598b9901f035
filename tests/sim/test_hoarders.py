"""Hoarders who take seats and never leave.

An eighth of the machine and of the time: 1,000 seats, 25 prefixes, stays of two and a half minutes, a quarter
of an hour. As many hoarders in a prefix, and as many people for a seat, as in full size. The hoarders come
when more people ask than there are seats; whoever came before, while there was room, keeps what they have
(docs/defence.md). A seat that is left is kept for half a minute: a fifth of a stay at this scale.
"""

from math import inf

import pytest

from hiwar.sim.curves import Curve
from hiwar.sim.populations import botnet, steady
from hiwar.sim.scenario import Scenario
from tests.sim.ablated import uncapped
from tests.sim.worlds import report_of

SEATS, PREFIXES, SECONDS = 1_000, 25, 900
WORLD = Scenario(
    name="hoarders",
    title="hoarders",
    seconds=SECONDS,
    populations=(
        steady("people", 9, SECONDS, stay_s=150.0),
        botnet(312, PREFIXES, "hoarders", curve=Curve(400), stay_s=inf),
    ),
    seats=SEATS,
)


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_hoarders_hold_no_more_than_their_prefixes_may_and_the_ladder_stands_still(seed: int | None) -> None:
    report = report_of(WORLD, seed)
    assert 0 < report.bots.sitting <= 0.10 * SEATS
    assert report.totals["network_held_most"] <= 2
    assert report.honest.sitting >= 0.65 * SEATS
    assert len(report.moves) <= 6  # it stands still while all seats are taken and people wait


def test_without_the_cap_they_win_by_patience() -> None:
    assert report_of(WORLD, cores=uncapped()).bots.sitting > 0.10 * SEATS
