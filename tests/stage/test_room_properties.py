"""No sequence of events breaks what a room promises."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hiwar.relay.messages import Command, CommandKind
from hiwar.relay.phases import ON_AIR
from hiwar.relay.records import Person, Phase, Role
from hiwar.stage.orders import EndConversation, JournalLine, OpenAir, Order, Refused
from hiwar.stage.room import Room

PEOPLE = {"h1": Role.HOST, "c1": Role.COHOST, "g1": Role.GUEST, "g2": Role.GUEST}
KINDS: list[CommandKind] = ["open_air", "end", "mute", "unmute", "remove", "gain", "rename"]
SPEAKERS_MAX = 3
WAITING_SECONDS = 60.0


class RoomMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.room = Room(speakers_max=SPEAKERS_MAX, waiting_seconds=WAITING_SECONDS)
        self.room.begin(0.0)
        self.now = 0.0
        self.count = 0
        self.orders: list[Order] = []
        self.removed: set[str] = set()
        self.own_muted: set[str] = set()

    def take(self, orders: tuple[Order, ...], *, before: Phase) -> None:
        on_air = before in ON_AIR or self.room.phase in ON_AIR
        assert on_air or not any(isinstance(order, JournalLine) for order in orders)
        self.orders += orders

    @rule(who=st.sampled_from(sorted(PEOPLE)), resume=st.booleans())
    def arrive(self, who: str, resume: bool) -> None:
        self.count += 1
        before = self.room.phase
        held = self.room.places.get(who)
        taken = held is not None and held.resource != "" and not held.faltering
        try:
            orders = self.room.arrive(
                Person(id=who, name=who, role=PEOPLE[who]), f"{who}-{self.count}", self.now, resume=resume
            )
        except Refused:
            return
        assert who not in self.removed
        assert not taken or resume
        self.take(orders, before=before)

    @rule(who=st.sampled_from(sorted(PEOPLE)), back=st.integers(0, 2))
    def connect(self, who: str, back: int) -> None:
        self.take(self.room.connected(f"{who}-{self.count - back}", self.now), before=self.room.phase)

    @rule(who=st.sampled_from(sorted(PEOPLE)))
    def drop(self, who: str) -> None:
        place = self.room.places.get(who)
        self.take(self.room.gone(place.resource if place else "none", self.now), before=self.room.phase)

    @rule(who=st.sampled_from(sorted(PEOPLE)))
    def fall_silent(self, who: str) -> None:
        place = self.room.places.get(who)
        self.take(
            self.room.fallen_silent(place.resource if place else "none", self.now), before=self.room.phase
        )

    @rule(seconds=st.floats(0.1, 400.0))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.room.tick(self.now), before=self.room.phase)

    @rule(
        actor=st.sampled_from(sorted(PEOPLE)),
        whom=st.sampled_from([*sorted(PEOPLE), "x"]),
        kind=st.sampled_from(KINDS),
        value=st.sampled_from(["", "3", "-6.5", "name", "99"]),
    )
    def command(self, actor: str, whom: str, kind: CommandKind, value: str) -> None:
        before = self.room.phase
        asked = Command(kind=kind, actor=actor, role=PEOPLE[actor], target=whom, value=value)
        try:
            orders = self.room.command(asked, self.now)
        except Refused:
            return
        if kind == "remove" and actor != whom:
            self.removed.add(whom)
        if kind == "mute" and actor == whom:
            self.own_muted.add(whom)
        if kind == "unmute" and actor == whom:
            self.own_muted.discard(whom)
        self.take(orders, before=before)

    @invariant()
    def connections_stay_within_the_bound(self) -> None:
        assert sum(1 for place in self.room.places.values() if place.resource) <= SPEAKERS_MAX

    @invariant()
    def only_who_has_a_connection_is_connected_and_nobody_removed_is(self) -> None:
        for place in self.room.places.values():
            assert place.resource or not place.connected
            assert not (place.removed and place.resource)

    @invariant()
    def the_air_opens_once_and_ends_once(self) -> None:
        assert sum(isinstance(order, OpenAir) for order in self.orders) <= 1
        ends = sum(isinstance(order, EndConversation) for order in self.orders)
        assert ends == (self.room.phase is Phase.ENDED)

    @invariant()
    def who_muted_themselves_is_muted(self) -> None:
        assert all(self.room.places[who].muted for who in self.own_muted)

    @invariant()
    def an_empty_room_has_a_clock_running(self) -> None:
        anybody = any(place.connected for place in self.room.places.values())
        assert (self.room.ends_at is not None) == (self.room.phase is Phase.WAITING)
        if not anybody and self.room.on_air:
            assert self.room.empty_since is not None


TestRoom = RoomMachine.TestCase
TestRoom.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
