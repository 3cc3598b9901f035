"""What a waiting room could be instead, to be measured beside it."""

from collections.abc import Callable
from heapq import nlargest
from random import Random

from hiwar.admission.classes import ListenerClass
from hiwar.admission.waiting import ABSENT_S, Drawn, Entered, WaitingRoom


class PriorityRoom:
    """Seats go to whoever has the most of what they are ranked by."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}
        self._heard: dict[str, float] = {}
        self._sites: dict[str, int] = {}

    def rank(self, identity: str, waited_s: float) -> float:
        raise NotImplementedError

    def enter(self, identity: str, listener_class: ListenerClass, site: int, region: int, now: float) -> None:
        self._since.setdefault(identity, now)
        self._heard[identity] = now
        self._sites[identity] = site

    def renew(self, identity: str, now: float) -> bool:
        if identity not in self._heard:
            return False
        self._heard[identity] = now
        return True

    def draw(self, seats: int, now: float, random: Random, allowance: Callable[[int], int]) -> list[Drawn]:
        for identity in [each for each, heard in self._heard.items() if heard + ABSENT_S <= now]:
            self._forget(identity)
        waited = [(self.rank(each, now - since), each) for each, since in self._since.items()]
        return [self._forget(identity) for _, identity in nlargest(seats, waited)]

    def _forget(self, identity: str) -> Drawn:
        del self._heard[identity], self._since[identity]
        return Drawn(identity, ListenerClass.STRANGER, self._sites.pop(identity), True, 0.0)


class FirstCome(PriorityRoom):
    """A queue."""

    def rank(self, identity: str, waited_s: float) -> float:
        return waited_s


class MostEffort(PriorityRoom):
    """Pure priority by proof of work: everybody works as long as they wait. People's devices reach 30 to
    100 % of the speed of `machine_speed` 1, which is an ordinary computer's."""

    def __init__(self, machine_speed: float = 1.0) -> None:
        super().__init__()
        self._machine_speed = machine_speed

    def rank(self, identity: str, waited_s: float) -> float:
        kind, number = identity.split()
        return waited_s * (self._machine_speed if kind == "machine" else 0.3 + 0.7 * (int(number) % 97) / 96)


class LotteryByPerson(WaitingRoom):
    """A lottery in which sites mean nothing."""

    def enter(
        self,
        identity: str,
        listener_class: ListenerClass,
        site: int,
        region: int,
        now: float,
        capped: bool | None = None,
    ) -> Entered:
        return super().enter(identity, ListenerClass.INVITED, site, region, now, capped)
