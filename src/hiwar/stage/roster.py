"""The speakers as the room page shows them: the room's people with what the sound says of them."""

from collections.abc import Mapping

from hiwar.mixer.levels import LEVEL_MIN
from hiwar.relay.records import Speaker
from hiwar.stage.cast import Cast
from hiwar.stage.room import Place, Room

SAMPLES_PER_MS = 48


def describe_speakers(room: Room, cast: Cast, levels: Mapping[str, int]) -> tuple[Speaker, ...]:
    """Everybody who was not removed, in the order of their coming."""
    return tuple(
        _describe(place, cast, levels.get(place.id, LEVEL_MIN))
        for place in room.places.values()
        if not place.removed
    )


def _describe(place: Place, cast: Cast, level: int) -> Speaker:
    seat = cast.of(place.id)
    if seat is None:
        return Speaker(person=place.person, gain_db=place.gain_db)
    health = seat.source.health()
    return Speaker(
        person=place.person,
        level_dbfs=level,
        loss_percent=round(health.loss_percent, 1),
        jitter_ms=round(health.jitter_ms, 1),
        buffer_ms=round(seat.voice.buffered / SAMPLES_PER_MS, 1),
        gain_db=place.gain_db,
        source=seat.source.kind,
    )
