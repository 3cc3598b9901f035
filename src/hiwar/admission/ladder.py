"""On which rung the front door stands. Pure; once a tick, at most one move in each.

Rules
- Down (more severe) fast and over several rungs at once, up one rung at a time. Down is never damped.
- `record-only` is entered only from `siege`, when the speakers' health has failed there for
  `RECORD_ONLY_AFTER_S` in sum. No load, no queue and no host leads there.
- The host's hold bounds the ladder; what the speakers' health demands goes through any hold.

Theory of operation. *Down*: every row of `DESCENTS` that holds for its time asks for its rung; the most
severe wins. Rows whose evidence is the load begin anew after each move, so that a rung has the time to show
what it does before the next is tried. *Up*: the row of `ASCENTS` must hold for the dwell. Thresholds for
going up lie well under those for going down, and since a rung hides the very evidence that led to it, the
load is projected: what the door costs now, times what it costs more one rung up. Out of siege it is what the
door would cost if those were told to wait who have been turned away of late, if that is more: people ask
oftener then, and being turned away together they come in step, so that a moment's quiet is no calm (`again`).

Three things keep it from swinging. (1) Flap damping after RFC 2439: going down after having gone up adds 1
to a figure of merit that halves in `FLAP_HALF_LIFE_S`, and the dwell before the *first* step up doubles with
each. The dwell is capped so that a whole way up (the first step at its cap, two more) takes 48 s, and until a
crowd that has gone is seen to be gone 12 s: one minute of calm is enough, whatever came before. (2) A step up
that the load took back within `RELAPSE_S` is remembered with what the door would have to bear when it was
tried. It is tried again only at clearly less, or at what the door usually costs, or when that is forgotten,
which takes twice as long each time that it failed again. So a crowd that does as it pleases, and comes back
as soon as the door opens, does not open and shut it. (3) Only time that was seen counts: a parent that was
held up for seconds has no evidence for them.

What bounds the moves: a calm shorter than the damped first dwell moves nothing, a longer one at most 3 up,
each onset at most 2 down (3 where it comes in steps). Under a square wave whose calms last a minute and
more that is what the two promises force; with calms of up to 30 s it is some rounds until the damping knows,
then one each time that it has forgotten half.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from math import exp2

from hiwar.admission.again import Crowd
from hiwar.admission.capacity import LATE_WRITES_S, Capacity
from hiwar.admission.costs import IDLE_LOAD, CostModel
from hiwar.admission.rungs import RUNGS, IllegalMove, Rung, check_move
from hiwar.admission.signals import Health, Signals

STEP_S_MAX = 0.5  # two ticks: of a longer silence so much counts as seen
FORGIVEN_S = 1.0  # a calm is not broken by less than this of noise

DWELL_S = 8.0  # before each step up
FIRST_DWELL_S_MAX = 32.0  # before the first, damped; with two more steps 48 s
FLAP_HALF_LIFE_S = 600.0
FLAPS_MAX = 4.0  # more would only delay forgetting; 2^4 dwells are beyond the cap anyway
RECORD_ONLY_DWELL_S, RECORD_ONLY_DWELL_S_MAX = 15.0, 120.0  # each relapse throws everybody out again
RECORD_ONLY_AFTER_S = 10.0

RELAPSE_S = 15.0
RETRY_AT = 0.7  # of the door's load awaited when a step up failed
USUAL_OVER_S = 60.0  # time constant of what the door usually costs while everything is open
USUAL_TIMES, USUAL_MORE = 1.5, 0.02  # up to so much of it (and of a core) the door is as usual
FORGET_S, FORGET_S_MAX = 600.0, 2400.0  # the first time, doubled with each that follows; and at most
FAILURES_COUNTED = 8  # by then the memory is at its longest

FULL = 0.99  # of the seats: under churn one of very many is free at every moment
DOOR_SHARE_MIN = 0.25  # of a core: where the door costs less, siege would not help the load
ANSWER_RATIO = 2.1  # reading and answering over refusing unread: 15.6 to 7.5 us of CPU
JUDGE_RATIO = 1.25  # pages and seats for everybody over pages from the cache and a lottery
LET_IN_S = 2.0  # how long the host's wish to let more people in waits for its moment


class Cause(StrEnum):
    """Why the ladder moved."""

    HEALTH = "health"  # the speakers'
    LOAD = "load"  # of the workers
    RUSH = "rush"  # more ask than can join
    SEATS = "seats"
    LINE = "line"
    HOST = "host"
    CALM = "calm"


@dataclass(frozen=True, slots=True)
class Reading:
    """One tick as the rows look at it. Loads are shares of the busiest worker's core; `full` is seats taken
    of seats, `rush` arrivals of the joins possible, `line` egress of the listeners' share, each 1 at its
    bound. `wanting`: somebody waits and nobody is let in. How many wait does not count: who asks and finds
    a place was only waiting to ask again, and a crowd shows in what it asks. `awaited`: the door's load of
    those who ask now or have been turned away, if it let them wait, at what a request costs now."""

    health: Health
    load: float
    fan_out: float
    door: float
    late_writes_s: float
    full: float
    rush: float
    line: float
    wanting: bool
    awaited: float

    @classmethod
    def of(
        cls, signals: Signals, capacity: Capacity, model: CostModel, admitting: bool, crowd: Crowd
    ) -> "Reading":
        full, door = signals.seats_taken / max(1, capacity.seats), model.door(signals)
        return cls(
            health=capacity.health,
            load=signals.cpu,
            fan_out=model.fan_out(signals),
            door=door,
            late_writes_s=signals.write_lateness_s,
            full=full,
            rush=signals.arrivals / capacity.joins,
            line=signals.egress_bits / capacity.egress_bits,
            wanting=signals.waiting > 0 and (full >= FULL or not admitting),
            awaited=max(door, crowd.load_if_let_wait),
        )

    def projected(self, ratio: float) -> float:
        """The load if the door cost `ratio` times as much."""
        return IDLE_LOAD + self.fan_out + self.door * ratio

    @property
    def let_wait(self) -> float:
        """The load if those were told to wait who are turned away."""
        return IDLE_LOAD + self.fan_out + self.awaited * ANSWER_RATIO


def _overrun(reading: Reading) -> bool:
    """The core is full or writes are late, and it is the door that fills it."""
    full = reading.load >= 0.95 or reading.late_writes_s >= LATE_WRITES_S
    return full and reading.door >= DOOR_SHARE_MIN


@dataclass(frozen=True, slots=True)
class Descent:
    """A reason to go down to `to`: `holds`, without a break, for `after_s`. `afresh`: after each move its
    time begins again."""

    to: Rung
    cause: Cause
    holds: Callable[[Reading], bool]
    after_s: float
    afresh: bool = False


# The most severe first. The times are what noise of one tick needs, within 2 s of the onset for the longest
# way: half a second in the readings, 0.5 s to `limited`, 0.75 s there until `siege`.
DESCENTS = (
    Descent(Rung.SIEGE, Cause.HEALTH, lambda r: r.health >= Health.FAILING, 0.5),
    Descent(
        Rung.SIEGE, Cause.HEALTH, lambda r: r.health >= Health.STRAINED and r.door >= DOOR_SHARE_MIN, 0.75
    ),
    Descent(Rung.SIEGE, Cause.LOAD, _overrun, 0.75, afresh=True),
    Descent(Rung.LIMITED, Cause.HEALTH, lambda r: r.health >= Health.STRAINED, 0.5),
    Descent(Rung.LIMITED, Cause.SEATS, lambda r: r.wanting, 0.75),
    Descent(Rung.LIMITED, Cause.RUSH, lambda r: r.rush >= 1.1, 0.5),
    Descent(Rung.LIMITED, Cause.LOAD, lambda r: r.load >= 0.88 or r.late_writes_s >= LATE_WRITES_S, 0.5),
    Descent(Rung.BUSY, Cause.SEATS, lambda r: r.full >= 0.85, 0.5),
    Descent(Rung.BUSY, Cause.RUSH, lambda r: r.rush >= 0.8, 0.5),
    Descent(Rung.BUSY, Cause.LINE, lambda r: r.line >= 0.85, 0.5),
    Descent(Rung.BUSY, Cause.LOAD, lambda r: r.load >= 0.75, 0.5),
)


def _to_open(reading: Reading) -> bool:
    room = reading.full < 0.75 and reading.rush < 0.6 and reading.line < 0.75
    return room and reading.projected(JUDGE_RATIO) < 0.65


def _to_busy(reading: Reading) -> bool:
    room = reading.full < 0.95 and reading.rush < 0.8 and not reading.wanting
    return room and reading.projected(JUDGE_RATIO) < 0.78


def _to_limited(reading: Reading) -> bool:
    return reading.let_wait < 0.8 and reading.late_writes_s < LATE_WRITES_S / 2


ASCENTS: dict[Rung, Callable[[Reading], bool]] = {
    Rung.BUSY: _to_open,
    Rung.LIMITED: _to_busy,
    Rung.SIEGE: _to_limited,
    Rung.RECORD_ONLY: lambda reading: True,  # the health alone, which every ascent asks for
}


@dataclass(frozen=True, slots=True)
class Hold:
    """The host's hold: never less severe than `rung`; with `fixed` nor more severe, health apart.

    Raises:
        IllegalMove: for `record-only`, which nobody may order.
    """

    rung: Rung
    fixed: bool = False

    def __post_init__(self) -> None:
        if self.rung is Rung.RECORD_ONLY:
            raise IllegalMove("record-only cannot be held: only the speakers' health leads there")


@dataclass(frozen=True, slots=True)
class Move:
    """The ladder went from `origin` to `to`."""

    origin: Rung
    to: Rung
    cause: Cause


class Lasting:
    """For how long a condition has held, in seen seconds; broken by `forgiven_s` of its contrary."""

    __slots__ = ("_broken_s", "_forgiven_s", "held_s")

    def __init__(self, forgiven_s: float = 0.0) -> None:
        self.held_s = 0.0
        self._broken_s = 0.0
        self._forgiven_s = forgiven_s

    def see(self, holds: bool, step_s: float) -> None:
        """It holds (or not) now, `step_s` after the last look."""
        self._broken_s = 0.0 if holds else self._broken_s + step_s
        if holds or (self.held_s and self._broken_s <= self._forgiven_s):
            self.held_s += step_s
        else:
            self.held_s = 0.0

    def has_lasted(self, seconds: float) -> bool:
        """Whether it holds at this moment and has for so long, pauses forgiven."""
        return self._broken_s == 0 and self.held_s >= seconds

    def begin_anew(self) -> None:
        self.held_s = self._broken_s = 0.0


class Damping:
    """The dwell before the first step up, by how often the ladder went down after having gone up."""

    def __init__(self) -> None:
        self._flaps = 0.0
        self._at = 0.0

    def flap(self, now: float) -> None:
        self._flaps, self._at = min(self.flaps(now) + 1, FLAPS_MAX), now

    def flaps(self, now: float) -> float:
        """The figure of merit now, 0..FLAPS_MAX."""
        return self._flaps * exp2((self._at - now) / FLAP_HALF_LIFE_S)

    def first_dwell_s(self, rung: Rung, now: float) -> float:
        times = exp2(self.flaps(now))
        if rung is Rung.RECORD_ONLY:
            return min(RECORD_ONLY_DWELL_S * times, RECORD_ONLY_DWELL_S_MAX)
        return min(DWELL_S * times, FIRST_DWELL_S_MAX)


@dataclass(frozen=True, slots=True)
class _Try:
    """A step up: from which rung, when, and the door's load that was awaited; how often one from there has
    failed."""

    origin: Rung
    at: float
    awaited: float
    failures: int = 0

    @property
    def remembered_s(self) -> float:
        """For how long, that it failed."""
        return min(FORGET_S * exp2(min(self.failures, FAILURES_COUNTED) - 1), FORGET_S_MAX)


class Ladder:
    """`rung` is where it stands, `since` (monotonic seconds) since when. `hold` is the host's, or None."""

    def __init__(self, now: float, rung: Rung = Rung.OPEN) -> None:
        self.rung = rung
        self.since = now
        self.hold: Hold | None = None
        self._now = now
        self._lasting = [Lasting() for _ in DESCENTS]
        self._calm = Lasting(FORGIVEN_S)
        self._failing_s = 0.0  # in siege; leaks away as it came
        self._damping = Damping()
        self._last_try: _Try | None = None  # the last step up, since the last way down
        self._failed: dict[Rung, _Try] = {}  # by the rung that was left; at most one each
        self._usual_door = 0.0
        self._crowd = Crowd()
        self._wish_until = now  # the host wants more people in

    def let_in(self, now: float) -> None:
        """The host's button: step up at the next tick if nothing speaks for the rung that it stands on."""
        self._wish_until = now + LET_IN_S

    def decide(
        self, signals: Signals, capacity: Capacity, model: CostModel, now: float, *, admitting: bool = True
    ) -> Move | None:
        """The move of this tick, or None; `now` in monotonic seconds, never going back. `admitting` as
        `pace.Cuts` has it."""
        step_s = min(now - self._now, STEP_S_MAX)
        self._now = now
        self._crowd.see(signals.refused, signals.requests, model.door(signals), step_s)
        reading = Reading.of(signals, capacity, model, admitting, self._crowd)
        self._look(reading, step_s)
        down = self._descent()
        if down is not None:
            return self._go_down(*down)
        cause = self._ascent(reading)
        return self._go_up(cause, reading) if cause else None

    def _look(self, reading: Reading, step_s: float) -> None:
        for row, lasting in zip(DESCENTS, self._lasting, strict=True):
            lasting.see(row.holds(reading), step_s)
        if self.rung is Rung.OPEN:
            self._usual_door += (reading.door - self._usual_door) * step_s / USUAL_OVER_S
        failing = self.rung is Rung.SIEGE and reading.health is Health.FAILING
        self._failing_s = max(0.0, self._failing_s + (step_s if failing else -step_s))
        self._calm.see(self._is_calm(reading), step_s)

    def _is_calm(self, reading: Reading) -> bool:
        """Whether one rung up would do. A fixed hold stands in for everything but the health."""
        if self.rung is Rung.OPEN or reading.health is not Health.WELL:
            return False
        if self.hold is not None and self.hold.fixed:
            return self.hold.rung.severity < self.rung.severity
        return ASCENTS[self.rung](reading) and not self._failed_at(reading)

    def _failed_at(self, reading: Reading) -> bool:
        """Whether this step up has failed lately, with as much to bear as now."""
        failed = self._failed.get(self.rung)
        if failed is None or self._now - failed.at > failed.remembered_s:
            return False
        return reading.awaited >= failed.awaited * RETRY_AT and not self._is_usual(reading.awaited)

    def _is_usual(self, door: float) -> bool:
        """The door costs no more than when everything is open: no rung hides anything."""
        return door <= self._usual_door * USUAL_TIMES + USUAL_MORE

    def _descent(self) -> tuple[Rung, Cause] | None:
        if self.rung is Rung.SIEGE and self._failing_s >= RECORD_ONLY_AFTER_S:
            return Rung.RECORD_ONLY, Cause.HEALTH
        asked = [
            (row.to, row.cause)
            for row, lasting in zip(DESCENTS, self._lasting, strict=True)
            if lasting.has_lasted(row.after_s) and self._may_order(row)
        ]
        if self.hold is not None:
            asked.append((self.hold.rung, Cause.HOST))
        found = max(asked, key=lambda each: each[0].severity, default=(self.rung, Cause.CALM))
        return found if found[0].severity > self.rung.severity else None

    def _may_order(self, row: Descent) -> bool:
        """A fixed hold lets nothing lead beyond it but the health."""
        hold = self.hold
        within = hold is None or not hold.fixed or row.to.severity <= hold.rung.severity
        return within or row.cause is Cause.HEALTH

    def _ascent(self, reading: Reading) -> Cause | None:
        if self.hold is not None and self.hold.rung.severity >= self.rung.severity:
            return None
        if self._calm.has_lasted(self._dwell_s()):
            return Cause.CALM
        wished = self._now <= self._wish_until and self.rung not in (Rung.OPEN, Rung.RECORD_ONLY)
        return Cause.HOST if wished and self._is_idle(reading) else None

    def _dwell_s(self) -> float:
        if self._last_try is None:
            return self._damping.first_dwell_s(self.rung, self._now)
        return DWELL_S

    def _is_idle(self, reading: Reading) -> bool:
        """The speakers are well, and no row asks for this rung or a worse one even for a moment."""
        asked = any(row.holds(reading) for row in DESCENTS if row.to.severity >= self.rung.severity)
        return reading.health is Health.WELL and not asked

    def _go_down(self, to: Rung, cause: Cause) -> Move:
        tried = self._last_try
        if tried is not None and cause is not Cause.HOST:
            self._damping.flap(self._now)
            if self._has_failed(tried, to):
                self._failed[tried.origin] = replace(tried, at=self._now, failures=self._failures(tried) + 1)
            elif self._now - tried.at > RELAPSE_S:
                self._failed.pop(tried.origin, None)  # it held for a while
        self._last_try = None
        return self._move(to, cause)

    def _failures(self, tried: _Try) -> int:
        """How often the same step has failed before, one soon after the other was forgotten."""
        before = self._failed.get(tried.origin)
        if before is None or self._now - before.at > 2 * before.remembered_s:
            return 0
        return before.failures

    def _has_failed(self, tried: _Try, to: Rung) -> bool:
        soon = self._now - tried.at <= RELAPSE_S
        return soon and to.severity >= tried.origin.severity and not self._is_usual(tried.awaited)

    def _go_up(self, cause: Cause, reading: Reading) -> Move:
        if self._last_try is not None:
            self._failed.pop(self._last_try.origin, None)  # the step before this one was none too many
        self._last_try = _Try(self.rung, self._now, reading.awaited)
        self._wish_until = self._now
        return self._move(RUNGS[self.rung.severity - 1], cause)

    def _move(self, to: Rung, cause: Cause) -> Move:
        check_move(self.rung, to)
        move = Move(self.rung, to, cause)
        self.rung, self.since = to, self._now
        self._calm.begin_anew()
        self._failing_s = 0.0
        for row, lasting in zip(DESCENTS, self._lasting, strict=True):
            if row.afresh:
                lasting.begin_anew()
        return move
