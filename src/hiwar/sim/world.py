"""A simulated world: populations on their way to edges, and time passing. Pure.

Arrivals are spread over the edges by a hash of their network, as a balancer does that keeps people where
their seat is (HAProxy: `balance source`; a CDN: by client address). So whoever comes back finds the edge
that knows them, a carrier's people share one edge, and a network's attack hits one edge with all it has.
Edges know nothing of each other.

A tick is `house.TICK_S`, a quarter of a second: everybody who is due in it acts at its end, in one moment.
What workers read of themselves reaches their house a tick later, what the house decides holds from the next
tick on.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hiwar.admission.gate import Gate
from hiwar.admission.house import TICK_S, House
from hiwar.admission.seat_rows import table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.admission.signals import Limits
from hiwar.sim.addresses import Addresses, Ints, Random
from hiwar.sim.calendar import Calendar
from hiwar.sim.edge import Edge
from hiwar.sim.machine import Machine
from hiwar.sim.report import Report
from hiwar.sim.roll import Roll
from hiwar.sim.scenario import Scenario
from hiwar.sim.series import Recorder

STARTS_AT = 1000.0  # monotonic seconds, which begin anywhere
GOLDEN = 0x9E3779B97F4A7C15  # multiplicative hashing (Knuth, TAOCP 3, 6.4): sites that are near part
WORD = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Cores:
    """What makes the cores of an edge; others than the product's show what the product's are good for."""

    house: Callable[..., House] = House
    gate: Callable[..., Gate] = Gate


PRODUCT = Cores()


class World:
    """`random` decides everything that is left to chance."""

    def __init__(self, scenario: Scenario, random: Random, cores: Cores = PRODUCT) -> None:
        self.scenario = scenario
        self.tick = 0
        self._random = random
        self._generator = np.random.Generator(np.random.PCG64(random.getrandbits(128)))
        self.roll = Roll(scenario.populations, Addresses(random), self._generator)
        self.edges = [self._make_edge(cores) for _ in range(scenario.edges)]
        self._recorder = Recorder(scenario, self.roll, self.edges)
        self._counts = [
            each.curve.counts(each.people, scenario.ticks, self._generator).tolist()
            for each in scenario.populations
        ]
        self._next = list(self.roll.firsts)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return self.tick * TICK_S

    def run(self, told: Callable[[float], None] = lambda share: None) -> Report:
        """To the end; `told` is called now and then with the share that is done, 0..1."""
        while self.tick < self.scenario.ticks:
            self.pass_tick()
            if self.tick % 20 == 0:
                told(self.tick / self.scenario.ticks)
        return self.report()

    def pass_tick(self) -> None:
        self.tick += 1
        now = STARTS_AT + self.seconds
        for number in range(len(self._counts)):
            self._arrive(number)
        for edge in self.edges:
            edge.pass_tick(self.tick, now, self.scenario.attacks)
        self._recorder.note(self.tick, sum(self._next) - sum(self.roll.firsts))

    def report(self) -> Report:
        return self._recorder.report()

    def _arrive(self, number: int) -> None:
        """Those of a population who come in this tick, each to their edge."""
        count = self._counts[number][self.tick - 1]
        if not count:
            return
        first = self._next[number]
        self._next[number] = first + count
        who = np.arange(first, first + count)
        self.roll.came[who] = self.tick
        self.roll.until[who] = self.tick + self.roll.populations[number].draw_patience(count, self._generator)
        edges = self._edge_of(self.roll.site[who])
        for place, edge in enumerate(self.edges):
            edge.come(who[edges == place] if len(self.edges) > 1 else who, self.tick)

    def _edge_of(self, sites: Ints) -> Ints:
        hashed = sites.astype(np.uint64) * np.uint64(GOLDEN) >> np.uint64(40)
        return (hashed % np.uint64(len(self.edges))).astype(np.int64)

    def _make_edge(self, cores: Cores) -> Edge:
        scenario = self.scenario
        table = SeatTable.create(memoryview(bytearray(table_bytes(scenario.seats))), seats_max=scenario.seats)
        limits = Limits(workers=scenario.workers, seats_max=scenario.seats, joins_max=scenario.joins)
        house = cores.house(table, limits, random=self._random, now=STARTS_AT)
        gates = [cores.gate(table, self._draw_serial) for _ in range(scenario.workers)]
        machine = Machine(scenario.costs, scenario.workers, self._random, shared=scenario.shared)
        calendar = Calendar(self.roll, scenario.ticks)
        return Edge(
            self.roll, house, gates, self._draw_serial, machine, calendar, self._random, self._generator
        )

    def _draw_serial(self) -> int:
        return self._random.getrandbits(64) or 1
