"""What a worker reads of itself four times a second, for the owner of the seats.

Nothing here costs the fan-out anything: counters are read that are counted anyway, and rates are their
differences. How late writes are is how late the loop comes to a timer of its own: whatever holds the loop
up holds up every write.
"""

import asyncio
import resource
from collections.abc import Callable
from time import process_time

from hiwar.admission.gate import Gate
from hiwar.admission.readings import WorkerReading
from hiwar.door.server import DoorServer
from hiwar.edge.stages import Stages
from hiwar.ops.clock import monotonic

READ_EVERY_S = 0.25
LOOKED_EVERY_S = 0.05  # how often the loop's lateness is taken
HEALTH_FRESH_S = 2.0  # a stage tells twice a second; one that has fallen silent says nothing of now
VERDICTS = ("admit", "challenge", "wait", "refuse")


class Meter:
    """Reads one worker."""

    def __init__(self, door: DoorServer, stages: Stages, gate: Gate) -> None:
        self._door, self._stages, self._gate = door, stages, gate
        self._last = self._counts()
        self._last_at = monotonic()
        self._late = 0.0
        self._descriptors_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run(self, tell: Callable[[WorkerReading], None]) -> None:
        """Read and tell until cancelled."""
        due = monotonic()
        while True:
            due += LOOKED_EVERY_S
            await asyncio.sleep(max(0.0, due - monotonic()))
            now = monotonic()
            self._late = max(self._late, now - due)
            due = max(due, now - LOOKED_EVERY_S)
            if now - self._last_at >= READ_EVERY_S:
                tell(self.read(now))

    def read(self, now: float) -> WorkerReading:
        """What was seen since the last reading."""
        counts = self._counts()
        seconds = max(1e-3, now - self._last_at)
        rates = {name: (value - self._last[name]) / seconds for name, value in counts.items()}
        self._last, self._last_at = counts, now
        late, self._late = self._late, 0.0
        lateness, frames_late, lag = self._health(now)
        listeners = sum(each.listeners(now) for each in self._stages.broadcasts.values())
        return WorkerReading(
            cpu=min(1.0, rates["cpu"]),
            writes=rates["writes"],
            write_lateness_s=late,
            listeners=listeners,
            egress_bits=rates["bytes"] * 8,
            descriptors=self._door.connections + 64,
            descriptors_max=self._descriptors_max,
            requests=rates["requests"] + rates["connections"],
            arrivals=sum(rates[name] for name in VERDICTS),
            joins=rates["admit"],
            refused=rates["refuse"] - rates["beyond_limits"],
            frame_lateness_ms=lateness,
            frames_late=frames_late,
            recorder_lag_s=lag,
            verdicts={name: rates[name] for name in VERDICTS},
        )

    def _counts(self) -> dict[str, float]:
        """Of the whole time so far; `cpu` in seconds, `bytes` of long responses."""
        counted = (self._door.counts, self._stages.counts, self._gate.counts)
        named = (("requests", "connections"), ("writes", "bytes"), VERDICTS)
        counts: dict[str, float] = {
            name: counter[name] for counter, names in zip(counted, named, strict=True) for name in names
        }
        return counts | {"beyond_limits": self._gate.beyond_limits, "cpu": process_time()}

    def _health(self, now: float) -> tuple[float, float, float]:
        """The worst of the stages that are heard: lateness (ms), late frames a second, recorder lag (s)."""
        told = [
            each.health
            for each in self._stages.broadcasts.values()
            if each.health is not None and now - each.health_at < HEALTH_FRESH_S
        ]
        return (
            max((each.frame_lateness_ms for each in told), default=0.0),
            max((each.frames_late for each in told), default=0.0),
            max((each.recorder_lag_s for each in told), default=0.0),
        )
