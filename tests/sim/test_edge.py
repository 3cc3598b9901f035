"""What an edge does in the corners of what its gate and its house may say."""

from random import Random

import pytest

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import Gate
from hiwar.admission.house import House
from hiwar.admission.verdicts import Arrival, Refuse, Verdict
from hiwar.sim.attacks import Flood, Hammers, Pages
from hiwar.sim.curves import Curve, Wave
from hiwar.sim.machine import Costs
from hiwar.sim.populations import Population, steady
from hiwar.sim.scenario import Scenario
from hiwar.sim.world import Cores, World
from tests.sim.worlds import fate, report_of

PEOPLE = steady("people", 10, 35)
OVERRUN = Costs(ask_us=4000, refuse_us=2000)


def scenario(*populations: Population, **traits: object) -> Scenario:
    return Scenario(name="x", title="x", seconds=100, populations=populations, **traits)  # type: ignore[arg-type]


class Stingy(House):
    """Whatever the gates have given is one too many, for a while."""

    refused = 0

    def give(self, serial: int, *arguments: object, **named: object) -> bool:
        self.refused += 1
        if self.refused < 30:
            return False
        return super().give(serial, *arguments, **named)  # type: ignore[arg-type]


class Curt(Gate):
    """Says "too many" to every stranger in siege."""

    def decide(self, arrival: Arrival, now: float) -> Verdict:
        verdict = super().decide(arrival, now)
        if isinstance(verdict, Refuse) and arrival.listener_class >= ListenerClass.SOLVED:
            return Refuse(Refusal.TOO_MANY, 3.0)
        return verdict


def test_whose_seat_was_one_too_many_asks_again_with_the_ticket() -> None:
    report = report_of(scenario(PEOPLE), cores=Cores(house=Stingy))
    people = fate(report, "people")
    assert people.returned >= 29
    assert people.seated >= 0.9


def test_what_the_gate_does_not_say_to_all_is_said_to_each() -> None:
    crowd = Population(name="people", people=2000, curve=Curve(1, 0, 5, 0))
    report = report_of(scenario(crowd, seats=50, costs=OVERRUN), cores=Cores(gate=Curt))
    assert report.totals["too_many"] > 1000
    assert report.totals["worst_rung"] == 3


def test_where_the_room_is_full_only_who_got_a_place_is_told_a_chance() -> None:
    class Full(House):
        def __init__(self, *arguments: object, **named: object) -> None:
            super().__init__(*arguments, **named)  # type: ignore[arg-type]
            self.room._waiting_max = 100

    crowd = Population(name="people", people=1000, curve=Curve(1, 0, 10, 0))
    carried = Population(name="carried", people=400, prefixes=4, per_address=100, curve=Curve(1, 0, 10, 0))
    report = report_of(scenario(crowd, carried, seats=100, joins=20), cores=Cores(house=Full))
    assert report.totals["waiting_most"] == 100
    people, carried = fate(report, "people"), fate(report, "carried")
    assert 50 < people.told + carried.told < 400
    assert (people.judged, carried.judged) == (1000, 400)


def test_seats_that_a_hammer_is_given_in_calm_stay_empty_and_are_given_up() -> None:
    world = World(scenario(attacks=(Hammers(2, 4, Wave(0, 10)),)), Random(1))
    taken = []
    while world.tick < world.scenario.ticks:
        world.pass_tick()
        taken.append(world.edges[0].house.table.taken)
    assert max(taken) >= 20
    assert taken[-1] == 0
    assert sum(world.edges[0].sitting.sitting) == 0


def test_an_attack_that_is_over_is_over() -> None:
    attacks = (Flood(100, 2, wave=Wave(0, 5)), Pages(1000, Wave(0, 5)), Hammers(1, 100, Wave(0, 5)))
    report = report_of(scenario(attacks=attacks))
    asks = report.series["asks"]
    assert min(asks[:5]) >= 150
    assert max(asks[6:]) == 0


@pytest.mark.parametrize(("attack", "heard"), [(Pages(50_000), False), (Pages(500), True)])
def test_what_a_machine_cannot_take_up_is_not_answered(attack: Pages, heard: bool) -> None:
    report = report_of(scenario(PEOPLE, attacks=(attack,), costs=Costs(page_us=(400, 400, 400))))
    assert (report.totals["unanswered"] == 0) is heard
    assert (fate(report, "people").seated > 0.9) is heard
