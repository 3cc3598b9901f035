"""What a population's traits come to, and how it is enrolled."""

from collections import Counter
from math import inf
from random import Random
from typing import Any

import numpy as np
import pytest

from hiwar.sim.addresses import Addresses
from hiwar.sim.curves import Curve
from hiwar.sim.populations import Population, botnet, steady
from hiwar.sim.roll import Roll

GENERATOR = np.random.default_rng(1)


def enrolled(*populations: Population) -> Roll:
    return Roll(populations, Addresses(Random(1)), np.random.default_rng(1))


@pytest.mark.parametrize(
    ("traits", "gentle"),
    [
        ({}, True),
        ({"people": 200, "prefixes": 1, "per_address": 200}, False),
        ({"people": 200, "prefixes": 1, "per_address": 200, "curve": Curve(0, 0, 600, 0)}, True),
        ({"people": 2500, "prefixes": 200, "patience_s": (inf, inf)}, True),
        ({"asks_every_s": 0.02}, False),
        ({"people": 240 * 4, "prefixes": 1, "per_address": 10}, False),
    ],
)
def test_gentle_is_who_is_never_near_a_limit(traits: dict[str, Any], gentle: bool) -> None:
    assert Population(**({"name": "x", "people": 10} | traits)).is_gentle is gentle


def test_everybody_has_a_network_of_their_own_unless_it_is_said_otherwise() -> None:
    roll = enrolled(Population(name="x", people=500), botnet(250, 20))
    assert len(np.unique(roll.site[:500])) == 500
    machines = Counter(roll.site[500:].tolist())
    assert len(machines) == 20
    assert set(machines.values()) == {12, 13}
    assert set(roll.site[:500].tolist()).isdisjoint(machines)
    addresses = Counter(zip(roll.site[500:].tolist(), roll.host[500:].tolist(), strict=True))
    assert set(addresses.values()) == {1}


def test_people_behind_one_address_share_it() -> None:
    roll = enrolled(Population(name="x", people=400, prefixes=2, per_address=200))
    addresses = Counter(zip(roll.site.tolist(), roll.host.tolist(), strict=True))
    assert list(addresses.values()) == [200, 200]


def test_devices_patience_and_stays_are_drawn_within_their_ranges() -> None:
    population = Population(name="x", people=1000, patience_s=(30, 60), stay_s=100)
    roll = enrolled(population)
    assert 2.4 <= roll.squaring_us.min() < 2.6
    assert 8.4 < roll.squaring_us.max() <= 8.61
    patience = population.draw_patience(1000, GENERATOR)
    assert (patience.min(), patience.max()) == pytest.approx((120, 240), abs=2)
    assert np.mean([population.draw_stay_s(GENERATOR) for _ in range(4000)]) == pytest.approx(100, rel=0.1)
    assert population.draw_lost_s(GENERATOR) == inf
    assert 0 < Population(name="x", people=1, lost_every_s=5).draw_lost_s(GENERATOR) < 100


def test_a_botnet_leaves_at_once_and_never_gives_up() -> None:
    machines = botnet(100, 10, squaring_us=(0.0, 0.0))
    assert machines.draw_stay_s(GENERATOR) == 0
    assert machines.draw_patience(1, GENERATOR)[0] > 1e9
    assert (machines.per_site, machines.honest) == (10, False)


def test_steady_arrivals_come_at_their_rate() -> None:
    assert steady("x", 40, 300, 10) == Population(name="x", people=12_000, curve=Curve(10, 0, 300, 0))


@pytest.mark.parametrize(
    ("traits", "told"),
    [
        ({"people": 300, "prefixes": 1}, "more than 256 addresses"),
        ({"squaring_us": (2.0, 50.0)}, "at most 13 µs"),
    ],
)
def test_what_cannot_be_is_refused(traits: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Population(**({"name": "x", "people": 10} | traits))
