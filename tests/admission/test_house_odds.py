"""What the house tells those who wait of their chance: no more than there is, and none where none is."""

from dataclasses import replace

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import Place
from hiwar.admission.ladder import Hold
from hiwar.admission.rungs import Rung
from tests.admission.house_world import FAILING, Desk

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass


def crowded(seats: int, people: int) -> tuple[Desk, list[Place]]:
    """A house that gives out one seat a second to people who wait, each from a network of their own."""
    desk = Desk(seats, joins_max=1)
    desk.house.hold(Hold(Rung.LIMITED))
    desk.run(2)
    places = [desk.enter(serial, STRANGER, site=serial << 8) for serial in range(1, people + 1)]
    desk.run(4)
    return desk, places


def test_odds_are_those_of_the_room() -> None:
    desk, places = crowded(10, 60)
    told = desk.house.odds(places[-1], 60 << 8, desk.now)
    assert told == desk.house.room.odds(STRANGER, 60 << 8, desk.now, desk.house._stock)


def test_a_chance_is_of_the_seats_that_are_left_not_of_how_fast_they_go() -> None:
    """Sixty people for seven seats: they go in seven seconds, and nobody leaves."""
    desk, places = crowded(10, 60)
    left = 7 - len(desk.seated())
    chance = desk.house.odds(places[-1], 60 << 8, desk.now).within()
    assert chance == pytest.approx(left / 60, rel=0.2)


def test_who_has_no_place_is_told_no_chance() -> None:
    desk, _ = crowded(10, 60)
    odds = desk.house.odds(Place(STRANGER), 5, desk.now)
    assert (odds.each_epoch, odds.within(), odds.waiting > 50) == (None, None, True)


def test_while_no_seats_are_given_out_no_chance_is_told() -> None:
    desk, places = crowded(10, 60)
    desk.run(3, FAILING)
    assert not desk.orders.cuts.admitting
    assert desk.house.odds(places[-1], 60 << 8, desk.now).each_epoch is None


def test_whose_claim_was_denied_is_told_the_chance_of_the_class_that_they_wait_in() -> None:
    """Their network holds all that it may: as one who comes back they would be alone, and sure of a seat."""
    desk, _ = crowded(40, 60)
    for serial in (901, 902):
        desk.seat(serial, SOLVED, site=7)
    desk.house.former.taken_back(903, 7)
    came = desk.enter(903, RETURNING, site=7, capped=True)
    assert (came.waits_as, came.taken_back, came.placed) == (None, True, True)
    desk.run(2)
    asked = desk.enter(903, RETURNING, site=7, capped=True)
    assert (asked.listener_class, asked.waits_as, asked.taken_back) == (RETURNING, SOLVED, False)
    assert desk.house.odds(asked, 7, desk.now).within() == 0.0


def test_seats_that_the_host_adds_one_by_one_are_a_flow() -> None:
    desk, places = crowded(10, 60)
    for seats in range(11, 24):
        desk.house.limits = replace(desk.house.limits, seats_max=seats)
        desk.run(1)
        places = [desk.enter(serial, STRANGER, site=serial << 8) for serial in range(1, 61)]
    assert desk.house.table.taken < 23
    waits = [(place, serial << 8) for serial, place in enumerate(places, 1) if place.placed]
    chances = [desk.house.odds(place, site, desk.now).within() for place, site in waits]
    assert all(chance is not None and chance > 0.2 for chance in chances)


def test_for_whom_seats_are_kept_the_trickle_of_the_others_is_not_the_chance() -> None:
    """Strangers hold all that they may and others wait, while 30 % of the seats are free: one of the
    ten who have solved a puzzle is seated in each second."""
    desk, _ = crowded(60, 90)
    for _ in range(30):
        desk.run(4)
        for serial in range(1, 91):
            if desk.enter(serial, STRANGER, site=serial << 8).seated:
                desk.house.connect(serial, 0, desk.now)
    assert len(desk.seated()) == 42
    came = [desk.enter(serial, STRANGER, site=serial << 8, solved=True) for serial in range(500, 510)]
    odds = desk.house.odds(came[-1], 509 << 8, desk.now)
    assert odds.within_soon == pytest.approx(1 - 0.9**5)
    stranger = desk.enter(600, STRANGER, site=600 << 8)
    assert desk.house.odds(stranger, 600 << 8, desk.now).within() == pytest.approx(0.0, abs=0.02)
