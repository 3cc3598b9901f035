"""How many seats, by what bound, and how many joins a second."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.capacity import (
    JOINS_SHARE,
    SEATS_BOUND,
    Bound,
    Capacity,
    CapacityControl,
    decide_capacity,
    seats_by_model,
)
from hiwar.admission.costs import CostModel
from hiwar.admission.signals import Health, Limits, Signals
from tests.admission.readings import AT_EASE, FAILING, STRAINED, signals

BY_MODEL = seats_by_model(CostModel(), 1)


def decided(limits: Limits | None = None, *, processor: int = 30_000, **readings: Any) -> Capacity:
    return decide_capacity(
        signals(**readings), limits or Limits(), processor=processor, joins=50, health=Health.WELL
    )


class Clocked:
    """A control with its own time, a quarter of a second a tick."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.control = CapacityControl()
        self.limits = limits or Limits()
        self.now = 100.0

    def run(self, seconds: float, seen: Signals) -> Capacity:
        for _ in range(max(1, round(seconds * 4))):
            self.now += 0.25
            result = self.control.decide(seen, self.limits, self.now)
        return result


@pytest.mark.parametrize(
    ("limits", "readings", "seats", "by"),
    [
        (Limits(), {}, 30_000, Bound.PROCESSOR),
        (Limits(egress_mbit=100), {}, 2500, Bound.EGRESS),  # 80 Mbit/s at 32 kbit/s
        (Limits(), {"descriptors_max": 10_000}, 8000, Bound.DESCRIPTORS),
        (Limits(), {"descriptors_max": 10_000, "descriptors": 9000}, 1744, Bound.DESCRIPTORS),
        (Limits(), {"descriptors_max": 1000, "descriptors": 2000, "listeners": 0}, 0, Bound.DESCRIPTORS),
        (
            Limits(),
            {"memory_available_bytes": 336 * 1024**2, "listener_bytes": 32 * 1024},
            3560,
            Bound.MEMORY,
        ),
        (Limits(), {"memory_available_bytes": 0, "listener_bytes": 1024**2}, 744, Bound.MEMORY),
        (Limits(), {"memory_available_bytes": 0, "listener_bytes": 0, "listeners": 1}, 0, Bound.MEMORY),
        (Limits(seats_max=500), {}, 500, Bound.SETTING),
        (Limits(host_seats=400, seats_max=500), {}, 400, Bound.HOST),
        (Limits(host_seats=600, seats_max=500), {}, 500, Bound.SETTING),
        (Limits(host_seats=-1), {}, 0, Bound.HOST),
    ],
)
def test_the_least_bound_binds_and_is_named(
    limits: Limits, readings: dict[str, Any], seats: int, by: Bound
) -> None:
    found = decided(limits, **readings)
    assert (found.seats, found.by) == (seats, by)
    assert found.bounds[by] == min(found.bounds.values()) == seats


def test_what_is_not_known_is_no_bound() -> None:
    assert set(decided().bounds) == {Bound.PROCESSOR, Bound.DESCRIPTORS, Bound.MEMORY}


def test_the_processor_is_reckoned_at_the_longest_interval_and_by_workers() -> None:
    assert int(0.58 / (22e-6 / 1.92)) == BY_MODEL
    assert seats_by_model(CostModel(), 3) == 3 * BY_MODEL
    assert seats_by_model(CostModel(2), 1000) == SEATS_BOUND
    assert Clocked().run(1, AT_EASE).seats == BY_MODEL


def test_strained_speakers_cut_seats_at_once_whatever_the_model_says() -> None:
    clocked = Clocked()
    clocked.run(10, AT_EASE)
    assert clocked.run(0.25, signals(**STRAINED)).seats == 900  # of the 1000 in use
    assert clocked.run(0.75, signals(**STRAINED)).seats == 900  # one fault is cut for once
    assert clocked.run(0.25, signals(**STRAINED)).seats == 810


def test_one_spell_of_strain_takes_at_most_half_of_what_was_in_use() -> None:
    clocked = Clocked()
    clocked.run(10, AT_EASE)
    assert clocked.run(60, signals(**STRAINED)).seats == 500
    clocked.run(1, signals(frame_lateness_ms=5.0, frames_late=2.0))  # uneasy: the spell goes on
    assert clocked.run(60, signals(**STRAINED, seats_taken=500)).seats == 500
    clocked.run(1, signals(seats_taken=500))
    assert clocked.run(60, signals(**STRAINED, seats_taken=500)).seats == 250


def test_failing_speakers_have_no_floor_and_strain_after_it_gives_nothing_back() -> None:
    clocked = Clocked()
    clocked.run(10, AT_EASE)
    assert clocked.run(0.25, signals(**FAILING)).seats == 700
    low = clocked.run(20, signals(**FAILING)).seats
    assert low < 10
    assert clocked.run(20, signals(**STRAINED)).seats <= low


def test_a_strain_in_a_nearly_empty_room_does_not_close_it() -> None:
    clocked = Clocked()
    assert clocked.run(60, signals(**STRAINED, listeners=0, seats_taken=0)).seats == 25


def test_late_writes_cut_too_if_it_is_writing_that_takes_the_core() -> None:
    late = {"write_lateness_s": 0.3, "cpu": 1.0}
    clocked = Clocked()
    assert clocked.run(0.25, signals(writes=20_000.0, **late)).seats == 900
    flooded = Clocked()
    assert flooded.run(60, signals(writes=2_000.0, **late)).seats == BY_MODEL


def test_seats_widen_slowly_after_a_dwell() -> None:
    clocked = Clocked()
    clocked.run(1, signals(**STRAINED))
    assert clocked.run(9, AT_EASE).seats == 900
    first = clocked.run(0.25, AT_EASE).seats
    assert first == 900 + int(BY_MODEL * 0.02)
    assert clocked.run(0.75, signals(seats_taken=first)).seats == first
    assert clocked.run(0.25, signals(seats_taken=first)).seats == pytest.approx(900 + BY_MODEL * 0.04, abs=1)
    assert clocked.run(120, signals(seats_taken=30_000)).seats == BY_MODEL


def test_nothing_widens_while_less_than_half_is_in_use_or_the_speakers_are_uneasy() -> None:
    clocked = Clocked()
    clocked.run(1, signals(**STRAINED))
    assert clocked.run(60, signals(seats_taken=449)).seats == 900
    assert clocked.run(60, signals(frame_lateness_ms=6.0, frames_late=2.0)).seats == 900
    assert clocked.run(1, signals(seats_taken=450)).seats > 900


def test_an_emptied_room_fills_again() -> None:
    clocked = Clocked()
    clocked.run(60, signals(**FAILING))
    assert clocked.run(60, signals(seats_taken=0, listeners=0)).seats > 0


def test_the_host_lowers_at_once_and_raises_only_as_far_as_health_allows() -> None:
    clocked = Clocked(Limits(host_seats=100))
    assert clocked.run(0.25, AT_EASE).seats == 100
    clocked.limits = Limits(host_seats=2 * BY_MODEL)
    busy = signals(seats_taken=BY_MODEL, descriptors_max=10**6)
    assert clocked.run(0.25, busy).seats <= BY_MODEL * 1.04
    assert clocked.run(120, busy).seats == 2 * BY_MODEL
    strained = replace(busy, **STRAINED)
    assert clocked.run(30, strained).seats == BY_MODEL // 2
    assert clocked.limits.host_seats == 2 * BY_MODEL


def test_the_host_raises_no_bound_that_is_a_fact() -> None:
    clocked = Clocked(Limits(host_seats=90_000, egress_mbit=100))
    found = clocked.run(60, AT_EASE)
    assert (found.seats, found.by) == (2500, Bound.EGRESS)


def test_pressing_more_again_and_again_never_goes_beyond_what_health_allows() -> None:
    clocked = Clocked()
    found = clocked.run(5, signals(**STRAINED))
    for _ in range(50):
        clocked.limits = Limits(host_seats=found.seats + found.seats // 10)
        found = clocked.run(1, signals(**STRAINED))
    assert found.seats <= 900


def test_joins_take_a_share_of_what_the_busiest_worker_has() -> None:
    full = JOINS_SHARE / (Limits().join_us / 1e6)
    assert Clocked().run(1, AT_EASE).joins == pytest.approx(full)
    assert Clocked(Limits(workers=2)).run(1, AT_EASE).joins == pytest.approx(2 * full)
    assert Clocked(Limits(joins_max=50)).run(1, AT_EASE).joins == 50


def test_what_joins_cost_themselves_does_not_count_against_them() -> None:
    storm = signals(cpu=0.7, joins=400.0, requests=400.0)
    assert Clocked().run(1, storm).joins == pytest.approx(JOINS_SHARE / (Limits().join_us / 1e6))


def test_a_full_core_leaves_few_joins_but_never_none() -> None:
    assert Clocked().run(1, signals(cpu=1.0)).joins == pytest.approx(
        0.02 / (Limits().join_us / 1e6), rel=0.01
    )
    assert Clocked(Limits(joins_max=1)).run(1, signals(cpu=1.0, **FAILING)).joins == 1


def test_joins_fall_at_once_with_the_speakers_health_and_come_back_gently() -> None:
    clocked = Clocked()
    full = clocked.run(1, AT_EASE).joins
    assert clocked.run(0.25, signals(**STRAINED)).joins == pytest.approx(full / 2)
    assert clocked.run(0.25, signals(**FAILING)).joins == pytest.approx(full / 10)
    assert clocked.run(0.25, AT_EASE).joins == pytest.approx(full / 10 * 1.1)
    assert clocked.run(10, AT_EASE).joins == pytest.approx(full)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([{}, STRAINED, FAILING, {"write_lateness_s": 1.0}]),
            st.integers(0, 60_000),
            st.one_of(st.none(), st.integers(0, 100_000)),
            st.floats(0.1, 20),
        ),
        max_size=60,
    )
)
def test_seats_never_pass_any_bound_and_never_grow_while_the_speakers_suffer(
    steps: list[tuple[dict[str, float], int, int | None, float]],
) -> None:
    control, now, before = CapacityControl(), 0.0, SEATS_BOUND
    for readings, taken, host, wait in steps:
        now += wait
        limits = Limits(host_seats=host, seats_max=50_000, egress_mbit=3000, workers=2)
        found = control.decide(signals(seats_taken=taken, **readings), limits, now)
        assert 0 <= found.seats == min(found.bounds.values())
        assert found.joins >= 1
        led = found.bounds[Bound.PROCESSOR]
        if found.health >= Health.STRAINED:
            assert led <= before
        before = led
