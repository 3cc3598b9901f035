"""A simulated machine under a crowd and attacks, with its owner's controllers; and the oracle.

The world knows the truth: who asks, who floods, what each thing costs. The controllers see only `Signals`:
noisy, half a second old, and blind to what the machine could not even take up. The oracle sees only the
truth and reckons, for each rung, what the steady state on it would be.
"""

from dataclasses import dataclass, field, replace
from random import Random

from hiwar.admission.capacity import Capacity, CapacityControl
from hiwar.admission.ladder import Ladder, Move
from hiwar.admission.pace import Cuts, Pace
from hiwar.admission.rungs import RUNGS, Rung
from hiwar.admission.signals import Limits, Signals

TICK_S = 0.25
WRITE_US, JOIN_US, IDLE = 12.0, 500.0, 0.03  # the truth; the controllers' priors are 22, 600, 0.02
ASK_US = {Rung.OPEN: 24, Rung.BUSY: 24, Rung.LIMITED: 22, Rung.SIEGE: 10, Rung.RECORD_ONLY: 10}
PAGE_US = {Rung.OPEN: 45, Rung.BUSY: 45, Rung.LIMITED: 40, Rung.SIEGE: 18, Rung.RECORD_ONLY: 18}
BACKLOG_S_MAX = 2.0  # then the kernel refuses
STAY_S = 1200.0


@dataclass(frozen=True)
class Demand:
    """The truth of one moment, a second: honest people who come, bots' askings, requests for pages."""

    people: float = 1.0
    bots: float = 0.0
    pages: float = 20.0

    def times(self, factor: float) -> "Demand":
        return Demand(self.people * factor, self.bots * factor, self.pages * factor)


CALM = Demand()
DEMANDS = (
    Demand(people=20),
    Demand(people=45),
    Demand(people=60),
    Demand(people=80),
    Demand(people=400),
    Demand(bots=120),
    Demand(bots=200),
    Demand(bots=500),
    Demand(bots=10_000),
    Demand(bots=20_000),
    Demand(bots=25_000),
    Demand(bots=42_000),
    Demand(bots=45_000),
    Demand(bots=90_000),
    Demand(people=200, bots=50_000),
    Demand(pages=12_000),
    Demand(pages=17_000),
    Demand(pages=30_000),
    Demand(bots=10_000, pages=30_000),
    Demand(people=200, bots=10_000, pages=8_000),
)


@dataclass
class Machine:
    """One worker and one stage. `shared`: they share a core, so a full one makes frames late."""

    seed: int
    limits: Limits = field(default_factory=lambda: Limits(joins_max=50, seats_max=5000))
    demand: Demand = field(default_factory=Demand)
    shared: bool = False
    sick: bool = False  # the speakers suffer whatever is done
    ask_again_s: float = 10.0  # of honest people told to wait
    ask_again_siege_s: float = 10.0
    noise: float = 0.04
    seated: float = 2000.0
    honest_waiting: float = 0.0
    bot_seats: float = 0.0
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.capacity_control = CapacityControl()
        self.pace = Pace()
        self.ladder = Ladder(self.now)
        self.mean_ms = 160.0
        self.backlog_s = 0.0
        self.moves: list[tuple[float, Move]] = []
        self.cuts = Cuts(True, 160, False, True, 0)
        self.capacity: Capacity | None = None
        self._past: list[Signals] = []

    @property
    def rung(self) -> Rung:
        return self.ladder.rung

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / TICK_S)):
            self.tick()

    def tick(self) -> None:
        self.now += TICK_S
        self._past = [*self._past[-2:], self._live()]
        signals = self._gathered()
        self.capacity = self.capacity_control.decide(signals, self.limits, self.now)
        model = self.capacity_control.model
        self.cuts = self.pace.decide(signals, self.capacity, model, self.limits, self.now)
        move = self.ladder.decide(signals, self.capacity, model, self.now, admitting=self.cuts.admitting)
        if move is not None:
            self.moves.append((self.now, move))

    def asking(self, rung: Rung) -> float:
        """Honest askings a second, with those who ask again."""
        again = self.ask_again_siege_s if rung is Rung.SIEGE else self.ask_again_s
        return self.demand.people + self.honest_waiting / again

    def _live(self) -> Signals:
        """Let a tick pass; the truth of it as the machine itself could count it."""
        asks = self.asking(self.rung)
        fan_out = self.seated * 1000 / self.mean_ms * WRITE_US / 1e6
        joins = self._join(asks)
        unseated = max(0.0, asks + self.demand.bots - joins)
        door = joins * JOIN_US + unseated * ASK_US[self.rung] + self.demand.pages * PAGE_US[self.rung]
        wanted = IDLE + fan_out + door / 1e6 + self.backlog_s / TICK_S
        self.backlog_s = min(max(0.0, wanted - 1) * TICK_S, BACKLOG_S_MAX)
        taken_up = min(1.0, 1 / wanted)  # what the machine could not take up, it cannot count either
        self._ramp()
        late = self.sick or (self.shared and self.backlog_s > 0)
        hiccup = self.random.random() < 0.01
        return Signals(
            frame_lateness_ms=25.0 if late else 12.0 if hiccup else self.random.uniform(0.1, 0.8),
            frames_late=12.0 if late else 1.0 if hiccup else 0.0,
            recorder_lag_s=1.0,
            cpu=min(1.0, wanted),
            writes=self.seated * 1000 / self.mean_ms,
            write_lateness_s=self.backlog_s,
            listeners=int(self.seated),
            egress_bits=self.seated * (32_000 if self.cuts.lighter else 64_000),
            descriptors=int(self.seated) + 100,
            descriptors_max=65_536,
            memory_available_bytes=4 * 1024**3,
            listener_bytes=8_000,
            requests=(joins + unseated + self.demand.pages) * taken_up,
            arrivals=(asks + self.demand.bots) * taken_up,
            joins=joins,
            refused=unseated * taken_up,
            waiting=int(self.honest_waiting),
            seats_taken=int(self.seated),
        )

    def _join(self, asks: float) -> float:
        """Seat whom the rung lets in; returns seats given a second."""
        self.seated -= self.seated / STAY_S * TICK_S
        self.bot_seats -= self.bot_seats / STAY_S * TICK_S
        if self.capacity is None:
            return 0.0
        if self.rung in (Rung.SIEGE, Rung.RECORD_ONLY):
            self.honest_waiting += self.demand.people * TICK_S
            return 0.0
        free = max(0.0, self.capacity.seats - self.seated) / TICK_S
        room = min(self.capacity.joins, free) if self.cuts.admitting else 0.0
        honest, bots = asks, min(self.demand.bots, asks)  # a cap by prefix holds bots to the half
        total = honest + bots
        joins = min(room, total)
        share = honest / total if total else 0.0
        self.seated += joins * TICK_S
        self.bot_seats += joins * (1 - share) * TICK_S
        came = self.demand.people * TICK_S
        self.honest_waiting = max(0.0, self.honest_waiting + came - joins * share * TICK_S)
        return joins

    def _ramp(self) -> None:
        step = 30 * TICK_S
        self.mean_ms += max(-step, min(step, self.cuts.interval_ms - self.mean_ms))

    def _gathered(self) -> Signals:
        """The mean of the two ticks before this one, with noise in what is measured."""
        older = self._past[:2]
        first, last = older[0], older[-1]
        blur = 1 + self.random.uniform(-self.noise, self.noise)
        return replace(
            last,
            cpu=min(1.0, (first.cpu + last.cpu) / 2 * blur),
            arrivals=(first.arrivals + last.arrivals) / 2 * blur,
            requests=(first.requests + last.requests) / 2 * blur,
            joins=(first.joins + last.joins) / 2,
            frames_late=max(first.frames_late, last.frames_late),
            frame_lateness_ms=max(first.frame_lateness_ms, last.frame_lateness_ms),
            write_lateness_s=max(first.write_lateness_s, last.write_lateness_s),
        )


# What the rungs are for, in the words of the design: the oracle's measures. Shares of the core, of the joins
# possible and of the seats.
FITS = {
    Rung.OPEN: (0.75, 0.8, 0.85),
    Rung.BUSY: (0.88, 1.0, 1.0),
    Rung.LIMITED: (0.95, float("inf"), float("inf")),
}


def oracle(machine: Machine, demand: Demand) -> Rung:
    """The least severe rung on which, in the steady state under `demand`, everything fits."""
    return next((rung for rung in FITS if _fits(machine, demand, rung)), Rung.SIEGE)


def _fits(machine: Machine, demand: Demand, rung: Rung) -> bool:
    load_max, rush_max, full_max = FITS[rung]
    seats, possible = machine.limits.seats_max, machine.limits.joins_max
    asks = demand.people + demand.bots + machine.honest_waiting / machine.ask_again_s
    joins = min(asks, possible)
    fan_out = machine.seated * 1000 / machine.mean_ms * WRITE_US / 1e6
    door = joins * JOIN_US + (asks - joins) * ASK_US[rung] + demand.pages * PAGE_US[rung]
    full = machine.seated / seats
    fits_load = IDLE + fan_out + door / 1e6 <= load_max
    return fits_load and asks <= possible * rush_max and full <= full_max


def right_rungs(machine: Machine, slack: float = 0.15) -> tuple[Rung, Rung]:
    """The oracle's rung for a little less and a little more than the truth: between them either is right."""
    demand = machine.demand
    return oracle(machine, demand.times(1 - slack)), oracle(machine, demand.times(1 + slack))


def settles_right(machine: Machine, within_s: float) -> float:
    """Seconds until the ladder stands on a right rung and stays; more than `within_s` if not."""
    wrong_until, began = machine.now, machine.now
    while machine.now - began < within_s + 3:
        machine.tick()
        low, high = right_rungs(machine)
        if not low.severity <= machine.rung.severity <= high.severity:
            wrong_until = machine.now + TICK_S
    return wrong_until - began


assert tuple(FITS) == RUNGS[:3]
