"""Botnets of ordinary machines against 40 honest newcomers a second, for 50 seats a second, patience 60 s."""

from collections.abc import Callable
from random import Random

import pytest

from hiwar.admission.waiting import WaitingRoom
from tests.admission.ablated_rooms import FirstCome, LotteryByPerson, MostEffort
from tests.admission.lottery_world import Room, World, shown
from tests.admission.steady_state import steady_share


@pytest.mark.parametrize("seed", [1, 2, None], ids=["1", "2", "unseen"])
@pytest.mark.parametrize(
    ("machines", "prefixes", "least"), [(2_500, 200, 0.95), (10_000, 1_000, 0.70)], ids=["200", "1000"]
)
def test_the_lottery_seats_the_honest_as_often_as_it_tells_them(
    machines: int, prefixes: int, least: float, seed: int | None
) -> None:
    world = World(WaitingRoom(), Random(shown(seed)), machines, prefixes)
    world.run(200)
    seated, told = world.against_odds()
    assert world.admitted() >= least
    assert seated == pytest.approx(told, rel=0.05)


@pytest.mark.parametrize(
    ("ablated", "machines", "prefixes", "most"),
    [
        (FirstCome, 2_500, 200, 0.20),
        (MostEffort, 2_500, 200, 0.20),
        (LotteryByPerson, 2_500, 200, 0.60),
        (FirstCome, 10_000, 1_000, 0.05),
        (MostEffort, 10_000, 1_000, 0.05),
        (LotteryByPerson, 10_000, 1_000, 0.30),
    ],
)
def test_without_it_the_same_botnets_keep_the_honest_out(
    ablated: Callable[[], Room], machines: int, prefixes: int, most: float
) -> None:
    """At a quarter of the size."""
    room = ablated()
    world = World(room, Random(1), machines // 4, prefixes // 4, honest_per_s=10, seats_per_s=12)
    world.run(140)
    assert world.admitted() <= most


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_once_the_head_start_is_used_up_a_botnet_weighs_what_its_sites_weigh(seed: int | None) -> None:
    """At a quarter of the size, for ten minutes: as the steady state of the lottery predicts."""
    world = World(
        WaitingRoom(), Random(shown(seed)), 2_500, 250, honest_per_s=10, seats_per_s=12, solve_s=0.0
    )
    world.run(600)
    predicted = steady_share(arrivals_per_s=10, seats_per_s=12, farm_sites=250, solve_s=3.5)
    seated, told = world.against_odds(since_s=250)
    assert seated == pytest.approx(predicted, rel=0.05)
    assert told == pytest.approx(predicted, rel=0.05)
