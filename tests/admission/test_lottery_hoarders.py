"""Machines that take seats and never leave, for two hours.

An eighth of the size of 8,000 seats and 200 prefixes: what counts is the ratios of seats, sites and arrivals.
Honest people stay 20 minutes on average; more of them come than there is room for.
"""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.waiting import WaitingRoom
from tests.admission.lottery_world import FARM_SITES, shown

SEATS, PREFIXES, MACHINES = 1_000, 25, 250
STAY_S, PATIENCE_S, ARRIVALS_PER_S = 1200, 60, 2
HELD_MAX = 4


@dataclass
class House:
    """Seats, who holds them, and who waits for them."""

    random: Random
    held_max: int
    room: WaitingRoom = field(default_factory=WaitingRoom)
    held: Counter[int] = field(default_factory=Counter)
    leaving: list[tuple[float, int]] = field(default_factory=list)
    hoarded: int = 0
    serial: int = 0

    def second(self, now: int) -> None:
        while self.leaving and self.leaving[0][0] <= now:
            self.held[heappop(self.leaving)[1]] -= 1
        for _ in range(ARRIVALS_PER_S):
            self.serial += 1
            self.enter(f"{self.serial}", self.serial, now)
        self._ask(now)
        free = SEATS - self.hoarded - len(self.leaving)
        for drawn in self.room.draw(
            free, float(now), self.random, lambda site: self.held_max - self.held[site]
        ):
            self._seat(drawn.site, now)

    def enter(self, identity: str, site: int, now: int) -> None:
        self.room.enter(identity, ListenerClass.SOLVED, site, site >> 8, float(now))

    def _ask(self, now: int) -> None:
        """A fifth of all ask in each second: machines for ever, people until they lose patience."""
        for machine in range(now % 5, MACHINES, 5):
            self.room.renew(f"machine {machine}", float(now))
        newest = self.serial
        for person in range(newest - newest % 5 + now % 5, newest - ARRIVALS_PER_S * PATIENCE_S, -5):
            self.room.renew(f"{person}", float(now))

    def _seat(self, site: int, now: int) -> None:
        self.held[site] += 1
        if site >= FARM_SITES:
            self.hoarded += 1
        else:
            heappush(self.leaving, (now + self.random.expovariate(1 / STAY_S), site))


def hoarded_part(held_max: int, seed: int | None, seconds: int = 7200) -> float:
    """The part of all seats that hoarders hold in the end."""
    house = House(Random(shown(seed)), held_max)
    for machine in range(MACHINES):
        house.enter(f"machine {machine}", FARM_SITES + machine % PREFIXES, 0)
    for now in range(1, seconds + 1):
        house.second(now)
    assert house.hoarded + len(house.leaving) == SEATS
    return house.hoarded / SEATS


@pytest.mark.parametrize("seed", [1, None], ids=["1", "unseen"])
def test_with_held_seats_capped_hoarders_hold_a_tenth_at_most_after_two_hours(seed: int | None) -> None:
    assert hoarded_part(HELD_MAX, seed) <= 0.10


def test_without_the_cap_they_win_by_patience() -> None:
    assert hoarded_part(1 << 30, 1) == MACHINES / SEATS
