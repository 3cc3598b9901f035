"""What is asked for follows the wait, within its cap and its pace, whatever an attacker queues."""

import random
from collections.abc import Callable
from itertools import pairwise
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.effort import (
    EFFORT_MIN,
    HALVING_S,
    HOLD_S,
    WAKE_S,
    Effort,
    decide_effort,
)
from hiwar.admission.puzzle import EFFORT_MAX, SLOWEST_SQUARING_US

SERVED_PER_S, HONEST_PER_S, PATIENCE_S = 50, 40, 60
QUICKEST_SHARE = 2.4 / 8.6  # a quick phone's squaring by a slow one's
NATIVE_US = 0.15  # a bot's squaring, in native code: OpenSSL on a server's core
Bots = Callable[[int, int], int]  # second and effort asked for -> entries queued in that second
Law = Callable[[int, int, int], int]  # queued, served, second -> effort


def nobody(second: int, effort: int) -> int:
    return 0


def machines(count: int, on: Callable[[int], bool] = lambda second: True) -> Bots:
    """So many cores that solve puzzles without a pause; at most 20 tries a second each pass the door."""

    def queued(second: int, effort: int) -> int:
        each = min(20.0, 1e6 / (effort * NATIVE_US)) if effort else 20.0
        return min(5000, int(count * each)) if on(second) else 0

    return queued


class World:
    """One second after the other: people come, work, wait for a seat in a fair draw, or lose patience."""

    def __init__(self, seed: int, bots: Bots, law: Law | None = None) -> None:
        self.random = random.Random(seed)
        self.efforts: list[int] = []
        self.came = self.seated = 0  # honest people
        self._bots, self._effort = bots, Effort(0.0)
        self._law: Law = law or self._ours
        self._working: dict[int, int] = {}
        self._people: list[int] = []  # in the queue; until when each has patience
        self._queued_bots = 0
        self._asked = 0

    def run(self, seconds: int) -> "World":
        for _ in range(seconds):
            self._second(len(self.efforts))
        return self

    def _second(self, now: int) -> None:
        for _ in range(round(self.random.gauss(HONEST_PER_S, HONEST_PER_S**0.5))):
            took = int(self._asked * SLOWEST_SQUARING_US / 1e6 * self.random.uniform(QUICKEST_SHARE, 1))
            self._working[now + took] = self._working.get(now + took, 0) + (took < PATIENCE_S)
            self.came += 1
        self._people += [now + PATIENCE_S] * self._working.pop(now, 0)
        self._queued_bots = min(20_000, self._queued_bots + self._bots(now, self._asked))
        served = sum(self._draw() for _ in range(SERVED_PER_S))
        self._people = [until for until in self._people if until > now]
        if not self._bots(now, 0):
            self._queued_bots = 0  # the attack pauses: they are gone at once
        self._asked = self._law(len(self._people) + self._queued_bots, served, now)
        self.efforts.append(self._asked)

    def _draw(self) -> bool:
        """Seat one of all who wait; whether there was anybody."""
        waiting = len(self._people) + self._queued_bots
        if not waiting:
            return False
        number = self.random.randrange(waiting)
        if number < len(self._people):
            self._people[number] = self._people[-1]
            self._people.pop()
            self.seated += 1
        else:
            self._queued_bots -= 1
        return True

    def _ours(self, queued: int, served: int, now: int) -> int:
        return self._effort.observe(queued=queued, served=served, now=float(now + 1))


def turns(efforts: list[int]) -> int:
    """How often it changed between rising and falling."""
    steps = [later > earlier for earlier, later in pairwise(efforts) if later != earlier]
    return sum(a != b for a, b in pairwise(steps))


def test_nobody_who_is_seated_at_once_works() -> None:
    assert decide_effort(0) == decide_effort(WAKE_S - 0.01) == 0
    for seed in range(5):
        assert set(World(seed, nobody).run(300).efforts) == {0}


def test_the_work_is_a_twelfth_of_the_wait_up_to_the_cap() -> None:
    for wait_s in (2, 6, 12, 30, 59):
        assert decide_effort(wait_s) * SLOWEST_SQUARING_US / 1e6 == pytest.approx(wait_s / 12, rel=1e-4)
    assert decide_effort(60) == decide_effort(3600) == decide_effort(inf) == EFFORT_MAX
    assert decide_effort(WAKE_S) == EFFORT_MIN


def test_it_wakes_within_seconds_of_an_attack() -> None:
    for seed in range(5):
        world = World(seed, machines(2500, lambda second: second >= 100)).run(130)
        assert set(world.efforts[:99]) == {0}
        assert world.efforts[108] == EFFORT_MAX


def assert_steady(efforts: list[int]) -> None:
    """Within a factor of two, and no more turns than one up and one down in each hold."""
    assert min(efforts) >= max(efforts) / 2
    assert turns(efforts) <= 2 * len(efforts) / HOLD_S


@pytest.mark.parametrize("count", [1, 2, 3, 10, 2500, 100_000])
def test_no_attack_raises_it_above_the_cap_or_makes_it_swing(count: int) -> None:
    for seed in range(3):
        world = World(seed, machines(count)).run(600)
        assert max(world.efforts) <= EFFORT_MAX
        assert_steady(world.efforts[120:])


@pytest.mark.parametrize(("on_s", "off_s"), [(1, 1), (1, 10), (5, 25), (10, 10), (29, 29), (60, 28)])
def test_an_attack_that_comes_and_goes_does_not_make_it_swing(on_s: int, off_s: int) -> None:
    bots = machines(2500, lambda second: second % (on_s + off_s) < on_s)
    assert_steady(World(1, bots).run(900).efforts[120:])


def test_a_slow_square_wave_is_followed_down_at_its_pace_and_no_faster() -> None:
    efforts = World(1, machines(2500, lambda second: second % 300 < 60)).run(900).efforts
    for second in range(80, 900):
        assert efforts[second] >= efforts[second - 20] * 0.49 or efforts[second - 20] < EFFORT_MIN
    assert min(efforts[90:300]) == 0
    assert turns(efforts) <= 2 * len(efforts) / HOLD_S


def test_a_few_bots_are_slowed_so_that_more_people_find_seats_beside_them() -> None:
    """What it is for; against thousands of machines it is not enough: shares by prefix do the rest."""
    asked = World(1, machines(3)).run(600)
    free = World(1, machines(3), lambda queued, served, now: 0).run(600)
    assert asked.seated > 1.4 * free.seated


def test_when_the_attack_is_over_nobody_works_within_three_minutes() -> None:
    for seed in range(5):
        efforts = World(seed, machines(2500, lambda second: second < 120)).run(420).efforts
        assert efforts[125] == EFFORT_MAX
        assert set(efforts[300:]) == {0}
        assert turns(efforts[125:]) <= 4


def test_one_moment_of_a_million_in_the_queue_doubles_it_once() -> None:
    effort = Effort(0.0)
    for second in range(1, 100):
        effort.observe(queued=150, served=50, now=float(second))
    before = effort.effort
    assert before == pytest.approx(decide_effort(3), rel=0.01)
    assert effort.observe(queued=1_000_000, served=50, now=100.0) <= 2 * before + 1
    assert effort.observe(queued=150, served=50, now=101.0) <= 2 * before + 1


class OfferedEffort:
    """The ablation: what is asked for is the average of what was offered in the queue, without a cap, as in
    Tor's proposal 327. The attacker offers ten times what is asked for, from hardware that can."""

    def __init__(self) -> None:
        self._asked = EFFORT_MIN

    def __call__(self, queued: int, served: int, now: int) -> int:
        if queued:
            self._asked = min(10 * self._asked, 10**9)
        return self._asked


def test_overpaying_prices_people_out_of_a_law_that_follows_offers_but_not_out_of_ours() -> None:
    """Inflation: enough bots to keep a short queue, few enough that people find a seat beside them."""

    def trickle(second: int, effort: int) -> int:
        return 30

    ablated = World(1, trickle, OfferedEffort()).run(600)
    assert ablated.efforts[-1] > 100 * EFFORT_MAX
    assert ablated.seated < 0.1 * ablated.came
    ours = World(1, trickle).run(600)
    assert max(ours.efforts) <= EFFORT_MAX
    assert ours.seated > 0.5 * ours.came


def test_a_draw_that_serves_nobody_counts_as_an_endless_wait() -> None:
    effort = Effort(0.0)
    assert effort.observe(queued=1, served=0, now=1.0) == 2 * EFFORT_MIN
    for second in range(2, 10):
        effort.observe(queued=1, served=0, now=float(second))
    assert effort.effort == EFFORT_MAX


def test_a_quiet_hour_does_not_make_the_first_queue_look_long() -> None:
    effort = Effort(0.0)
    for second in range(1, 10):
        effort.observe(queued=20, served=50, now=float(second))
    for second in range(10, 3600):
        effort.observe(queued=0, served=second % 100 == 0, now=float(second))
    assert effort.observe(queued=60, served=50, now=3600.0) == 0


def test_how_often_it_is_called_changes_little() -> None:
    ends = []
    for per_second in (1, 4, 50):
        effort = Effort(0.0)
        for step in range(1, 20 * per_second + 1):
            effort.observe(queued=500, served=50 // per_second, now=step / per_second)
        ends.append(effort.effort)
    assert ends[1] == pytest.approx(ends[0], rel=0.05)
    assert ends[2] == pytest.approx(ends[0], rel=0.05)


def test_no_time_no_change_but_nothing_served_is_lost() -> None:
    effort = Effort(10.0)
    assert effort.observe(queued=100, served=25, now=10.0) == 0
    assert effort.observe(queued=100, served=25, now=9.0) == 0
    assert effort.observe(queued=99, served=0, now=11.0) == 0  # 50 in one second: a wait under two


def test_it_is_held_before_it_falls() -> None:
    effort = Effort(0.0)
    for second in range(1, 21):
        effort.observe(queued=100_000, served=50, now=float(second))
    for second in range(21, 51):
        assert effort.observe(queued=0, served=50, now=float(second)) == EFFORT_MAX
    assert effort.observe(queued=0, served=50, now=50.0 + HALVING_S) == EFFORT_MAX / 2


@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.integers(0, 10**4), st.floats(0, 2000, allow_nan=False)),
        max_size=60,
    )
)
def test_no_sequence_breaks_the_cap_or_the_pace(steps: list[tuple[int, int, float]]) -> None:
    effort, now, before = Effort(0.0), 0.0, 0
    for queued, served, elapsed in steps:
        now += elapsed
        after = effort.observe(queued=queued, served=served, now=now)
        assert after == 0 or EFFORT_MIN // 2 <= after <= EFFORT_MAX
        # what is seen is rounded, before it doubles and after
        assert after <= (max(before, EFFORT_MIN) + 0.5) * 2 ** min(elapsed, 600) + 0.5
        fallen = before * 0.5 ** (elapsed / HALVING_S) - 1
        assert after >= fallen or (after == 0 and fallen < EFFORT_MIN)
        if not queued:
            assert after <= before
        before = after
