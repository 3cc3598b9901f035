"""The named scenarios, and other sizes of them."""

import pytest

from hiwar.sim.populations import Population
from hiwar.sim.scenario import Scenario
from hiwar.sim.scenarios import SCENARIOS, scenario_named


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_bears_its_name_and_can_be_a_tenth(name: str) -> None:
    scenario = scenario_named(name)
    assert scenario.name == name
    tenth = scenario.resized(scale=0.1)
    for whole, part in zip(scenario.populations, tenth.populations, strict=True):
        assert part.people == pytest.approx(whole.people / 10, rel=0.1) or whole.prefixes == 1
    assert tenth.joins == round(scenario.joins / 10)


def test_a_storm_is_of_eight_million_people() -> None:
    assert sum(each.people for each in scenario_named("storm").populations) == 8_000_000


def test_ratios_stay_in_another_size() -> None:
    half = scenario_named("big-botnet").resized(scale=0.5)
    people, bots = half.populations
    assert (people.people, bots.people, bots.prefixes, half.joins, half.seats) == (
        6000,
        5000,
        500,
        25,
        25_000,
    )


def test_who_shares_an_address_goes_on_to_share_it() -> None:
    small = scenario_named("one-address").resized(scale=0.1)
    assert [(each.people, each.prefixes) for each in small.populations if each.per_address > 1] == [
        (200, 1),
        (200, 1),
        (400, 2),
    ]


def test_edges_and_seats_are_replaced() -> None:
    storm = scenario_named("storm").resized(scale=0.01, edges=8, seats=123)
    assert (storm.edges, storm.seats) == (8, 123)


def test_a_name_that_is_none_is_told_those_there_are() -> None:
    with pytest.raises(ValueError, match="no scenario 'strom'; there are storm, botnet"):
        scenario_named("strom")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"scale": 0}, "scale: 0 is not above 0"),
        ({"scale": 11}, "at most 10"),
        ({"edges": 0}, "edges: 0 is not within 1 and 64"),
        ({"seats": 300_000}, "seats: 300,000 is not within 1 and 262,144"),
        ({"scale": 2.0}, "people: 16,000,000 is not within 0 and 10,000,000"),
    ],
)
def test_what_cannot_be_simulated_is_refused_in_a_sentence(change: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        scenario_named("storm").resized(**change)  # type: ignore[arg-type]


def test_time_without_an_end_is_none() -> None:
    with pytest.raises(ValueError, match="seconds"):
        Scenario(name="x", title="x", seconds=1e9, populations=(Population(name="x", people=1),))
