"""What workers see of themselves, and how it becomes the signals of the machine. Pure."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from hiwar.admission.signals import Signals


class WorkerReading(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker saw since its last report, as rates a second; see `signals.Signals`. The speakers'
    figures are of the worst stage that it hears."""

    cpu: float = 0.0
    writes: float = 0.0
    write_lateness_s: float = 0.0
    listeners: int = 0
    egress_bits: float = 0.0
    descriptors: int = 0
    descriptors_max: int = 1_000_000
    requests: float = 0.0
    arrivals: float = 0.0
    joins: float = 0.0
    refused: float = 0.0
    frame_lateness_ms: float = 0.0
    frames_late: float = 0.0
    recorder_lag_s: float = 0.0
    verdicts: dict[str, float] = {}


def join_readings(
    readings: Sequence[WorkerReading],
    *,
    memory_available_bytes: int,
    listener_bytes: int,
    waiting: int,
    seats_taken: int,
) -> Signals:
    """One machine's signals: rates add up, the busiest worker and the worst stage count."""
    total: Counter[str] = Counter()
    for each in readings:
        for name in ("listeners", "egress_bits", "requests", "arrivals", "joins", "refused"):
            total[name] += getattr(each, name)
    busiest = max(readings, key=lambda each: each.cpu, default=WorkerReading())
    tightest = max(
        readings, key=lambda each: each.descriptors / max(1, each.descriptors_max), default=WorkerReading()
    )
    return Signals(
        frame_lateness_ms=max((each.frame_lateness_ms for each in readings), default=0.0),
        frames_late=max((each.frames_late for each in readings), default=0.0),
        recorder_lag_s=max((each.recorder_lag_s for each in readings), default=0.0),
        cpu=busiest.cpu,
        writes=busiest.writes,
        write_lateness_s=max((each.write_lateness_s for each in readings), default=0.0),
        listeners=int(total["listeners"]),
        egress_bits=total["egress_bits"],
        descriptors=tightest.descriptors * len(readings),
        descriptors_max=tightest.descriptors_max * max(1, len(readings)),
        memory_available_bytes=memory_available_bytes,
        listener_bytes=listener_bytes,
        requests=total["requests"],
        arrivals=total["arrivals"],
        joins=total["joins"],
        refused=total["refused"],
        waiting=waiting,
        seats_taken=seats_taken,
    )


def silent(last: WorkerReading, seconds: float) -> WorkerReading:
    """A worker that has said nothing for `seconds`: its core is full, its writes are late, the rest is as
    it was."""
    late_s = max(last.write_lateness_s, seconds)
    return msgspec.structs.replace(last, cpu=1.0, write_lateness_s=late_s)
