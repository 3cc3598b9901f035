"""Transcripts of rooms: what happened, and what the room wanted done."""

import pytest

from hiwar.recording.journal import JournalKind
from hiwar.relay.messages import Command, CommandKind
from hiwar.relay.records import Person, Phase, Role
from hiwar.stage.orders import (
    AdjustVoice,
    CloseSession,
    EndConversation,
    JournalLine,
    LeaveStage,
    Notify,
    OpenAir,
    Orders,
    Refused,
    WriteStanding,
)
from hiwar.stage.room import DROP_SECONDS, EMPTY_SECONDS, Room

ROLES = {"h": Role.HOST, "c": Role.COHOST, "g": Role.GUEST}


def person(who: str) -> Person:
    return Person(id=who, name=f"name of {who}", role=ROLES[who[0]])


def new_room(speakers_max: int = 4) -> Room:
    room = Room(speakers_max=speakers_max, waiting_seconds=600.0)
    room.begin(0.0)
    return room


def enter(room: Room, who: str, now: float = 0.0, resource: str = "", resume: bool = False) -> Orders:
    resource = resource or f"r-{who}"
    return (
        *room.arrive(person(who), resource, now, resume=resume),
        *room.connected(resource, now),
    )


def ask(
    room: Room, actor: str, kind: CommandKind, target: str = "", value: str = "", *, now: float = 0
) -> Orders:
    return room.command(
        Command(kind=kind, actor=actor, role=ROLES[actor[0]], target=target, value=value), now
    )


def live_room(*people: str) -> Room:
    room = new_room()
    for who in people:
        enter(room, who)
    ask(room, "h1", "open_air")
    return room


def phase_of(room: Room) -> Phase:
    return room.phase


def test_the_first_to_connect_makes_the_green_room_and_nothing_is_journalled() -> None:
    room = new_room()
    orders = room.arrive(person("h1"), "a", 0.0, resume=False)
    assert orders == (AdjustVoice("h1", muted=False, gain_db=0.0), Notify())
    assert phase_of(room) is Phase.ANNOUNCED
    assert room.connected("a", 1.0) == (WriteStanding(), Notify())
    assert phase_of(room) is Phase.GREEN_ROOM


def test_opening_the_air_journals_who_is_here() -> None:
    room = new_room()
    enter(room, "h1")
    orders = ask(room, "h1", "open_air")
    who = {"person": "h1", "name": "name of h1", "role": "host"}
    assert orders == (
        OpenAir(),
        JournalLine(JournalKind.JOINED, who),
        WriteStanding(),
        Notify(),
    )
    assert phase_of(room) is Phase.LIVE


@pytest.mark.parametrize("kind", ["open_air", "end", "gain", "rename", "remove", "mute", "unmute"])
def test_a_guest_can_do_nothing_to_the_room_or_to_others(kind: CommandKind) -> None:
    room = live_room("h1", "g1", "g2")
    with pytest.raises(Refused) as refused:
        ask(room, "g1", kind, "" if kind in ("open_air", "end") else "g2", "0")
    assert refused.value.status == 403


def test_a_guest_mutes_renames_and_removes_themselves_and_may_come_back() -> None:
    room = live_room("h1", "g1")
    assert AdjustVoice("g1", muted=True, gain_db=0.0) in ask(room, "g1", "mute", "g1")
    ask(room, "g1", "unmute", "g1")
    ask(room, "g1", "rename", "g1", "  ليلى   من  البيت ")
    assert room.places["g1"].name == "ليلى من البيت"
    assert CloseSession("r-g1") in ask(room, "g1", "remove", "g1")
    enter(room, "g1", resource="again")
    assert room.places["g1"].connected


def test_what_the_host_muted_a_guest_cannot_unmute_but_a_cohost_can() -> None:
    room = live_room("h1", "c1", "g1")
    ask(room, "h1", "mute", "g1")
    with pytest.raises(Refused, match="host muted you"):
        ask(room, "g1", "unmute", "g1")
    assert AdjustVoice("g1", muted=False, gain_db=0.0) in ask(room, "c1", "unmute", "g1")


def test_nobody_opens_a_microphone_from_afar() -> None:
    room = live_room("h1", "g1")
    ask(room, "g1", "mute", "g1")
    with pytest.raises(Refused) as refused:
        ask(room, "h1", "unmute", "g1")
    assert refused.value.status == 409
    assert room.places["g1"].muted


@pytest.mark.parametrize(
    ("actor", "kind", "target", "allowed"),
    [
        ("c1", "mute", "h1", False),
        ("c1", "mute", "c2", True),
        ("c1", "remove", "c2", False),
        ("c1", "remove", "g1", True),
        ("c1", "remove", "h1", False),
        ("h1", "remove", "c1", True),
        ("h1", "mute", "c1", True),
    ],
)
def test_cohosts_stand_below_the_host(actor: str, kind: CommandKind, target: str, allowed: bool) -> None:
    room = live_room("h1", "c1", "c2", "g1")
    if allowed:
        assert ask(room, actor, kind, target)
        return
    with pytest.raises(Refused) as refused:
        ask(room, actor, kind, target)
    assert refused.value.status == 403


def test_a_second_publisher_with_one_pass_is_refused_and_disturbs_nothing() -> None:
    room = live_room("h1", "g1")
    with pytest.raises(Refused) as refused:
        room.arrive(person("g1"), "other", 1.0, resume=False)
    assert refused.value.status == 409
    assert room.places["g1"].resource == "r-g1"
    assert room.places["g1"].connected


def test_who_fell_silent_is_not_connected_and_comes_back_on_the_same_connection() -> None:
    room = live_room("h1", "g1")
    assert JournalLine(JournalKind.LEFT, {"person": "g1"}) in room.fallen_silent("r-g1", 1.0)
    assert room.fallen_silent("r-g1", 1.5) == ()
    assert not room.places["g1"].connected
    assert room.connected("r-g1", 2.0)
    assert room.places["g1"].connected
    with pytest.raises(Refused):
        room.arrive(person("g1"), "other", 3.0, resume=False)


def test_a_place_whose_connection_fell_silent_is_taken_over_with_the_pass_alone() -> None:
    room = live_room("h1")
    room.fallen_silent("r-h1", 1.0)
    orders = enter(room, "h1", now=2.0, resource="new")
    assert CloseSession("r-h1") in orders
    assert room.places["h1"].connected
    assert room.tick(100.0) == ()


def test_all_silent_counts_as_all_dropped() -> None:
    room = live_room("h1")
    room.fallen_silent("r-h1", 1.0)
    room.tick(1.0 + DROP_SECONDS)
    assert phase_of(room) is Phase.WAITING


def test_a_resume_takes_the_place_over_and_the_old_connection_cannot_disturb_it() -> None:
    room = live_room("h1", "g1")
    ask(room, "g1", "mute", "g1")
    orders = enter(room, "g1", now=5.0, resource="new", resume=True)
    assert orders[0] == CloseSession("r-g1")
    assert AdjustVoice("g1", muted=True, gain_db=0.0) in orders
    assert room.gone("r-g1", 6.0) == ()
    assert room.connected("r-g1", 6.0) == (CloseSession("r-g1"),)
    assert room.places["g1"].connected


def test_somebody_removed_stays_out() -> None:
    room = live_room("h1", "g1")
    orders = ask(room, "h1", "remove", "g1")
    assert CloseSession("r-g1") in orders
    for resume in (False, True):
        with pytest.raises(Refused) as refused:
            room.arrive(person("g1"), "again", 1.0, resume=resume)
        assert refused.value.status == 403
    assert [p.id for p in room.people] == ["h1"]


def test_the_room_is_full_at_its_bound_and_a_place_that_is_left_is_free_again() -> None:
    room = new_room(speakers_max=2)
    enter(room, "h1")
    enter(room, "g1")
    with pytest.raises(Refused) as refused:
        room.arrive(person("g2"), "r", 0.0, resume=False)
    assert refused.value.status == 503
    room.gone("r-g1", 1.0)
    assert room.arrive(person("g2"), "r", 2.0, resume=False)


def test_the_host_drops_and_cohosts_hold_the_room() -> None:
    room = live_room("h1", "c1")
    room.gone("r-h1", 10.0)
    assert room.tick(1000.0) == ()
    assert phase_of(room) is Phase.LIVE
    assert EndConversation() in ask(room, "c1", "end", now=1001.0)


def test_all_drop_and_the_conversation_waits_then_goes_on_when_someone_returns() -> None:
    room = live_room("h1", "g1")
    room.gone("r-h1", 10.0)
    room.gone("r-g1", 20.0)
    assert room.tick(20.0 + DROP_SECONDS - 0.1) == ()
    assert room.tick(20.0 + DROP_SECONDS) == (JournalLine(JournalKind.WAITING), WriteStanding(), Notify())
    assert phase_of(room) is Phase.WAITING
    assert room.ends_at == pytest.approx(20.0 + DROP_SECONDS + 600.0)
    assert JournalLine(JournalKind.ON_AIR) in enter(room, "g1", now=100.0)
    assert phase_of(room) is Phase.LIVE
    assert room.tick(10_000.0) == ()


def test_all_drop_and_nobody_returns_so_it_ends_by_itself() -> None:
    room = live_room("h1")
    room.gone("r-h1", 10.0)
    room.tick(20.0)
    assert room.tick(619.0) == ()
    orders = room.tick(620.0)
    assert EndConversation() in orders
    assert phase_of(room) is Phase.ENDED
    assert room.tick(10_000.0) == ()
    with pytest.raises(Refused) as refused:
        room.arrive(person("h1"), "r", 10_000.0, resume=True)
    assert refused.value.status == 410


def test_a_green_room_that_stays_empty_frees_its_stage() -> None:
    room = new_room()
    enter(room, "h1")
    room.gone("r-h1", 10.0)
    assert room.tick(10.0 + EMPTY_SECONDS - 1) == ()
    assert room.tick(10.0 + EMPTY_SECONDS) == (WriteStanding(), LeaveStage())
    assert phase_of(room) is Phase.ANNOUNCED


def test_the_air_opens_only_when_somebody_is_connected_and_only_once() -> None:
    room = new_room()
    with pytest.raises(Refused, match="Nobody is connected"):
        ask(room, "h1", "open_air")
    enter(room, "h1")
    with pytest.raises(Refused, match="not on air"):
        ask(room, "h1", "end")
    ask(room, "h1", "open_air")
    with pytest.raises(Refused, match="open already"):
        ask(room, "h1", "open_air")


def test_a_stage_that_takes_over_expects_everybody_back_and_keeps_them_muted() -> None:
    room = Room(speakers_max=4, waiting_seconds=600.0)
    muted = Person(id="g1", name="guest", role=Role.GUEST, muted=True)
    room.take_up(Phase.LIVE, (person("h1"), muted), 50.0)
    assert room.tick(50.5) == ()
    orders = enter(room, "g1", now=51.0, resume=True)
    assert AdjustVoice("g1", muted=True, gain_db=0.0) in orders
    assert phase_of(room) is Phase.LIVE
    assert room.places["g1"].name == "guest"


@pytest.mark.parametrize("value", ["", "abc", "1e5", "٣", "12.5", "-25", "nan", "3 "])
def test_a_gain_that_is_no_number_in_range_is_refused(value: str) -> None:
    room = live_room("h1", "g1")
    with pytest.raises(Refused) as refused:
        ask(room, "h1", "gain", "g1", value)
    assert refused.value.status == 400
    assert room.places["g1"].gain_db == 0.0


@pytest.mark.parametrize("value", ["", "   ", "a\x00b", "x" * 61])
def test_a_name_without_letters_or_too_long_is_refused(value: str) -> None:
    room = live_room("h1")
    with pytest.raises(Refused) as refused:
        ask(room, "h1", "rename", "h1", value)
    assert refused.value.status == 400


def test_nobody_of_that_id_is_said_so() -> None:
    room = live_room("h1")
    with pytest.raises(Refused) as refused:
        ask(room, "h1", "mute", "g9")
    assert refused.value.status == 404


@pytest.mark.parametrize("who_muted", [("h1",), ("g1",), ("h1", "g1")])
def test_who_muted_somebody_still_counts_for_the_next_stage(who_muted: tuple[str, ...]) -> None:
    before = live_room("h1", "g1")
    for actor in who_muted:
        ask(before, actor, "mute", "g1")
    after = new_room()
    after.take_up(Phase.LIVE, before.people, 50.0)
    place = after.places["g1"]
    assert (place.held, place.own) == ("h1" in who_muted, "g1" in who_muted)
    with pytest.raises(Refused):
        ask(after, "g1" if "h1" in who_muted else "h1", "unmute", "g1")
