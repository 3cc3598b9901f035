"""Machines in twenty networks ask for seats, and never leave what they get. Out: the share of a network.

The house as the edge's parent runs it, its ladder and lottery with it, for half an hour of its time. It is
full of people when they come, and more people come than leave.
"""

from heapq import heapify, heappop, heappush
from random import Random

import pytest

from hiwar.admission import house as house_module
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import TICK_S
from tests.admission.house_world import Desk, fresh_table

SEATS, NETWORKS, MACHINES = 400, 20, 400
SECONDS, STAY_S, PATIENCE_S, ARRIVALS_PER_S = 1800, 300.0, 60, 2
ASK_EVERY_S = 4
FIRST_NETWORK = 1 << 24  # theirs; people come each from one of their own
PEOPLE_FROM = 1_000_000  # serials


class Hall:
    """A full house, the people in it and before it, and the machines."""

    def __init__(self) -> None:
        self.desk = Desk(SEATS, fresh_table(SEATS), joins_max=20)
        self.random = Random(7)
        self.newest = PEOPLE_FROM
        self.hoarded = 0
        self.leaving: list[tuple[float, int, int]] = []  # when, serial, generation
        self.inside: set[int] = set()
        for _ in range(SEATS):
            self.newest += 1
            self._sits(self.newest, self.desk.seat(self.newest, ListenerClass.INVITED, self.newest))
        heapify(self.leaving)

    def second(self, number: int) -> None:
        while self.leaving and self.leaving[0][0] <= self.desk.now:
            _, serial, generation = heappop(self.leaving)
            self.desk.house.disconnect(serial, generation, self.desk.now)
        self.newest += ARRIVALS_PER_S
        for person in range(self.newest - ARRIVALS_PER_S * PATIENCE_S, self.newest):
            if person % ASK_EVERY_S == number % ASK_EVERY_S and person > PEOPLE_FROM:
                self._ask(person, person)
        for machine in range(number % ASK_EVERY_S, MACHINES, ASK_EVERY_S):
            self._ask(1 + machine, FIRST_NETWORK + machine % NETWORKS)
        self.desk.run(1.0 - TICK_S / 2)

    def _ask(self, serial: int, site: int) -> None:
        """Everybody has solved a puzzle: machines are better at it than people."""
        desk = self.desk
        if serial in self.inside or not desk.enter(serial, ListenerClass.SOLVED, site).seated:
            return
        seated = desk.house.connect(serial, 0, desk.now)
        assert seated is not None
        self._sits(serial, seated.generation)
        self.hoarded += serial <= MACHINES

    def _sits(self, serial: int, generation: int) -> None:
        self.inside.add(serial)
        if serial > MACHINES:
            stays_s = self.random.expovariate(1 / STAY_S)
            heappush(self.leaving, (self.desk.now + stays_s, serial, generation))


def hoarded_part() -> float:
    """The part of all seats that the machines hold in the end."""
    hall = Hall()
    for number in range(SECONDS):
        hall.second(number)
    return hall.hoarded / SEATS


def test_machines_that_never_leave_hold_the_share_of_their_networks() -> None:
    assert 0 < hoarded_part() <= 0.12


def test_without_the_share_they_win_by_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house_module, "decide_site_cap", lambda seats, *rest: seats)
    assert hoarded_part() > 0.5
