"""What the processes tell each other about a conversation: plain records, no behaviour.

`Specification` is written by web and read by all; `Standing` is written by the stage and read by all;
`Room` is what backstage shows. Times named `*_wallclock` are UTC seconds since the epoch.
"""

from enum import StrEnum

import msgspec


class Visibility(StrEnum):
    PUBLIC = "public"
    LINK = "link"  # only who holds a ticket, voucher or claim; every media byte is checked


class Role(StrEnum):
    HOST = "host"
    COHOST = "cohost"
    GUEST = "guest"


class Specification(msgspec.Struct, frozen=True, kw_only=True):
    """What a conversation is meant to be. A stage carries it from its start and needs web no more."""

    id: str
    title: str
    description: str = ""
    language: str = ""  # BCP 47, the language spoken ("" = not said)
    visibility: Visibility = Visibility.PUBLIC
    hidden: bool = False  # by moderation: nobody reads or hears it
    planned_wallclock: float | None = None
    demonstration: bool = False


class Phase(StrEnum):
    """Where a conversation stands. Legal moves are the table `relay.phases.MOVES`."""

    ANNOUNCED = "announced"
    GREEN_ROOM = "green_room"  # speakers are in, the air is closed, nothing is recorded
    LIVE = "live"
    WAITING = "waiting"  # on air, everybody dropped, the listeners keep their places
    ENDED = "ended"


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who speaks or spoke. `id` is stable within the conversation (the pass's serial). `held`:
    muted by the host or a co-host, and `own`: by themselves; either is `muted`."""

    id: str
    name: str
    role: Role
    muted: bool = False
    connected: bool = True
    own: bool = False
    held: bool = False


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a conversation stands now, as the stage last wrote it."""

    phase: Phase = Phase.ANNOUNCED
    opened_wallclock: float | None = None  # when media time was 0
    ended_wallclock: float | None = None
    duration: int = 0  # media time at the end (samples at 48 kHz); 0 until it ended
    people: tuple[Person, ...] = ()


class Speaker(msgspec.Struct, frozen=True, kw_only=True):
    """One speaker as the room page shows them. Levels are dBFS, -127 is silence."""

    person: Person
    level_dbfs: int = -127
    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    buffer_ms: float = 0.0
    gain_db: float = 0.0
    source: str = "webrtc"  # or "file"


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """Everything backstage shows of a stage, whole, sent at every change."""

    conversation: str
    title: str
    phase: Phase
    incarnation: int
    media_time: int = 0
    on_air_seconds: float = 0.0
    listeners: int = 0
    recording: str = "off"  # "off", "on", "full" (disk full: kept in memory), "losing" (memory full too)
    ends_in_seconds: float | None = None  # set while waiting: when it ends by itself
    speakers: tuple[Speaker, ...] = ()
