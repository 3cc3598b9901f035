from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from hiwar.admission.seat_index import TICK_S, Deadlines, SiteRank

SERIALS = st.integers(1, 6)


@example([(1, 0.125), (2, -0.125)], 1.0)
@given(st.lists(st.tuples(SERIALS, st.none() | st.floats(-10, 10)), max_size=40), st.floats(-12, 12))
def test_due_are_those_whose_last_deadline_has_passed_oldest_first(
    puts: list[tuple[int, float | None]], now: float
) -> None:
    deadlines, last = Deadlines(), dict[int, float]()
    for serial, until in puts:
        last.pop(serial, None)
        if until is None:
            deadlines.drop(serial)
        else:
            deadlines.put(serial, until)
            last[serial] = until
    due = deadlines.due(now, 100)
    assert len(due) == len(set(due))
    assert {each for each in last if last[each] <= now - 2 * TICK_S} <= set(due)
    assert set(due) <= {each for each in last if last[each] <= now}
    order = [last[each] for each in due]
    assert all(earlier < later + TICK_S for earlier, later in pairwise(order))
    assert deadlines.due(now, 2) == due[:2]


def test_a_deadline_moved_within_its_tick_is_not_doubled() -> None:
    deadlines = Deadlines()
    deadlines.put(1, 5.01)
    deadlines.put(1, 5.02)
    assert deadlines.due(6, 10) == [1]
    deadlines.drop(1)
    assert deadlines.due(6, 10) == []


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=60), st.integers(0, 6))
def test_the_rank_of_sites_is_that_of_a_plain_count(shifts: list[tuple[int, bool]], count: int) -> None:
    rank, plain = SiteRank(), dict[int, int]()
    for site, more in shifts:
        step = 1 if more or not plain.get(site) else -1
        rank.shift(site, step)
        plain[site] = plain.get(site, 0) + step
    held = {site: seats for site, seats in plain.items() if seats}
    most = rank.most(count)
    assert most.items() <= held.items()
    assert sorted(most.values(), reverse=True) == list(most.values())
    assert list(most.values()) == sorted(held.values(), reverse=True)[:count]
    for site, seats in held.items():
        rank.shift(site, -seats)
    assert vars(rank) == {"_held": {}, "_steps": {}}  # sites that are gone take no memory
