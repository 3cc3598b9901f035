"""The write interval by load, and the cuts in their order. Pure; once a tick.

Rules
- The interval is the shortest at which the projected load, with who is seated and who is arriving, stays
  under the target. Longer at once, shorter by one step after a dwell and with a margin.
- Cuts, in this order: stop admitting; longer write intervals; lighter renditions; parts vanish from
  playlists; seats are taken back. Each is made only while all before it are in force, and undone in the
  reverse order.
- Where the line is full and not the processor, lighter renditions come right after the stop: a longer
  interval saves writes, not payload.
- Seats are taken back only while the pressure lasts and the seated themselves are what presses (nobody is
  thrown out by strangers), only above capacity, and few a second.

Theory of operation. Does "stop admitting" come before longer intervals, although capacity is projected at
the longest? Both hold, because they work on two scales of time. The stop is a valve: it works within the
tick, hurts nobody inside, and is open again as soon as what is being written *now* leaves room. A longer
interval is a trade: who is inside gives up latency, over a ramp of up to a minute, and the machine gets
room for people. So under pressure the valve shuts first, in the same tick the longer interval is ordered,
and as the ramp frees the core the valve opens for the next; newcomers start with the long interval at once.
In the steady state nobody is refused for the sake of latency, which is the first thing given up; in the
moment of pressure nobody who is inside pays before the door is shut. What comes after (lighter, parts,
seats) is worse for those inside than waiting is for those outside, so it is only deepened while the valve
is shut. Lengthening *ahead* of need, by projection, is no cut: it keeps the valve from having to shut.

The valve looks at writes, line, seats and health, and not at the door's own load: a flood of refusals must
not be able to shut out everybody else while seats are free (`capacity` bounds the joins by what is left).
How long a cut is given before the next is made depends on who suffers: nobody yet (the core is merely
full), so the ramp may end first; somebody (late writes, strained speakers), 5 s; failing speakers, 1 s.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import ceil

from hiwar.admission.capacity import INTERVAL_MS_LONGEST, LATE_WRITES_S, TARGET_LOAD, WRITING_MIN, Capacity
from hiwar.admission.costs import IDLE_LOAD, CostModel
from hiwar.admission.signals import Health, Limits, Signals

INTERVALS_MS = (80, 160, 320, 640, 1280, INTERVAL_MS_LONGEST)
ARRIVING_S = 10.0  # how far ahead arrivals are reckoned in: the interval must not run after the crowd
LONGER_EVERY_S = 1.0  # by what is seen (late writes, strained speakers); by projection at once
SHORTER_AFTER_S = 10.0
SHORTER_MARGIN = 0.8  # of the target, that the shorter interval must keep within
RAMP_MS_PER_SECOND, ANNOUNCED_S = 30, 3.0  # how the edge leads those inside (`edge.rhythm`)

FAN_OUT_STOP, FAN_OUT_RESUME = 0.75, 0.65  # of a core, by the writes being made now
EGRESS_STOP, EGRESS_RESUME = 0.9, 0.85  # of the listeners' share of the line
LOAD_FULL = 0.9  # of a core: whatever fills it, nothing is left for a tick's burst

PATIENCE_SUFFERING_S, PATIENCE_FAILING_S = 5.0, 1.0
RESTORE_AFTER_S = 15.0
RESTORE_LOAD, RESTORE_EGRESS = 0.75, 0.8

TAKE_BACK_EVERY_S = 1.0
TAKE_BACK_SHARE, TAKE_BACK_MAX = 0.02, 200  # of the seated, a second: each gets a claim and is told


class Depth(IntEnum):
    """The cuts beyond valve and interval, in the order in which they are made."""

    NONE = 0
    LIGHTER = 1
    NO_PARTS = 2
    TAKE_BACK = 3


@dataclass(frozen=True, slots=True)
class Cuts:
    """What the workers do from now on.

    `admitting`: newcomers get seats (who comes back to a held seat always does). `interval_ms`: one of
    `INTERVALS_MS`, for newcomers at once, for those inside by the announced ramp. `lighter`: the lighter
    renditions are sent. `parts`: playlists show parts. `take_back`: so many of the newest seats are taken
    back by lottery in this tick; 0 in most.
    """

    admitting: bool
    interval_ms: int
    lighter: bool
    parts: bool
    take_back: int


class Pace:
    """`interval_ms_min` is the interval where there is no need for a longer one, 80..1920."""

    def __init__(self, interval_ms_min: int = 160) -> None:
        self._intervals = tuple(ms for ms in INTERVALS_MS if ms >= interval_ms_min)
        self.interval_ms = self._intervals[0]
        self.admitting = True
        self.depth = Depth.NONE
        self._lengthened_at = float("-inf")
        self._ramped_at = float("-inf")  # when those inside have arrived at a longer interval
        self._short_since: float | None = None  # since when a shorter interval would do
        self._pressed_since: float | None = None
        self._relieved_since: float | None = None
        self._took_at = float("-inf")

    def decide(
        self, signals: Signals, capacity: Capacity, model: CostModel, limits: Limits, now: float
    ) -> Cuts:
        """What to do from this tick on; `now` in monotonic seconds, never going back."""
        strain = _Strain.of(signals, capacity, model, limits)
        self._turn_valve(strain)
        self._choose_interval(strain, now)
        self._choose_depth(strain, now)
        return Cuts(
            admitting=self.admitting,
            interval_ms=self.interval_ms,
            lighter=self.depth >= Depth.LIGHTER,
            parts=self.depth < Depth.NO_PARTS,
            take_back=self._take_back(strain, now),
        )

    def _turn_valve(self, strain: "_Strain") -> None:
        if self.admitting:
            self.admitting = not strain.shuts_valve
        else:
            self.admitting = strain.opens_valve

    def _choose_interval(self, strain: "_Strain", now: float) -> None:
        wanted = self._first_under(strain, TARGET_LOAD)
        if strain.health is Health.FAILING:
            wanted = INTERVAL_MS_LONGEST
        elif strain.suffering and now - self._lengthened_at >= LONGER_EVERY_S:
            wanted = max(wanted, self._neighbour(+1))
        if wanted > self.interval_ms:
            self._lengthen(wanted, now)
        elif self._may_shorten(strain) and not strain.suffering:
            self._shorten_after_dwell(now)
        else:
            self._short_since = None

    def _first_under(self, strain: "_Strain", load: float) -> int:
        return next((ms for ms in self._intervals if strain.projected(ms) < load), INTERVAL_MS_LONGEST)

    def _neighbour(self, by: int) -> int:
        place = self._intervals.index(self.interval_ms) + by
        return self._intervals[min(max(place, 0), len(self._intervals) - 1)]

    def _lengthen(self, wanted: int, now: float) -> None:
        ramp_s = ANNOUNCED_S + (wanted - self.interval_ms) / RAMP_MS_PER_SECOND
        self._ramped_at = max(self._ramped_at, now) + ramp_s
        self.interval_ms, self._lengthened_at, self._short_since = wanted, now, None

    def _may_shorten(self, strain: "_Strain") -> bool:
        shorter = self._neighbour(-1)
        fits = strain.projected(shorter) < TARGET_LOAD * SHORTER_MARGIN
        undone = self.depth is Depth.NONE or not strain.line_takes_heavier
        return shorter < self.interval_ms and fits and undone

    def _shorten_after_dwell(self, now: float) -> None:
        if self._short_since is None:
            self._short_since = now
        elif now - self._short_since >= SHORTER_AFTER_S:
            self.interval_ms, self._short_since = self._neighbour(-1), now

    def _choose_depth(self, strain: "_Strain", now: float) -> None:
        by_processor = strain.processor_pressed and self.interval_ms == INTERVAL_MS_LONGEST
        if (by_processor or strain.line_pressed) and not self.admitting:
            self._relieved_since = None
            self._deepen_after_patience(strain, now)
        elif strain.relieved(lighter=self.depth is Depth.LIGHTER):
            self._pressed_since = None
            self._restore_after_dwell(now)
        else:
            self._pressed_since = self._relieved_since = None

    def _deepen_after_patience(self, strain: "_Strain", now: float) -> None:
        if self._pressed_since is None:
            self._pressed_since = now
        due = self._pressed_since + strain.patience_s
        if not strain.suffering and not strain.line_pressed:
            due = max(due, self._ramped_at)  # nobody suffers yet: the longer interval may do it
        if now >= due and self.depth < Depth.TAKE_BACK:
            self.depth, self._pressed_since = Depth(self.depth + 1), now

    def _restore_after_dwell(self, now: float) -> None:
        if self._relieved_since is None:
            self._relieved_since = now
        elif now - self._relieved_since >= RESTORE_AFTER_S and self.depth > Depth.NONE:
            self.depth, self._relieved_since = Depth(self.depth - 1), now

    def _take_back(self, strain: "_Strain", now: float) -> int:
        over = strain.taken - strain.seats
        pressed = self._pressed_since is not None and strain.seated_press
        if self.depth < Depth.TAKE_BACK or not pressed or over <= 0:
            return 0
        if now - self._took_at < TAKE_BACK_EVERY_S:
            return 0
        self._took_at = now
        return min(over, ceil(strain.taken * TAKE_BACK_SHARE), TAKE_BACK_MAX)


@dataclass(frozen=True, slots=True)
class _Strain:
    """One tick's readings as the cuts look at them; loads are shares of the busiest worker's core."""

    health: Health
    late_writes: bool
    cpu: float
    fan_out: float
    taken: int
    seats: int
    expected: float  # listeners of one worker, with those who are arriving
    listener_write_s: float
    egress: float  # share of what listeners may take of the line; 0 where that is not known
    lighter_by: float  # what the lighter renditions take of the usual ones
    seated_egress: float  # the part of `egress` that the seated take at least, in lighter renditions

    @classmethod
    def of(cls, signals: Signals, capacity: Capacity, model: CostModel, limits: Limits) -> "_Strain":
        free = max(0, capacity.seats - signals.seats_taken)
        arriving = min(free, min(signals.arrivals, capacity.joins) * ARRIVING_S)
        return cls(
            health=capacity.health,
            late_writes=signals.write_lateness_s >= LATE_WRITES_S,
            cpu=signals.cpu,
            fan_out=model.fan_out(signals),
            taken=signals.seats_taken,
            seats=capacity.seats,
            expected=(max(signals.listeners, signals.seats_taken) + arriving) / limits.workers,
            listener_write_s=model.write_s,
            egress=signals.egress_bits / capacity.egress_bits,
            lighter_by=limits.lighter_bits / limits.listener_bits,
            seated_egress=signals.seats_taken * limits.lighter_bits / capacity.egress_bits,
        )

    @property
    def suffering(self) -> bool:
        """Somebody already notices: the speakers, or listeners whose writes come late."""
        return self.health >= Health.STRAINED or self.late_writes

    @property
    def patience_s(self) -> float:
        failing = self.health is Health.FAILING or self.egress >= 1  # then the speakers' share is eaten
        return PATIENCE_FAILING_S if failing else PATIENCE_SUFFERING_S

    @property
    def processor_pressed(self) -> bool:
        return self.suffering or self.cpu >= LOAD_FULL

    @property
    def line_pressed(self) -> bool:
        return self.egress >= EGRESS_STOP

    @property
    def seated_press(self) -> bool:
        """It is those with a seat who fill core or line; fewer of them would help."""
        core = self.processor_pressed and self.fan_out >= WRITING_MIN
        return core or (self.line_pressed and self.seated_egress >= RESTORE_EGRESS)

    @property
    def line_takes_heavier(self) -> bool:
        """Whether the usual renditions would fit, reckoned from the lighter ones being sent."""
        return self.egress / self.lighter_by < RESTORE_EGRESS

    @property
    def shuts_valve(self) -> bool:
        full = self.fan_out >= FAN_OUT_STOP or self.line_pressed or self.taken >= self.seats
        return full or self.suffering

    @property
    def opens_valve(self) -> bool:
        room = self.fan_out < FAN_OUT_RESUME and self.egress < EGRESS_RESUME and self.taken < self.seats
        return room and not self.suffering

    def projected(self, interval_ms: int) -> float:
        """The worker's load at a write interval, with those who are arriving; may pass 1."""
        door = max(0.0, self.cpu - self.fan_out - IDLE_LOAD)
        return IDLE_LOAD + door + self.expected * self.listener_write_s * 1000 / interval_ms

    def relieved(self, *, lighter: bool) -> bool:
        """Whether the last cut can be undone; `lighter`: that is the lighter renditions."""
        line = self.line_takes_heavier if lighter else self.egress < RESTORE_EGRESS
        return line and self.cpu < RESTORE_LOAD and self.health is Health.WELL and not self.late_writes
