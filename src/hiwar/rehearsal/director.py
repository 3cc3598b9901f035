"""The rehearsal from its beginning to its report: a plan is carried out act by act.

The acts without TLS come first, with one instance; those with TLS have another. How many listeners the
machine seats at each write interval is measured before the first act, while nothing else goes on.
"""

import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hiwar.ops.clock import monotonic, wallclock
from hiwar.ops.settings import Settings
from hiwar.rehearsal.acts import ACTS, BY_NAME, LISTENERS_MAX, QUICK, Act, Scale
from hiwar.rehearsal.instance import KEPT
from hiwar.rehearsal.intervals import INTERVALS_MS, QUICK_MS, measure_interval
from hiwar.rehearsal.judging import judge_packets, judge_recording
from hiwar.rehearsal.playing import JOIN_PER_S, Moment, Player
from hiwar.rehearsal.recordings import missing_packets, read_recording
from hiwar.rehearsal.records import ActReport, Report
from hiwar.rehearsal.troupe import Troupe

NEWCOMERS_PER_S = 10.0
ACT_S, ACT_S_MIN, ACT_S_MAX = 15.0, 6.0, 120.0
QUICK_S, QUICK_LISTENERS, QUICK_FORCE, QUICK_PER_S = 6.0, 60, 0.25, 5.0
LISTENERS = 400
SEATS = "seats"  # named among acts: how many listeners the machine seats at each write interval
BETWEEN_S = 4.0  # about, of rest and readings, for reckoning how long it takes
START_S = 12.0
INTERVAL_S = 11.0
ROWS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played. `intervals_ms` are measured first; `quick`: it is only to see that everything works."""

    acts: tuple[Act, ...]
    scale: Scale
    intervals_ms: tuple[int, ...]
    quick: bool = False

    @property
    def seconds(self) -> float:
        """About how long it takes."""
        acts = sum(act.seconds(self.scale) + BETWEEN_S for act in self.acts)
        houses = len({act.secure for act in self.acts})
        gathering = houses * (START_S + self.scale.listeners / JOIN_PER_S)
        return acts + gathering + INTERVAL_S * len(self.intervals_ms)


def make_plan(
    names: Sequence[str] = (), *, minutes: float = 0.0, listeners: int = 0, quick: bool = False
) -> Plan:
    """A plan from what somebody asked for; nothing asked is what is usual.

    Raises:
        ValueError: there is no such act, or a number is out of range; the text says which.
    """
    known = (SEATS, *BY_NAME)
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"no such act: {', '.join(unknown)}; there are {', '.join(known)}")
    if not 0 <= listeners <= LISTENERS_MAX:
        raise ValueError(f"listeners = {listeners}: must be at most {LISTENERS_MAX}")
    wanted = names or (QUICK if quick else known)
    chosen = tuple(act for act in ACTS if act.name in wanted)
    intervals: tuple[int, ...] = QUICK_MS if quick else INTERVALS_MS
    if names and SEATS not in names:
        intervals = ()
    seconds = QUICK_S if quick else ACT_S
    if minutes:
        spare = minutes * 60 - INTERVAL_S * len(intervals) - START_S
        lasts = sum(act.lasts for act in chosen) or 1.0
        seconds = min(max((spare - BETWEEN_S * len(chosen)) / lasts, ACT_S_MIN), ACT_S_MAX)
    scale = Scale(
        listeners=listeners or (QUICK_LISTENERS if quick else LISTENERS),
        seconds=seconds,
        newcomers_per_s=QUICK_PER_S if quick else NEWCOMERS_PER_S,
        force=QUICK_FORCE if quick else 1.0,
    )
    return Plan(chosen, scale, intervals, quick)


class Watcher:
    """Who looks on; each call is short."""

    def begin(self, plan: Plan) -> None:
        """It begins."""

    def prepare(self, text: str) -> None:
        """What is being prepared: `instance`, `gather`, `interval <ms>`, `recording`."""

    def look(self, moment: Moment) -> None:
        """Four times a second while an act is played."""

    def played(self, report: ActReport) -> None:
        """An act is over."""


def rehearse(
    plan: Plan,
    settings: Settings,
    watcher: Watcher | None = None,
    *,
    troupe: Callable[[Settings, bool], Troupe] | None = None,
) -> Report:
    """Carry a plan out; `troupe` makes the house (another one only in tests).

    Raises:
        Failed: the instance, or one of the rehearsal's own processes, does not do what it has to.
    """
    watcher = watcher or Watcher()
    make = troupe or (lambda settings, secure: Troupe(settings, secure=secure))
    watcher.begin(plan)
    began = monotonic()
    report = _blank(plan, settings)
    for secure in (False, True):
        acts = [act for act in plan.acts if act.secure is secure]
        if acts or (plan.intervals_ms and not secure):
            watcher.prepare("instance")
            with make(settings, secure) as house:
                _play_house(house, acts, plan, settings, watcher, report, began)
    report.seconds = round(monotonic() - began, 1)
    return report


def _play_house(
    house: Troupe,
    acts: Iterable[Act],
    plan: Plan,
    settings: Settings,
    watcher: Watcher,
    report: Report,
    began: float,
) -> None:
    """All acts of one instance, and its recording."""
    if not house.instance.secure:
        for interval_ms in plan.intervals_ms:
            watcher.prepare(f"interval {interval_ms}")
            measured = measure_interval(house.instance, settings, interval_ms, plan.scale.listeners)
            report.seats += [measured] if measured is not None else []
    player = Player(house, plan.scale, began, watcher.look)
    watcher.prepare("gather")
    player.gather()
    for act in acts:
        played = player.play(act)
        report.acts.append(played)
        watcher.played(played)
    report.rows += player.rows[:ROWS_MAX]
    watcher.prepare("recording")
    house.instance.end()
    folder = house.instance.directory.recording(house.instance.conversation)
    _read_recording(folder, player, report)


def _read_recording(folder: Path, player: Player, report: Report) -> None:
    recording = read_recording(folder)
    report.recordings.append(recording)
    report.findings += judge_recording(recording)
    windows = [(since, until) for _, since, until in player.windows]
    for (played, _, _), missing in zip(player.windows, missing_packets(folder, windows), strict=True):
        played.spoken = type(played.spoken)(
            sent=played.spoken.sent,
            received=played.spoken.received,
            heard=played.spoken.heard,
            lost=played.spoken.lost,
            missing=missing,
        )
        played.findings.append(judge_packets(played))


def _blank(plan: Plan, settings: Settings) -> Report:
    given = settings.as_environment()
    return Report(
        version=version("hiwar"),
        at_wallclock=wallclock(),
        seconds=0.0,
        machine=machine(),
        settings={key: given[f"HIWAR_{key.upper()}"] for key in KEPT},
        listeners=plan.scale.listeners,
        act_seconds=round(plan.scale.seconds, 1),
        force=plan.scale.force,
        quick=plan.quick,
    )


def machine() -> dict[str, str | float | int]:
    """What it was measured on; no name and no path of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": model or platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory_gib": round(memory, 1),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }
