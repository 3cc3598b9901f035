"""Memory on air: a warm spare, a stage, what each speaker and each listener adds, and whether it stays flat.

Sizes are proportional set sizes; growth is that of what each process made for itself. `MEMORY_MINUTES`
changes how long it is watched; the first minute is not counted, since the live window and the burst fill
in it.
"""

import contextlib
import os
import time

from bench.harness import Outcome, Progress, own_kb, pss_kb
from bench.listening import SteadyListener
from bench.speakers import connected
from tests.running import Hiwar, Opened, command_room, until

TITLE = "Memory on air: a stage, a speaker, a listener"
MINUTES = float(os.environ.get("MEMORY_MINUTES", "4"))
WARM_SECONDS = 90.0  # the relay's backlog and the live window hold a minute
EVERY_SECONDS = 5.0
FEW, MANY = 2, 10
LISTENERS = 500


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    with Hiwar() as hiwar:
        until(lambda: hiwar.pids("stage"), 30)
        time.sleep(5.0)
        (spare,) = hiwar.pids("stage")
        outcome.beside("warm spare", pss_kb(spare) / 1024, "MB")
        few = _on_air(hiwar, FEW, progress)
        with contextlib.ExitStack() as kept:
            many, rows = _watched(hiwar, kept, outcome, progress)
    outcome.beside(f"stage of {FEW} speakers, first seconds", few / 1024, "MB")
    outcome.beside(f"stage of {MANY} speakers, first seconds", many / 1024, "MB")
    outcome.beside("a speaker", (many - few) / (MANY - FEW), "KB")
    for role, held in rows.items():
        growth = 100.0 * (held[-1] / held[0] - 1)
        outcome.at_most(f"growth of {role} over {MINUTES:g} minutes", growth, "%", 5.0)
        outcome.beside(f"{role} at the end, its own", held[-1] / 1024, "MB")
        outcome.samples[role] = held
    return outcome


def _on_air(hiwar: Hiwar, count: int, progress: Progress) -> int:
    """A short conversation; the stage's memory (KiB)."""
    progress(f"{count} speakers")
    opened = hiwar.open(cohosts=0, guests=count - 1)
    with connected(hiwar, opened, count):
        stage = _open_air(hiwar, opened)
        memory = pss_kb(stage)
        command_room(hiwar, opened, kind="end")
    until(lambda: not (hiwar.runtime / f"{opened.id}.pid").exists(), 30)
    return memory


def _open_air(hiwar: Hiwar, opened: Opened) -> int:
    command_room(hiwar, opened, kind="open_air")
    until(lambda: hiwar.get(f"/c/{opened.id}/now").status == 200)
    time.sleep(10.0)
    return int((hiwar.runtime / f"{opened.id}.pid").read_text())


def _watched(
    hiwar: Hiwar, kept: contextlib.ExitStack, outcome: Outcome, progress: Progress
) -> tuple[int, dict[str, list[float]]]:
    """Many speakers, many listeners: the stage's memory at first, and each role's from then on."""
    opened = hiwar.open(cohosts=0, guests=MANY - 1)
    kept.enter_context(connected(hiwar, opened, MANY))
    stage = _open_air(hiwar, opened)
    first = pss_kb(stage)
    _listeners(hiwar, opened, kept, outcome, progress)
    pids = {"stage": [stage]} | {role: hiwar.pids(role) for role in ("edge", "backstage", "archive", "web")}
    rows: dict[str, list[float]] = {role: [] for role in pids}
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        time.sleep(EVERY_SECONDS)
        for role, many in pids.items():
            rows[role].append(float(sum(map(own_kb, many))))
        progress(
            f"{end - time.monotonic():.0f} s left, {sum(row[-1] for row in rows.values()) / 1024:.0f} MB"
        )
    command_room(hiwar, opened, kind="end")
    return first, rows


def _listeners(
    hiwar: Hiwar, opened: Opened, kept: contextlib.ExitStack, outcome: Outcome, progress: Progress
) -> None:
    progress("warming up")
    time.sleep(WARM_SECONDS)
    before = sum(map(pss_kb, hiwar.pids("edge")))
    kept.enter_context(SteadyListener(hiwar.edge_port, f"/c/{opened.id}/live.mp4", LISTENERS))
    time.sleep(10.0)
    added = sum(map(pss_kb, hiwar.pids("edge"))) - before
    outcome.at_most(f"a listener (of {LISTENERS})", added / LISTENERS, "KB", 6.0)
