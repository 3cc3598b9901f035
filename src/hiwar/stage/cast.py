"""The cast: which connection or file sits in which person's place, and the voice it has in the mix.

A seat is taken when a source is made (packets may come before it says that it is up) and cleared when
the room says so; clearing takes the voice out of the mix at once and ends the source in its own time.
What the room decided of a voice (mute, gain) is kept by person, so that it holds for the next connection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hiwar.media.packet import SpeakerPacket
from hiwar.stage.orders import AdjustVoice
from hiwar.stage.program import Program
from hiwar.stage.sources import Source, SourceEvents
from hiwar.stage.voices import Inbox, Voice, free_row

_Made = TypeVar("_Made", bound=Source)


class Told(Protocol):
    """Who is told what becomes of a source."""

    def up(self, resource: str) -> None: ...
    def fallen_silent(self, resource: str) -> None: ...
    def down(self, resource: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """One source in its place."""

    resource: str
    person: str
    source: Source
    voice: Voice


class Cast:
    """The loop's thread. `program` gets the voices whenever they change; bounded by the room. `keep` gets
    every packet to record, with its person."""

    def __init__(self, program: Program, keep: Callable[[str, SpeakerPacket], None]) -> None:
        self._program = program
        self._keep = keep
        self._seats: dict[str, Seat] = {}
        self._adjusted: dict[str, AdjustVoice] = {}

    def seats(self) -> tuple[Seat, ...]:
        return tuple(self._seats.values())

    def find(self, resource: str) -> Seat | None:
        return self._seats.get(resource)

    def of(self, person: str) -> Seat | None:
        """The seat of a person, if somebody sits there."""
        return next((seat for seat in self._seats.values() if seat.person == person), None)

    def take(
        self,
        resource: str,
        person: str,
        make: Callable[[SourceEvents], _Made],
        told: Told,
    ) -> _Made:
        """Seat the source that `make` makes; its packets go to the mix, what it tells to `told`."""
        inbox = Inbox(lambda packet: self._keep(person, packet))
        source = make(
            SourceEvents(
                inbox.receive,
                lambda: told.up(resource),
                lambda: told.fallen_silent(resource),
                lambda: told.down(resource),
            )
        )
        row = free_row(seat.voice for seat in self._seats.values())
        voice = Voice(person, row, source, inbox)
        adjusted = self._adjusted.get(person)
        if adjusted is not None:
            _apply(adjusted, voice)
        self._seats[resource] = Seat(resource, person, source, voice)
        self._tell_program()
        return source

    def clear(self, resource: str) -> Source | None:
        """Take the voice out of the mix; the source, for its owner to close."""
        seat = self._seats.pop(resource, None)
        if seat is None:
            return None
        self._tell_program()
        return seat.source

    def adjust(self, order: AdjustVoice) -> None:
        """Mute, unmute or set the gain of whoever sits, or will sit, in a person's place."""
        self._adjusted[order.person] = order
        for seat in self._seats.values():
            if seat.person == order.person:
                _apply(order, seat.voice)

    def read_health(self) -> None:
        """Take over what each speaker's receiver reports, for the encoder of their return."""
        for seat in self._seats.values():
            seat.voice.loss_out_percent = seat.source.health().loss_out_percent

    def _tell_program(self) -> None:
        self._program.set_voices(tuple(seat.voice for seat in self._seats.values()))


def _apply(order: AdjustVoice, voice: Voice) -> None:
    voice.muted = voice.inbox.muted = order.muted
    voice.gain = 10.0 ** (order.gain_db / 20)
