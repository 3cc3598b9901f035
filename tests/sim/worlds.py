"""How the tests of scenarios run them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from random import Random
from secrets import randbits

import numpy as np

from hiwar.sim.curves import Curve
from hiwar.sim.machine import Costs
from hiwar.sim.populations import Population
from hiwar.sim.report import Fate, Report
from hiwar.sim.scenario import Scenario
from hiwar.sim.world import PRODUCT, Cores, World

BEGINS_S = 30.0

# 10,000 people at a machine that takes 25 times as long over a question: waiting, they ask each 5 s, which is
# more than it can answer; in siege each 10 s, which looks like a calm.
HIDING = Scenario(
    name="hiding",
    title="hiding",
    seconds=BEGINS_S + 1800,
    populations=(
        Population(name="crowd", people=10_000, curve=Curve(BEGINS_S, 0, 5, 0), patience_s=(inf, inf)),
    ),
    costs=Costs(ask_us=550, refuse_us=250),
    seats=200,
)


def shown(seed: int | None) -> int:
    """A seed as the test that fails will tell it; a new one if None, so that unseen worlds are tried, too."""
    chosen = randbits(32) if seed is None else seed
    print(f"seed {chosen}")
    return chosen


def report_of(scenario: Scenario, seed: int | None = 1, cores: Cores = PRODUCT) -> Report:
    with without_collector():
        return World(scenario, Random(shown(seed)), cores).run()


@contextmanager
def without_collector() -> Iterator[None]:
    """As the command runs worlds: there are no cycles to collect, and many objects to look at."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def fate(report: Report, name: str) -> Fate:
    """What became of the population of this name."""
    return next(each for each in report.populations if each.name == name)


def number_of(world: World, name: str) -> int:
    """Of a population, by its name."""
    return [each.name for each in world.scenario.populations].index(name)


def by_network(world: World, name: str) -> dict[int, int]:
    """How many seats each network of a population has had so far."""
    them = world.roll.of(number_of(world, name))
    sites, network = np.unique(world.roll.site[them], return_inverse=True)
    seats = np.bincount(network, weights=world.roll.seats[them])
    return dict(zip(sites.tolist(), seats.astype(int).tolist(), strict=True))
