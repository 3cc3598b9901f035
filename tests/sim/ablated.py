"""Worlds with a layer of the front door taken out: what each attack is worth against them shows what the
layer is worth."""

from collections import OrderedDict
from collections.abc import Callable
from random import Random
from typing import Any

from hiwar.admission.again import Crowd
from hiwar.admission.capacity import Capacity
from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import Gate
from hiwar.admission.house import House
from hiwar.admission.ladder import Ladder
from hiwar.admission.limits import LIMITS, Limited, PrefixLimits
from hiwar.admission.pools import HasRoom, Waiter
from hiwar.admission.prefix import Origin
from hiwar.admission.waiting import Entered, WaitingRoom
from hiwar.sim.world import Cores

INVITED = ListenerClass.INVITED


class Queue:
    """Those who wait, in the order in which they came; stands in for a pool."""

    def __init__(self) -> None:
        self._waiters: OrderedDict[str, Waiter] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiters)

    @property
    def total(self) -> int:
        return len(self._waiters)

    def add(self, waiter: Waiter, now: float) -> None:
        self._waiters[waiter.identity] = waiter

    def remove(self, waiter: Waiter, now: float) -> None:
        del self._waiters[waiter.identity]

    def pick(self, random: object, has_room: HasRoom) -> Waiter | None:
        return self.least()

    def part_of_one(self, site: int, now: float) -> float:
        return 1 / max(1, len(self._waiters))

    def least(self) -> Waiter | None:
        return next(iter(self._waiters.values()), None)

    def refresh(self, now: float, has_room: HasRoom) -> None: ...


class FirstCome(WaitingRoom):
    """Whoever has waited longest is next; classes and networks mean nothing."""

    def __init__(self) -> None:
        super().__init__()
        pools = self.lottery.pools
        self.lottery.pools = (pools[0], Queue(), *pools[2:])

    def enter(
        self,
        identity: str,
        listener_class: ListenerClass,
        site: int,
        region: int,
        now: float,
        capped: bool | None = None,
    ) -> Entered:
        if self.renew(identity, now):
            return Entered.REPLACED
        return super().enter(identity, INVITED, site, region, now, capped=False)


class Uncapped(House):
    """A network may hold any number of seats."""

    def _site_cap(self, capacity: Capacity) -> int:
        return capacity.seats


class Uncounted(Crowd):
    """Nobody knows how many are turned away."""

    @property
    def load_if_let_wait(self) -> float:
        return 0.0


class Twitchy(Ladder):
    """Goes up as soon as it is quiet enough for one rung up, and forgets at once what came of it."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._crowd = Uncounted()

    def _dwell_s(self) -> float:
        return 0.0

    def _failed_at(self, reading: object) -> bool:
        return False


class NoLimits(PrefixLimits):
    def wait_s(self, origin: Origin, now: float, cost: float = 1.0) -> float:
        return 0.0


class Limitless(Gate):
    """No network asks too often."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._joins = NoLimits(LIMITS[Limited.JOINS])


def first_come() -> Cores:
    return Cores(house=_house(room=FirstCome))


def without_regions() -> Cores:
    """A region may fill the waiting room."""
    return Cores(house=_house(room=lambda: WaitingRoom(region_sites_max=1 << 30)))


def uncapped() -> Cores:
    return Cores(house=Uncapped)


def twitchy() -> Cores:
    return Cores(house=_house(ladder=Twitchy))


def limitless() -> Cores:
    return Cores(gate=Limitless)


def _house(
    room: Callable[[], WaitingRoom] | None = None, ladder: Callable[[float], Ladder] | None = None
) -> Callable[..., House]:
    def make(*arguments: Any, now: float, random: Random) -> House:
        house = House(*arguments, now=now, random=random)
        if room is not None:
            house.room = room()
        if ladder is not None:
            house.ladder = ladder(now)
        return house

    return make
