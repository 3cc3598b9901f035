"""What workers and their parent tell each other about seats: tagged MessagePack, each after its length.

A socket pair for each worker, made by the parent before it starts the process, so that nobody else can
speak on it. What a worker tells is small and often (a join, a goodbye) and goes out as it comes; what the
parent tells goes to all workers each tick. Neither waits for the other: whoever asks a question goes on
without the answer after `PATIENCE_S`.
"""

from typing import Self

import msgspec

from hiwar.admission.gate import Posture
from hiwar.admission.readings import WorkerReading
from hiwar.admission.refused import Refusals

KEY_BYTES = 9
PATIENCE_S = 0.5  # for the answer to a question of a worker; a tick of the parent takes milliseconds


class Ours(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of all of them."""


class Enter(Ours, frozen=True):
    """Worker: they wait from now on, or ask again (the same serial). Answered by `Told` of the same `call`.
    `listener_class` is what they claim. `site` is the hash of their network, `region` the key of the larger
    one around it; `capped`: their seat counts against what the site may hold. `answer` of `epoch` is the
    puzzle's that would make them SOLVED, if one came with this request: it counts once."""

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


class Talkers(Ours, frozen=True):
    """Worker, each second that it refuses connections: how many a second, and whose, over and over. A source
    is a prefix key in `KEY_BYTES` bytes (a /64's has 65 bits, and MessagePack's numbers 64) with its rate."""

    refused: float
    sources: tuple[tuple[bytes, float], ...]

    @classmethod
    def of(cls, refusals: Refusals) -> Self:
        return cls(
            refusals.refused, tuple((key.to_bytes(KEY_BYTES, "big"), rate) for key, rate in refusals.sources)
        )

    @property
    def refusals(self) -> Refusals:
        return Refusals(self.refused, tuple((int.from_bytes(key, "big"), rate) for key, rate in self.sources))


class Told(Ours, frozen=True):
    """Parent: what came of `Enter`. `seated`: a seat of this serial is there. `placed`: they have a place
    in the room. `chance` within the next minute (0..1), `chance_soon` within the next five seconds, about
    until they ask again, and `expected_s` are None while not known. `listener_class` is what their seat or
    their claim was found to be worth; not `welcome`: on this rung nothing. `taken_back`: they had a seat that
    was."""

    call: int
    seated: bool
    placed: bool
    waiting: int
    chance: float | None
    expected_s: float | None
    listener_class: int = 3
    welcome: bool = True
    taken_back: bool = False
    chance_soon: float | None = None


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
    """Parent: close the connection `mark` of this seat, and not one that is newer: it was `displaced` by
    another of the same ticket, or the seat was taken back, or is gone. A `mark` of 0 is no connection."""

    serial: int
    displaced: bool
    mark: int = 0


FromWorker = Enter | Give | Connect | Disconnect | Renew | Report | Talkers
FromParent = Keys | Told | Stand | Dismiss
