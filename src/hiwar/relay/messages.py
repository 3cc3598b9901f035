"""The wire of the relay: tagged MessagePack records, each after its length (4 bytes, big-endian).

*Data channel* (one Unix stream socket per subscriber): the stage says `Hello`, then the backlog, then
`Chunk`s and `Event`s as they are made, then `Ended`. The subscriber says `Audience` back. The stage
never waits: a subscriber whose queue is full loses the oldest and is told by `Skipped`.

*Control channel* (requests and replies, each with the number the asker chose; and `Notice`s pushed by
the stage to whoever asked `Watch`).
"""

from typing import Literal

import msgspec

from hiwar.media.feed import Chunk
from hiwar.relay.records import Person, Role, Room, Specification

MESSAGE_BYTES_MAX = 4 * 1024 * 1024  # the largest message is an SDP or a room; a backlog is many messages


class DataMessage(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Base of everything on the data channel."""


class Hello(DataMessage, frozen=True):
    """First message. `inits` are the header bytes of each feed; `origin_wallclock` is media time 0."""

    specification: Specification
    incarnation: int
    origin_wallclock: float
    inits: dict[str, bytes]


class Media(DataMessage, frozen=True):
    chunk: Chunk


class Event(DataMessage, frozen=True):
    """`kind` is "state" or "levels"; `body` is the JSON that listeners get, rendered once."""

    media_time: int
    kind: str
    body: bytes


class Health(DataMessage, frozen=True):
    """How the speakers fare, twice a second; whoever serves listeners cuts back before they notice.

    `frame_lateness_ms`: the latest of the last second's frames; `frames_late`: how many of them, a second,
    began over 5 ms late or were passed over; `recorder_lag_s`: the age of the oldest thing not on disk yet.
    """

    frame_lateness_ms: float
    frames_late: float
    recorder_lag_s: float


class Skipped(DataMessage, frozen=True):
    """This subscriber was too slow: `count` messages were dropped before the next one."""

    count: int


class Ended(DataMessage, frozen=True):
    """The conversation is over; `media_time` is its length."""

    media_time: int


class Audience(DataMessage, frozen=True):
    """Subscriber to stage: how many people this edge worker is feeding now."""

    listeners: int


class ControlMessage(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of everything on the control channel. `call` pairs a reply with its request; 0 for notices."""

    call: int = 0


class Assign(ControlMessage, frozen=True):
    """Backstage to a warm spare: become the stage of this conversation."""

    specification: Specification


class Offer(ControlMessage, frozen=True):
    """A speaker's SDP offer (RFC 9725), already authorised by backstage."""

    person: Person
    sdp: str
    resume: bool = False  # the speaker proved with a resume token that the place is theirs


class Answer(ControlMessage, frozen=True):
    """Reply to `Offer`: the SDP answer; `resource` names the session for Leave and Trickle."""

    sdp: str
    resource: str


class Trickle(ControlMessage, frozen=True):
    """More remote ICE candidates (RFC 8840 fragment) for a session."""

    resource: str
    fragment: str


class Leave(ControlMessage, frozen=True):
    """End a session (WHIP DELETE)."""

    resource: str


class AddFile(ControlMessage, frozen=True):
    """Let an Ogg/Opus file speak in a person's place, from its start, once."""

    person: Person
    path: str


CommandKind = Literal["open_air", "end", "mute", "unmute", "remove", "gain", "rename"]


class Command(ControlMessage, frozen=True):
    """What a person asks of the room; the stage checks it against their role."""

    kind: CommandKind
    actor: str  # Person.id
    role: Role
    target: str = ""  # Person.id, for mute, unmute, remove, gain, rename
    value: str = ""  # gain in dB, or the new name


class Watch(ControlMessage, frozen=True):
    """From now on send a `Notice` at every change and with levels, at most ten a second."""


class Ask(ControlMessage, frozen=True):
    """Reply with one `Notice`."""


class Notice(ControlMessage, frozen=True):
    room: Room


class Done(ControlMessage, frozen=True):
    """The request was carried out."""


class Failed(ControlMessage, frozen=True):
    """It was not: an HTTP status that fits, and one clear sentence."""

    status: int
    reason: str


AnyData = Hello | Media | Event | Health | Skipped | Ended | Audience
AnyControl = (
    Assign | Offer | Answer | Trickle | Leave | AddFile | Command | Watch | Ask | Notice | Done | Failed
)
