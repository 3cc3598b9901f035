"""The owner of the seats: what is given, drawn and taken back, and who is told what."""

from typing import Any

import pytest

from hiwar.admission import house as house_module
from hiwar.admission.again import ASK_LATER_S, REFUSED_AGAIN_S
from hiwar.admission.classes import ListenerClass
from hiwar.admission.effort import EFFORT_MIN
from hiwar.admission.former import HELD_S
from hiwar.admission.gate import EVERYBODY
from hiwar.admission.house import (
    EMPTIED_MAX,
    HELD_TOLD_MAX,
    SILENT_S,
    TICK_S,
    Place,
    Seated,
)
from hiwar.admission.ladder import RECORD_ONLY_DWELL_S
from hiwar.admission.pace import TAKE_BACK_SHARE
from hiwar.admission.puzzle import EFFORT_MAX
from hiwar.admission.readings import WorkerReading
from hiwar.admission.rungs import RULES, Rung
from hiwar.admission.seats import GRACE_S, LEASE_S, RESERVED_S, State
from hiwar.admission.waiting import ASK_AGAIN_S, ASK_JITTER_S
from tests.admission.house_world import AT_EASE, FAILING, MEMORY, PRESSED, Desk, fresh_table

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
KNOWN = frozenset({RETURNING, INVITED})


def on_rung(rung: Rung, **limits: Any) -> Desk:
    """A desk that stands on a rung, as if it had been led there a moment ago."""
    desk = Desk(**limits)
    desk.house.ladder.rung = rung
    return desk


def to_record_only(desk: Desk) -> None:
    """Let the speakers' health fail until nobody listens any more; the tick in which it comes to that."""
    for _ in range(100):
        desk.run(TICK_S, FAILING)
        if desk.house.ladder.rung is Rung.RECORD_ONLY:
            return
    raise AssertionError("record-only was not reached")


def empty_seats(desk: Desk) -> int:
    return desk.orders.capacity.seats - desk.house.table.taken


# Asking.


@pytest.mark.parametrize(
    ("rung", "comer", "place"),
    [
        (Rung.OPEN, {"listener_class": STRANGER}, Place(STRANGER, placed=True)),
        (Rung.OPEN, {"listener_class": STRANGER, "solved": True}, Place(SOLVED, placed=True)),
        (Rung.LIMITED, {"listener_class": INVITED}, Place(INVITED, placed=True)),
        (Rung.LIMITED, {"listener_class": INVITED, "solved": True}, Place(INVITED, placed=True)),
        # A claim to come back is looked at, where the seat counted against a network.
        (Rung.LIMITED, {"listener_class": RETURNING, "capped": True}, Place(STRANGER, placed=True)),
        (
            Rung.LIMITED,
            {"listener_class": RETURNING, "capped": True, "solved": True},
            Place(SOLVED, placed=True),
        ),
        (Rung.LIMITED, {"listener_class": RETURNING, "capped": False}, Place(RETURNING, placed=True)),
        # What the rung says.
        (Rung.SIEGE, {"listener_class": INVITED}, Place(INVITED, placed=True)),
        (Rung.SIEGE, {"listener_class": SOLVED}, Place(SOLVED, welcome=False)),
        (Rung.SIEGE, {"listener_class": RETURNING, "capped": True}, Place(STRANGER, welcome=False)),
        (Rung.SIEGE, {"listener_class": RETURNING, "capped": False}, Place(RETURNING, placed=True)),
        (Rung.RECORD_ONLY, {"listener_class": INVITED}, Place(INVITED, welcome=False)),
    ],
)
def test_what_somebody_is_worth_who_has_no_seat(rung: Rung, comer: dict[str, Any], place: Place) -> None:
    assert on_rung(rung).enter(5, **comer) == place


def test_a_former_seat_makes_coming_back_worth_what_it_claims() -> None:
    desk = on_rung(Rung.SIEGE)
    desk.house.former.taken_back(5, 1)
    assert desk.enter(5, RETURNING, capped=True) == Place(RETURNING, placed=True, taken_back=True)


def test_whoever_has_a_seat_is_told_so_unless_nobody_listens() -> None:
    desk = Desk()
    desk.give(5, SOLVED)
    assert desk.enter(5, RETURNING, capped=True) == Place(SOLVED, seated=True)
    desk.house.ladder.rung = Rung.RECORD_ONLY
    assert desk.enter(5, RETURNING, capped=True) == Place(STRANGER, welcome=False)
    assert len(desk.house.room) == 0


def test_asking_again_keeps_the_place_and_an_answer_betters_it() -> None:
    desk = on_rung(Rung.LIMITED)
    desk.enter(5, STRANGER)
    assert desk.enter(5, STRANGER) == Place(STRANGER, placed=True)
    assert (desk.house.room.waiting(STRANGER), desk.house.room.waiting(SOLVED)) == (1, 0)
    assert desk.enter(5, STRANGER, solved=True) == Place(SOLVED, placed=True)
    assert (desk.house.room.waiting(STRANGER), desk.house.room.waiting(SOLVED)) == (0, 1)


def test_who_finds_the_room_of_their_network_full_is_told_that_they_have_no_place() -> None:
    desk = on_rung(Rung.LIMITED)
    for site in range(256):
        assert desk.house.enter(site + 1, 1, STRANGER, site, 77, desk.now, capped=True).placed
    assert desk.house.enter(999, 1, STRANGER, 999, 77, desk.now, capped=True) == Place(STRANGER)


def test_the_same_number_in_two_conversations_is_two_people() -> None:
    desk = on_rung(Rung.LIMITED)
    for conversation in (1, 2):
        assert desk.house.enter(5, conversation, STRANGER, 1, 0, desk.now, capped=True).placed
    assert len(desk.house.room) == 2


# Seats from the quota.


def test_before_the_first_tick_no_seat_is_given() -> None:
    desk = Desk()
    unheard = house_module.House(fresh_table(), desk.house.limits, random=desk.house._random, now=0.0)
    assert not unheard.give(5, 1, STRANGER, 1, 0.0)


def test_a_seat_beyond_the_capacity_is_not_entered_and_costs_nobody_their_place() -> None:
    desk = Desk(seats=2)
    assert [desk.give(serial) for serial in (1, 2)] == [True, True]
    desk.enter(3, STRANGER)
    assert not desk.give(3)
    assert (desk.house.table.taken, len(desk.house.room)) == (2, 1)
    assert desk.give(1)  # has it already


def test_who_is_seated_by_a_worker_waits_no_longer() -> None:
    desk = Desk()
    desk.enter(3, STRANGER)
    assert desk.give(3)
    assert len(desk.house.room) == 0


def test_nobody_is_given_a_seat_where_nobody_listens() -> None:
    assert not on_rung(Rung.RECORD_ONLY).give(5)


def test_a_seat_that_is_given_waits_for_its_listener() -> None:
    desk = Desk()
    desk.give(5)
    desk.run(RESERVED_S - TICK_S)
    assert desk.class_of(5) is STRANGER
    desk.run(2 * TICK_S)
    assert desk.class_of(5) is None


@pytest.mark.parametrize(
    ("workers", "seats", "quota", "room_for"),
    [
        (1, 7, 7, (7, 7, 7, 5)),
        (2, 7, 3, (3, 3, 3, 2)),
        (3, 20, 6, (6, 6, 6, 4)),
        (8, 7, 0, (0, 0, 0, 0)),  # what does not divide is drawn
    ],
)
def test_workers_together_are_told_no_more_than_is_free_nor_a_class_than_it_may_hold(
    workers: int, seats: int, quota: int, room_for: tuple[int, ...]
) -> None:
    posture = Desk(seats=seats, workers=workers, joins_max=100).orders.posture
    assert (posture.quota, posture.room_for) == (quota, room_for)


def test_a_quota_is_no_more_than_can_join_in_an_epoch() -> None:
    assert Desk(seats=60, workers=1, joins_max=10).orders.posture.quota == 10
    assert Desk(seats=60, workers=4, joins_max=10).orders.posture.quota == 3


def test_an_epoch_is_a_second_and_a_late_tick_makes_up_for_none() -> None:
    desk = Desk()
    epochs = [orders.posture.epoch for orders in desk.run(3.0)]
    assert epochs == [1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4]
    desk.now += 60
    assert [orders.posture.epoch for orders in desk.run(1.0)] == [5, 5, 6, 6]


# The lottery.


def test_while_somebody_waits_who_can_be_drawn_nobody_has_a_quota() -> None:
    desk = Desk()
    assert desk.orders.posture.quota == 10
    desk.run(TICK_S)
    desk.enter(5, STRANGER)
    assert desk.tick().posture.quota == 0
    desk.run(1.0)
    assert desk.class_of(5) is STRANGER
    assert desk.orders.posture.quota == 10


def test_who_was_drawn_finds_their_seat_when_they_ask_again_and_has_time_to_come() -> None:
    desk = on_rung(Rung.LIMITED)
    desk.enter(5, SOLVED, 7)
    while desk.class_of(5) is None:
        desk.tick()
    row = desk.house.table.find(5)
    assert row is not None
    assert (row.site, row.conversation, row.state, row.listener_class) == (7, 9, State.GIVEN, SOLVED)
    assert desk.house.drawn == 1
    desk.run(ASK_AGAIN_S + ASK_JITTER_S)
    assert desk.enter(5, SOLVED, 7) == Place(SOLVED, seated=True)
    desk.run(RESERVED_S - ASK_JITTER_S - 2 * TICK_S)
    assert desk.house.connect(5, 0, desk.now) == Seated(1, None)


def test_who_waits_where_the_network_holds_all_that_it_may_holds_up_nobody() -> None:
    desk = Desk(seats=20)
    for serial in range(1, 6):
        desk.give(serial, site=7)
    assert desk.orders.posture.site_cap == 5
    desk.enter(50, STRANGER, 7)
    desk.run(1.0)
    assert (desk.class_of(50), desk.orders.posture.quota) == (None, 10)
    for serial in (1, 2, 3):
        desk.house.table.take_back(serial)
    desk.run(1.5)
    assert desk.class_of(50) is STRANGER


def test_strangers_are_drawn_to_their_share_and_then_the_door_is_limited_and_puzzles_wake() -> None:
    desk = Desk(seats=20)
    for serial in range(1, 15):
        desk.seat(serial)
    desk.enter(50, STRANGER, 7)
    desk.run(1.0)
    assert (desk.class_of(50), empty_seats(desk)) == (None, 6)
    assert desk.house.ladder.rung is Rung.LIMITED
    assert desk.orders.posture.effort >= EFFORT_MIN, "however short the wait"
    desk.enter(50, STRANGER, 7, solved=True)
    desk.run(1.0)
    assert desk.class_of(50) is SOLVED
    desk.run(60.0)
    assert desk.house.ladder.rung is Rung.LIMITED, "the next stranger could not walk in either"


@pytest.mark.parametrize(
    ("held", "rung"),
    [
        ({STRANGER: 11}, Rung.OPEN),  # of 14
        ({STRANGER: 12}, Rung.BUSY),
        ({SOLVED: 16}, Rung.OPEN),  # of 19
        ({SOLVED: 17}, Rung.BUSY),
        ({STRANGER: 8, SOLVED: 9}, Rung.BUSY),
        ({INVITED: 16}, Rung.OPEN),  # of 20
        ({INVITED: 17}, Rung.BUSY),
    ],
)
def test_the_house_is_as_full_as_its_fullest_share(held: dict[ListenerClass, int], rung: Rung) -> None:
    desk, serial = Desk(seats=20), 0
    for listener_class, count in held.items():
        for _ in range(count):
            serial += 1
            desk.seat(serial, listener_class)
    desk.run(1.0)
    assert desk.house.ladder.rung is rung
    assert desk.house.signals is not None
    assert desk.house.signals.seats_taken == sum(held.values())


def test_while_puzzles_are_awake_those_who_come_soon_count_as_strangers_in_the_solvers_seats() -> None:
    desk = on_rung(Rung.LIMITED)
    for serial in range(1, 15):
        desk.seat(serial, STRANGER if serial <= 8 else SOLVED)
    desk.run(60.0, WorkerReading(cpu=0.05, descriptors=100, requests=1.0, arrivals=1.0))
    assert desk.house.ladder.rung is Rung.LIMITED, "where puzzles sleep all 14 seats of strangers were taken"
    assert desk.house.signals is not None
    assert desk.house.signals.seats_taken == 14
    desk.run(60.0, AT_EASE)
    assert desk.house.ladder.rung is Rung.OPEN, "nobody comes any more"


def test_newcomers_leave_the_last_seats_to_who_was_in_before_or_was_invited() -> None:
    desk = Desk(seats=20)
    for serial in range(1, 20):
        desk.give(serial, SOLVED)
    desk.enter(50, SOLVED, 7)
    desk.run(2.0)
    assert desk.class_of(50) is None
    assert desk.house.ladder.rung is Rung.LIMITED, "newcomers wait, and nobody of them is let in"
    desk.house.room.leave(f"{50:016x}{9:016x}", desk.now)
    desk.enter(51, INVITED)
    desk.run(1.0)
    assert desk.class_of(51) is INVITED


def test_one_who_was_invited_waits_and_opens_no_seat_to_strangers_beyond_their_share() -> None:
    desk = Desk(seats=20)
    for serial in range(1, 15):
        desk.give(serial)
    for serial in range(50, 60):
        desk.enter(serial, STRANGER, serial)
    desk.enter(90, INVITED)
    desk.enter(91, SOLVED, 5)
    desk.run(1.25)
    assert desk.house.table.held_by_class == (0, 1, 1, 14)


def test_who_comes_back_with_a_claim_is_drawn_before_all_others() -> None:
    desk = on_rung(Rung.LIMITED, seats=1)
    for serial in range(50, 60):
        desk.enter(serial, INVITED)
    desk.house.former.taken_back(5, 1)
    desk.enter(5, RETURNING, capped=True)
    desk.run(1.25)
    assert desk.class_of(5) is SOLVED
    assert not desk.house.former.may_claim(5)


def test_a_seat_that_finds_no_row_is_no_seat_given() -> None:
    crowded = [3 + 17 * each + ((3 + 17 * each) << 32) for each in range(9)]
    desk = on_rung(Rung.LIMITED, table=fresh_table(20), seats=20)
    for serial in crowded[:8]:
        desk.give(serial, INVITED)
    desk.enter(crowded[8], INVITED)
    desk.run(1.25)
    assert (desk.class_of(crowded[8]), desk.house.drawn, desk.house.table.overflows) == (None, 0, 1)


# What workers are told.


@pytest.mark.parametrize(
    ("rung", "admits", "seated", "again_s"),
    [
        (Rung.OPEN, EVERYBODY, True, REFUSED_AGAIN_S),
        (Rung.BUSY, EVERYBODY, True, REFUSED_AGAIN_S),
        (Rung.LIMITED, EVERYBODY, True, REFUSED_AGAIN_S),
        (Rung.SIEGE, KNOWN, True, REFUSED_AGAIN_S),
        (Rung.RECORD_ONLY, frozenset(), False, RECORD_ONLY_DWELL_S),
    ],
)
def test_workers_are_told_what_holds_on_a_rung(
    rung: Rung, admits: frozenset[ListenerClass], seated: bool, again_s: float
) -> None:
    desk = on_rung(rung)
    posture = desk.tick().posture
    assert (posture.admits, posture.seated, posture.refused_again_s) == (admits, seated, again_s)
    assert (posture.ask_again_s, posture.ask_later_s) == (ASK_AGAIN_S, ASK_LATER_S)
    assert (posture.quota > 0) is (rung in (Rung.OPEN, Rung.BUSY))
    assert desk.house.strained is RULES[rung].lottery


def test_effort_is_asked_for_only_where_there_are_puzzles() -> None:
    desk = on_rung(Rung.LIMITED, seats=1)
    desk.give(1)
    for serial in range(50, 99):
        desk.enter(serial, STRANGER, serial)
    desk.run(4.0)
    assert 0 < desk.orders.posture.effort <= EFFORT_MAX
    desk.house.ladder.rung = Rung.SIEGE
    assert desk.tick().posture.effort == 0


def test_where_strangers_hold_all_that_they_may_the_first_of_them_is_offered_a_puzzle() -> None:
    desk = on_rung(Rung.LIMITED, seats=20)
    for serial in range(1, 14):
        desk.seat(serial)
    assert desk.tick().posture.effort == 0
    desk.seat(14)
    assert desk.tick().posture.effort == EFFORT_MIN


def test_networks_that_hold_most_are_told_and_of_all_others_what_they_hold_at_most() -> None:
    desk = Desk(seats=1300, table=fresh_table(1300), joins_max=10_000)
    for site in range(HELD_TOLD_MAX - 1):
        assert desk.give(2 * site + 1, SOLVED, site)
        assert desk.give(2 * site + 2, STRANGER, site)
    for serial in range(5000, 5003):
        desk.give(serial, INVITED, 7)
    posture = desk.tick().posture
    assert (len(posture.held), posture.held[7], posture.held_else) == (HELD_TOLD_MAX - 1, 2, 0)
    desk.give(6000, SOLVED, 9000)
    desk.give(6001, SOLVED, 9001)
    posture = desk.tick().posture
    assert (len(posture.held), posture.held_else) == (HELD_TOLD_MAX, 1)


# Connections.


def test_a_connection_is_kept_through_its_grace_and_the_newest_wins() -> None:
    desk, house = Desk(workers=2), None
    house = desk.house
    desk.give(5)
    assert house.connect(6, 0, desk.now) is None
    assert house.connect(5, 0, desk.now) == Seated(1, None)
    assert house.connect(5, 1, desk.now) == Seated(2, 0)
    house.disconnect(5, 1, desk.now)
    desk.run(GRACE_S + 1)
    assert desk.class_of(5) is STRANGER
    house.disconnect(5, 2, desk.now)
    desk.run(GRACE_S - 2 * TICK_S)
    assert desk.class_of(5) is STRANGER
    desk.run(1.0)
    assert desk.class_of(5) is None


def test_a_lease_is_renewed_by_playlists_and_displaces_a_connection() -> None:
    desk = Desk()
    desk.seat(5)
    assert desk.house.renew(6, desk.now) is None
    assert desk.house.renew(5, desk.now) == Seated(2, 0)
    for _ in range(3):
        desk.run(LEASE_S - 1)
        assert desk.house.renew(5, desk.now) == Seated(2, None)
    desk.run(LEASE_S + 1)
    assert desk.class_of(5) is None


def test_the_seats_of_a_dead_worker_are_kept_and_its_readings_are_not() -> None:
    desk = Desk(workers=2)
    desk.seat(5, worker=1)
    desk.house.report(1, replace_reading(verdicts={"admit": 2.0, "wait": 1.0}), desk.now)
    desk.house.report(0, replace_reading(verdicts={"admit": 0.5}), desk.now)
    assert desk.house.verdicts == {"admit": 2.5, "wait": 1.0}
    desk.house.worker_died(1, desk.now)
    assert desk.house.verdicts == {"admit": 0.5}
    row = desk.house.table.find(5)
    assert row is not None
    assert row.state is State.GRACE


def replace_reading(**values: Any) -> WorkerReading:
    return WorkerReading(descriptors=100, **values)


def test_a_worker_that_says_nothing_counts_as_full() -> None:
    desk = Desk()
    desk.now += SILENT_S
    orders = desk.house.tick(MEMORY, desk.now)
    assert desk.house.signals is not None
    assert (desk.house.signals.cpu, desk.house.signals.write_lateness_s) == (1.0, SILENT_S)
    assert orders.cuts.admitting is False


# Claims.


@pytest.mark.parametrize(
    ("held_s", "worth"), [(HELD_S - GRACE_S - 5, STRANGER), (HELD_S - GRACE_S + 5, RETURNING)]
)
def test_a_seat_held_for_minutes_and_lost_leaves_a_claim(held_s: float, worth: ListenerClass) -> None:
    desk = Desk()
    generation = desk.seat(5)
    desk.run(held_s)
    desk.house.disconnect(5, generation, desk.now)
    desk.run(GRACE_S + 1)
    assert desk.class_of(5) is None
    assert desk.enter(5, RETURNING, capped=True).listener_class is worth


def test_coming_and_going_while_seats_are_free_gathers_no_claims() -> None:
    desk = on_rung(Rung.OPEN, seats=50)
    for serial in range(1, 200):
        generation = desk.seat(serial)
        desk.house.disconnect(serial, generation, desk.now)
        desk.run(2.0)
    desk.run(GRACE_S + 1)
    assert (desk.house.table.taken, len(desk.house.former)) == (0, 0)


def test_a_new_owner_of_an_old_table_counts_from_where_it_took_over() -> None:
    desk, table = None, fresh_table()
    desk = Desk(table=table)
    desk.seat(5)
    desk.give(6)
    heir = Desk(table=table)
    heir.house.worker_died(0, heir.now)
    assert (heir.house.former.is_held(5), heir.house.former.is_held(6)) == (True, False)
    heir.run(GRACE_S + 1)
    assert heir.enter(5, RETURNING, capped=True).listener_class is STRANGER
    assert not heir.house.former.is_held(5)


# Taking back.


def test_the_cuts_take_back_some_of_the_newest_and_tell_their_workers() -> None:
    desk = Desk(seats=60, table=fresh_table(60), workers=2)
    for serial in range(1, 51):
        desk.seat(serial, worker=serial % 2)
    desk.house.renew(50, desk.now)
    taken: list[tuple[int, int | None]] = []
    while len(taken) < 10:
        before = sorted(desk.seated())
        (orders,) = desk.run(TICK_S, PRESSED)
        count = len(orders.taken_back)
        assert count == orders.cuts.take_back <= max(1, len(before) * TAKE_BACK_SHARE)
        assert {serial for serial, _ in orders.taken_back} <= set(before[-2 * count :] if count else ())
        taken += orders.taken_back
    for serial, worker in taken:
        assert worker == (None if serial == 50 else serial % 2)
        assert desk.house.former.may_claim(serial)
        assert desk.class_of(serial) is None


def test_whoever_was_invited_is_taken_back_last_of_all() -> None:
    desk = Desk(seats=60, table=fresh_table(60))
    for serial in (4, 5, 1, 2, 3):
        desk.seat(serial, INVITED if serial > 3 else STRANGER)
    chosen = desk.house._newest(4)
    assert (set(chosen[:3]), chosen[3:]) == ({1, 2, 3}, [5])
    assert set(desk.house._newest(2)) < {1, 2, 3}
    assert desk.house._newest(0) == []


def test_of_the_newest_a_lottery_says_who_goes() -> None:
    desk = Desk(seats=60)
    for serial in range(1, 9):
        desk.seat(serial)
    assert {serial for _ in range(100) for serial in desk.house._newest(1)} == {7, 8}


def test_record_only_takes_back_every_seat_in_bounded_steps_and_tells_the_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(house_module, "EMPTIED_MAX", 4)
    desk = Desk()
    desk.seat(1, INVITED)
    for serial in range(2, 10):
        desk.seat(serial)
    desk.give(10)
    to_record_only(desk)
    steps = [desk.orders, *desk.run(1.0)]
    assert [len(orders.taken_back) for orders in steps] == [4, 4, 2, 0, 0]
    assert [serial for orders in steps for serial, _ in orders.taken_back] == list(range(10, 0, -1))
    assert [worker for orders in steps for _, worker in orders.taken_back] == [None, *[0] * 9]
    assert not any(orders.posture.seated for orders in steps)
    assert desk.house.table.taken == 0


def test_what_is_emptied_in_one_tick_is_bounded() -> None:
    seats = EMPTIED_MAX + 100
    desk = Desk(seats=seats, table=fresh_table(seats))
    for serial in range(1, seats + 1):
        assert desk.give(serial | serial * 2654435761 << 32 & (1 << 64) - 1, site=serial)
    desk.house.ladder.rung = Rung.RECORD_ONLY
    assert [len(orders.taken_back) for orders in desk.run(0.75)] == [EMPTIED_MAX, 100, 0]


def test_when_listening_comes_back_so_do_those_who_listened_and_before_who_was_invited() -> None:
    desk = Desk(seats=6)
    for serial in range(1, 7):
        desk.seat(serial)
    to_record_only(desk)
    assert desk.enter(1, RETURNING, capped=True) == Place(RETURNING, welcome=False)
    while desk.house.ladder.rung is Rung.RECORD_ONLY:
        desk.run(TICK_S, AT_EASE)
    assert desk.house.ladder.rung is Rung.SIEGE
    for serial in range(50, 90):
        assert desk.enter(serial, INVITED).placed
    for serial in range(1, 7):
        assert desk.enter(serial, RETURNING, serial + 1000, capped=True) == Place(
            RETURNING, placed=True, taken_back=True
        )
    back: set[int] = set()
    while len(back) < 6 and desk.now < 1200:
        desk.tick()
        fresh = desk.seated() - back
        assert fresh <= set(range(1, 7))
        back |= fresh
        for serial in range(50, 90):
            desk.enter(serial, INVITED)
        for serial in set(range(1, 7)) - back:
            desk.enter(serial, RETURNING, serial + 1000, capped=True)
    assert back == set(range(1, 7))


def test_in_siege_newcomers_have_no_place_in_the_room_and_nobody_of_them_is_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(house_module, "PUT_OUT_MAX", 3)
    desk = on_rung(Rung.LIMITED, seats=20)
    for serial in range(50, 60):
        desk.enter(serial, ListenerClass(2 + serial % 2), serial)
    desk.enter(90, INVITED)
    desk.house.ladder.rung = Rung.SIEGE
    left = []
    for _ in range(8):
        desk.tick()
        desk.house.ladder.rung = Rung.SIEGE
        left.append(len(desk.house.room))
    assert left[:4] == [8, 5, 2, 1]
    assert desk.seated() == {90}
