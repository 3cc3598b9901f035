"""Who comes: everybody of all populations, a column for each thing that is known of them. Pure, numpy.

A person or a machine is a number; eight million of them take some 300 MB. What only those have who wait or
listen (a serial, a place, a connection) is kept by their edge.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from hiwar.admission.house import TICK_S
from hiwar.admission.odds import EPOCH_S, SHOWN_S
from hiwar.sim.addresses import Addresses, Ints
from hiwar.sim.curves import Floats
from hiwar.sim.populations import Population

NEVER = -1
NO_TICK = np.iinfo(np.int32).max


class Standing(IntEnum):
    """How somebody stands. All but SITS ask when they are due; who sits gets up."""

    COMES = 0  # has not asked yet
    ASKS = 1  # was told to wait, or turned away, and has no place
    WAITS = 2  # has a place in the waiting room
    WON = 3  # was drawn, and has not asked since
    SITS = 4
    AWAY = 5  # comes back with the ticket of a seat
    GONE = 6


class Roll:
    """See the module. Times are ticks; `told` is the chance of a seat by `told_until` (within the time that
    chances are told for, and the patience that was left), as they were told it when they got a place, and
    anew for a solved puzzle (NaN: none was told); `seats` how many each has had."""

    def __init__(
        self, populations: tuple[Population, ...], addresses: Addresses, random: np.random.Generator
    ):
        counts = [each.people for each in populations]
        self.populations = populations
        self.firsts = [sum(counts[:number]) for number in range(len(counts))]
        size = sum(counts)
        self.population = np.repeat(np.arange(len(counts), dtype=np.uint8), counts)
        self.site = np.zeros(size, dtype=np.int64)
        self.host = np.zeros(size, dtype=np.uint8)
        self.standing = np.zeros(size, dtype=np.uint8)
        self.listener_class = np.zeros(size, dtype=np.uint8)
        self.solving = np.zeros(size, dtype=np.bool_)
        self.squaring_us = np.zeros(size, dtype=np.float32)
        self.due = np.full(size, NEVER, dtype=np.int32)
        self.came = np.full(size, NEVER, dtype=np.int32)
        self.until = np.full(size, NO_TICK, dtype=np.int32)
        self.seated = np.full(size, NEVER, dtype=np.int32)
        self.told = np.full(size, np.nan, dtype=np.float32)
        self.told_until = np.full(size, NEVER, dtype=np.int32)
        self.seats = np.zeros(size, dtype=np.uint16)
        for number, each in enumerate(populations):
            self._enrol(self.of(number), each, addresses, random)
        self.alone = np.array([each.is_alone for each in populations], dtype=np.bool_)
        self.gentle = np.array([each.is_gentle for each in populations], dtype=np.bool_)
        self.again_s = np.array([each.asks_every_s for each in populations], dtype=np.float64)

    def of(self, number: int) -> slice:
        """The people of a population."""
        first = self.firsts[number]
        return slice(first, first + self.populations[number].people)

    def _enrol(
        self, them: slice, population: Population, addresses: Addresses, random: np.random.Generator
    ) -> None:
        """In an order that says nothing of networks: one after the other to each network, then to its next
        address."""
        people, prefixes = population.people, population.prefixes or population.people
        sites = addresses.sites(prefixes)
        numbers = np.arange(people, dtype=np.int64)
        order = numbers if population.is_alone else random.permutation(numbers)
        self.site[them] = sites[order % prefixes]
        self.host[them] = order // prefixes // population.per_address
        self.listener_class[them] = population.proof
        low, high = population.squaring_us
        self.squaring_us[them] = random.uniform(low, high, people) if low < high else low

    def tell(self, who: Ints, each_epoch: Floats, tick: int) -> None:
        """Their chance in each second is so much (NaN: not known)."""
        until = np.minimum(self.until[who], tick + round(SHOWN_S / TICK_S))
        self.told[who] = 1 - np.power(1 - each_epoch, (until - tick) * (TICK_S / EPOCH_S))
        self.told_until[who] = until

    def told_true(self, who: Ints) -> NDArray[np.bool_]:
        """Who of them had a seat within the time that they were told a chance for."""
        seated = self.seated[who]
        in_time: NDArray[np.bool_] = (seated != NEVER) & (seated <= self.told_until[who])
        return in_time
