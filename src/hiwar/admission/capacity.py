"""How many seats the machine carries, and how many joins a second. Pure; one owner per machine.

Rules
- Seats are the least of processor, egress, descriptors, memory, the setting and the host's number; all the
  bounds are named, and which of them binds.
- Processor and egress are reckoned at the *end* of what can be given up: the longest write interval, the
  lighter renditions. What stands between is `pace`'s business.
- The speakers' health leads, whatever is reckoned: while it is strained seats are cut, at once and by a
  share; so they are while writes to the seated are late, if it is writing that takes the core (else the door
  does, and fewer seats would not help). They widen by small steps after a dwell.
- The host lowers freely. Raising lifts the processor's *estimate*, never the health's lead, nor any bound
  that is a fact (egress, descriptors, memory, the setting).
- Joins cost far more than listeners and are bounded apart: by what the busiest worker has to spare.

Theory of operation: additive increase, multiplicative decrease (Chiu and Jain, 1989) under a ceiling that
a cost model gives, because a controller without a model has to hurt the speakers to learn anything. A cut
starts from what is in use where that is less than the bound, else it would bite only after minutes; one
spell of strain takes at most half of what was in use when it began, since a neighbour of the machine can
strain the speakers too and emptying the room would not help against that; failing health has no such floor.
Nothing is widened while less than half is in use (Netflix concurrency-limits): calm at a low load proves
nothing about a high one.

Descriptors: `DESCRIPTORS_SHARE` of the limit may be seats; the rest is for those being judged. Memory:
what is available beyond a reserve, above what is held. Both follow the truth: whatever else eats them
leaves less for seats.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from hiwar.admission.costs import IDLE_LOAD, CostModel
from hiwar.admission.signals import Health, Limits, Signals, judge_health

INTERVAL_MS_LONGEST = 1920
TARGET_LOAD = 0.6  # of a worker's core by writes: at more, bursts of two ticks meet
SEATS_BOUND = 10_000_000  # where nothing else is known: beyond any machine, so that sums stay finite

DESCRIPTORS_SHARE = 0.8
DESCRIPTORS_SPARE = 256  # always free: files, sockets between processes
MEMORY_RESERVE_BYTES = 256 * 1024 * 1024  # for stage, archive and web while they grow

CUT_EVERY_S = 1.0  # the readings look back a second: sooner would cut twice for one fault
CUT_STRAINED, CUT_FAILING = 0.9, 0.7
CUT_USE_MIN = 50  # seats; where fewer are in use they are not what strains the machine
SPELL_FLOOR = 0.5  # of what was in use when the strain began
LATE_WRITES_S = 0.25  # seated listeners notice at their buffer's end; DAGOR calls 20 ms of queueing overload
WRITING_MIN = 0.25  # of a core: with less, it is not the seated who press
WIDEN_AFTER_S = 10.0
WIDEN_EVERY_S = 1.0
WIDEN_SHARE, WIDEN_MIN = 0.02, 10  # of the ceiling; seats

JOINS_SHARE = 0.35  # of a worker's time at most goes into joins
JOINS_SHARE_MIN = 0.02  # and at least, so that a flood of refusals does not shut out everybody
JOINS_LOAD_MAX = 0.85  # beyond this load joins get the least
JOINS_GROWTH = 1.1  # a tick: the bound falls at once and comes back in some seconds
JOINS_BY_HEALTH = {Health.WELL: 1.0, Health.UNEASY: 1.0, Health.STRAINED: 0.5, Health.FAILING: 0.1}


class Bound(StrEnum):
    """What can bind the number of seats."""

    PROCESSOR = "processor"
    EGRESS = "egress"
    DESCRIPTORS = "descriptors"
    MEMORY = "memory"
    SETTING = "setting"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Capacity:
    """`seats` in all, the least of `bounds` (those that are known); `by` names it. `joins` a second are
    at most seated, in all workers. `health` is what led, `egress_bits` the listeners' share of the line."""

    seats: int
    by: Bound
    bounds: Mapping[Bound, int]
    joins: float
    health: Health
    egress_bits: float


def decide_capacity(
    signals: Signals, limits: Limits, *, processor: int, joins: float, health: Health
) -> Capacity:
    """The least of all bounds; `processor` as the speakers' health leads it. On a tie the first binds."""
    bounds = {
        Bound.PROCESSOR: processor,
        Bound.DESCRIPTORS: _by_descriptors(signals),
        Bound.MEMORY: _by_memory(signals),
    }
    if limits.egress_mbit:
        bounds[Bound.EGRESS] = int(limits.egress_bits / limits.lighter_bits)
    if limits.seats_max:
        bounds[Bound.SETTING] = limits.seats_max
    if limits.host_seats is not None:
        bounds[Bound.HOST] = max(0, limits.host_seats)
    by = min(bounds, key=bounds.__getitem__)
    return Capacity(bounds[by], by, MappingProxyType(bounds), joins, health, limits.egress_bits)


def seats_by_model(model: CostModel, workers: int) -> int:
    """What the processor carries at the longest write interval and `TARGET_LOAD`, by the cost model."""
    listener_load = model.fan_out_of(1, INTERVAL_MS_LONGEST)
    return min(int((TARGET_LOAD - IDLE_LOAD) / listener_load) * workers, SEATS_BOUND)


class CapacityControl:
    """The state behind `decide_capacity`: the lead of the speakers' health, the cost model, the joins."""

    def __init__(self, model: CostModel | None = None) -> None:
        self.model = model or CostModel()
        self._led: float = SEATS_BOUND  # seats that the health allows
        self._joins = 0.0
        self._cut_at = float("-inf")
        self._widened_at = float("-inf")
        self._spell_floor: float | None = None  # set while a spell of strain lasts

    def decide(self, signals: Signals, limits: Limits, now: float) -> Capacity:
        """Once a tick; `now` in monotonic seconds, never going back."""
        health = judge_health(signals)
        self.model.learn(signals, limits)
        ceiling = max(seats_by_model(self.model, limits.workers), limits.host_seats or 0)
        ceiling = min(ceiling, SEATS_BOUND)
        self._led = min(self._led, ceiling)
        if health >= Health.STRAINED or self._writes_press(signals):
            self._cut(signals.seats_taken, health, now)
        elif health is Health.WELL:
            self._spell_floor = None
            self._widen(signals.seats_taken, ceiling, now)
        self._joins = self._bounded_joins(signals, limits, health)
        return decide_capacity(signals, limits, processor=int(self._led), joins=self._joins, health=health)

    def _writes_press(self, signals: Signals) -> bool:
        late = signals.write_lateness_s >= LATE_WRITES_S
        return late and self.model.fan_out(signals) >= WRITING_MIN

    def _cut(self, taken: int, health: Health, now: float) -> None:
        if now - self._cut_at < CUT_EVERY_S:
            return
        self._cut_at = now
        used = min(self._led, max(taken, CUT_USE_MIN))
        if self._spell_floor is None:
            self._spell_floor = used * SPELL_FLOOR
        if health is Health.FAILING:
            self._led = used * CUT_FAILING
        else:
            # a floor that failing health went below stays below: a cut never widens
            self._led = min(used, max(used * CUT_STRAINED, self._spell_floor))

    def _widen(self, taken: int, ceiling: int, now: float) -> None:
        rested = now - self._cut_at >= WIDEN_AFTER_S and now - self._widened_at >= WIDEN_EVERY_S
        if rested and taken >= int(self._led) / 2:
            self._widened_at = now
            self._led = min(self._led + max(ceiling * WIDEN_SHARE, WIDEN_MIN), ceiling)

    def _bounded_joins(self, signals: Signals, limits: Limits, health: Health) -> float:
        """Joins a second for which the busiest worker has time, at least one."""
        own = signals.joins * limits.join_us / 1e6 / limits.workers
        spare = JOINS_LOAD_MAX - max(0.0, signals.cpu - own)
        share = min(max(spare, JOINS_SHARE_MIN), JOINS_SHARE)
        wanted = share / (limits.join_us / 1e6) * limits.workers * JOINS_BY_HEALTH[health]
        if limits.joins_max:
            wanted = min(wanted, limits.joins_max)
        if not self._joins:
            return max(1.0, wanted)  # the first tick
        return max(1.0, min(wanted, self._joins * JOINS_GROWTH))


def _by_descriptors(signals: Signals) -> int:
    free = signals.descriptors_max - signals.descriptors - DESCRIPTORS_SPARE
    return max(0, min(int(signals.descriptors_max * DESCRIPTORS_SHARE), signals.listeners + free))


def _by_memory(signals: Signals) -> int:
    more = (signals.memory_available_bytes - MEMORY_RESERVE_BYTES) // max(1, signals.listener_bytes)
    return min(max(0, signals.listeners + more), SEATS_BOUND)
