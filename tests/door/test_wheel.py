"""Deadlines on one timer."""

from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.wheel import NEVER, Wheel


class Thing:
    def __init__(self) -> None:
        self.deadline = NEVER
        self.scheduled = 0
        self.fired: list[float] = []
        self.now = 0.0

    def expired(self) -> None:
        self.fired.append(self.now)


def test_a_deadline_is_kept_within_one_tick() -> None:
    wheel, thing = Wheel(0.1), Thing()
    wheel.schedule(thing, 1.0)
    wheel.advance(0.99)
    assert not thing.fired
    wheel.advance(1.11)
    assert len(thing.fired) == 1
    assert not wheel


def test_a_later_deadline_replaces_the_first_without_a_second_entry() -> None:
    wheel, thing = Wheel(0.1), Thing()
    wheel.schedule(thing, 1.0)
    wheel.schedule(thing, 3.0)
    wheel.advance(2.0)
    assert not thing.fired
    wheel.advance(3.2)
    assert len(thing.fired) == 1


def test_an_earlier_deadline_is_kept_too() -> None:
    wheel, thing = Wheel(0.1), Thing()
    wheel.schedule(thing, 9.0)
    wheel.schedule(thing, 1.0)
    wheel.advance(1.2)
    assert len(thing.fired) == 1
    wheel.advance(20.0)
    assert len(thing.fired) == 1


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 5), st.floats(0, 1)), max_size=40))
def test_everything_fires_at_its_last_deadline(steps: list[tuple[int, float, float]]) -> None:
    wheel, things, now = Wheel(0.1), [Thing() for _ in range(4)], 0.0
    due: dict[int, float] = {}
    for which, after, passes in steps:
        due[which] = now + after
        wheel.schedule(things[which], now + after)
        now += passes
        before = [len(thing.fired) for thing in things]
        wheel.advance(now)
        for index, thing in enumerate(things):
            if len(thing.fired) > before[index]:
                assert due.pop(index) <= now
        assert all(deadline > now - 0.21 for deadline in due.values())
