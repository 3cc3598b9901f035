import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.classes import ListenerClass
from hiwar.admission.shares import decide_room_for, decide_site_cap

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
SEATS = st.integers(0, 300_000)


@pytest.mark.parametrize(
    ("seats", "free", "strained", "cap"),
    [
        (8000, 8000, False, 2000),  # a university, while there is room
        (8000, 100, False, 25),
        (8000, 3, False, 4),  # never less than when strained
        (8000, -50, False, 4),  # the capacity was cut below what is held
        (8000, 8000, True, 4),
        (100, 0, True, 2),
        (0, 0, True, 2),
        (200_000, 0, True, 100),
    ],
)
def test_what_one_site_may_hold(seats: int, free: int, strained: bool, cap: int) -> None:
    assert decide_site_cap(seats, free, strained) == cap


@given(SEATS, SEATS)
def test_a_site_is_never_worse_off_while_there_is_room_and_always_gets_two(seats: int, free: int) -> None:
    strained = decide_site_cap(seats, free, True)
    assert 2 <= strained <= decide_site_cap(seats, free, False)


def hoard(seats: int, sites: int, *, strained: bool) -> int:
    """What `sites` sites hold in the end that take whatever they may, turn by turn."""
    held = [0] * sites
    while True:
        before = sum(held)
        for site in range(sites):
            free = seats - sum(held)
            if free and held[site] < decide_site_cap(seats, free, strained):
                held[site] += 1
        if sum(held) == before:
            return before


@pytest.mark.parametrize(
    ("sites", "strained", "share"),
    [
        (200, True, 0.10),
        (1, False, 1 / 5),
        (8, False, 2 / 3),
        (200, False, 50 / 51),
    ],
)
def test_hoarders_hold_what_the_derivation_says(sites: int, strained: bool, share: float) -> None:
    assert hoard(8000, sites, strained=strained) / 8000 == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("held", "room"),
    [
        ((0, 0, 0, 0), (100, 100, 95, 70)),
        ((0, 0, 0, 70), (30, 30, 25, 0)),
        ((0, 0, 25, 70), (5, 5, 0, 0)),
        ((5, 0, 25, 70), (0, 0, 0, 0)),
        ((60, 30, 0, 0), (10, 10, 10, 10)),  # nobody's share is kept from people who can show more
        ((0, 0, 50, 90), (0, 0, 0, 0)),  # the capacity was cut below what is held
    ],
)
def test_how_many_more_of_each_class_find_room(held: tuple[int, ...], room: tuple[int, ...]) -> None:
    assert tuple(decide_room_for(each, 100, held) for each in ListenerClass) == room


@given(SEATS, st.lists(st.integers(0, 100_000), min_size=4, max_size=4))
def test_who_can_show_more_never_finds_less_room_and_nobody_more_than_is_free(
    seats: int, held: list[int]
) -> None:
    room = [decide_room_for(each, seats, held) for each in ListenerClass]
    assert room == sorted(room, reverse=True)
    assert room[RETURNING] == max(0, seats - sum(held))


def test_the_smallest_machine_seats_a_stranger() -> None:
    assert decide_room_for(STRANGER, 1, (0, 0, 0, 0)) == 1
