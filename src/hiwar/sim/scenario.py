"""What a simulation is of: populations, attacks, machines, time. Pure records."""

from dataclasses import dataclass, field, replace

from hiwar.admission.house import TICK_S
from hiwar.admission.seat_rows import SEATS_MAX
from hiwar.sim.attacks import Attack
from hiwar.sim.machine import Costs
from hiwar.sim.populations import Population

TICKS_MAX = 200_000  # 14 hours
EDGES_MAX = 64
PEOPLE_MAX = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`seconds` of simulated time. Each of `edges` has `seats` (the setting; the machine may allow fewer),
    lets at most `joins` a second join (0: what the machine allows) and has so many `workers`; `shared`: its
    stage has no core of its own. Honest people who come before `from_s` are not judged.

    Raises:
        ValueError: beyond what can be simulated; the text says what and how much.
    """

    name: str
    title: str
    seconds: float
    populations: tuple[Population, ...]
    attacks: tuple[Attack, ...] = ()
    edges: int = 1
    seats: int = 50_000
    joins: int = 0
    workers: int = 1
    shared: bool = False
    costs: Costs = field(default_factory=Costs)
    from_s: float = 0.0

    def __post_init__(self) -> None:
        _within("seconds", self.seconds, TICK_S, TICKS_MAX * TICK_S)
        _within("edges", self.edges, 1, EDGES_MAX)
        _within("seats", self.seats, 1, SEATS_MAX)
        _within("people", sum(each.people for each in self.populations), 0, PEOPLE_MAX)

    @property
    def ticks(self) -> int:
        return round(self.seconds / TICK_S)

    def resized(
        self, *, scale: float = 1.0, edges: int | None = None, seats: int | None = None
    ) -> "Scenario":
        """Another size of the same. `scale` multiplies people, machines, prefixes, seats and joins: the odds
        and shares stay as they are, the processor's load does not. `edges`, `seats` (of each edge) replace.

        Raises:
            ValueError: a scale not above 0, or beyond what can be simulated.
        """
        if not 0 < scale <= 10:
            raise ValueError(f"scale: {scale:g} is not above 0 and at most 10")
        populations = tuple(_scaled(each, scale) for each in self.populations)
        return replace(
            self,
            populations=populations,
            edges=self.edges if edges is None else edges,
            seats=_times(self.seats, scale) if seats is None else seats,
            joins=_times(self.joins, scale) if self.joins else 0,
        )


def _scaled(population: Population, scale: float) -> Population:
    """Fewer networks with as many in each. Those who share an address go on to share it, all of them; one
    address stays one."""
    people = _times(population.people, scale)
    prefixes = min(people, _times(population.prefixes, scale)) if population.prefixes else 0
    if population.per_address > 1:
        people = population.per_site * prefixes
    return replace(population, people=people, prefixes=prefixes)


def _times(count: int, scale: float) -> int:
    return max(1, round(count * scale))


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(f"{name}: {value:,.10g} is not within {least:,.10g} and {most:,.10g}")
