"""What every bench shares: figures with their goals, the result file, the picture, what machine this is.

A bench is a module `bench/<name>.py` with `TITLE` and `def run(progress) -> Outcome`. It starts only
processes of its own, on loopback, bounded in count and time, and ends them by id.
"""

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

from hiwar.cli.about import versions
from hiwar.rehearsal.figures import percentile, raise_descriptors  # noqa: F401 - every bench's, too

RESULTS = Path(__file__).parent / "results"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `goal` is what it must reach ("<= 2 %"); `met` is None where it was not
    measured (a peer is not installed) or where it has no goal (a peer's own figure)."""

    name: str
    value: float | None
    unit: str
    goal: str = ""
    met: bool | None = None
    note: str = ""


@dataclass(slots=True)
class Outcome:
    """What a bench found: figures in the order they are shown, and the raw samples by name."""

    figures: list[Figure] = field(default_factory=list)
    samples: dict[str, list[float]] = field(default_factory=dict)

    def at_most(self, name: str, value: float | None, unit: str, limit: float, note: str = "") -> None:
        """A figure that must not exceed `limit`."""
        met = None if value is None else value <= limit
        self.figures.append(Figure(name, value, unit, f"<= {limit:g} {unit}", met, note))

    def at_least(self, name: str, value: float | None, unit: str, limit: float, note: str = "") -> None:
        """A figure that must reach `limit`."""
        met = None if value is None else value >= limit
        self.figures.append(Figure(name, value, unit, f">= {limit:g} {unit}", met, note))

    def beside(self, name: str, value: float | None, unit: str, note: str = "") -> None:
        """A figure without a goal: a peer, a limit, a circumstance."""
        self.figures.append(Figure(name, value, unit, note=note))


def machine() -> dict[str, Any]:
    """What the figures were measured on; no name and no path of it."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        "",
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
    }


def save(name: str, title: str, outcome: Outcome) -> None:
    """Write `results/<name>.json` and `results/<name>.svg`."""
    RESULTS.mkdir(exist_ok=True)
    known = [figure.met for figure in outcome.figures if figure.goal]
    content = {
        "name": name,
        "title": title,
        "figures": [asdict(figure) for figure in outcome.figures],
        "goal": {figure.name: figure.goal for figure in outcome.figures if figure.goal},
        "met": None if None in known or not known else all(known),
        "samples": outcome.samples,
        "machine": machine(),
        "versions": versions(),
        "measured": datetime.now(UTC).strftime("%Y-%m-%d"),  # noqa: TID251 - a date on a result
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    (RESULTS / f"{name}.svg").write_text(picture(title, outcome.figures), encoding="utf-8")


def picture(title: str, figures: Sequence[Figure]) -> str:
    """A bar a figure, on one scale per unit; green where the goal is met, red where not, grey beside."""
    shown = [figure for figure in figures if figure.value is not None]
    scale = {
        unit: max((abs(f.value or 0) for f in shown if f.unit == unit), default=1) or 1
        for unit in _units(shown)
    }
    row, width, left = 30, 920, 400
    height = 56 + row * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="28" font-size="17" font-weight="600" fill="#1c1b19">{escape(title)}</text>',
    ]
    for number, figure in enumerate(shown):
        parts += _bar(figure, 48 + number * row, left, width, scale[figure.unit])
    return "\n".join([*parts, "</svg>", ""])


def _bar(figure: Figure, top: int, left: int, width: int, most: float) -> list[str]:
    colour = {True: "#2c7a4b", False: "#b3261e", None: "#8a8578"}[figure.met]
    length = (width - left - 240) * abs(figure.value or 0) / most
    text = f"{figure.value:.4g} {figure.unit}" + (f"   goal {figure.goal}" if figure.goal else "")
    return [
        f'<text x="{left - 12}" y="{top + 15}" text-anchor="end" fill="#1c1b19">{escape(figure.name)}</text>',
        f'<rect x="{left}" y="{top + 3}" width="{max(length, 1):.1f}" height="17" rx="2" fill="{colour}"/>',
        f'<text x="{left + length + 8:.1f}" y="{top + 16}" fill="#4a473f">{escape(text)}</text>',
    ]


def _units(figures: Iterable[Figure]) -> list[str]:
    return list(dict.fromkeys(figure.unit for figure in figures))


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def median(values: Sequence[float]) -> float | None:
    """The median, or None of nothing."""
    return statistics.median(values) if values else None


def cpu_seconds(pid: int) -> float:
    """User and system time that a process has used so far (proc(5), stat)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_nanoseconds(pid: int) -> int:
    """The same of the process's main thread, exact (proc(5), schedstat): for what takes microseconds."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])


def pss_kb(pid: int) -> int:
    """Proportional set size of a process in KiB: what it takes of the machine just now."""
    return _rollup_kb(pid, "Pss:")


def own_kb(pid: int) -> int:
    """Memory that a process has made for itself, in KiB: what growth is judged by. The proportional set size
    jumps whenever another process that has the same libraries open comes or goes."""
    return _rollup_kb(pid, "Pss_Anon:") + _rollup_kb(pid, "Pss_Shmem:")


def _rollup_kb(pid: int, name: str) -> int:
    """One line of proc(5), smaps_rollup."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
