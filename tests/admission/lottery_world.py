"""A small world around a waiting room: honest people who give up, machines that come again, seconds passing.

Honest people come from a site each, solve a puzzle within 1 to 6 s, ask again every 5 s while their patience
of 60 s lasts, and then just stop asking. A machine that gets a seat leaves it at once and comes again: as a
stranger until it has solved a puzzle, which takes it as long as people, or no time at all.

Everything that counts is a ratio of people, sites and seats in a second, so a world may be scaled down.
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from secrets import randbits
from typing import Protocol

from hiwar.admission.classes import ListenerClass
from hiwar.admission.odds import Odds
from hiwar.admission.waiting import ABSENT_S, Drawn

SOLVED, STRANGER = ListenerClass.SOLVED, ListenerClass.STRANGER
ASK_S = 5
PATIENCE_S = 60
UNLIMITED = 1 << 30
FARM_SITES = 1 << 40  # the keys of the attacker's sites begin here; honest ones at 0


def shown(seed: int | None) -> int:
    """A seed as the test that fails will tell it; a new one if None, so that unseen worlds are tried, too."""
    chosen = randbits(32) if seed is None else seed
    print(f"seed {chosen}")
    return chosen


def unlimited(site: int) -> int:
    return UNLIMITED


class Room(Protocol):
    """What a world needs of a waiting room, or of what stands in its place."""

    def enter(
        self, identity: str, listener_class: ListenerClass, site: int, region: int, now: float
    ) -> object: ...

    def renew(self, identity: str, now: float) -> bool: ...

    def draw(
        self, seats: int, now: float, random: Random, allowance: Callable[[int], int]
    ) -> list[Drawn]: ...


@dataclass
class Person:
    """An honest newcomer. `odds`: their chance within what was left of their patience, once solved."""

    identity: str
    site: int
    arrived: float
    odds: float | None = None
    seated_at: float | None = None


@dataclass
class World:
    """`solve_s`: how long a machine takes over a puzzle, None: as an honest person."""

    room: Room
    random: Random
    machines: int
    prefixes: int
    honest_per_s: int = 40
    seats_per_s: int = 50
    solve_s: float | None = None
    now: float = 1000.0
    people: dict[str, Person] = field(default_factory=dict)
    seated: list[Drawn] = field(default_factory=list)
    started: float = 1000.0

    def __post_init__(self) -> None:
        self._solves: dict[int, list[tuple[str, int]]] = defaultdict(list)
        self._asks: dict[int, list[str]] = defaultdict(list)
        self._serial = 0
        for machine in range(self.machines):
            self._machine_comes(FARM_SITES + machine % self.prefixes)

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            for _ in range(self.honest_per_s):
                self._person_comes()
            self._second()

    def comes(self, identity: str, site: int) -> None:
        """A stranger comes, who will solve the puzzle and ask again."""
        self.people[identity] = Person(identity, site, self.now)
        self.room.enter(identity, STRANGER, site, site >> 8, self.now)
        self._will_solve(identity, site, 1 + 5 * self.random.random())
        self._will_ask(identity)

    def admitted(self, *, since_s: float = 0) -> float:
        """The share of the honest who were seated within their patience, of those who came `since_s` seconds
        after the start, and early enough to have had it all."""
        return _share_seated(self._judged(since_s))

    def against_odds(self, *, since_s: float = 0) -> tuple[float, float]:
        """Of those of them who were told odds when they had solved: the share seated, and the mean chance."""
        told = [person for person in self._judged(since_s) if person.odds is not None]
        return _share_seated(told), sum(person.odds or 0 for person in told) / len(told)

    def _judged(self, since_s: float) -> list[Person]:
        came = range(int(self.started + since_s), int(self.now) - PATIENCE_S + 1)
        return [person for person in self.people.values() if int(person.arrived) in came]

    def seats_by_site(self) -> Counter[int]:
        return Counter(drawn.site for drawn in self.seated)

    def _second(self) -> None:
        self.now += 1
        second = int(self.now)
        for identity, site in self._solves.pop(second, ()):
            self._solved(identity, site)
        for identity in self._asks.pop(second, ()):
            person = self.people.get(identity)
            patient = person is None or self.now < person.arrived + PATIENCE_S
            if patient and self.room.renew(identity, self.now):
                self._asks[second + ASK_S].append(identity)
        for drawn in self.room.draw(self.seats_per_s, self.now, self.random, unlimited):
            self.seated.append(drawn)
            if drawn.identity in self.people:
                self.people[drawn.identity].seated_at = self.now
            elif drawn.site >= FARM_SITES:
                self._machine_comes(drawn.site)

    def _person_comes(self) -> None:
        self._serial += 1
        self.comes(f"person {self._serial}", self._serial << 8)

    def _machine_comes(self, site: int) -> None:
        self._serial += 1
        identity = f"machine {self._serial}"
        if self.solve_s == 0:
            self.room.enter(identity, SOLVED, site, site >> 8, self.now)
        else:
            self.room.enter(identity, STRANGER, site, site >> 8, self.now)
            self._will_solve(identity, site, self.solve_s or 1 + 5 * self.random.random())
        self._will_ask(identity)

    def _will_solve(self, identity: str, site: int, within_s: float) -> None:
        self._solves[int(self.now + within_s) + 1].append((identity, site))

    def _will_ask(self, identity: str) -> None:
        self._asks[int(self.now) + 1 + self.random.randrange(ASK_S)].append(identity)

    def _solved(self, identity: str, site: int) -> None:
        if not self.room.renew(identity, self.now):
            return  # seated already
        self.room.enter(identity, SOLVED, site, site >> 8, self.now)
        person = self.people.get(identity)
        odds = getattr(self.room, "odds", None)
        if person is not None and odds is not None:
            told: Odds = odds(SOLVED, site, self.now)
            person.odds = told.within(person.arrived + PATIENCE_S - self.now)


def _share_seated(people: list[Person]) -> float:
    """Somebody may be drawn while the room still takes them for present: that seat is wasted."""
    in_time = [each for each in people if each.seated_at and each.seated_at <= each.arrived + PATIENCE_S]
    return len(in_time) / len(people)


assert 2 * ASK_S <= ABSENT_S
