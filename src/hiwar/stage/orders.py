"""What the room wants done: frozen orders in the imperative, carried out by `stage.live`.

The room (`stage.room`) decides and never acts; whoever holds it carries out what it returns, in order.
"""

from dataclasses import dataclass, field
from typing import Any

from hiwar.recording.journal import JournalKind


class Refused(Exception):
    """The room said no: an HTTP status that fits, and one clear sentence. Nothing was changed."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class OpenAir:
    """From the next frame on there is program and media time, and everything is recorded.

    The recorder journals the opening itself, and the end: they carry clocks and the length."""


@dataclass(frozen=True, slots=True)
class EndConversation:
    """Say the last words, close the recording, tell the listeners, then the stage is done."""


@dataclass(frozen=True, slots=True)
class LeaveStage:
    """The green room has been empty for long: the stage ends, the conversation is announced again."""


@dataclass(frozen=True, slots=True)
class CloseSession:
    """Close the connection (or the file) that `resource` names."""

    resource: str


@dataclass(frozen=True, slots=True)
class AdjustVoice:
    """What the mixer must know of a person from now on. `gain_db` is a factor in decibels."""

    person: str
    muted: bool
    gain_db: float


@dataclass(frozen=True, slots=True)
class WriteStanding:
    """The conversation's standing changed: everybody who reads `standing.json` must see it."""


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One thing that happened on air, for the journal of the recording; `fields` as its kind needs."""

    kind: JournalKind
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notify:
    """The room changed: tell backstage and the listeners."""


Order = (
    OpenAir | EndConversation | LeaveStage | CloseSession | AdjustVoice | WriteStanding | JournalLine | Notify
)
Orders = tuple[Order, ...]
