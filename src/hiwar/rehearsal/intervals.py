"""How many listeners this machine seats at each write interval, measured.

For each interval a front door of its own is started beside the instance, with a runtime folder in which the
stage's sockets are linked: the real stage, the real relay, one worker that writes to this crowd alone. What
it uses of its processor, for each listener and second, is measured while they listen steadily; the rest is
arithmetic, the same that the front door does (`admission.capacity`): processor, descriptors, memory, line.

The crowd shares the machine with the door, so few listeners are let in and the rest is reckoned: a write
costs what it costs, however many there are.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hiwar.admission.capacity import INTERVAL_MS_LONGEST, TARGET_LOAD, Bound, decide_capacity
from hiwar.admission.costs import IDLE_LOAD
from hiwar.admission.signals import Health, Limits, Signals
from hiwar.ops.clock import monotonic
from hiwar.ops.machine import available_memory, descriptors_max
from hiwar.ops.settings import Settings
from hiwar.rehearsal.aim import Aim, NotOurs, descendants
from hiwar.rehearsal.family import Relative
from hiwar.rehearsal.instance import Failed, Instance, free_port
from hiwar.rehearsal.measures import read_process
from hiwar.rehearsal.orders import SEATED, Begin, Come, Crowded, Living
from hiwar.rehearsal.records import SeatsAt
from hiwar.relay.directory import Directory
from hiwar.relay.front import read_front_state

INTERVALS_MS = (80, 160, 320, 640, 1280, INTERVAL_MS_LONGEST)
QUICK_MS = (160, 1280)
START_S_MAX = 15.0
SETTLE_S, IDLE_MEASURE_S, MEASURE_S = 1.5, 2.0, 5.0
LISTENERS_MIN = 300  # fewer cost less than what else a worker does
MICROS_MIN = 1.0  # less was never seen, and is noise
JOIN_PER_S = 150.0
LET_IN_SHARE_MIN = 0.25


def measure_interval(
    instance: Instance, settings: Settings, interval_ms: int, listeners: int
) -> SeatsAt | None:
    """Let `listeners` in at one interval, and reckon; None where the door, for what else this machine does,
    let in too few of them.

    Raises:
        Failed: the door did not start.
    """
    listeners = max(listeners, LISTENERS_MIN)
    with _door(instance, interval_ms) as (aim, directory, parent), _crowd() as crowd:
        crowd.tell(Begin(port=aim.port, mark=aim.mark, secure=False, conversation=instance.conversation))
        _listen(crowd, SETTLE_S)
        idle = _load(parent, crowd, IDLE_MEASURE_S)[0]
        crowd.tell(Come(group=SEATED, count=listeners, per_s=JOIN_PER_S))
        there = _wait_for_listeners(crowd, listeners)
        _listen(crowd, SETTLE_S)
        load, heard = _load(parent, crowd, MEASURE_S)
        there = heard or there
        state = read_front_state(directory)
    if there < LET_IN_SHARE_MIN * listeners:
        return None
    micros = max(MICROS_MIN, (load - idle) / there * 1e6)
    return reckon(settings, state.interval_ms if state else interval_ms, there, micros)


def _load(parent: int, crowd: "Relative[Living | Crowded]", seconds: float) -> tuple[float, int]:
    """What the door's worker uses of a core; how many listen, by the crowd's last word (0: it said none)."""
    used, began = _cpu_s(parent), monotonic()
    there = _listen(crowd, seconds)
    return (_cpu_s(parent) - used) / (monotonic() - began), there


def _crowd() -> Relative[Living | Crowded]:
    return Relative("hiwar.rehearsal.crowd", Living | Crowded)


def reckon(settings: Settings, interval_ms: int, listeners: int, micros: float) -> SeatsAt:
    """Seats of the whole machine from what one listener takes of a core in a second (µs)."""
    workers = settings.edge_workers
    limits = Limits(workers=workers, egress_mbit=settings.egress_mbit, seats_max=settings.seats_max)
    descriptors = descriptors_max() * workers
    signals = Signals.idle(descriptors_max=descriptors, memory_available_bytes=available_memory())
    processor = int((TARGET_LOAD - IDLE_LOAD) / micros * 1e6) * workers
    capacity = decide_capacity(signals, limits, processor=processor, joins=1.0, health=Health.WELL)
    bounds = {bound.value: seats for bound, seats in capacity.bounds.items() if bound is not Bound.HOST}
    return SeatsAt(
        interval_ms=interval_ms,
        listeners=listeners,
        micros=round(micros, 2),
        bounds=bounds,
        seats=capacity.seats,
        by=capacity.by.value,
    )


@contextlib.contextmanager
def _door(instance: Instance, interval_ms: int) -> Iterator[tuple[Aim, Directory, int]]:
    """A front door with its own runtime folder: its aim, its directory, its parent process."""
    data, runtime = instance.directory.data, instance.directory.data.parent / f"run-{interval_ms}"
    runtime.mkdir(mode=0o700)
    for suffix in ("data", "control"):
        name = f"{instance.conversation}.{suffix}"
        (runtime / name).symlink_to(instance.directory.runtime / name)
    given = {
        "HIWAR_RUNTIME_DIR": str(runtime),
        "HIWAR_EDGE_PORT": str(free_port()),
        "HIWAR_EDGE_WORKERS": "1",
        "HIWAR_WRITE_INTERVAL_MS": str(interval_ms),
        "HIWAR_EDGE_TLS_CERT": "",
        "HIWAR_EDGE_TLS_KEY": "",
    }
    aim = Aim(int(given["HIWAR_EDGE_PORT"]), instance.mark, os.getpid())
    command = [sys.executable, "-m", "hiwar", "edge", "--parent", str(os.getpid())]
    with subprocess.Popen(
        command,
        env=instance.environment | given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_for_door(aim, runtime, process)
            yield aim, Directory(data, runtime), process.pid
        finally:
            process.terminate()


def _wait_for_door(aim: Aim, runtime: Path, process: "subprocess.Popen[bytes]") -> None:
    end = monotonic() + START_S_MAX
    while monotonic() < end and process.poll() is None:
        with contextlib.suppress(NotOurs, subprocess.TimeoutExpired):
            process.wait(0.1) if not list(runtime.glob("edge-*.control")) else aim.check()
            if (runtime / "front.json").exists():
                return
    raise Failed("a front door for measuring did not start")


def _wait_for_listeners(crowd: "Relative[Living | Crowded]", listeners: int) -> int:
    end, there = monotonic() + listeners / JOIN_PER_S + START_S_MAX, 0
    while monotonic() < end and there < listeners:
        there = _listen(crowd, 0.5) or there
    return there


def _listen(crowd: "Relative[Living | Crowded]", seconds: float) -> int:
    """Hear the crowd for so long; how many listen by its last word (0: it said nothing)."""
    end, there = monotonic() + seconds, 0
    while (left := end - monotonic()) > 0:
        for said in crowd.hear(left):
            if isinstance(said, Living):
                there = said.listening
    return there


def _cpu_s(parent: int) -> float:
    """Processor seconds of the door's workers so far."""
    readings = (read_process(pid) for pid in descendants(parent))
    return sum(reading.cpu_s for reading in readings if reading is not None)
