"""Weights of sites, turns of classes, and who may claim."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import SHARES_OF, Lottery, Turns, site_weight
from hiwar.admission.pools import Waiter
from hiwar.admission.wins import FORGIVEN_S, WINS_COUNTED_MAX

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
SETS = [waiting << 1 for waiting in range(1, 8)]  # of the three classes that take turns


def everywhere(site: int) -> bool:
    return True


def add(
    lottery: Lottery, listener_class: ListenerClass, site: int, *, name: str = "", capped: bool = True
) -> Waiter:
    waiter = Waiter(name, listener_class, site, site >> 8, capped, 0.0)
    lottery.add(waiter, 0.0)
    return waiter


def members(waiting: int) -> list[ListenerClass]:
    return [each for each in ListenerClass if waiting >> each & 1]


@pytest.mark.parametrize(
    ("solved", "wins", "weight"),
    [
        (0, 0, 1),
        (0, 6, 1),
        (1, 0, 2),
        (1, 1, 1),
        (2, 0, 3),
        (3, 0, 4),
        (200, 0, 4),
        (200, 1, 3),
        (200, 2, 2),
        (200, 3, 1),
        (200, 6, 1),
    ],
)
def test_a_site_grows_with_puzzles_to_its_bound_and_shrinks_with_wins_to_its_base(
    solved: int, wins: int, weight: int
) -> None:
    assert site_weight(solved, wins) == weight


@pytest.mark.parametrize(
    ("waiting", "shares"),
    [
        ({INVITED, SOLVED, STRANGER}, (40, 55, 5)),
        ({INVITED, SOLVED}, (45, 55)),
        ({INVITED, STRANGER}, (95, 5)),
        ({SOLVED, STRANGER}, (95, 5)),
        ({STRANGER}, (100,)),
    ],
)
def test_what_a_class_does_not_use_goes_to_the_best_that_waits(
    waiting: set[ListenerClass], shares: tuple[int, ...]
) -> None:
    bits = sum(1 << each for each in waiting)
    assert tuple(percent for _, percent in SHARES_OF[bits]) == shares
    assert [each for each, _ in SHARES_OF[bits]] == sorted(waiting)


@pytest.mark.parametrize("waiting", SETS)
def test_any_twenty_turns_are_shared_exactly(waiting: int) -> None:
    turns = Turns()
    chosen = []
    for _ in range(60):
        chosen.append(turns.choose(waiting))
        turns.took(chosen[-1], waiting)
    for start in range(40):
        shared = Counter(chosen[start : start + 20])
        assert shared == {each: percent // 5 for each, percent in SHARES_OF[waiting]}


@given(st.lists(st.sampled_from(SETS), max_size=400))
def test_strangers_get_a_twentieth_at_most_of_what_others_wait_for_whatever_comes_and_goes(
    pattern: list[int],
) -> None:
    turns = Turns()
    contested = strangers = 0
    for waiting in pattern:
        chosen = turns.choose(waiting)
        assert waiting >> chosen & 1
        turns.took(chosen, waiting)
        if waiting != 1 << STRANGER:
            contested += bool(waiting >> STRANGER & 1)
            strangers += chosen is STRANGER
    assert strangers <= contested / 20 + 2


@given(st.lists(st.sampled_from(SETS), max_size=60), st.sampled_from(SETS))
def test_after_whatever_was_no_class_waits_for_its_share_longer_than_it_is_owed(
    past: list[int], waiting: int
) -> None:
    """What is owed is bounded: within two rounds of 20 every class that waits has had a seat."""
    turns = Turns()
    for each in past:
        turns.took(turns.choose(each), each)
    chosen = set()
    for _ in range(40):
        chosen.add(turns.choose(waiting))
        turns.took(turns.choose(waiting), waiting)
    assert sorted(chosen) == members(waiting)


def test_a_turn_that_was_not_taken_is_not_charged() -> None:
    turns = Turns()
    both = 1 << SOLVED | 1 << STRANGER
    assert {turns.choose(both) for _ in range(50)} == {SOLVED}


def test_those_who_come_back_are_first_and_can_be_passed_over() -> None:
    lottery, random = Lottery(), Random(1)
    assert lottery.next(random, everywhere) is None
    invited = add(lottery, INVITED, 1)
    returning = add(lottery, RETURNING, 1)
    assert lottery.next(random, everywhere) is returning
    assert lottery.next(random, everywhere, returning=False) is invited
    lottery.remove(returning, 0.0)
    assert lottery.next(random, everywhere) is invited


def test_no_seat_stays_free_while_somebody_else_can_have_it() -> None:
    """All turns go to a class whose sites have no room; the seat is a stranger's then."""
    lottery, random = Lottery(), Random(1)
    for site in range(9):
        add(lottery, SOLVED, site)
    stranger = add(lottery, STRANGER, 100)
    assert lottery.waiting() == 1 << SOLVED | 1 << STRANGER
    for _ in range(5):
        assert lottery.next(random, lambda site: site == 100) is stranger
    assert lottery.waiting() == 1 << STRANGER
    assert lottery.next(random, lambda site: False) is None
    lottery.refresh(1.0, everywhere)
    assert lottery.waiting() == 1 << SOLVED | 1 << STRANGER


def test_a_seat_won_at_a_site_takes_from_its_weight_at_once_whichever_class_won_it() -> None:
    lottery = Lottery()
    add(lottery, SOLVED, 1)
    second, third = add(lottery, SOLVED, 1), add(lottery, SOLVED, 1)
    stranger = add(lottery, STRANGER, 1)
    solved, strangers = lottery.by_site
    assert solved.weight_of(1) == 4
    lottery.seat(stranger, 0.0)
    assert (solved.weight_of(1), strangers.weight_of(1)) == (3, None)
    lottery.seat(third, 0.0)
    assert solved.weight_of(1) == 1  # two wait, two have won
    lottery.seat(second, 0.0)
    assert solved.weight_of(1) == 1
    lottery.refresh(3 * FORGIVEN_S, everywhere)
    assert solved.weight_of(1) == 2


def test_a_seat_that_counts_for_no_site_leaves_its_weight_alone() -> None:
    lottery = Lottery()
    add(lottery, SOLVED, 1)
    lottery.seat(add(lottery, INVITED, 1, name="voucher", capped=False), 0.0)
    assert lottery.by_site[0].weight_of(1) == 2
    assert lottery.won_people.recent("voucher", 0.0) == 1


def test_who_comes_back_by_an_invitation_may_claim_once_in_a_while() -> None:
    lottery = Lottery()
    for now, may in ((0.0, True), (FORGIVEN_S / 2, False), (FORGIVEN_S, True)):
        waiter = add(lottery, RETURNING, 1, name="voucher", capped=False)
        assert lottery.may_claim(waiter, now, lambda site: False) is may  # what the site holds is no matter
        if may:
            lottery.seat(waiter, now)


def test_who_comes_back_to_a_capped_seat_may_claim_while_their_site_has_room_and_has_not_won_too_often() -> (
    None
):
    lottery = Lottery()
    for won in range(WINS_COUNTED_MAX):
        waiter = add(lottery, RETURNING, 1, name=f"ticket {won}")
        assert lottery.may_claim(waiter, 0.0, everywhere)
        assert not lottery.may_claim(waiter, 0.0, lambda site: False)
        lottery.seat(waiter, 0.0)
    waiter = add(lottery, RETURNING, 1, name="one more")
    assert not lottery.may_claim(waiter, 0.0, everywhere)
    assert lottery.may_claim(waiter, FORGIVEN_S, everywhere)
