"""What the host wishes of the owner of the seats, and what becomes of it."""

from typing import Any

import pytest

from hiwar.admission import house as house_module
from hiwar.admission.capacity import Bound
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import (
    STEPS_MAX,
)
from hiwar.admission.ladder import Hold
from hiwar.admission.rungs import Rung
from tests.admission.house_world import MEMORY, RUSH, Desk, fresh_table

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass


def step(seats: int) -> int:
    return 10


@pytest.mark.parametrize(
    ("wishes", "own"),
    [
        ([(None, 0, 0)], None),
        ([(50, 0, 0)], 50),
        ([(50, 0, 0), (50, 1, 0)], 60),
        ([(50, 0, 0), (50, 0, 2)], 30),
        ([(50, 0, 0), (50, 0, 9)], 1),
        ([(50, 0, 0), (None, 0, 0)], None),
        ([(None, 0, 1)], 90),
        ([(None, 0, 1), (None, 1, 0)], None),  # as many as the machine carries: nothing to lift
        ([(None, 0, 3), (None, 1, 0)], 80),
        ([(None, 0, 1), (40, 0, 0)], 40),
        ([(None, 0, 50)], 1),
        ([(500, 0, 0), (500, 50, 0)], 500 + 10 * STEPS_MAX),
    ],
)
def test_the_hosts_own_number_of_seats(wishes: list[tuple[int | None, int, int]], own: int | None) -> None:
    desk = Desk(seats=100)
    for wished, more, fewer in wishes:
        desk.house.wish_seats(wished, more, fewer, step)
        desk.tick()
    assert desk.house.limits.host_seats == own


def test_the_host_lowers_at_once_and_is_named_as_the_bound() -> None:
    desk = Desk(seats=100)
    desk.house.wish_seats(30, 0, 0, step)
    capacity = desk.tick().capacity
    assert (capacity.seats, capacity.by) == (30, Bound.HOST)


def test_what_the_host_lifts_above_the_machines_own_reckoning_stays_lifted() -> None:
    desk = Desk(seats=0, workers=1)
    by_itself = desk.orders.capacity.seats
    assert desk.orders.capacity.by is Bound.PROCESSOR
    desk.house.wish_seats(None, 1, 0, step)
    desk.house.table = full_of(desk, by_itself)
    for _ in range(200):
        desk.tick()
        desk.house.wish_seats(None, 0, 0, step)
    assert desk.orders.capacity.seats == by_itself + 10


def full_of(desk: Desk, taken: int) -> Any:
    """The desk's table, which says that so many seats are taken: capacity widens only where it is used."""

    class Full(type(desk.house.table)):  # type: ignore[misc]
        taken = property(lambda self: taken)

    desk.house.table.__class__ = Full
    return desk.house.table


def test_a_wish_before_anything_is_known_is_kept_until_it_is() -> None:
    desk = Desk(seats=100)
    house = house_module.House(fresh_table(), desk.house.limits, random=desk.house._random, now=0.0)
    house.wish_seats(30, 0, 0, step)
    assert house.limits.host_seats is None
    house.tick(MEMORY, 0.25)
    house.wish_seats(30, 0, 0, step)
    assert house.limits.host_seats == 30


def test_the_host_holds_a_rung_and_lets_people_in() -> None:
    desk = Desk()
    desk.house.hold(Hold(Rung.LIMITED))
    orders = desk.tick()
    assert orders.moved is not None
    assert (desk.house.ladder.rung, orders.posture.quota) == (Rung.LIMITED, 0)
    desk.house.hold(None)
    desk.house.let_in(desk.now)
    desk.run(0.5)
    assert desk.house.ladder.rung is Rung.BUSY


def test_a_rush_is_answered_with_a_lottery_within_a_second() -> None:
    desk = Desk(seats=60)
    desk.run(1.0, RUSH)
    assert (desk.house.ladder.rung, desk.orders.posture.quota) == (Rung.LIMITED, 0)
    assert desk.orders.posture.site_cap == 2
