"""Who is due in which tick."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.sim.addresses import Addresses
from hiwar.sim.calendar import Calendar
from hiwar.sim.populations import Population
from hiwar.sim.roll import Roll

PEOPLE, TICKS = 20, 30


def calendar() -> Calendar:
    roll = Roll((Population(name="x", people=PEOPLE),), Addresses(Random(1)), np.random.default_rng(1))
    return Calendar(roll, TICKS)


@given(
    st.lists(
        st.dictionaries(st.integers(0, PEOPLE - 1), st.integers(1, TICKS + 5), min_size=1)
        | st.tuples(st.integers(0, PEOPLE - 1), st.integers(1, TICKS + 5)),
        max_size=20,
    )
)
def test_everybody_is_due_once_when_they_were_last_said_to_be(
    entries: list[dict[int, int] | tuple[int, int]],
) -> None:
    made, due = calendar(), dict[int, int]()
    for entry in entries:
        if isinstance(entry, dict):
            made.put(np.array(list(entry)), np.array(list(entry.values())))
            due |= entry
        else:
            made.put_one(*entry)
            due[entry[0]] = entry[1]
    taken = {(who, tick) for tick in range(1, TICKS + 1) for who in made.take(tick).tolist()}
    assert taken == {(who, tick) for who, tick in due.items() if tick <= TICKS}


def test_nobody_is_due_in_an_empty_calendar() -> None:
    made = calendar()
    made.put(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert len(made.take(3)) == 0


def test_who_is_taken_is_forgotten() -> None:
    made = calendar()
    made.put_one(4, 2)
    assert made.take(2).tolist() == [4]
    assert made.take(2).tolist() == []


@pytest.mark.parametrize("tick", [0, 5])
def test_a_crowd_of_one_is_a_crowd(tick: int) -> None:
    made = calendar()
    made.put(np.array([7]), np.array([tick]))
    assert made.take(tick).tolist() == [7]
