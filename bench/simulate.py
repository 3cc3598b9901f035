"""Eight million simulated arrivals: what `hiwar simulate storm` takes, and what came of the storm.

The processor's time and the memory are those of a process of its own, which uses one core. Both depend on the
machine, and the time also on what else it does: on a busy one caches are shared, and it takes longer.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.harness import Outcome, Progress

TITLE = "A storm of 8 million arrivals over four edges, simulated"
SEED = 1


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    busy = os.getloadavg()[0]
    progress("8 million arrivals")
    report = simulated("storm", "--seed", str(SEED))
    machine, totals = report["machine"], report["totals"]
    came = sum(each["came"] for each in report["populations"])
    note = f"load average before {busy:.1f} on {os.cpu_count()} cores"
    outcome.at_least("arrivals", came, "people", 8_000_000)
    outcome.at_most("processor time", machine["cpu_s"], "s", 120.0, note)
    outcome.at_most("peak memory", machine["memory_mb"], "MB", 2048.0)
    outcome.beside(
        "an arrival", 1e6 * machine["cpu_s"] / came, "us", f"{totals['asks'] / came:.1f} questions each"
    )
    _storm(outcome, report)
    return outcome


def _storm(outcome: Outcome, report: dict[str, Any]) -> None:
    """What came of it: without a goal, for no figure says how many seats a storm finds."""
    for fate in report["populations"]:
        note = f"of {fate['judged']:,}; those who were told odds: {100 * fate['told_chance']:.1f} %, and "
        note += f"{100 * fate['told_seated']:.1f} % of them seated"
        outcome.beside(f"{fate['name']}: seated in their patience", 100 * fate["seated"], "%", note)
    taken, seats = max(report["series"]["taken"]), report["edges"] * report["seats"]
    outcome.beside("seats taken at most", taken, "seats", f"of {seats:,}")
    outcome.beside("questions a second at most", max(report["series"]["asks"]), "1/s")
    outcome.beside("moves of the ladder, an edge", len(report["moves"]) / report["edges"], "moves")
    for name in ("seconds", "taken", "waiting", "arrivals", "asks", "joins", "refused", "load", "rung"):
        outcome.samples[name] = report["series"][name]


def simulated(*arguments: str) -> dict[str, Any]:
    """The report of a `hiwar simulate` of its own process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "hiwar", "simulate", *arguments, "--json", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report
