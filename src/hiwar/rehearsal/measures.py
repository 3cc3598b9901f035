"""What the instance's processes say of themselves, and what the kernel says of them.

Figures of an act are differences of two readings. A stage is asked for its metrics only at the borders of an
act: to answer costs it milliseconds, and an act is to measure something else.
"""

import math
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ASK_S_MAX = 3.0
ANSWER_BYTES_MAX = 1 << 20
_LATE_BY = "hiwar_stage_frame_late_by_seconds"
_SAMPLE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_BOUND = re.compile(r'le="([^"]+)"')
_KIND = re.compile(r'(?:kind|outcome)="([^"]+)"')


@dataclass(frozen=True, slots=True)
class StageReading:
    """Counts since the stage started; `late` frames that began at most so many seconds late, by the bound."""

    frames: float = 0.0
    skipped: float = 0.0
    late: Mapping[float, float] = field(default_factory=dict)
    recorder_lag_s: float = 0.0
    recorder_dropped: float = 0.0
    received: float = 0.0
    speakers: float = 0.0

    def since(self, former: "StageReading") -> "StageReading":
        """What came between: counts are differences, gauges as they are now."""
        return StageReading(
            frames=self.frames - former.frames,
            skipped=self.skipped - former.skipped,
            late={bound: count - former.late.get(bound, 0.0) for bound, count in self.late.items()},
            recorder_lag_s=self.recorder_lag_s,
            recorder_dropped=self.recorder_dropped - former.recorder_dropped,
            received=self.received - former.received,
            speakers=self.speakers,
        )


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """Of one process: processor seconds so far, descriptors open, KiB that it has made for itself."""

    cpu_s: float
    descriptors: int
    own_kb: int


def bucket_percentile(late: Mapping[float, float], percent: float) -> float | None:
    """The bound (seconds) under which `percent` of the frames lie, infinite beyond the last; None of none."""
    total = max(late.values(), default=0.0)
    if not total:
        return None
    return min((bound for bound, count in late.items() if count >= total * percent / 100), default=math.inf)


def ask_metrics(path: Path) -> str:
    """A process's metrics as text; "" where it does not answer in time."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ASK_S_MAX)
            connection.connect(str(path))
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
                if sum(map(len, pieces)) > ANSWER_BYTES_MAX:
                    break
            return b"".join(pieces).decode()
    except OSError:
        return ""


def parse_stage(text: str) -> StageReading | None:
    """A stage's metrics; None where there are none."""
    plain: dict[str, float] = {}
    late: dict[float, float] = {}
    received = 0.0
    for name, labels, value in _SAMPLE.findall(text):
        if name == f"{_LATE_BY}_bucket":
            late[float(_BOUND.findall(labels)[0])] = float(value)
        elif name == "hiwar_stage_speaker_packets_total":
            received += float(value) if 'outcome="received"' in labels else 0.0
        elif not labels:
            plain[name] = float(value)
    if "hiwar_stage_frames_total" not in plain:
        return None
    return StageReading(
        frames=plain["hiwar_stage_frames_total"],
        skipped=plain.get("hiwar_stage_frames_skipped_total", 0.0),
        late=late,
        recorder_lag_s=plain.get("hiwar_stage_recorder_lag_seconds", 0.0),
        recorder_dropped=plain.get("hiwar_stage_recorder_dropped_total", 0.0),
        received=received,
        speakers=plain.get("hiwar_stage_speakers", 0.0),
    )


def parse_counts(text: str, family: str) -> dict[str, float]:
    """The counts of a family by their kind."""
    counts: dict[str, float] = {}
    for name, labels, value in _SAMPLE.findall(text):
        if name == f"{family}_total" and (kind := _KIND.findall(labels)):
            counts[kind[0]] = counts.get(kind[0], 0.0) + float(value)
    return counts


def read_process(pid: int) -> ProcessReading | None:
    """What the kernel says of a process (proc(5)), processor time by its scheduler's count, which has no
    ticks; None where it is gone."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        cpu_s = (
            sum(int((task / "schedstat").read_text(encoding="ascii").split()[0]) for task in threads) / 1e9
        )
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        own = sum(int(line.split()[1]) for line in rollup if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
        return ProcessReading(cpu_s, len(os.listdir(f"/proc/{pid}/fd")), own)
    except (OSError, IndexError, ValueError):
        return None
