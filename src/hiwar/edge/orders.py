"""What workers and their parent tell each other about seats: tagged MessagePack, each after its length.

A socket pair for each worker, made by the parent before it starts the process, so that nobody else can
speak on it. What a worker tells is small and often (a join, a goodbye) and goes out as it comes; what the
parent tells goes to all workers each tick. Neither waits for the other: whoever asks a question goes on
without the answer after `PATIENCE_S`.
"""

import msgspec

from hiwar.admission.gate import Posture
from hiwar.admission.readings import WorkerReading

PATIENCE_S = 0.5  # for the answer to a question of a worker; a tick of the parent takes milliseconds


class Ours(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of all of them."""


class Enter(Ours, frozen=True):
    """Worker: they wait from now on, or ask again (the same serial). Answered by `Told` of the same `call`.
    `site` is the hash of their network, `region` the key of the larger one around it; `capped`: their seat
    counts against what the site may hold. `answer` of `epoch` is the puzzle's that made them SOLVED, if one
    came with this request: it counts once."""

    call: int
    serial: int
    conversation: int
    listener_class: int
    site: int
    region: int
    capped: bool
    answer: bytes = b""
    epoch: int = 0


class Keys(Ours, frozen=True):
    """Parent, first of all: the puzzles' key and modulus of the day, with the factor that is the trapdoor;
    and what networks are hashed with."""

    puzzle_key: bytes
    modulus: bytes
    prime: bytes


class Give(Ours, frozen=True):
    """Worker: a seat was given from the quota."""

    serial: int
    conversation: int
    listener_class: int
    site: int


class Connect(Ours, frozen=True):
    """Worker: a connection with this ticket began; `mark` names it, within the worker, from now on."""

    serial: int
    mark: int


class Disconnect(Ours, frozen=True):
    """Worker: that connection is over."""

    mark: int


class Renew(Ours, frozen=True):
    """Worker: a playlist was asked for with this ticket."""

    serial: int


class Report(Ours, frozen=True):
    """Worker: what it saw since the last report."""

    reading: WorkerReading


class Told(Ours, frozen=True):
    """Parent: what came of `Enter`. `seated`: a seat of this serial is there. `placed`: they have a place
    in the room. `chance` within the next minute (0..1) and `expected_s` are None while not known."""

    call: int
    seated: bool
    placed: bool
    waiting: int
    chance: float | None
    expected_s: float | None


class Stand(Ours, frozen=True):
    """Parent, each tick: how to stand to arrivals, how to write to who is inside, and what the public is told
    (`notice`: JSON for the event `front`)."""

    posture: Posture
    rung: str
    seats: int
    taken: int
    interval_ms: int
    lighter: bool
    parts: bool
    notice: bytes


class Dismiss(Ours, frozen=True):
    """Parent: close the connection of this seat: a newer one of the same ticket is there (`displaced`), or
    the seat was taken back, or is gone."""

    serial: int
    displaced: bool


FromWorker = Enter | Give | Connect | Disconnect | Renew | Report
FromParent = Keys | Told | Stand | Dismiss
