"""Worlds as a whole: what is left to chance, what is counted, and that answers in bulk change nothing."""

from collections.abc import Callable
from dataclasses import replace
from math import inf
from random import Random
from statistics import mean

import numpy as np
import pytest

from hiwar.admission.again import ASK_LATER_S
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import House, waiter_name
from hiwar.admission.rungs import Rung
from hiwar.admission.waiting import ASK_AGAIN_S, WaitingRoom
from hiwar.sim.curves import Curve
from hiwar.sim.desk import CONVERSATION
from hiwar.sim.machine import Costs
from hiwar.sim.populations import After, Population, botnet, steady
from hiwar.sim.roll import Standing
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import scenario_named
from hiwar.sim.world import Cores, World
from tests.sim.worlds import fate, report_of

SMALL = Scenario(
    name="small",
    title="small",
    seconds=90,
    populations=(
        Population(
            name="people", people=3000, curve=Curve(5, 20, 10, 20), patience_s=(20, 40), lost_every_s=20
        ),
        Population(name="impatient", people=300, curve=Curve(5, 20, 10, 20), asks_every_s=1.5),
    ),
    seats=300,
    joins=40,
)


def small_room(*arguments: object, **named: object) -> House:
    house = House(*arguments, **named)  # type: ignore[arg-type]
    house.room = WaitingRoom(waiting_max=300)
    return house


def test_a_seed_decides_everything() -> None:
    one, same, other = (report_of(SMALL, seed).records() for seed in (3, 3, 4))
    assert one == same
    assert one["series"] != other["series"]


@pytest.mark.parametrize("house", [House, small_room], ids=["room", "full room"])
@pytest.mark.parametrize("costs", [Costs(), Costs(ask_us=4000, refuse_us=2000)], ids=["quick", "overrun"])
def test_answers_in_bulk_are_what_gate_and_house_would_have_said(
    house: Callable[..., House], costs: Costs
) -> None:
    """The same worlds with everybody asked one by one: the same people seated, to what chance does."""
    found = {True: [], False: []}  # type: dict[bool, list[tuple[float, ...]]]
    for seed in range(3):
        for in_bulk in (True, False):
            world = World(replace(SMALL, costs=costs), Random(seed), Cores(house=house))
            if not in_bulk:
                world.roll.gentle[:] = False
                for edge in world.edges:
                    edge._callers._gentle = [False, False]
            report = world.run()
            people, impatient = report.populations
            found[in_bulk].append((people.seated, report.totals["asks"], impatient.seated, people.told))
    bulk, single = ([mean(column) for column in zip(*found[each], strict=True)] for each in (True, False))
    assert bulk[:2] == pytest.approx(single[:2], rel=0.03)
    assert bulk[2:] == pytest.approx(single[2:], rel=0.2)  # of few people, and of the moment of a siege


@pytest.mark.parametrize(("places", "again_s"), [(0, ASK_LATER_S), (600, ASK_AGAIN_S)])
def test_who_has_no_place_in_the_room_asks_later_than_who_has_one(places: int, again_s: float) -> None:
    def house(*arguments: object, **named: object) -> House:
        made = House(*arguments, **named)  # type: ignore[arg-type]
        made.room = WaitingRoom(waiting_max=places)
        return made

    crowd = Population(name="x", people=600, patience_s=(inf, inf), squaring_us=(inf, inf), stay_s=inf)
    report = report_of(replace(SMALL, populations=(crowd,), seats=1), cores=Cores(house=house))
    assert report.totals["asks"] == pytest.approx(600 * SMALL.seconds / again_s, rel=0.15)


def test_the_room_knows_waiters_by_the_names_that_the_house_gives_them() -> None:
    world = World(SMALL, Random(1))
    house, serial = world.edges[0].house, 0xABC
    house.enter(serial, CONVERSATION, ListenerClass.STRANGER, 1, 1, 1000.0, capped=True)
    assert house.room.renew(waiter_name(serial, CONVERSATION), 1001.0)


def test_everybody_goes_to_the_edge_of_their_network_and_stays_there() -> None:
    scenario = replace(SMALL, edges=3, populations=(*SMALL.populations, botnet(300, 10)))
    world = World(scenario, Random(1))
    report = world.run()
    assert report.edges == 3
    sizes = np.bincount(world._edge_of(world.roll.site[:3000]), minlength=3)
    assert sizes.min() > 900
    bots = world.roll.of(2)
    went = zip(world.roll.site[bots].tolist(), world._edge_of(world.roll.site[bots]).tolist(), strict=True)
    assert len(set(went)) == 10
    assert sum(sum(edge.sitting.sitting) for edge in world.edges) == sum(
        each.sitting for each in report.populations
    )


def test_who_sits_has_a_seat_in_the_table_and_nobody_else_is_connected() -> None:
    world = World(SMALL, Random(5))
    for _ in range(300):
        world.pass_tick()
        (edge,) = world.edges
        sitting = (world.roll.standing == Standing.SITS).sum()
        assert sum(edge.sitting.sitting) == sitting
        assert edge.house.table.held_by_state[2] == sitting
        assert edge.house.table.taken <= 300


def test_a_connection_that_was_lost_finds_its_seat_again() -> None:
    scenario = replace(SMALL, populations=(steady("people", 1, 20, lost_every_s=10.0, stay_s=inf),))
    people = fate(report_of(scenario), "people")
    assert people.seated == 1
    assert people.returned > 40
    assert people.regained >= 0.7 * people.returned  # some are away in the end


def test_collectors_of_tickets_come_back_with_them() -> None:
    collectors = botnet(40, 4, after=After.RETURNS, rests_s=40.0)
    report = report_of(replace(SMALL, seconds=100, populations=(collectors,)))
    assert report.bots.returned >= 40
    assert report.bots.regained <= report.bots.returned


def test_seats_taken_back_are_claimed_again() -> None:
    """A machine whose writes cost so much that it has let in too many."""
    scenario = replace(
        SMALL, populations=(steady("people", 20, 20, stay_s=inf),), costs=Costs(write_us=20_000), shared=True
    )
    world = World(scenario, Random(1))
    rungs = set()
    while world.tick < scenario.ticks:
        world.pass_tick()
        rungs.add(world.edges[0].rung)
    assert Rung.RECORD_ONLY in rungs
    assert world.report().populations[0].returned > 20


def test_progress_is_told_to_the_end() -> None:
    told: list[float] = []
    World(replace(SMALL, seconds=20), Random(1)).run(told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]


def test_a_two_hundredth_of_the_storm_passes_over_two_edges() -> None:
    report = report_of(scenario_named("storm").resized(scale=0.005, edges=2, seats=500))
    people = fate(report, "people")
    assert report.edges == 2
    assert people.came == people.people == 34_000
    assert report.totals["asks"] > 40_000
    assert 0.02 < people.seated < 0.2
    assert report.series["taken"][-1] <= 2 * 500
    assert {move.to for move in report.moves} >= {"limited"}
