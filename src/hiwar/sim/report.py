"""What came of a simulation, as plain records: for JSON, for the picture, for tests and benches. Pure, numpy.

Rules
- Honest newcomers are judged if they came late enough to meet the world as it is meant (`Scenario.from_s`)
  and early enough to have had all of their patience before the end.
- Seated is who had a connection to a seat of theirs within their patience, not who was drawn.
- Odds are compared among those who were told any: the mean of what they were told, for a minute or for the
  time that they went on to stay if that is less, and the share of them who were seated in that time.
"""

from dataclasses import asdict, dataclass, field
from math import inf, isnan, nan
from typing import Any

import numpy as np

from hiwar.admission.house import TICK_S
from hiwar.sim.addresses import Ints
from hiwar.sim.roll import NEVER, Roll


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a population: how many came; of those judged the share seated, the mean chance that they
    were told, and the share seated of those who were told one; how many sit in the end; how often somebody
    came back with a ticket, and had a seat again; the seats that its networks have had: least, mean, most."""

    name: str
    honest: bool
    people: int
    came: int
    judged: int
    seated: float
    told: int
    told_chance: float
    told_seated: float
    sitting: int
    returned: int
    regained: int
    network_seats: tuple[int, float, int]


@dataclass(frozen=True, slots=True)
class Moved:
    """A move of the ladder of one edge."""

    seconds: float
    edge: int
    origin: str
    to: str
    cause: str


@dataclass(frozen=True, slots=True)
class Newcomers:
    """Honest people judged, by when they came (`seconds`: the beginnings of spans of the same length): how
    many, the share seated; of those who were told a chance how many, its mean and the share seated in time
    (None: nobody was told one)."""

    seconds: list[float] = field(default_factory=list)
    people: list[int] = field(default_factory=list)
    seated: list[float] = field(default_factory=list)
    told: list[float | None] = field(default_factory=list)
    told_people: list[int] = field(default_factory=list)
    told_seated: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `totals` are counts since the start, `series` columns of the same length (see `series`),
    `machine` what it took to simulate, which the shell fills in."""

    name: str
    title: str
    edges: int
    seats: int
    seconds: float
    populations: list[Fate]
    totals: dict[str, float]
    moves: list[Moved]
    newcomers: Newcomers
    series: dict[str, list[float]]
    machine: dict[str, float] = field(default_factory=dict)

    @property
    def honest(self) -> Fate:
        """All honest populations as one, without what is of networks."""
        return _joined([each for each in self.populations if each.honest], honest=True)

    @property
    def bots(self) -> Fate:
        return _joined([each for each in self.populations if not each.honest], honest=False)

    def records(self) -> dict[str, Any]:
        """For JSON: NaN, which it has not, becomes None."""
        records: dict[str, Any] = _plain(asdict(self))
        return records


def judge(roll: Roll, number: int, from_tick: int, last_tick: int) -> Ints:
    """Who of a population is judged."""
    them = roll.of(number)
    patience_s = roll.populations[number].patience_s[1]
    had_all = last_tick - (0 if patience_s == inf else round(patience_s / TICK_S))
    came = roll.came[them]
    judged: Ints = np.flatnonzero((came >= max(1, from_tick)) & (came <= had_all)) + them.start
    return judged


def fate_of(
    roll: Roll, number: int, from_tick: int, last_tick: int, sitting: int, returned: int, regained: int
) -> Fate:
    """What became of the `number`-th population by `last_tick`."""
    population = roll.populations[number]
    judged = judge(roll, number, from_tick, last_tick)
    told = judged[~np.isnan(roll.told[judged])]
    return Fate(
        name=population.name,
        honest=population.honest,
        people=population.people,
        came=int((roll.came[roll.of(number)] != NEVER).sum()),
        judged=len(judged),
        seated=_mean(roll.seated[judged] != NEVER),
        told=len(told),
        told_chance=_mean(roll.told[told]),
        told_seated=_mean(roll.told_true(told)),
        sitting=sitting,
        returned=returned,
        regained=regained,
        network_seats=_by_network(roll, number),
    )


def newcomers_of(roll: Roll, from_tick: int, last_tick: int, span_s: float) -> Newcomers:
    """The honest, by spans of `span_s`."""
    numbers = [number for number, each in enumerate(roll.populations) if each.honest]
    judged = [judge(roll, number, from_tick, last_tick) for number in numbers]
    who = np.concatenate(judged) if judged else np.zeros(0, dtype=np.int64)
    spans = (roll.came[who] * TICK_S // span_s).astype(np.int64)
    found = Newcomers()
    for span in np.unique(spans).tolist():
        them = who[spans == span]
        told = them[~np.isnan(roll.told[them])]
        found.seconds.append(span * span_s)
        found.people.append(len(them))
        found.seated.append(_mean(roll.seated[them] != NEVER))
        found.told.append(_mean(roll.told[told]) if len(told) else None)
        found.told_people.append(len(told))
        found.told_seated.append(_mean(roll.told_true(told)) if len(told) else None)
    return found


def _by_network(roll: Roll, number: int) -> tuple[int, float, int]:
    _, network = np.unique(roll.site[roll.of(number)], return_inverse=True)
    seats = np.bincount(network, weights=roll.seats[roll.of(number)])
    return (int(seats.min()), float(seats.mean()), int(seats.max())) if len(seats) else (0, 0.0, 0)


def _joined(fates: list[Fate], *, honest: bool) -> Fate:
    judged, told = sum(each.judged for each in fates), sum(each.told for each in fates)
    return Fate(
        name="honest" if honest else "bots",
        honest=honest,
        people=sum(each.people for each in fates),
        came=sum(each.came for each in fates),
        judged=judged,
        seated=sum(each.seated * each.judged for each in fates if each.judged) / judged if judged else nan,
        told=told,
        told_chance=sum(each.told_chance * each.told for each in fates if each.told) / told if told else nan,
        told_seated=sum(each.told_seated * each.told for each in fates if each.told) / told if told else nan,
        sitting=sum(each.sitting for each in fates),
        returned=sum(each.returned for each in fates),
        regained=sum(each.regained for each in fates),
        network_seats=(
            min((each.network_seats[0] for each in fates), default=0),
            nan,
            max((each.network_seats[2] for each in fates), default=0),
        ),
    )


def _mean(values: "np.ndarray[Any, np.dtype[Any]]") -> float:
    return float(values.mean(dtype=np.float64)) if len(values) else nan


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and isnan(value) else value
