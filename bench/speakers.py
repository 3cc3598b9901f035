"""What a speaker costs: 2, 10 and 20 of them, sending and hearing everybody else through real WebRTC.

The speakers are another process. The stage is held on one core, and on the same core, for the same time and
with the rank of its frame clock, runs the rehearsal's control, which does nothing but sleep to deadlines
20 ms apart: what it is late by is the machine's doing. The stage's lateness is its own histogram, the
difference of two readings; a percentile of it is the upper bound of the bucket it lies in, so never
flattered.
"""

import contextlib
import math
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Outcome, Progress, cpu_seconds, percentile
from tests.running import Hiwar, Opened, command_room, until, whip_speakers

TITLE = "One speaker's cost with full mix-minus, and how late 20 ms frames are"
COUNTS = (2, 10, 20)
GOAL_COUNT = 10
SETTLE_SECONDS = 5.0
SECONDS = 40.0
BUCKET = re.compile(r'hiwar_stage_frame_late_by_seconds_bucket\{le="([^"]+)"\} (\S+)')


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    used: dict[int, float] = {}
    core = max(os.sched_getaffinity(0))
    with Hiwar(environment={"HIWAR_SPEAKERS_MAX": "20"}) as hiwar:
        for count in COUNTS:
            progress(f"{count} speakers")
            used[count] = measure(outcome, hiwar, count, core)
    spread = (used[COUNTS[-1]] - used[COUNTS[0]]) / (COUNTS[-1] - COUNTS[0])
    outcome.beside("one more speaker", spread, "% of a core", "the slope from 2 to 20")
    return outcome


def measure(outcome: Outcome, hiwar: Hiwar, count: int, core: int) -> float:
    """A conversation of `count` speakers; returns the whole stage's processor, % of a core."""
    opened = hiwar.open(f"{count} speakers", cohosts=0, guests=count - 1)
    with connected(hiwar, opened, count):
        (stage,) = (pid for pid in hiwar.pids("stage") if _is_stage_of(hiwar, opened, pid))
        pin(stage, core)
        command_room(hiwar, opened, kind="open_air")
        until(lambda: hiwar.get(f"/c/{opened.id}/now").status == 200)
        time.sleep(SETTLE_SECONDS)
        with control(stage) as sleeper:
            counted = late_frames(hiwar, stage)
            before, began = cpu_seconds(stage), time.monotonic()
            time.sleep(SECONDS)
            percent = 100 * (cpu_seconds(stage) - before) / (time.monotonic() - began)
            late = {bound: count - counted[bound] for bound, count in late_frames(hiwar, stage).items()}
            slept = _read_control(sleeper)
        command_room(hiwar, opened, kind="end")
    until(lambda: not Path(f"/proc/{stage}").is_dir(), 30)
    _tell(outcome, count, percent, late, slept)
    return percent


def _tell(outcome: Outcome, count: int, percent: float, late: dict[float, float], slept: list[float]) -> None:
    stage = 1000 * bucket_percentile(late, 99.9)
    alone = 1000 * (percentile(slept, 99.9) or 0.0)
    if count == GOAL_COUNT:
        outcome.at_most(
            f"a speaker of {count}", percent / count, "% of a core", 2.0, "the whole stage, divided"
        )
        outcome.at_most(
            f"lateness p99.9 beyond the control, {count} speakers",
            min(1000.0, max(0.0, stage - alone)),
            "ms",
            2.0,
        )
    else:
        outcome.beside(f"a speaker of {count}", percent / count, "% of a core")
    outcome.beside(f"lateness p99.9, {count} speakers", None if stage == math.inf else stage, "ms")
    outcome.beside(f"lateness p99.9 of the control beside {count}", alone, "ms")
    outcome.beside(f"lateness p50, {count} speakers", 1000 * bucket_percentile(late, 50), "ms")
    outcome.samples[f"control_late_ms_{count}"] = [round(1000 * value, 3) for value in slept]


def connected(hiwar: Hiwar, opened: Opened, count: int) -> contextlib.AbstractContextManager[None]:
    """`count` speakers, sending and receiving."""
    serials = ["h1", *(f"g{number}" for number in range(1, count))]
    return whip_speakers(hiwar, opened, serials, "--seconds", "240")


def pin(pid: int, core: int) -> None:
    """Hold every thread of a process on one core; threads to come inherit it."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


@contextlib.contextmanager
def control(stage: int) -> Iterator[subprocess.Popen[str]]:
    """A process that only sleeps to deadlines, beside the stage; asked, it says how late it was."""
    command = [sys.executable, "-m", "hiwar.rehearsal.sleeper", str(stage)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    except BaseException:
        process.kill()
        raise


def _read_control(process: subprocess.Popen[str]) -> list[float]:
    written, _ = process.communicate("now\n", timeout=30)
    return [float(word) for word in written.split()]


def late_frames(hiwar: Hiwar, pid: int) -> dict[float, float]:
    """How many frames began at most so many seconds late, by the stage's own count."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(hiwar.runtime / f"metrics-stage-{pid}.sock"))
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return {float(bound): float(count) for bound, count in BUCKET.findall(text)}


def bucket_percentile(late: dict[float, float], percent: float) -> float:
    """The bound (seconds) under which `percent` of the frames lie; 20 ms and more are infinite."""
    wanted = max(late.values()) * percent / 100
    return min(bound for bound, count in late.items() if count >= wanted)


def _is_stage_of(hiwar: Hiwar, opened: Opened, pid: int) -> bool:
    return (hiwar.runtime / f"{opened.id}.pid").read_text().strip() == str(pid)
