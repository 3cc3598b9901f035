"""Floods from ever new networks, and machines that hammer: against tables and limits by network."""

from dataclasses import replace
from random import Random

from hiwar.admission.limits import ENTRIES_MAX
from hiwar.admission.waiting import REGION_SITES_MAX
from hiwar.sim.attacks import Flood
from hiwar.sim.populations import steady
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import scenario_named
from hiwar.sim.world import PRODUCT, Cores, World
from tests.sim.ablated import limitless, without_regions
from tests.sim.worlds import report_of, without_collector

FLOOD = Scenario(
    name="table-flood",
    title="table-flood",
    seconds=120,
    populations=(steady("people", 20, 120),),
    attacks=(Flood(500, 1), Flood(200, 1, solved=True)),
    joins=25,
)
SEEN_S = 10.0
HAMMER = replace(scenario_named("hammer"), seconds=20 + SEEN_S)


def test_random_networks_of_an_allocation_fill_no_table_and_keep_few_out() -> None:
    world = World(FLOOD, Random(1))
    with without_collector():
        report = world.run()
    (edge,) = world.edges
    assert report.totals["waiting_most"] <= REGION_SITES_MAX + 60 * 20
    for table in edge.desk.gates[0]._joins._tables.values():
        assert len(table) <= ENTRIES_MAX
    assert report.honest.seated >= 0.8


def test_without_a_bound_for_regions_they_keep_most_people_out() -> None:
    report = report_of(FLOOD, cores=without_regions())
    assert report.totals["waiting_most"] > 3_000
    assert report.honest.seated <= 0.5


def seated_while_hammered(scenario: Scenario, cores: Cores = PRODUCT) -> tuple[int, int]:
    """How many honest people sat down in the last seconds of the hammering, and the rung then."""
    world = World(scenario, Random(1), cores)
    with without_collector():
        while world.seconds < scenario.seconds - SEEN_S / 2:
            world.pass_tick()
        before = sum(world.edges[0].sitting.taken)
        world.run()
    return sum(world.edges[0].sitting.taken) - before, world.edges[0].rung.severity


def test_machines_that_hammer_do_not_close_the_door() -> None:
    seated, rung = seated_while_hammered(HAMMER)
    assert seated >= 20 * SEEN_S / 2
    assert rung == 2


def test_without_limits_they_do() -> None:
    seated, rung = seated_while_hammered(HAMMER, limitless())
    assert seated <= 5 * SEEN_S / 2
    assert rung == 3
