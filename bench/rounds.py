"""One round of a fan-out bench: let a crowd in, and measure the process that serves it."""

import contextlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench import scripted
from bench.harness import cpu_seconds, pss_kb

CHUNK_BYTES = 640  # 64 kbit/s in 80 ms
INTERVAL_SECONDS = 0.64
SECONDS = 8  # of listening in each round: 100,000 writes to 8,000 listeners
KNOWN_CHUNKS = 2500  # more than are sent in a round
NICENESS = -5
LIVE = f"/c/{scripted.CONVERSATION}/live.ogg"
STEADY = {"WRITE_INTERVAL_MS": "640", "BURST_SECONDS": "0"}


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: microseconds of CPU per listener-second, KiB a listener, and what the crowd saw."""

    micros: float
    memory_kb: float
    report: dict[str, float]
    joined_seconds: float


def come_first() -> None:
    """Ask the system to prefer this bench, with its peers and crowds, to what else the machine does.

    Waits then are the measured process's own. Without the right to (root, or CAP_SYS_NICE) it stays as it is.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")


def let_in(pid: int, port: int, path: str, count: int, *options: str) -> Measured:
    """Let a crowd in, and measure the process `pid` while it listens steadily. `options` are the crowd's."""
    command = [sys.executable, "-m", "bench.crowd", "--port", str(port), "--path", path]
    command += ["--count", str(count), "--seconds", str(SECONDS), *options]
    before = pss_kb(pid)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        joined = json.loads(process.stdout.readline())
        steady = max(json.loads(process.stdout.readline())["steady"], 1)
        memory = (pss_kb(pid) - before) / steady
        start, cpu = time.monotonic(), cpu_seconds(pid)
        report = json.loads(process.stdout.readline())
        used, seconds = cpu_seconds(pid) - cpu, time.monotonic() - start
    return Measured(used / seconds / steady * 1e6, memory, report, joined["seconds"])


def known() -> tuple[str, ...]:
    """Options of a crowd that compares every byte with the scripted stage's."""
    return (
        *("--chunks", str(KNOWN_CHUNKS), "--chunk-bytes", str(CHUNK_BYTES)),
        *("--init-bytes", str(len(scripted.INIT))),
    )
