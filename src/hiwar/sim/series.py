"""What is noted of a world while it runs: a row each second or less often, moves, extremes. Pure, numpy."""

from collections import Counter

from hiwar.admission.house import TICK_S
from hiwar.admission.rungs import RUNGS
from hiwar.sim.desk import Counted
from hiwar.sim.edge import Edge
from hiwar.sim.report import Moved, Report, fate_of, newcomers_of
from hiwar.sim.roll import Roll
from hiwar.sim.scenario import Scenario

ROWS_MAX = 720  # more than a picture has columns for
SPANS = 60  # into which newcomers are gathered

# In the order of the columns. Rates a second of all edges together; `bots_part`: of the seats taken; loads,
# latenesses, rungs and write intervals are of the worst moment of the worst edge.
COLUMNS = (
    "seconds", "seats", "taken", "honest", "bots", "waiting", "arrivals", "asks", "joins", "refused",
    "unanswered", "bots_part", "load", "frame_late_ms", "rung", "interval_ms",
)  # fmt: skip


class Recorder:
    """Notes after each tick."""

    def __init__(self, scenario: Scenario, roll: Roll, edges: list[Edge]) -> None:
        self._scenario = scenario
        self._roll = roll
        self._edges = edges
        self._every = max(round(1 / TICK_S), -(-scenario.ticks // ROWS_MAX))
        self._series: dict[str, list[float]] = {name: [] for name in COLUMNS}
        self._moves: list[Moved] = []
        self._totals: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._gathered: Counter[str] = Counter()
        self._came = 0
        self._taken = (0, 0)
        self._tick = 0

    def note(self, tick: int, came: int) -> None:
        """`came`: how many have come since the start."""
        self._tick = tick
        gathered = self._gathered
        gathered["arrivals"] += came - self._came
        self._came = came
        for number, edge in enumerate(self._edges):
            self._gather(edge)
            moved = edge.orders.moved if edge.orders else None
            if moved is not None:
                self._moves.append(
                    Moved(tick * TICK_S, number, moved.origin.value, moved.to.value, moved.cause.value)
                )
        if tick % self._every == 0:
            self._write_row(tick)

    def _gather(self, edge: Edge) -> None:
        """Of one edge's tick: sums in counts, the worst in the rest."""
        counts, gathered = edge.desk.counts, self._gathered
        gathered["asks"] += sum(counts[: Counted.TOO_MANY])
        gathered["joins"] += counts[Counted.ADMITTED]
        gathered["refused"] += counts[Counted.REFUSED]
        gathered["unanswered"] += counts[Counted.UNANSWERED]
        self._totals["too_many"] += counts[Counted.TOO_MANY]
        worst = {
            "load": edge.machine.load,
            "frame_late_ms": edge.machine.frame_late_ms,
            "rung": edge.rung.severity,
            "interval_ms": edge.orders.cuts.interval_ms if edge.orders else 0,
        }
        for name, value in worst.items():
            gathered[name] = max(gathered[name], value)  # type: ignore[assignment]
        self._most["waiting"] = max(self._most["waiting"], len(edge.house.room))

    def _write_row(self, tick: int) -> None:
        gathered, seconds = self._gathered, self._every * TICK_S
        populations = self._roll.populations
        sitting = [
            sum(edge.sitting.sitting[number] for edge in self._edges) for number in range(len(populations))
        ]
        row: dict[str, float] = {
            "seconds": tick * TICK_S,
            "seats": sum(edge.orders.capacity.seats for edge in self._edges if edge.orders),
            "taken": sum(edge.house.table.taken for edge in self._edges),
            "honest": sum(n for n, each in zip(sitting, populations, strict=True) if each.honest),
            "bots": sum(n for n, each in zip(sitting, populations, strict=True) if not each.honest),
            "waiting": sum(len(edge.house.room) for edge in self._edges),
        }
        for name in ("arrivals", "asks", "joins", "refused", "unanswered"):
            row[name] = gathered[name] / seconds
            self._totals[name] += gathered[name]
        row["bots_part"] = self._bots_part()
        row |= {name: gathered[name] for name in ("load", "frame_late_ms", "rung", "interval_ms")}
        for name, value in row.items():
            self._series[name].append(round(value, 4))
        for edge in self._edges:
            held = max(edge.house.table.held_most(1).values(), default=0)
            self._most["network_held"] = max(self._most["network_held"], held)
        gathered.clear()

    def _bots_part(self) -> float:
        """Of the seats taken since the last row; 0 of none."""
        honest = bots = 0
        for number, each in enumerate(self._roll.populations):
            taken = sum(edge.sitting.taken[number] for edge in self._edges)
            honest, bots = (honest + taken, bots) if each.honest else (honest, bots + taken)
        before, self._taken = self._taken, (honest, bots)
        seats = honest + bots - sum(before)
        return (bots - before[1]) / seats if seats else 0.0

    def report(self) -> Report:
        """Of what has passed so far."""
        scenario, roll = self._scenario, self._roll
        from_tick = round(scenario.from_s / TICK_S)
        fates = [
            fate_of(
                roll,
                number,
                from_tick,
                self._tick,
                sum(edge.sitting.sitting[number] for edge in self._edges),
                sum(edge.sitting.returned[number] for edge in self._edges),
                sum(edge.sitting.regained[number] for edge in self._edges),
            )
            for number in range(len(roll.populations))
        ]
        return Report(
            name=scenario.name,
            title=scenario.title,
            edges=len(self._edges),
            seats=scenario.seats,
            seconds=self._tick * TICK_S,
            populations=fates,
            totals=self._all_totals(),
            moves=self._moves,
            newcomers=newcomers_of(roll, from_tick, self._tick, max(1.0, scenario.seconds / SPANS)),
            series=self._series,
        )

    def _all_totals(self) -> dict[str, float]:
        rooms = [edge.house.room.counts for edge in self._edges]
        return {
            **self._totals,
            "drawn": sum(edge.house.drawn for edge in self._edges),
            "wasted": sum(edge.sitting.wasted for edge in self._edges),
            "no_place": sum(sum(counts.entered[2:]) for counts in rooms),
            "put_out": sum(sum(counts.put_out) for counts in rooms),
            "waiting_most": self._most["waiting"],
            "network_held_most": self._most["network_held"],
            "moves": len(self._moves),
            "worst_rung": max((RUNGS.index(each.to) for each in self._moves), default=0),
        }
