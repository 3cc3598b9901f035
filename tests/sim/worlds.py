"""How the tests of scenarios run them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from secrets import randbits

import numpy as np

from hiwar.sim.report import Fate, Report
from hiwar.sim.scenario import Scenario
from hiwar.sim.world import PRODUCT, Cores, World


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
