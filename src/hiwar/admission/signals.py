"""What the machine says of itself, four times a second: the one input of capacity, pace and ladder.

Rules
- Rates are counts over the window in which they were gathered (half a second to a second), divided by it.
- Of many stages the worst counts, of many workers the busiest: nothing is averaged away.
- The speakers' health is judged here, once, and only from the speakers' side: no crowd and no attack is
  named in it.
"""

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Self

LISTENER_BYTES = 6 * 1024  # of memory, that one more listener takes


class Health(IntEnum):
    """The speakers' health; more is worse. `UNEASY` lets nothing get worse and nothing get better."""

    WELL = 0
    UNEASY = 1
    STRAINED = 2
    FAILING = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """One tick's readings.

    The speakers (the worst stage on air): `frame_lateness_ms` is the lateness that nearly every frame of
    the last second kept within (p99.9-like, so of 50 frames the latest); `frames_late` how many of them
    began over 5 ms late or were skipped, a second; `recorder_lag_s` the age of the oldest thing that is not
    on disk yet.

    The workers: `cpu` is the busiest worker's use of its core, 0..1; `writes` its writes of chunks and HLS
    answers, a second; `write_lateness_s` how late the latest of its writes were. `listeners` and
    `egress_bits` (bit/s) are of all of them.

    What is left: `descriptors` in use of `descriptors_max` (the tightest worker's, times the workers);
    `memory_available_bytes` of the machine, `listener_bytes` what one more listener takes.

    The door: `requests` is everything judged a second, connections and requests of every kind; `arrivals`
    those among them that asked for a seat, `joins` those seated, `refused` those turned away, but for
    those beyond the limit of their network (which siege does not look at), all a second. `waiting` people
    hold the verdict to wait, `seats_taken` seats are held.
    """

    frame_lateness_ms: float
    frames_late: float
    recorder_lag_s: float
    cpu: float
    writes: float
    write_lateness_s: float
    listeners: int
    egress_bits: float
    descriptors: int
    descriptors_max: int
    memory_available_bytes: int
    listener_bytes: int
    requests: float
    arrivals: float
    joins: float
    refused: float
    waiting: int
    seats_taken: int

    @classmethod
    def idle(cls, *, descriptors_max: int, memory_available_bytes: int) -> Self:
        """A machine on which nothing goes on, to reckon what it could carry."""
        return cls(
            frame_lateness_ms=0.0,
            frames_late=0.0,
            recorder_lag_s=0.0,
            cpu=0.0,
            writes=0.0,
            write_lateness_s=0.0,
            listeners=0,
            egress_bits=0.0,
            descriptors=0,
            descriptors_max=descriptors_max,
            memory_available_bytes=memory_available_bytes,
            listener_bytes=LISTENER_BYTES,
            requests=0.0,
            arrivals=0.0,
            joins=0.0,
            refused=0.0,
            waiting=0,
            seats_taken=0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is said from outside: by the settings, and by the host.

    `egress_mbit` is what the line carries outwards (0: not known), of which `speakers_share` (0..1) is kept
    for speakers and pages. `seats_max` and `joins_max` (a second) bound hard (0: no bound). `host_seats` is
    the host's number: it lowers freely and raises up to what the speakers' health allows (None: not said).
    `listener_bits` and `lighter_bits` are what one listener takes (bit/s, framing included), `join_us` what
    letting one in costs a core: most of it is TLS.
    """

    workers: int = 1
    egress_mbit: float = 0
    speakers_share: float = 0.2
    seats_max: int = 0
    joins_max: int = 0
    host_seats: int | None = None
    listener_bits: int = 64_000  # Opus at 48 kbit/s and its framing
    lighter_bits: int = 32_000
    join_us: float = 600.0

    @property
    def egress_bits(self) -> float:
        """What listeners may take of the line, bit/s; infinite where the line is not known."""
        return self.egress_mbit * 1e6 * (1 - self.speakers_share) if self.egress_mbit else float("inf")


@dataclass(frozen=True, slots=True)
class Symptom:
    """A health at least as bad as `health`: frames as late *and* as many late as here, or the recorder
    as far behind. Both, because the lateness of one hiccup stays in its window for a second: a lone late
    frame is no illness."""

    health: Health
    frame_lateness_ms: float
    frames_late: float
    recorder_lag_s: float

    def shows(self, signals: Signals) -> bool:
        late = signals.frame_lateness_ms >= self.frame_lateness_ms and signals.frames_late >= self.frames_late
        return late or signals.recorder_lag_s >= self.recorder_lag_s


# A frame is 20 ms, 50 a second. Speakers' players bridge 10 ms without a sound; at 15 ms with every eighth
# frame late words get holes. The recording is on disk once a second, so a lag of 1 s is its rest.
SYMPTOMS = (
    Symptom(Health.FAILING, 15, 6, 5),
    Symptom(Health.STRAINED, 8, 3, 2.5),
    Symptom(Health.UNEASY, 5, 2, 1.8),
)


def judge_health(signals: Signals) -> Health:
    """The speakers' health: the worst of `SYMPTOMS` that shows."""
    return next((symptom.health for symptom in SYMPTOMS if symptom.shows(signals)), Health.WELL)


FRONT_LOAD_MIN = 0.1  # of a core: a front door that takes less is not what makes anything late
FRONT_EGRESS_MIN_BITS = 50e6  # nor is one that sends less: some 800 listeners


def answerable(signals: Signals) -> Signals:
    """The same, with what the front door cannot have caused left out. Frames and writes are late as well when
    something else on the machine takes its processor, or its disk; turning listeners away would then
    cost them the conversation and give the speakers nothing."""
    if signals.cpu >= FRONT_LOAD_MIN or signals.egress_bits >= FRONT_EGRESS_MIN_BITS:
        return signals
    return replace(signals, frame_lateness_ms=0.0, frames_late=0.0, recorder_lag_s=0.0, write_lateness_s=0.0)
