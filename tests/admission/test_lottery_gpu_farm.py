"""A farm in 200 prefixes that solves every puzzle at once: a bounded head start, then the base."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from hiwar.admission.waiting import WaitingRoom
from tests.admission.ablated_rooms import FirstCome, LotteryByPerson, MostEffort
from tests.admission.lottery_world import FARM_SITES, Room, World, shown

MACHINES, PREFIXES = 2_500, 200


def besieged(room: Room, seed: int | None, seconds: int) -> World:
    world = World(room, Random(shown(seed)), MACHINES, PREFIXES, solve_s=0.0)
    world.run(seconds)
    return world


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_the_honest_are_seated_as_often_as_they_are_told_from_the_first_second_on(seed: int | None) -> None:
    world = besieged(WaitingRoom(), seed, 240)
    seated, told = world.against_odds()
    assert world.admitted() >= 0.95
    assert seated == pytest.approx(told, rel=0.05)


def test_the_farm_weighs_its_sites_after_three_seats_each() -> None:
    room = WaitingRoom()
    world = World(room, Random(3), MACHINES, PREFIXES, solve_s=0.0)
    weights: list[int] = []
    for _ in range(60):
        weights.append(sum(weight_at(room, site) for site in range(PREFIXES)))
        world.run(1)
    early = Counter(drawn.site for drawn in world.seated if drawn.site >= FARM_SITES)
    assert weights[0] == 4 * PREFIXES
    assert weights == sorted(weights, reverse=True)
    assert weights[-1] <= 1.02 * PREFIXES
    assert early.total() <= 7 * PREFIXES


def weight_at(room: WaitingRoom, site: int) -> int:
    return room.lottery.by_site[0].weight_of(FARM_SITES + site) or 0


@pytest.mark.parametrize(
    ("room", "most"),
    [(FirstCome, 0.20), (lambda: MostEffort(machine_speed=1000.0), 0.01), (LotteryByPerson, 0.60)],
    ids=["first come", "most effort", "by person"],
)
def test_without_the_lottery_the_farm_keeps_the_honest_out(room: Callable[[], Room], most: float) -> None:
    assert besieged(room(), 1, 140).admitted() <= most
