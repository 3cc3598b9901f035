"""Everything started by `hiwar serve`, and nobody there: memory, processor, and how long it took.

Memory is the proportional set size of `serve` and all processes that it started, together: a page that
several share is counted once. The time to ready is from the command until both doors and the pages answer.
"""

import time

from bench.harness import Outcome, Progress, cpu_seconds, median, pss_kb
from bench.scripted import children
from tests.running import Hiwar

TITLE = "Idle: everything started, nobody there"
STARTS = 3
SETTLE_SECONDS = 8.0  # until the spare stage is warm
SECONDS = 30.0


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    ready: list[float] = []
    with Hiwar() as hiwar:
        first = hiwar.ready_seconds
        progress("settling")
        time.sleep(SETTLE_SECONDS)
        measure(outcome, hiwar, progress)
        for number in range(STARTS):
            progress(f"start {number + 1} of {STARTS}")
            hiwar.stop()
            hiwar.start()
            ready.append(hiwar.ready_seconds)
    outcome.at_most("from command to ready", median(ready), "s", 6.0, f"median of {STARTS}")
    outcome.beside("first start, which makes the database", first, "s")
    outcome.samples["ready_seconds"] = ready
    return outcome


def measure(outcome: Outcome, hiwar: Hiwar, progress: Progress) -> None:
    """Memory and processor of all processes over half a minute."""
    assert hiwar.serve is not None
    roles = {process["pid"]: process["role"] for process in hiwar.status()["processes"]}
    roles[hiwar.serve.pid] = "serve"
    before = {pid: cpu_seconds(pid) for pid in roles}
    began = time.monotonic()
    progress(f"{len(roles)} processes for {SECONDS:.0f} s")
    time.sleep(SECONDS)
    used = {pid: cpu_seconds(pid) - before[pid] for pid in roles}
    percent = 100 * sum(used.values()) / (time.monotonic() - began)
    memory = {pid: pss_kb(pid) / 1024 for pid in roles}
    outcome.at_most("proportional set size in all", sum(memory.values()), "MB", 400)
    outcome.at_most("processor in all", percent, "% of a core", 2.0)
    workers = {child for pid, role in roles.items() if role == "edge" for child in children(pid)}
    for pid, role in sorted(roles.items(), key=lambda item: -memory[item[0]]):
        outcome.beside(f"memory of {role}" + " worker" * (pid in workers), memory[pid], "MB")
    outcome.samples["cpu_seconds"] = list(used.values())
