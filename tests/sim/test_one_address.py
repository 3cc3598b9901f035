"""200 people behind one IPv4 address, while a GPU farm in 200 prefixes besieges the door."""

from random import Random
from statistics import mean

import pytest

from hiwar.admission.house import TICK_S
from hiwar.admission.pools import WEIGHT_MAX
from hiwar.sim.roll import NEVER, Standing
from hiwar.sim.scenarios import CAME_S, scenario_named
from hiwar.sim.world import World
from tests.sim.ablated import first_come
from tests.sim.worlds import by_network, fate, report_of, shown, without_collector

WATCHED_S = 60.0


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_with_tickets_and_invitations_they_are_seated_and_strangers_get_their_prefixs_share(
    seed: int | None,
) -> None:
    world = World(scenario_named("one-address"), Random(shown(seed)))
    with without_collector():
        while world.seconds < CAME_S:
            world.pass_tick()
        before = by_network(world, "GPU farm")
        while world.seconds < CAME_S + WATCHED_S + TICK_S:
            world.pass_tick()
    report = world.report()
    assert fate(report, "invited").seated >= 0.95
    tickets = world.roll.of(2)
    assert (world.roll.seated[tickets] != NEVER).all()
    assert fate(report, "with tickets").returned >= 100
    assert (world.roll.standing[tickets] == Standing.GONE).sum() <= 0.05 * 200
    farm = mean(seats - before[site] for site, seats in by_network(world, "GPU farm").items())
    strangers = by_network(world, "strangers").values()
    assert farm > 1
    assert 1.1 * farm <= mean(strangers) <= WEIGHT_MAX * farm
    left_out = sum(not each for each in strangers)  # of 20; chance alone leaves out one now and then
    assert left_out <= (0 if seed else 1)


def test_in_a_queue_strangers_get_next_to_nothing() -> None:
    report = report_of(scenario_named("one-address"), cores=first_come())
    assert fate(report, "strangers").seated <= 0.005
