"""Two hundred people behind one IPv4 address, while a farm in 200 prefixes besieges the door."""

from random import Random
from statistics import mean

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.pools import WEIGHT_MAX
from hiwar.admission.waiting import WaitingRoom
from tests.admission.ablated_rooms import FirstCome
from tests.admission.lottery_world import FARM_SITES, Room, World, shown

CARRIERS = tuple((1 << 39) + (number << 8) for number in range(20))  # as many addresses, to see a mean
PEOPLE = 200
SIEGE_S, WATCHED_S = 60, 60


def siege(room: Room, seed: int | None) -> World:
    world = World(room, Random(shown(seed)), 2_500, 200, solve_s=0.0)
    world.run(SIEGE_S)
    return world


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_strangers_get_more_than_their_prefixs_share_and_no_more_than_its_bound(seed: int | None) -> None:
    """Against the farm's prefixes, each of which has the share of a prefix that weighs 1, by then."""
    world = siege(WaitingRoom(), seed)
    for carrier in CARRIERS:
        for number in range(PEOPLE):
            world.comes(f"carried {carrier} {number}", carrier)
    before = len(world.seated)
    world.run(WATCHED_S)
    seats = world.seats_by_site()
    share = sum(drawn.site >= FARM_SITES for drawn in world.seated[before:]) / 200
    strangers = mean(seats[carrier] for carrier in CARRIERS)
    assert 1.1 * share < strangers < WEIGHT_MAX * share
    assert share > 1


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
@pytest.mark.parametrize("listener_class", [ListenerClass.RETURNING, ListenerClass.INVITED])
def test_with_a_ticket_a_voucher_or_an_account_they_are_seated(
    listener_class: ListenerClass, seed: int | None
) -> None:
    room = WaitingRoom()
    world = siege(room, seed)
    for number in range(PEOPLE):
        room.enter(f"known {number}", listener_class, CARRIERS[0], 0, world.now, capped=False)
    world.run(10)
    assert sum(drawn.identity.startswith("known") for drawn in world.seated) >= 0.95 * PEOPLE


def test_in_a_queue_none_of_them_is_seated() -> None:
    world = siege(FirstCome(), 1)
    for number in range(PEOPLE):
        world.comes(f"carried {number}", CARRIERS[0])
    world.run(WATCHED_S)
    assert world.seats_by_site()[CARRIERS[0]] == 0
