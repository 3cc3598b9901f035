"""The room of one conversation: who is here, what they may do, where the conversation stands. Pure.

Events and `now` (monotonic seconds) come in as method calls, orders (`stage.orders`) go out; a call that
is refused raises `Refused` and changes nothing.

Rules:
- One place per person. A second connection with the same pass is refused, unless it comes with a resume
  token: then it takes the place over and the older connection is closed. Events name the connection
  (`resource`), so what is late of an old one cannot disturb a new one.
- Somebody removed stays out: their link is revoked by backstage, and this room knows them.
- The room outlives its host. When nobody is connected for `DROP_SECONDS` while on air, the conversation
  waits, with its listeners in place, for `waiting_seconds`; then it ends by itself.
- A green room that stays empty for `EMPTY_SECONDS` goes back to being announced and frees its stage.
- A microphone is never opened from afar: what somebody muted themselves, only they unmute. What the host
  or a co-host muted, a guest cannot unmute.
"""

import math
import re
import unicodedata
from dataclasses import dataclass, field

from hiwar.recording.journal import JournalKind
from hiwar.relay.links import LINKS_MAX
from hiwar.relay.messages import Command
from hiwar.relay.phases import ON_AIR, move
from hiwar.relay.records import Person, Phase, Role
from hiwar.stage.orders import (
    AdjustVoice,
    CloseSession,
    EndConversation,
    JournalLine,
    LeaveStage,
    Notify,
    OpenAir,
    Order,
    Orders,
    Refused,
    WriteStanding,
)
from hiwar.stage.permissions import check_permission

DROP_SECONDS = 3.0  # a change of network or a restarted stage is no reason to tell listeners "waiting"
EMPTY_SECONDS = 300.0
GAIN_DB_MIN, GAIN_DB_MAX = -24.0, 12.0
NAME_CHARS_MAX = 60
PEOPLE_MAX = 2 * LINKS_MAX  # everybody who was ever here; a conversation has at most LINKS_MAX links at once
_GAIN = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,3})?", re.ASCII)


@dataclass(slots=True)
class Place:
    """One person's place. `resource` names their connection ("" for none), `connected` whether sound can
    flow on it; `held` is mute by the host or a co-host, `own` mute by themselves."""

    id: str
    name: str
    role: Role
    resource: str = ""
    connected: bool = False
    faltering: bool = False  # the connection fell silent: somebody else with this pass may take it over
    own: bool = False
    held: bool = False
    gain_db: float = 0.0
    removed: bool = False

    @property
    def muted(self) -> bool:
        return self.own or self.held

    @property
    def person(self) -> Person:
        return Person(
            id=self.id,
            name=self.name,
            role=self.role,
            muted=self.muted,
            connected=self.connected,
            own=self.own,
            held=self.held,
        )

    @property
    def voice(self) -> AdjustVoice:
        return AdjustVoice(self.id, self.muted, self.gain_db)


@dataclass(slots=True)
class Room:
    """The state. `speakers_max` bounds connections, `waiting_seconds` the wait for somebody to return."""

    speakers_max: int
    waiting_seconds: float
    phase: Phase = Phase.ANNOUNCED
    places: dict[str, Place] = field(default_factory=dict)
    empty_since: float | None = None  # when the last connection went, or the room began
    ends_at: float | None = None  # set while waiting

    def begin(self, now: float) -> None:
        """The stage is there and nobody has come yet."""
        self.empty_since = now

    def take_up(self, phase: Phase, people: tuple[Person, ...], now: float) -> None:
        """Go on where a stage that died left off: everybody is expected back at their place."""
        self.phase = phase if phase in ON_AIR else Phase.ANNOUNCED
        for person in people[:PEOPLE_MAX]:
            own = person.own or (person.muted and not person.held)
            self.places[person.id] = Place(person.id, person.name, person.role, own=own, held=person.held)
        self.empty_since = now
        if self.phase is Phase.WAITING:
            self.ends_at = now + self.waiting_seconds

    def end_at_once(self) -> None:
        """The recording turned out to be ended already."""
        self.phase, self.ends_at, self.empty_since = move(self.phase, Phase.ENDED), None, None

    @property
    def on_air(self) -> bool:
        return self.phase in ON_AIR

    @property
    def people(self) -> tuple[Person, ...]:
        """Everybody who is or was here and was not removed, in the order of their coming."""
        return tuple(place.person for place in self.places.values() if not place.removed)

    def arrive(self, person: Person, resource: str, now: float, *, resume: bool) -> Orders:
        """Somebody asks for their place with a new connection, which is not up yet.

        Raises:
            Refused: 403 removed, 409 the place is taken, 410 ended, 503 the room is full.
        """
        place = self.places.get(person.id)
        self._check_arrival(place, resume)
        orders: list[Order] = []
        if place is None:
            place = self.places[person.id] = Place(person.id, person.name, person.role)
        elif place.resource:
            orders.append(CloseSession(place.resource))
            self._drop(place, orders, now)
        place.role, place.resource, place.faltering = person.role, resource, False
        if person.name and not place.name:
            place.name = person.name
        return (*self._on_air_only(orders), place.voice, Notify())

    def connected(self, resource: str, now: float) -> Orders:
        """The connection is up: sound can flow. Unknown or old connections are closed."""
        place = self._place_of(resource)
        if place is None:
            return (CloseSession(resource),)
        if place.connected:
            return ()
        place.connected, place.faltering = True, False
        self.empty_since = None
        orders: list[Order] = [JournalLine(JournalKind.JOINED, _who(place))]
        if self.phase is Phase.ANNOUNCED:
            self.phase = move(self.phase, Phase.GREEN_ROOM)
        elif self.phase is Phase.WAITING:
            self.phase, self.ends_at = move(self.phase, Phase.LIVE), None
            orders.append(JournalLine(JournalKind.ON_AIR))
        return (*self._on_air_only(orders), WriteStanding(), Notify())

    def fallen_silent(self, resource: str, now: float) -> Orders:
        """Nothing comes on a connection that was up; it may come back (`connected`) or be gone."""
        place = self._place_of(resource)
        if place is None or not place.connected:
            return ()
        orders: list[Order] = []
        self._drop(place, orders, now)
        place.faltering = True
        return (*self._on_air_only(orders), WriteStanding(), Notify())

    def gone(self, resource: str, now: float) -> Orders:
        """A connection ended, by itself or by its owner's wish. The place is kept."""
        place = self._place_of(resource)
        if place is None:
            return ()
        orders: list[Order] = []
        self._drop(place, orders, now)
        place.resource = ""
        return (*self._on_air_only(orders), WriteStanding(), Notify())

    def tick(self, now: float) -> Orders:
        """What is due by time alone; call some times a second."""
        if self.ends_at is not None and now >= self.ends_at:
            return self._end()
        if self.empty_since is None:
            return ()
        if self.phase is Phase.LIVE and now - self.empty_since >= DROP_SECONDS:
            self.phase = move(self.phase, Phase.WAITING)
            self.ends_at = now + self.waiting_seconds
            return (JournalLine(JournalKind.WAITING), WriteStanding(), Notify())
        if not self.on_air and self.phase is not Phase.ENDED and now - self.empty_since >= EMPTY_SECONDS:
            if self.phase is Phase.GREEN_ROOM:
                self.phase = move(self.phase, Phase.ANNOUNCED)
            self.empty_since = None
            return (WriteStanding(), LeaveStage())
        return ()

    def command(self, command: Command, now: float) -> Orders:
        """Somebody asks something of the room.

        Raises:
            Refused: 400 a bad value, 403 not theirs to ask, 404 nobody of that id, 409 not now.
        """
        target = self._target(command)
        check_permission(
            command.kind,
            command.role,
            on_self=target is not None and target.id == command.actor,
            target=target.role if target is not None else None,
        )
        if command.kind == "open_air":
            return self._open_air()
        if command.kind == "end":
            return self._end_by_hand()
        assert target is not None
        match command.kind:
            case "mute" | "unmute":
                return self._mute(target, command)
            case "gain":
                target.gain_db = _parse_gain(command.value)
                return (target.voice, Notify())
            case "rename":
                target.name = _parse_name(command.value)
                return (*self._journal(JournalKind.RENAMED, target), WriteStanding(), Notify())
            case "remove":
                return self._remove(target, now, by=command.actor)

    def _check_arrival(self, place: Place | None, resume: bool) -> None:
        if self.phase is Phase.ENDED:
            raise Refused(410, "The conversation has ended.")
        if place is not None and place.removed:
            raise Refused(403, "You were removed from this conversation.")
        if place is not None and place.resource and not resume and not place.faltering:
            raise Refused(409, "Somebody is already here with this link; it is one person's place.")
        taken = sum(1 for other in self.places.values() if other.resource and other is not place)
        if taken >= self.speakers_max or (place is None and len(self.places) >= PEOPLE_MAX):
            raise Refused(503, "The room is full: every speaker's place is taken.")

    def _target(self, command: Command) -> Place | None:
        if command.kind in ("open_air", "end"):
            return None
        place = self.places.get(command.target)
        if place is None or place.removed:
            raise Refused(404, "Nobody of that id is in the room.")
        return place

    def _open_air(self) -> Orders:
        if self.phase in ON_AIR:
            raise Refused(409, "The air is open already.")
        if self.phase is not Phase.GREEN_ROOM or not any(p.connected for p in self.places.values()):
            raise Refused(409, "Nobody is connected yet: connect a microphone before you open the air.")
        self.phase = move(self.phase, Phase.LIVE)
        here = [p for p in self.places.values() if p.connected]
        joined = [JournalLine(JournalKind.JOINED, _who(p)) for p in here]
        muted = [JournalLine(JournalKind.MUTED, _who(p)) for p in here if p.muted]
        return (OpenAir(), *joined, *muted, WriteStanding(), Notify())

    def _end_by_hand(self) -> Orders:
        if self.phase not in ON_AIR:
            raise Refused(409, "The conversation is not on air.")
        return self._end()

    def _end(self) -> Orders:
        self.phase, self.ends_at = move(self.phase, Phase.ENDED), None
        return (EndConversation(), Notify())

    def _mute(self, target: Place, command: Command) -> Orders:
        if command.kind == "mute":
            if target.id == command.actor:
                target.own = True
            else:
                target.held = True
        elif target.id != command.actor:
            if target.own:
                raise Refused(409, "They muted their own microphone; only they can open it.")
            target.held = False
        elif target.held and command.role is Role.GUEST:
            raise Refused(403, "The host muted you; only the host or a co-host can unmute you.")
        else:
            target.own = target.held = False
        event = JournalKind.MUTED if target.muted else JournalKind.UNMUTED
        return (target.voice, *self._journal(event, target), WriteStanding(), Notify())

    def _remove(self, target: Place, now: float, *, by: str) -> Orders:
        resource = target.resource
        gone = self.gone(resource, now) if resource else ()
        target.removed = target.id != by
        closing = (CloseSession(resource),) if resource else ()
        removed = self._journal(JournalKind.REMOVED, target, actor=by) if target.removed else ()
        return (*closing, *gone, *removed, WriteStanding(), Notify())

    def _drop(self, place: Place, orders: list[Order], now: float) -> None:
        if place.connected:
            place.connected = False
            orders.append(JournalLine(JournalKind.LEFT, {"person": place.id}))
        if self.empty_since is None and not any(other.connected for other in self.places.values()):
            self.empty_since = now

    def _place_of(self, resource: str) -> Place | None:
        return next((p for p in self.places.values() if resource and p.resource == resource), None)

    def _journal(self, kind: JournalKind, place: Place, **more: str) -> Orders:
        return self._on_air_only([JournalLine(kind, {**_who(place), **more})])

    def _on_air_only(self, orders: list[Order]) -> Orders:
        """The green room is not recorded: what happens there is in no journal."""
        return tuple(o for o in orders if self.on_air or not isinstance(o, JournalLine))


def _who(place: Place) -> dict[str, str]:
    return {"person": place.id, "name": place.name, "role": place.role.value}


def _parse_gain(text: str) -> float:
    gain = float(text) if _GAIN.fullmatch(text) else math.nan
    if not GAIN_DB_MIN <= gain <= GAIN_DB_MAX:
        raise Refused(400, f"A gain is a number from {GAIN_DB_MIN:g} to {GAIN_DB_MAX:g} decibels.")
    return gain


def _parse_name(text: str) -> str:
    name = " ".join(text.split())
    if not 1 <= len(name) <= NAME_CHARS_MAX or any(unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise Refused(400, f"A name has 1 to {NAME_CHARS_MAX} letters, digits or signs.")
    return name
