"""What a machine spends and what it says of itself: the world's truth behind the readings. Pure.

Rules
- The truth is here, the admission cores have only what a worker would read of itself, a tick later and
  blurred.
- What the machine cannot take up, it can neither answer nor count: an attack that is larger looks no larger.

Theory of operation: a worker's core is work that comes in and work that is left over (`backlog_s`, which
the kernel ends by taking no more connections). Writes are the listeners by the mean of their intervals,
which follow the order for longer ones as the edge leads them. What things cost are measured figures; all of
them can be said otherwise.

Frames of the speakers are late by what is in their way. A stage with a core of its own is late by what any
process is. Where it shares the core with a worker, it waits for the worker's slices as in a queue with
random arrivals (M/M/1: the wait is above t with probability rho * exp(-(1 - rho) * t / slice)), and a
backlog makes all of them late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

from hiwar.admission.house import TICK_S
from hiwar.admission.pace import RAMP_MS_PER_SECOND, Cuts
from hiwar.admission.readings import WorkerReading
from hiwar.admission.rungs import RULES, Pages, Rung
from hiwar.sim.addresses import Random
from hiwar.sim.desk import Counted

BACKLOG_S_MAX = 2.0  # the kernel's queue of connections is full then
SLICE_MS = 0.05  # of the worker, before a stage of higher priority is served
FRAME_LATE_MS, FRAMES_A_SECOND = 5.0, 50
ALONE_LATE_MS = (0.1, 0.8)  # of a stage with a core of its own
HICCUP_ONE_IN, HICCUP_MS = 100, 12.0  # ticks in which one frame is late, whatever is done
BLUR = 0.04  # of what a worker reads of its processor time, either way
LISTENER_BITS, LIGHTER_BITS = 64_000, 32_000
DESCRIPTORS_MAX = 1_000_000
MEMORY_BYTES = 8 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Microseconds of a worker's core: one write; a join; a question for a seat that is answered by waiting,
    or refused; a page, by where it comes from. `idle` is the load of a worker that serves nobody."""

    write_us: float = 12.0
    join_us: float = 500.0
    ask_us: float = 22.0
    refuse_us: float = 10.0
    page_us: tuple[float, float, float] = (45.0, 40.0, 18.0)  # fresh, cached, from the cache only
    idle: float = 0.02

    def page(self, rung: Rung) -> float:
        return self.page_us[tuple(Pages).index(RULES[rung].pages)]

    def asking(self, rung: Rung) -> float:
        """What one more question costs where newcomers wait, or are refused."""
        return self.ask_us if len(RULES[rung].comers) > 2 else self.refuse_us


class Machine:
    """Of one edge. `shared`: the stage has no core of its own."""

    def __init__(self, costs: Costs, workers: int, random: Random, *, shared: bool = False) -> None:
        self.costs = costs
        self.backlog_s = 0.0
        self.load = 0.0
        self.frame_late_ms = 0.0
        self._workers = workers
        self._random = random
        self._shared = shared
        self._interval_ms = 160.0
        self._fan_out = 0.0
        self._before: tuple[WorkerReading, ...] = ()

    def takes_up(self, asks: float, pages: float, rung: Rung) -> float:
        """Which part of what comes in this tick finds a place in the queue, 0..1."""
        wanted = (asks * self.costs.asking(rung) + pages * self.costs.page(rung)) / 1e6 / self._workers
        left = max(0.0, BACKLOG_S_MAX - self.backlog_s + TICK_S * (1 - self.costs.idle - self._fan_out))
        return 1.0 if wanted <= left else left / wanted

    def read(
        self, counts: Sequence[int], pages: float, listeners: int, cuts: Cuts | None, rung: Rung
    ) -> tuple[WorkerReading, ...]:
        """The machine works for a tick. Returns what its workers read of themselves: of the tick before."""
        self._lead(listeners, counts[Counted.ADMITTED], cuts)
        self._work(counts, pages, listeners, rung)
        reading = self._reading(counts, pages, listeners, cuts)
        told = self._before
        self._before = (reading,) * self._workers
        return told or self._before

    def _lead(self, listeners: int, joined: int, cuts: Cuts | None) -> None:
        """Those inside go by the ramp, newcomers begin with what is ordered."""
        if cuts is None:
            return
        step = RAMP_MS_PER_SECOND * TICK_S
        self._interval_ms += max(-step, min(step, cuts.interval_ms - self._interval_ms))
        if listeners:
            self._interval_ms += (cuts.interval_ms - self._interval_ms) * min(1.0, joined / listeners)

    def _work(self, counts: Sequence[int], pages: float, listeners: int, rung: Rung) -> None:
        costs = self.costs
        self._fan_out = self._writes(listeners) * costs.write_us / 1e6
        door = counts[Counted.ADMITTED] * costs.join_us
        door += (counts[Counted.WAITING] + counts[Counted.CHALLENGED]) * costs.ask_us
        door += counts[Counted.REFUSED] * costs.refuse_us + pages * costs.page(rung)
        wanted = costs.idle + self._fan_out + door / 1e6 / TICK_S / self._workers
        load = wanted + self.backlog_s / TICK_S
        self.backlog_s = min(max(0.0, load - 1) * TICK_S, BACKLOG_S_MAX)
        self.load = min(1.0, load)

    def _writes(self, listeners: int) -> float:
        """Of one worker, a second."""
        return listeners / self._workers * 1000 / self._interval_ms

    def _reading(
        self, counts: Sequence[int], pages: float, listeners: int, cuts: Cuts | None
    ) -> WorkerReading:
        share = 1 / TICK_S / self._workers
        asks = sum(counts[: Counted.TOO_MANY]) * share
        self.frame_late_ms, late_frames = self._frames()
        blur = 1 + BLUR * (self._random.getrandbits(16) / 32768 - 1)
        bits = LIGHTER_BITS if cuts is not None and cuts.lighter else LISTENER_BITS
        return WorkerReading(
            cpu=min(1.0, self.load * blur),
            writes=self._writes(listeners),
            write_lateness_s=self.backlog_s,
            listeners=listeners // self._workers,
            egress_bits=listeners / self._workers * bits,
            descriptors=listeners // self._workers + 64,
            descriptors_max=DESCRIPTORS_MAX,
            requests=asks + pages * share,
            arrivals=asks,
            joins=counts[Counted.ADMITTED] * share,
            refused=(counts[Counted.REFUSED] - counts[Counted.TOO_MANY]) * share,
            frame_lateness_ms=self.frame_late_ms,
            frames_late=late_frames,
            recorder_lag_s=1.0,
        )

    def _frames(self) -> tuple[float, float]:
        """The lateness of the latest of a second's frames (ms), and how many are late a second."""
        low, high = ALONE_LATE_MS
        late_ms = low + (high - low) * self._random.getrandbits(16) / 65536
        if self._random.getrandbits(16) % HICCUP_ONE_IN == 0:
            return HICCUP_MS, 1.0
        if not self._shared:
            return late_ms, 0.0
        if self.backlog_s:
            return max(25.0, 1000 * self.backlog_s), float(FRAMES_A_SECOND)
        free = max(1e-3, 1 - self.load)
        of_a_second = SLICE_MS / free * log(max(1.0, self.load * FRAMES_A_SECOND))
        late = FRAMES_A_SECOND * self.load * exp(-free * FRAME_LATE_MS / SLICE_MS)
        return late_ms + of_a_second, late
