"""One act: who comes, what is measured meanwhile, and what is reported at its end."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from hiwar.admission.rungs import RUNGS, Rung
from hiwar.admission.seats import GRACE_S
from hiwar.ops.clock import monotonic, wallclock
from hiwar.rehearsal.acts import Act, Scale, attack_of
from hiwar.rehearsal.figures import percentile
from hiwar.rehearsal.judging import judge_act
from hiwar.rehearsal.measures import ProcessReading, StageReading, bucket_percentile
from hiwar.rehearsal.orders import (
    SEATED,
    Attacked,
    BeginAct,
    Come,
    Crowded,
    Interval,
    Leave,
    Living,
    SpokenSoFar,
    Tell,
)
from hiwar.rehearsal.records import ActReport, ProcessFigures, Row, Spoken
from hiwar.rehearsal.troupe import ANSWER_S_MAX, Troupe

LOOK_EVERY_S = 0.25
JOIN_PER_S = 200.0  # those who listen throughout
JOIN_S_MAX = 30.0
SETTLE_S = 3.0  # the children that have just been started have had their turn
REST_S, REST_S_MAX = 2.0, 12.0  # between acts; so long is waited for the door to be calm again
FEW_SHARE = 1.43  # seats of those who listen: strangers may hold 70 %
KEPT_SHARE, KEPT_S_MAX = 1.01, GRACE_S + 10.0  # until the seats kept for an act before are free
FEW_S_MAX = 5.0  # until the door knows that seats are few
FEW_FLOW_SHARE = 0.5  # of the newcomers, a second: seats that the host adds
TLS_JOIN_PER_S = 60.0
GROUPS = ("newcomers", "storm", "hall", "invited")


@dataclass(slots=True)
class Moment:
    """How it stands, for who watches. `front` row as in the report; None before the first."""

    act: str = ""
    row: Row | None = None
    living: Living | None = None
    attacked: Attacked | None = None
    left_s: float = 0.0


@dataclass(slots=True)
class Borders:
    """Readings at one border of an act."""

    stage: StageReading
    verdicts: dict[str, float]
    spoken: SpokenSoFar
    processes: dict[str, dict[int, ProcessReading]]
    at: float = 0.0
    at_wallclock: float = 0.0


@dataclass(slots=True)
class Seen:
    """What was looked at while an act was played."""

    rungs: dict[str, float] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    lag_s: float = 0.0
    attacked: Attacked | None = None
    killed: list[int] = field(default_factory=list)
    last: float = 0.0


class Player:
    """Plays acts with one troupe. `began` is when the rehearsal did (monotonic); `watch` is told of each
    moment; `windows` has the wallclock borders of every act played, by its report."""

    def __init__(self, troupe: Troupe, scale: Scale, began: float, watch: Callable[[Moment], None]) -> None:
        self.rows: list[Row] = []
        self.windows: list[tuple[ActReport, float, float]] = []
        self._troupe = troupe
        self._scale = scale
        self._began = began
        self._watch = watch
        self._moment = Moment()

    def gather(self) -> None:
        """Let in who listens throughout, and wait for them."""
        listeners, per_s = (
            self._scale.listeners,
            TLS_JOIN_PER_S if self._troupe.instance.secure else JOIN_PER_S,
        )
        self._troupe.crowd.tell(Come(group=SEATED, count=listeners, per_s=per_s))
        end = monotonic() + listeners / per_s + JOIN_S_MAX
        while monotonic() < end:
            self._look(Seen())
            if self._moment.living is not None and self._moment.living.listening >= listeners:
                break
        settled = monotonic() + SETTLE_S
        while monotonic() < settled:
            self._look(Seen())

    def play(self, act: Act) -> ActReport:
        """Play an act, and judge it."""
        self._moment = Moment(act=act.name, living=self._moment.living)
        scale, troupe = self._scale, self._troupe
        seconds = act.seconds(scale)
        few = self._make_few() if act.few else 0
        troupe.read_control()
        before, seen = self._read_border(), Seen()
        troupe.crowd.tell(BeginAct())
        self._bring(act, seconds)
        self._go_on(act, seconds, few, seen)
        troupe.crowd.tell(Tell())
        crowded = troupe.crowd.wait_for(Crowded, ANSWER_S_MAX)
        control, after = troupe.read_control(), self._read_border()
        report = _report(act, before, after, seen, crowded, control, self._began)
        report.findings = judge_act(report)
        self.windows.append((report, before.at_wallclock, after.at_wallclock))
        self._calm_down(act)
        return report

    def _bring(self, act: Act, seconds: float) -> None:
        """Newcomers, and what comes with them."""
        troupe, scale = self._troupe, self._scale
        coming_s = max(1.0, seconds - act.settle_s(scale))
        per_s = scale.newcomers_per_s
        tell = troupe.crowd.tell
        tell(Come(group="newcomers", count=round(per_s * coming_s), per_s=per_s))
        if act.storm:
            count = round(scale.listeners * act.storm)
            tell(Come(group="storm", count=count, per_s=count / 2))
        if act.hall:
            hall = max(10, round(act.hall * scale.force))
            tell(Come(group="hall", count=hall, per_s=hall / max(1.0, coming_s / 2), one_address=True))
        if act.invited:
            proofs = troupe.instance.vouchers(act.invited)
            tell(Come(group="invited", count=act.invited, per_s=act.invited / coming_s, proofs=proofs))
        attack = attack_of(act, scale)
        if attack is not None:
            troupe.attackers.tell(msgspec.structs.replace(attack, seconds=seconds))

    def _make_few(self) -> int:
        """The host allows few seats, so that they are drawn when people come; how many. First the seats that
        are kept for those of the act before come free, or they would in the middle of this one."""
        listeners, end = self._scale.listeners, monotonic() + KEPT_S_MAX
        few = round(listeners * FEW_SHARE)
        wished = False
        while monotonic() < end:
            self._look(Seen())
            row = self._moment.row
            if row is not None and not wished and row.taken <= listeners * KEPT_SHARE:
                self._troupe.instance.wish("seats", few)
                wished, end = True, monotonic() + FEW_S_MAX
            if row is not None and wished and row.seats <= few and row.rung >= Rung.BUSY.severity:
                break
        return few

    def _go_on(self, act: Act, seconds: float, few: int, seen: Seen) -> None:
        began = monotonic()
        end, kill_at, allowed_at, killed = began + seconds, began + seconds / 2, began, False
        while (now := monotonic()) < end:
            self._moment.left_s = end - now
            if act.few and now >= allowed_at:
                flow = self._scale.newcomers_per_s * FEW_FLOW_SHARE
                self._troupe.instance.wish("seats", few + round((now - began) * flow))
                allowed_at += 1.0
            if act.kills and not killed and now >= kill_at:
                killed = True
                self._kill(seen)
            self._look(seen)

    def _kill(self, seen: Seen) -> None:
        for pid in self._troupe.instance.workers()[:1]:
            os.kill(pid, signal.SIGKILL)
            seen.killed.append(pid)

    def _calm_down(self, act: Act) -> None:
        """The act's people leave; the door is given a while to be as open as before."""
        for group in GROUPS:
            self._troupe.crowd.tell(Leave(group=group))
        if act.few:
            self._troupe.instance.wish("seats", None)
        self._moment = Moment(act="", living=self._moment.living)
        began = monotonic()
        while monotonic() - began < REST_S_MAX:
            self._look(Seen())
            row = self._moment.row
            if monotonic() - began >= REST_S and row is not None and row.rung == 0:
                return

    def _look(self, seen: Seen) -> None:
        """Hear everybody for a moment, and note how it stands."""
        troupe, moment = self._troupe, self._moment
        for said in troupe.crowd.hear(LOOK_EVERY_S):
            if isinstance(said, Living):
                moment.living = said
        for attacked in troupe.attackers.hear():
            moment.attacked = seen.attacked = attacked
        front, now = troupe.front(), monotonic()
        if front is not None:
            moment.row = Row(
                round(now - self._began, 2),
                RUNGS.index(front.rung),
                front.taken,
                front.seats,
                front.waiting,
                front.arrivals_per_s,
                front.interval_ms,
                front.lateness_ms,
                moment.living.listening if moment.living else 0,
            )
            troupe.crowd.tell(Interval(ms=front.interval_ms))
            seen.rungs[front.rung.value] = seen.rungs.get(front.rung.value, 0.0) + (
                now - seen.last if seen.last else 0.0
            )
            seen.lag_s = max(seen.lag_s, front.recorder_lag_s)
            seen.rows.append(moment.row)
            self.rows.append(moment.row)
        seen.last = now
        self._watch(moment)

    def _read_border(self) -> Borders:
        troupe = self._troupe
        return Borders(
            stage=troupe.read_stage(),
            verdicts=troupe.read_verdicts(),
            spoken=troupe.read_spoken(),
            processes=troupe.read_processes(),
            at=monotonic(),
            at_wallclock=wallclock(),
        )


def _report(
    act: Act,
    before: Borders,
    after: Borders,
    seen: Seen,
    crowded: Crowded,
    control: list[float],
    began: float,
) -> ActReport:
    stage, rows, attacked = after.stage.since(before.stage), seen.rows, seen.attacked
    seated = crowded.groups.get(SEATED)
    return ActReport(
        name=act.name,
        began_s=round(before.at - began, 2),
        seconds=round(after.at - before.at, 2),
        frames=int(stage.frames),
        skipped=int(stage.skipped),
        late_p50_ms=_ms(bucket_percentile(stage.late, 50)),
        late_p999_ms=_ms(bucket_percentile(stage.late, 99.9)),
        control_p50_ms=_ms(percentile(control, 50)),
        control_p999_ms=_ms(percentile(control, 99.9)),
        recorder_lag_s=round(max(seen.lag_s, stage.recorder_lag_s), 3),
        recorder_dropped=int(stage.recorder_dropped),
        spoken=Spoken(
            sent=after.spoken.sent - before.spoken.sent,
            received=int(stage.received),
            heard=after.spoken.heard - before.spoken.heard,
            lost=after.spoken.lost - before.spoken.lost,
        ),
        groups=crowded.groups,
        verdicts=_grown(before.verdicts, after.verdicts),
        attack=attacked.counts if attacked else {},
        kept_p50_s=attacked.kept_p50_s if attacked else None,
        kept_max_s=attacked.kept_max_s if attacked else None,
        rungs={rung: round(seconds, 2) for rung, seconds in seen.rungs.items()},
        seats=rows[-1].seats if rows else 0,
        taken_max=max((row.taken for row in rows), default=0),
        waiting_max=max((row.waiting for row in rows), default=0),
        interval_ms_max=max((row.interval_ms for row in rows), default=0),
        processes=_used(before, after),
        inattention=round(crowded.inattention, 4),
        back_s=seated.back_s if act.kills and seated else None,
    )


def _ms(seconds: float | None) -> float | None:
    """Milliseconds; None also for what is beyond the last bucket."""
    return None if seconds is None or seconds == float("inf") else round(seconds * 1000, 3)


def _grown(before: dict[str, float], after: dict[str, float]) -> dict[str, int]:
    """Counts that came between; a worker that was replaced began anew."""
    return {kind: int(max(0.0, count - before.get(kind, 0.0))) for kind, count in after.items()}


def _used(before: Borders, after: Borders) -> dict[str, ProcessFigures]:
    seconds = max(1e-3, after.at - before.at)
    used = {}
    for role, readings in after.processes.items():
        former = before.processes.get(role, {})
        cpu_s = sum(
            reading.cpu_s - (former[pid].cpu_s if pid in former else 0.0) for pid, reading in readings.items()
        )
        own_kb = sum(reading.own_kb for reading in readings.values())
        used[role] = ProcessFigures(
            cpu_percent=round(100 * cpu_s / seconds, 1),
            descriptors=sum(reading.descriptors for reading in readings.values()),
            own_mib=round(own_kb / 1024, 1),
            grown_mib=round((own_kb - sum(each.own_kb for each in former.values())) / 1024, 1),
        )
    return used
