"""The control: `python -m hiwar.rehearsal.sleeper <pid>`, a process that only sleeps to deadlines 20 ms
apart.

It runs on the cores and with the rank of the frame clock of the stage `pid` (`ops.placement`), as far as the
system allows; what it is late by is the machine's doing, and what the stage is late beyond that is Hiwar's. A
line on its input is answered with how late it was since the last one, in seconds; it ends with its input.
"""

import contextlib
import os
import selectors
import sys
from pathlib import Path

from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.ops.clock import monotonic
from hiwar.rehearsal.stdio import become_child

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
REAL_TIME = (os.SCHED_FIFO, os.SCHED_RR)
LATE_MAX = 200_000  # an hour of frames that nobody asked for


def rank_as(pid: int) -> None:
    """Take the cores and the rank of the first thread of a process that is of real time, else of its first.

    Raises:
        ProcessLookupError: there is no such process.
    """
    threads = sorted(int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir())
    clock = next((thread for thread in threads if _policy(thread) in REAL_TIME), threads[0])
    policy = _policy(clock)
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, os.sched_getaffinity(clock))
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, clock))
    with contextlib.suppress(OSError):
        if niceness := group_niceness(Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii")):
            Path("/proc/self/autogroup").write_text(niceness, encoding="ascii")
    with contextlib.suppress(OSError):
        if policy in REAL_TIME:
            os.sched_setscheduler(0, policy | os.SCHED_RESET_ON_FORK, os.sched_getparam(clock))


def group_niceness(line: str) -> str:
    """The niceness in "/autogroup-745 nice 0"; empty, as the line is, for a process that belongs to no such
    group: on some machines everything that was not started from a terminal (sched(7))."""
    return line.rpartition(" nice ")[2].strip()


def _policy(thread: int) -> int:
    return os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK


def run(pid: int) -> None:
    """Sleep until the input ends."""
    rank_as(pid)
    late: list[float] = []
    asked = selectors.SelectSelector()  # epoll(7) sleeps for whole milliseconds, and the stage does not
    asked.register(sys.stdin.fileno(), selectors.EVENT_READ)
    due = monotonic()
    while True:
        due += FRAME_S
        if asked.select(max(0.0, due - monotonic())):
            if not os.read(sys.stdin.fileno(), 64):
                return
            print(" ".join(f"{value:.6f}" for value in late), flush=True)
            late = []
            due = monotonic()
        elif len(late) < LATE_MAX:
            late.append(monotonic() - due)


if __name__ == "__main__":
    become_child(0)
    run(int(sys.argv[1]))
