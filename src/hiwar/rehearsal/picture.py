"""The live picture of a rehearsal in the terminal: acts, seats, people waiting, the rung, the speakers'
health, and what becomes of honest newcomers."""

from collections import deque
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hiwar.admission.rungs import RUNGS, Rung
from hiwar.ops.clock import monotonic
from hiwar.rehearsal.director import Plan, Watcher
from hiwar.rehearsal.playing import Moment
from hiwar.rehearsal.records import ActReport
from hiwar.rehearsal.words import ACTS

PER_S = 4.0
SPARKS = "▁▂▃▄▅▆▇█"
SPARK_MS = 10.0  # of lateness: a full column
KEPT = 48  # columns of the past
BAR = 30
COUNTS_SHOWN = 5
_RUNG_STYLE = {
    Rung.OPEN: "green",
    Rung.BUSY: "yellow",
    Rung.LIMITED: "dark_orange",
    Rung.SIEGE: "red",
    Rung.RECORD_ONLY: "bold red",
}


class Picture(Watcher):
    """`with Picture(console) as picture:` shows it; a `director.Watcher`."""

    def __init__(self, console: Console) -> None:
        self._plan: Plan | None = None
        self._played: dict[str, ActReport] = {}
        self._moment = Moment()
        self._preparing = ""
        self._began = monotonic()
        self._late: deque[float] = deque(maxlen=KEPT)
        self._live = Live(
            console=console, refresh_per_second=PER_S, transient=True, get_renderable=self.render
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, plan: Plan) -> None:
        self._plan, self._began = plan, monotonic()

    def prepare(self, text: str) -> None:
        self._preparing = text
        self._moment = Moment()

    def look(self, moment: Moment) -> None:
        self._moment = moment
        if moment.act:
            self._preparing = ""
        if moment.row is not None and (not self._late or moment.row.lateness_ms != self._late[-1]):
            self._late.append(moment.row.lateness_ms)

    def played(self, report: ActReport) -> None:
        self._played[report.name] = report

    def render(self) -> RenderableType:
        """As it stands."""
        if self._plan is None:
            return Text("...")
        table = Table.grid(padding=(0, 3), expand=True)
        table.add_column(width=34)
        table.add_column(ratio=1)
        table.add_row(self._acts(self._plan), Group(*self._now()))
        minutes, seconds = divmod(int(monotonic() - self._began), 60)
        whole = f"{self._plan.seconds / 60:.0f} min"
        title = f"حوار  Hiwar · rehearsal   {minutes}:{seconds:02d} of about {whole}"
        return Panel(table, title=title, title_align="left", border_style="dim", padding=(1, 2))

    def _acts(self, plan: Plan) -> RenderableType:
        lines = Table.grid(padding=(0, 1))
        for act in plan.acts:
            lines.add_row(self._mark(act.name), Text(ACTS[act.name].english, style=self._style(act.name)))
        return lines

    def _mark(self, name: str) -> Text:
        report = self._played.get(name)
        if report is not None:
            missed = sum(finding.met is False for finding in report.findings)
            return Text(f"✗ {missed}", style="bold red") if missed else Text("✓", style="green")
        return Text("▶", style="bold cyan") if name == self._moment.act else Text("·", style="dim")

    def _style(self, name: str) -> str:
        if name == self._moment.act:
            return "bold"
        return "" if name in self._played else "dim"

    def _now(self) -> list[RenderableType]:
        if self._preparing:
            return [
                Text(_PREPARING.get(self._preparing.split()[0], self._preparing), style="bold"),
                *self._door(),
            ]
        name = self._moment.act
        heading = Text(ACTS[name].english if name else "Between acts", style="bold")
        if name:
            heading.append(f"   {self._moment.left_s:.0f} s left", style="dim")
        return [heading, Text(), *self._door(), Text(), *self._people(), Text(), *self._attack()]

    def _door(self) -> list[RenderableType]:
        row = self._moment.row
        if row is None:
            return []
        rung = RUNGS[row.rung]
        door = Table.grid(padding=(0, 2))
        door.add_row(
            "Door", Text(rung.value, style=_RUNG_STYLE[rung]), Text(f"writes each {row.interval_ms} ms")
        )
        door.add_row("Seats", _bar(row.taken, row.seats), Text(f"{row.taken:,} of {row.seats:,}"))
        door.add_row(
            "Waiting", Text(f"{row.waiting:,}"), Text(f"{row.arrivals_per_s:.0f} ask a second", style="dim")
        )
        late = "".join(SPARKS[min(7, int(value / SPARK_MS * 8))] for value in self._late)
        style = "green" if row.lateness_ms < 5 else "yellow" if row.lateness_ms < 15 else "bold red"
        door.add_row(
            "Speakers", Text(late[-BAR:], style=style), Text(f"latest frame {row.lateness_ms:.1f} ms late")
        )
        return [door]

    def _people(self) -> list[RenderableType]:
        living = self._moment.living
        if living is None:
            return []
        people = Table.grid(padding=(0, 2))
        gap = f"longest gap {living.longest_gap_s:.2f} s" if living.longest_gap_s else "no gap"
        out = f", {living.thrown_out} thrown out" if living.thrown_out else ""
        people.add_row(
            "Listening", Text(f"{living.listening:,}"), Text(gap + out, style="red" if out else "dim")
        )
        fate = f"{living.answered:,} answered, {living.seated:,} seated"
        people.add_row("Newcomers", Text(f"{living.came:,}"), Text(fate, style="dim"))
        return [people]

    def _attack(self) -> list[RenderableType]:
        attacked = self._moment.attacked
        if attacked is None or not self._moment.act:
            return []
        most = sorted(attacked.counts.items(), key=lambda each: -each[1])[:COUNTS_SHOWN]
        said = ", ".join(f"{name} {count:,}" for name, count in most if count)
        return [
            Text(f"Attack     {attacked.open:,} connections open"),
            Text(f"           {said}", style="dim"),
        ]


_PREPARING = {
    "instance": "Starting a Hiwar of its own ...",
    "gather": "The crowd comes ...",
    "interval": "Measuring what a listener costs ...",
    "recording": "Reading the recording ...",
}


def _bar(part: float, whole: float) -> Text:
    filled = round(BAR * min(1.0, part / whole)) if whole else 0
    return Text("█" * filled, style="cyan").append("░" * (BAR - filled), style="dim")
