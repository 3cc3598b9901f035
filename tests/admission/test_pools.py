"""That drawing is exact, and stays so while people come, go, win and are full."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.classes import ListenerClass
from hiwar.admission.pools import LOOKED_AT_MAX, WEIGHT_MAX, PersonPool, SitePool, Waiter, below
from tests.admission.scripted_random import Scripted

SOLVED = ListenerClass.SOLVED


def waiter(site: int, identity: str = "") -> Waiter:
    return Waiter(identity, SOLVED, site, site >> 8, True, 0.0)


def everywhere(site: int) -> bool:
    return True


class Weights(dict[int, int]):
    """Weights of sites as a table; 1 where it says nothing."""

    def weigh(self, waiting: int, site: int, now: float) -> int:
        return self.get(site, 1)


@pytest.mark.parametrize("bound", range(1, 18))
def test_every_number_below_a_bound_comes_from_one_pattern_of_bits_and_the_rest_are_drawn_again(
    bound: int,
) -> None:
    bits = (bound - 1).bit_length()
    drawn = []
    for pattern in range(1 << bits):
        random = Scripted(pattern, 0)
        number = below(random, bound)
        assert random.asked == ([bits] if pattern < bound else [bits, bits])
        drawn.append(number if pattern < bound else None)
    assert drawn[:bound] == list(range(bound))


def test_a_site_is_drawn_by_exactly_its_weight() -> None:
    """All points of the total are tried, one after the other."""
    weights = Weights({10: 1, 20: 2, 30: 3, 40: 4, 50: 4, 60: 2})
    pool = SitePool(weights.weigh)
    for site in weights:
        pool.add(waiter(site), 0.0)
    assert pool.total == 16
    drawn = Counter(picked.site for at in range(16) if (picked := pool.pick(Scripted(at), everywhere)))
    assert drawn == weights


def test_a_total_that_is_no_power_of_two_is_drawn_as_exactly() -> None:
    pool = SitePool(Weights({1: 3, 2: 2}).weigh)
    pool.add(waiter(1), 0.0)
    pool.add(waiter(2), 0.0)
    drawn = Counter(picked.site for at in range(8) if (picked := pool.pick(Scripted(at, 0), everywhere)))
    assert drawn == {1: 3 + 3, 2: 2}  # 5, 6 and 7 are drawn again: each time a 0, which is site 1


def test_those_who_wait_at_one_site_share_its_weight_evenly() -> None:
    pool = SitePool(Weights().weigh)
    for name in "abcd":
        pool.add(waiter(1, name), 0.0)
    assert pool.total == 1
    picks = [pool.pick(Scripted(0, at), everywhere) for at in range(4)]
    assert [picked.identity for picked in picks if picked] == list("abcd")
    assert pool.part_of_one(1, 0.0) == 0.25
    assert pool.part_of_one(2, 0.0) == 0.5  # what somebody elsewhere would have


def test_people_are_drawn_evenly_and_stay_until_they_are_removed() -> None:
    pool = PersonPool()
    assert pool.pick(Random(1), everywhere) is None
    assert pool.least() is None
    assert pool.part_of_one(0, 0.0) == 1
    people = [waiter(5, name) for name in "abcd"]
    for each in people:
        pool.add(each, 0.0)
    assert [pool.pick(Scripted(at), everywhere) for at in range(4)] == people
    assert (len(pool), pool.total, pool.part_of_one(5, 0.0)) == (4, 4, 0.25)
    pool.remove(people[0], 0.0)
    assert [pool.pick(Scripted(at), everywhere) for at in range(3)] == [people[3], people[1], people[2]]
    assert pool.least() is people[2]


def test_a_site_without_room_is_passed_over_until_it_has_room_again() -> None:
    pool = SitePool(Weights({2: 3}).weigh)
    pool.add(waiter(1), 0.0)
    pool.add(waiter(2), 0.0)
    full = {2}
    for _ in range(20):
        picked = pool.pick(Random(1), lambda site: site not in full)
        assert picked is not None
        assert picked.site == 1
    assert pool.weight_of(2) == 0
    assert pool.part_of_one(2, 0.0) == 0
    pool.add(waiter(2), 0.0)  # who comes there does not make room
    assert pool.weight_of(2) == 0
    assert pool.pick(Random(1), lambda site: False) is None
    assert (pool.total, len(pool)) == (0, 3)
    assert pool.part_of_one(1, 0.0) == 0
    pool.refresh(1.0, lambda site: site == 2)
    assert (pool.weight_of(1), pool.weight_of(2), pool.total) == (0, 3, 3)


def test_whom_to_put_out_is_the_newest_of_a_site_with_the_least_weight() -> None:
    pool = SitePool(Weights({2: 4}).weigh)
    assert pool.least() is None
    heavy, light, newest = waiter(2), waiter(1, "light"), waiter(1, "newest")
    pool.add(heavy, 0.0)
    assert pool.least() is heavy
    pool.add(light, 0.0)
    pool.add(newest, 0.0)
    assert pool.least() is newest


def test_time_alone_changes_weights_when_the_round_comes_by() -> None:
    """The sites of one weight are gone around in parts; none is left out for long."""
    weights = Weights()
    pool = SitePool(weights.weigh)
    count = 3 * LOOKED_AT_MAX - 7
    for site in range(count):
        pool.add(waiter(site), 0.0)
    weights.update(dict.fromkeys(range(count), 2))
    totals = []
    for now in range(12):
        pool.refresh(float(now), everywhere)
        totals.append(pool.total - count)
    assert totals[0] == LOOKED_AT_MAX
    assert totals[-1] == count
    weights.update(dict.fromkeys(range(count), 1))
    pool.weigh_site(3, 0.0)
    pool.weigh_site(count + 1, 0.0)  # nobody waits there
    assert (pool.weight_of(3), pool.weight_of(4), pool.weight_of(count + 1)) == (1, 2, None)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, WEIGHT_MAX), st.booleans()), max_size=60),
    st.randoms(use_true_random=False),
)
def test_whatever_comes_and_goes_the_total_is_the_sum_of_the_weights(
    moves: list[tuple[int, int, bool]], random: Random
) -> None:
    """A move: a site, its weight from now on, and whether somebody comes to it or goes from anywhere."""
    weights, pool, inside = Weights(), SitePool(Weights().weigh), list[Waiter]()
    pool = SitePool(weights.weigh)
    for site, weight, comes in moves:
        weights[site] = weight
        if comes or not inside:
            inside.append(waiter(site))
            pool.add(inside[-1], 0.0)
        else:
            pool.remove(inside.pop(random.randrange(len(inside))), 0.0)
        pool.weigh_site(site, 0.0)
        there = {each.site for each in inside}
        assert len(pool) == len(inside)
        assert {each for each in range(6) if pool.weight_of(each) is not None} == there
        assert pool.total == sum(weights[each] for each in there)
        assert (pool.pick(random, everywhere) in inside) == bool(inside)
        parts = sum(pool.part_of_one(each.site, 0.0) for each in inside)
        assert parts == pytest.approx(1 if inside else 0)
