"""The report of a rehearsal: plain records, written as JSON and shown as a page."""

import msgspec

from hiwar.rehearsal.orders import GroupFigures

FORM = 1  # of the report; counts up when a reader would have to know


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was to be reached. `name` is a key of `words`; `met` None: it could not be told here."""

    name: str
    value: float | None
    unit: str
    limit: float
    at_least: bool = False
    met: bool | None = None


class ProcessFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Of all processes of a role in an act: % of a core, most descriptors, MiB that they have made for
    themselves at the end, and how much more that is than at the beginning."""

    cpu_percent: float
    descriptors: int
    own_mib: float
    grown_mib: float


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """Packets: sent by the speakers, received by the stage, heard by them, lost on the way to them, and
    missing in the recording's tracks (None: not looked at)."""

    sent: int
    received: int
    heard: int
    lost: int
    missing: int | None = None


class ActReport(msgspec.Struct, kw_only=True):
    """One act. `began_s` since the rehearsal began; lateness in milliseconds, None where more than 20 (or
    where nothing was measured: `frames` 0); `rungs` by seconds spent on each."""

    name: str
    began_s: float
    seconds: float
    frames: int
    skipped: int
    late_p50_ms: float | None
    late_p999_ms: float | None
    control_p50_ms: float | None
    control_p999_ms: float | None
    recorder_lag_s: float
    recorder_dropped: int
    spoken: Spoken
    groups: dict[str, GroupFigures]
    verdicts: dict[str, int]
    attack: dict[str, int]
    kept_p50_s: float | None
    kept_max_s: float | None
    rungs: dict[str, float]
    seats: int
    taken_max: int
    waiting_max: int
    interval_ms_max: int
    processes: dict[str, ProcessFigures]
    inattention: float
    back_s: float | None = None
    findings: list[Finding] = []


class Row(msgspec.Struct, frozen=True, array_like=True):
    """How it stood at one moment: a JSON array in this order."""

    at_s: float
    rung: int
    taken: int
    seats: int
    waiting: int
    arrivals_per_s: float
    interval_ms: int
    lateness_ms: float
    listening: int


class SeatsAt(msgspec.Struct, frozen=True, kw_only=True):
    """What the machine seats at a write interval: µs of a worker's processor per listener and second,
    measured with `listeners`; the bounds by name, and the least of them, `by` what."""

    interval_ms: int
    listeners: int
    micros: float
    bounds: dict[str, int]
    seats: int
    by: str


class RecordingReport(msgspec.Struct, frozen=True, kw_only=True):
    """One recording: its length, what verifying found, gaps that its journal has, packets in its tracks."""

    seconds: float
    findings: tuple[str, ...]
    gaps: int
    packets: int


class Report(msgspec.Struct, kw_only=True):
    """All of it. `quick`: with little force, to see that everything works; no figure of it is a promise."""

    form: int = FORM
    version: str
    at_wallclock: float
    seconds: float
    machine: dict[str, str | float | int]
    settings: dict[str, str]
    listeners: int
    act_seconds: float
    force: float
    quick: bool
    seats: list[SeatsAt] = []
    acts: list[ActReport] = []
    rows: list[Row] = []
    recordings: list[RecordingReport] = []
    findings: list[Finding] = []

    @property
    def missed(self) -> int:
        """How much was not reached."""
        return sum(finding.met is False for finding in self.all_findings)

    @property
    def all_findings(self) -> list[Finding]:
        return [*self.findings, *(finding for act in self.acts for finding in act.findings)]
