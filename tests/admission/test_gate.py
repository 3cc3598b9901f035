"""One worker's verdicts: tables of them, and what an epoch's quota allows."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import CLOSED, EVERYBODY, Gate, Posture, seat_class, unproven_class
from hiwar.admission.limits import LIMITS, Exempt, Limited
from hiwar.admission.prefix import Level, Origin, origin_of
from hiwar.admission.seat_rows import table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.admission.verdicts import Admit, Arrival, Challenge, Refuse, Verdict, Wait

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
KNOWN = frozenset({RETURNING, INVITED})
HELD, FREE, DRAWN = 77, 78, 500  # serials: with a seat, without, the first that the gate draws
NOW = 1000.0


def fresh_table() -> SeatTable:
    table = SeatTable.create(memoryview(bytearray(table_bytes(100))), seats_max=100)
    table.give(HELD, 1, 1, SOLVED, 0.0, 1e9)
    return table


def fresh_gate(exempt: Exempt | None = None, table: SeatTable | None = None, **posture: Any) -> Gate:
    """A gate that draws 500, 501, ..., told the posture (one seat for everybody in epoch 5)."""
    serials: Iterator[int] = iter(range(DRAWN, DRAWN + 10_000))
    gate = Gate(table or fresh_table(), lambda: next(serials), exempt)
    gate.posture = told(**posture)
    return gate


def told(**posture: Any) -> Posture:
    usual: dict[str, Any] = {"epoch": 5, "quota": 1, "room_for": (9, 9, 9, 9), "held": {}, "site_cap": 9}
    return Posture(**usual | posture)


def arrival(
    listener_class: ListenerClass = STRANGER,
    serial: int = 0,
    *,
    patient: bool = True,
    capped: bool | None = None,
    address: str = "203.0.113.7",
) -> Arrival:
    counts = listener_class >= SOLVED if capped is None else capped
    return Arrival(origin_of(address), listener_class, serial, patient, counts)


def site_of(address: str) -> int:
    return origin_of(address).site


@pytest.mark.parametrize(
    ("posture", "comer", "verdict"),
    [
        # Whoever has a seat gets in, on every rung but one.
        ({}, arrival(RETURNING, HELD), Admit(HELD, SOLVED, False)),
        ({"quota": 0, "admits": KNOWN}, arrival(STRANGER, HELD), Admit(HELD, SOLVED, False)),
        ({"quota": 0, "admits": frozenset()}, arrival(RETURNING, HELD), Admit(HELD, SOLVED, False)),
        (
            {"seated": False, "admits": frozenset(), "refused_again_s": 15.0},
            arrival(RETURNING, HELD),
            Refuse(Refusal.RECORD_ONLY, 15.0),
        ),
        # A seat from the quota.
        ({}, arrival(), Admit(DRAWN, STRANGER, True)),
        ({}, arrival(patient=False), Admit(DRAWN, STRANGER, True)),
        ({}, arrival(SOLVED, FREE), Admit(FREE, SOLVED, True)),
        ({}, arrival(INVITED, FREE), Admit(FREE, INVITED, True)),
        ({}, arrival(RETURNING, FREE, capped=True), Admit(FREE, STRANGER, True)),
        ({}, arrival(RETURNING, FREE, capped=False), Admit(FREE, RETURNING, True)),
        # No quota, no room for the class, no room for the network.
        ({"quota": 0}, arrival(), Wait(DRAWN, STRANGER)),
        ({"quota": 0}, arrival(RETURNING, FREE), Wait(FREE, RETURNING)),
        ({"room_for": (9, 9, 9, 0)}, arrival(), Wait(DRAWN, STRANGER)),
        ({"room_for": (9, 9, 9, 0)}, arrival(RETURNING, FREE, capped=True), Wait(FREE, RETURNING)),
        ({"room_for": (9, 9, 9, 0)}, arrival(SOLVED, FREE), Admit(FREE, SOLVED, True)),
        ({"room_for": (9, 9, 0, 9)}, arrival(), Wait(DRAWN, STRANGER)),
        ({"room_for": (9, 9, 0, 0)}, arrival(INVITED, FREE), Admit(FREE, INVITED, True)),
        ({"held": {site_of("203.0.113.7"): 9}}, arrival(), Wait(DRAWN, STRANGER)),
        ({"held": {site_of("203.0.113.7"): 8}}, arrival(), Admit(DRAWN, STRANGER, True)),
        ({"held": {5: 9}, "held_else": 9}, arrival(), Wait(DRAWN, STRANGER)),
        ({"held": {site_of("203.0.113.7"): 9}}, arrival(INVITED, FREE), Admit(FREE, INVITED, True)),
        # Who cannot wait is turned away, who waits may be asked to work.
        ({"quota": 0, "ask_later_s": 13.0}, arrival(patient=False), Refuse(Refusal.FULL, 13.0)),
        ({"quota": 0, "effort": 70}, arrival(), Challenge(DRAWN, STRANGER, 70)),
        ({"quota": 0, "effort": 70}, arrival(SOLVED, FREE), Wait(FREE, SOLVED)),
        ({"quota": 0, "effort": 70}, arrival(RETURNING, FREE), Wait(FREE, RETURNING)),
        # The rung.
        ({"admits": KNOWN, "refused_again_s": 10.0}, arrival(), Refuse(Refusal.SIEGE, 10.0)),
        ({"admits": KNOWN, "quota": 0}, arrival(INVITED, FREE), Wait(FREE, INVITED)),
        ({"admits": frozenset(), "seated": False}, arrival(INVITED), Refuse(Refusal.RECORD_ONLY, 4.0)),
    ],
)
def test_verdicts(posture: dict[str, Any], comer: Arrival, verdict: Verdict) -> None:
    assert fresh_gate(**posture).decide(comer, NOW) == verdict


def test_until_the_owner_has_spoken_who_is_inside_goes_on_and_who_comes_waits() -> None:
    gate = Gate(fresh_table(), lambda: DRAWN)
    assert gate.posture is CLOSED
    assert gate.decide(arrival(RETURNING, HELD), NOW) == Admit(HELD, SOLVED, False)
    assert gate.decide(arrival(), NOW) == Wait(DRAWN, STRANGER)
    assert gate.decide(arrival(patient=False), NOW) == Refuse(Refusal.FULL, CLOSED.ask_later_s)


def test_an_epoch_has_one_quota_however_often_it_is_told_and_the_next_has_another() -> None:
    gate = fresh_gate(quota=2)
    assert [type(gate.decide(arrival(), NOW)) for _ in range(3)] == [Admit, Admit, Wait]
    gate.posture = told(quota=2)
    assert type(gate.decide(arrival(), NOW)) is Wait
    gate.posture = told(quota=3)
    assert [type(gate.decide(arrival(), NOW)) for _ in range(2)] == [Admit, Wait]
    gate.posture = told(quota=1, epoch=6)
    assert [type(gate.decide(arrival(), NOW)) for _ in range(2)] == [Admit, Wait]


def test_classes_have_room_of_their_own_in_a_quota_and_newcomers_share_theirs() -> None:
    gate = fresh_gate(quota=99, room_for=(9, 9, 3, 2))
    strangers = [type(gate.decide(arrival(), NOW)) for _ in range(3)]
    assert strangers == [Admit, Admit, Wait]
    assert [type(gate.decide(arrival(SOLVED, FREE + each), NOW)) for each in range(2)] == [Admit, Wait]
    assert type(gate.decide(arrival(INVITED, FREE + 50), NOW)) is Admit


def test_networks_have_room_of_their_own_in_a_quota() -> None:
    gate = fresh_gate(quota=99, site_cap=2, held={site_of("203.0.113.0"): 1})
    here = [type(gate.decide(arrival(address=f"203.0.113.{each}"), NOW)) for each in range(2)]
    there = [type(gate.decide(arrival(address=f"198.51.100.{each}"), NOW)) for each in range(3)]
    assert (here, there) == ([Admit, Wait], [Admit, Admit, Wait])


def test_a_known_network_is_held_against_no_share_and_no_limit() -> None:
    gate = fresh_gate(Exempt(["203.0.113.0/24"]), quota=10_000, room_for=(9999,) * 4, site_cap=2)
    verdicts = Counter(type(gate.decide(arrival(), NOW)) for _ in range(1000))
    assert verdicts == {Admit: 1000}


def test_asking_is_limited_for_each_network_and_says_when_it_is_no_longer() -> None:
    gate, rate = fresh_gate(quota=0), LIMITS[Limited.JOINS][Level.IPV4_32]
    verdicts = [gate.decide(arrival(), NOW) for _ in range(int(rate.burst) + 1)]
    last = verdicts.pop()
    assert {type(each) for each in verdicts} == {Wait}
    assert isinstance(last, Refuse)
    assert last.reason is Refusal.TOO_MANY
    assert (gate.counts["refuse"], gate.beyond_limits) == (1, 1)
    assert 0 < last.ask_again_s <= 1 / rate.per_second
    assert type(gate.decide(arrival(), NOW + last.ask_again_s)) is Wait
    assert type(gate.decide(arrival(address="198.51.100.1"), NOW)) is Wait


def test_no_limit_of_a_network_stands_in_the_way_of_a_seat_held_in_it() -> None:
    gate = fresh_gate(quota=0)
    for _ in range(500):
        gate.decide(arrival(), NOW)
    assert type(gate.decide(arrival(), NOW)) is Refuse
    assert gate.decide(arrival(RETURNING, HELD), NOW) == Admit(HELD, SOLVED, False)


def test_who_may_not_come_on_a_rung_is_turned_away_before_any_limit_is_looked_at() -> None:
    gate = fresh_gate(quota=0, admits=KNOWN)
    verdicts = {gate.decide(arrival(), NOW) for _ in range(1000)}
    assert verdicts == {Refuse(Refusal.SIEGE, 4.0)}


def test_who_comes_with_a_ticket_before_the_owner_has_heard_of_it_is_let_in_once_more() -> None:
    gate = fresh_gate()
    given = gate.decide(arrival(), NOW)
    assert given == Admit(DRAWN, STRANGER, True)
    back = arrival(RETURNING, DRAWN, patient=False)
    assert gate.decide(back, NOW) == Admit(DRAWN, STRANGER, False)
    gate.posture = told(epoch=6, quota=0)
    assert gate.decide(back, NOW) == Admit(DRAWN, STRANGER, False)
    gate.posture = told(epoch=7, quota=0)
    assert gate.decide(back, NOW) == Refuse(Refusal.FULL, 15.0)


def test_the_gates_own_word_is_worth_nothing_once_an_epoch_was_missed_or_the_owner_says_no() -> None:
    back = arrival(RETURNING, DRAWN, patient=False)
    gate = fresh_gate()
    gate.decide(arrival(), NOW)
    gate.posture = told(epoch=7, quota=0)
    assert type(gate.decide(back, NOW)) is Refuse
    for epoch in (5, 6):
        gate = fresh_gate()
        gate.decide(arrival(), NOW)
        gate.posture = told(epoch=epoch, quota=0)
        gate.decide(arrival(), NOW)
        gate.forget(DRAWN)
        assert type(gate.decide(back, NOW)) is Refuse


def test_an_uncapped_seat_given_a_moment_ago_is_known_again() -> None:
    gate = fresh_gate()
    back = arrival(RETURNING, FREE, capped=False)
    assert gate.decide(back, NOW) == Admit(FREE, RETURNING, True)
    assert gate.decide(back, NOW) == Admit(FREE, RETURNING, False)


def test_verdicts_are_counted_and_playlists_of_the_seated_are_no_arrivals() -> None:
    gate = fresh_gate(effort=70)
    for comer in (
        arrival(),  # given
        arrival(RETURNING, HELD),  # asks for the seat again
        arrival(RETURNING, HELD, patient=False),  # listens on
        arrival(RETURNING, HELD, patient=False),
        arrival(),
        arrival(SOLVED),
        arrival(patient=False),
    ):
        gate.decide(comer, NOW)
    assert gate.counts == {"admit": 2, "seated": 2, "challenge": 1, "wait": 1, "refuse": 1}


@pytest.mark.parametrize(
    ("listener_class", "capped", "held_as", "given_as"),
    [
        (RETURNING, True, SOLVED, STRANGER),
        (RETURNING, False, RETURNING, RETURNING),
        (INVITED, False, INVITED, INVITED),
        (SOLVED, True, SOLVED, SOLVED),
        (STRANGER, True, STRANGER, STRANGER),
    ],
)
def test_under_which_class_a_seat_is_held_that_was_drawn_and_one_that_was_given(
    listener_class: ListenerClass, capped: bool, held_as: ListenerClass, given_as: ListenerClass
) -> None:
    assert seat_class(listener_class, capped=capped) is held_as
    assert unproven_class(arrival(listener_class, FREE, capped=capped)) is given_as


@given(
    st.lists(
        st.tuples(st.sampled_from(ListenerClass), st.integers(0, 3), st.integers(0, 60), st.booleans()),
        max_size=60,
    ),
    st.integers(0, 8),
    st.tuples(*[st.integers(0, 6)] * 4),
    st.integers(0, 4),
)
def test_whatever_comes_nothing_is_given_beyond_quota_class_and_network(
    comers: list[tuple[ListenerClass, int, int, bool]], quota: int, rooms: tuple[int, ...], cap: int
) -> None:
    gate = fresh_gate(quota=quota, room_for=rooms, site_cap=cap, admits=EVERYBODY)
    given_to: Counter[ListenerClass] = Counter()
    given_at: Counter[int] = Counter()
    for listener_class, site, serial, capped in comers:
        origin = Origin(1 << 32, site, (1 << 32, 1 << 24))
        verdict = gate.decide(Arrival(origin, listener_class, serial, True, capped), NOW)
        if isinstance(verdict, Admit) and verdict.fresh:
            given_to[verdict.listener_class] += 1
            given_at[site] += capped
    assert sum(given_to.values()) <= quota
    assert given_to[SOLVED] + given_to[STRANGER] <= rooms[SOLVED]
    assert all(count <= rooms[each] for each, count in given_to.items())
    assert max(given_at.values(), default=0) <= cap
    assert len(gate._lately) <= quota
    assert sum(gate.counts.values()) == len(comers)
