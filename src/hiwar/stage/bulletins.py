"""What listeners and backstage are told: the JSON of live events, and the room page's record. Pure.

An event is rendered once and goes out twice: inside the Opus fMP4 feed (`emsg`) and over the relay, for
who listens otherwise.
"""

from collections.abc import Iterable, Mapping

import msgspec

from hiwar.relay.records import Person, Phase

SILENT_DBFS = -60  # below it nobody speaks: no levels are sent
_encode = msgspec.json.Encoder().encode
_PHASE_FOR_LISTENERS = {Phase.LIVE: "live", Phase.WAITING: "waiting", Phase.ENDED: "ended"}


class _ShownSpeaker(msgspec.Struct, frozen=True):
    id: str
    name: str
    role: str
    muted: bool
    connected: bool


class _State(msgspec.Struct, frozen=True):
    phase: str
    listeners: int
    on_air_seconds: float
    speakers: tuple[_ShownSpeaker, ...]


def render_state(phase: Phase, listeners: int, on_air_seconds: float, people: Iterable[Person]) -> bytes:
    """The event `state`. Before the air opens the phase is that of the room ("announced", "green_room")."""
    speakers = tuple(_ShownSpeaker(p.id, p.name, p.role.value, p.muted, p.connected) for p in people)
    shown = _PHASE_FOR_LISTENERS.get(phase, phase.value)
    return _encode(_State(shown, listeners, round(on_air_seconds, 1), speakers))


def render_levels(levels: Mapping[str, int]) -> bytes:
    """The event `levels`: whole dBFS by person, -127 for silence."""
    return _encode({"levels": dict(levels)})


def somebody_speaks(levels: Mapping[str, int]) -> bool:
    return any(level > SILENT_DBFS for level in levels.values())
