"""The write interval by load, and the cuts in their order."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiwar.admission.capacity import TARGET_LOAD, Capacity
from hiwar.admission.costs import CostModel
from hiwar.admission.pace import INTERVALS_MS, TAKE_BACK_MAX, Cuts, Depth, Pace
from hiwar.admission.signals import Health, Limits
from tests.admission.readings import FAILING, STRAINED, capacity, signals

FULL_CORE: dict[str, Any] = {
    "cpu": 1.0,
    "writes": 30_000.0,
    "listeners": 57_600,
}  # two thirds by writing, at 22 us
LINE = 80e6  # bit/s


@dataclass
class Paced:
    """A pace with its own time, a quarter of a second a tick, and every answer it gave."""

    pace: Pace = field(default_factory=Pace)
    limits: Limits = field(default_factory=Limits)
    model: CostModel = field(default_factory=CostModel)
    now: float = 100.0
    answers: list[Cuts] = field(default_factory=list)

    def run(self, seconds: float, of: Capacity | None = None, **readings: Any) -> Cuts:
        seen, held = signals(**readings), of or capacity()
        for _ in range(max(1, round(seconds * 4))):
            self.now += 0.25
            cuts = self.pace.decide(seen, held, self.model, self.limits, self.now)
            self.answers.append(cuts)
        return self.answers[-1]


def seated(count: int, interval_ms: int, **readings: Any) -> dict[str, Any]:
    """Readings of one worker with so many listeners, who are written to in that interval."""
    writes = count * 1000 / interval_ms
    base = {"seats_taken": count, "listeners": count, "writes": writes, "cpu": 0.02 + writes * 22e-6}
    return {**base, "arrivals": 0.0, "requests": 0.0, "joins": 0.0, **readings}


ROOMY = capacity(100_000)


def test_at_ease_nothing_is_cut() -> None:
    assert Paced().run(60) == Cuts(admitting=True, interval_ms=160, lighter=False, parts=True, take_back=0)
    assert Paced(Pace(80)).run(60).interval_ms == 80
    assert Paced(Pace(300)).run(60).interval_ms == 320


@pytest.mark.parametrize(
    ("count", "interval_ms"),
    [(2000, 80), (4000, 160), (8000, 320), (16_000, 640), (32_000, 1280), (50_000, 1920), (90_000, 1920)],
)
def test_the_interval_is_the_shortest_that_keeps_the_projected_load_under_the_target(
    count: int, interval_ms: int
) -> None:
    readings = seated(count, 1920)
    assert Paced(Pace(80)).run(0.25, ROOMY, **readings).interval_ms == interval_ms
    if interval_ms < 1920:
        assert 0.02 + count * 22e-6 * 1000 / interval_ms < TARGET_LOAD


def test_workers_share_the_listeners() -> None:
    readings = seated(16_000, 1920)
    assert Paced(Pace(80), Limits(workers=4)).run(0.25, ROOMY, **readings).interval_ms == 160


def test_who_is_arriving_is_reckoned_in_as_far_as_seats_and_joins_go() -> None:
    crowd = seated(4000, 160, arrivals=5000.0)
    assert Paced().run(0.25, capacity(100_000, joins=400), **crowd).interval_ms == 320
    assert Paced().run(0.25, capacity(100_000, joins=10), **crowd).interval_ms == 160
    assert Paced().run(0.25, capacity(4001, joins=400), **crowd).interval_ms == 160


def test_longer_comes_at_once_and_over_several_steps() -> None:
    paced = Paced()
    assert paced.run(1, ROOMY, **seated(1000, 160)).interval_ms == 160
    assert paced.run(0.25, ROOMY, **seated(30_000, 1920)).interval_ms == 1280


def test_shorter_comes_by_steps_after_a_dwell() -> None:
    paced = Paced()
    paced.run(1, ROOMY, **seated(30_000, 1920))
    assert paced.run(10, ROOMY, **seated(1000, 1280)).interval_ms == 1280
    assert paced.run(0.25, ROOMY, **seated(1000, 1280)).interval_ms == 640
    assert paced.run(9.75, ROOMY, **seated(1000, 640)).interval_ms == 640
    assert paced.run(20.25, ROOMY, **seated(1000, 640)).interval_ms == 160
    assert paced.run(60, ROOMY, **seated(1000, 160)).interval_ms == 160


def test_shorter_needs_a_margin_without_a_break() -> None:
    paced = Paced()
    paced.run(1, ROOMY, **seated(5000, 160))
    assert paced.run(60, ROOMY, **seated(3500, 320)).interval_ms == 320  # 0.50 at 160 ms
    for _ in range(10):
        paced.run(5, ROOMY, **seated(1000, 320))
        paced.run(0.25, ROOMY, **seated(5000, 320))
    assert paced.pace.interval_ms == 320


def test_late_writes_and_strained_speakers_lengthen_by_a_step_a_second() -> None:
    troubles: tuple[dict[str, Any], ...] = ({"write_lateness_s": 0.3}, {})
    for trouble in troubles:
        paced, health = Paced(), Health.WELL if trouble else Health.STRAINED
        for expected in (320, 640, 1280, 1920, 1920):
            assert paced.run(1, capacity(health=health), **trouble).interval_ms == expected
        assert paced.run(60, capacity(health=health), **trouble).interval_ms == 1920


def test_failing_speakers_get_the_longest_interval_at_once() -> None:
    assert Paced().run(0.25, capacity(health=Health.FAILING)).interval_ms == 1920


@pytest.mark.parametrize(
    ("of", "readings"),
    [
        (capacity(1000), {}),
        (capacity(health=Health.STRAINED), {}),
        (capacity(), {"write_lateness_s": 0.25}),
        (capacity(), {"cpu": 0.9, "writes": 0.76 / 22e-6}),
        (capacity(egress_bits=LINE), {"egress_bits": 0.9 * LINE}),
    ],
)
def test_admission_stops_within_the_tick_and_goes_on_when_there_is_room(
    of: Capacity, readings: dict[str, Any]
) -> None:
    paced = Paced()
    assert paced.run(1).admitting
    assert not paced.run(0.25, of, **readings).admitting
    assert paced.run(0.25).admitting


def test_the_valve_does_not_chatter_at_its_threshold() -> None:
    paced = Paced()
    paced.run(0.25, cpu=0.9, writes=0.76 / 22e-6)
    assert not paced.run(5, cpu=0.9, writes=0.70 / 22e-6).admitting
    assert paced.run(0.25, cpu=0.9, writes=0.64 / 22e-6).admitting
    paced.run(0.25, capacity(egress_bits=LINE), egress_bits=0.9 * LINE)
    assert not paced.run(2, capacity(egress_bits=LINE), egress_bits=0.87 * LINE).admitting


def test_a_flood_at_the_door_does_not_shut_the_valve() -> None:
    flood: dict[str, Any] = {"cpu": 1.0, "writes": 5000.0, "requests": 40_000.0, "arrivals": 40_000.0}
    assert Paced().run(60, **flood).admitting


def test_a_full_core_waits_for_the_ramp_before_quality_goes() -> None:
    paced = Paced()
    over = capacity(900)
    ramp_s = 3 + (1920 - 160) / 30
    begun = paced.run(0.25, over, **FULL_CORE)
    assert (begun.admitting, begun.interval_ms, begun.lighter) == (False, 1920, False)
    assert not paced.run(ramp_s - 0.5, over, **FULL_CORE).lighter
    assert paced.run(0.75, over, **FULL_CORE).lighter


def test_late_writes_bring_the_cuts_in_their_order_five_seconds_apart() -> None:
    paced = Paced()
    trouble = {**FULL_CORE, "write_lateness_s": 0.5, "seats_taken": 1000}
    cuts = paced.run(4.75, capacity(900), **trouble)
    assert cuts == Cuts(admitting=False, interval_ms=1920, lighter=False, parts=True, take_back=0)
    assert paced.run(0.75, capacity(900), **trouble).lighter
    assert paced.pace.depth is Depth.LIGHTER
    assert not paced.run(5, capacity(900), **trouble).parts
    before = len(paced.answers)
    paced.run(5, capacity(900), **trouble)
    assert sum(cuts.take_back for cuts in paced.answers[before:]) == 20  # 2 % of 1000, once so far


def test_failing_speakers_bring_them_a_second_apart() -> None:
    paced = Paced()
    failing = capacity(700, health=Health.FAILING)
    paced.run(3.5, failing, **FULL_CORE)
    assert any(cuts.take_back for cuts in paced.answers)


def test_where_the_line_is_full_lighter_renditions_come_and_no_longer_interval() -> None:
    paced = Paced(limits=Limits(egress_mbit=100))
    full = capacity(2500, egress_bits=LINE)
    cuts = paced.run(5.5, full, egress_bits=0.95 * LINE, seats_taken=1200)
    assert cuts == Cuts(admitting=False, interval_ms=160, lighter=True, parts=True, take_back=0)
    cuts = paced.run(0.25, full, egress_bits=0.5 * LINE, seats_taken=1200)
    assert (cuts.admitting, cuts.lighter) == (True, True)
    assert paced.run(60, full, egress_bits=0.5 * LINE, seats_taken=1200).lighter  # would be full again
    assert not paced.run(16, full, egress_bits=0.3 * LINE, seats_taken=700).lighter


def test_a_line_beyond_its_share_is_relieved_in_a_second() -> None:
    over = capacity(2500, egress_bits=LINE)
    assert Paced().run(1.5, over, egress_bits=1.1 * LINE, seats_taken=1500).lighter


def test_lighter_renditions_for_the_lines_sake_do_not_hold_the_interval_long() -> None:
    paced = Paced()
    full = capacity(2500, egress_bits=LINE)
    paced.run(1, full, **FULL_CORE)
    paced.run(6, full, egress_bits=0.95 * LINE, seats_taken=1200)
    assert paced.pace.depth is Depth.LIGHTER
    assert paced.run(60, full, egress_bits=0.5 * LINE, seats_taken=1200).interval_ms == 160


def test_cuts_for_the_processors_sake_are_undone_before_the_interval_gets_shorter() -> None:
    paced = Paced()
    trouble = {**FULL_CORE, "write_lateness_s": 0.5}
    paced.run(11, capacity(1000), **trouble)
    assert paced.pace.depth is Depth.NO_PARTS
    paced.run(29, capacity())
    assert (paced.pace.depth, paced.pace.interval_ms) == (Depth.LIGHTER, 1920)
    cuts = paced.run(2, capacity())
    assert (cuts.lighter, cuts.parts, cuts.interval_ms) == (False, True, 1920)
    assert paced.run(60, capacity()).interval_ms == 160


def test_a_middling_load_neither_deepens_nor_undoes() -> None:
    paced = Paced()
    paced.run(6, capacity(1000), **FULL_CORE, write_lateness_s=0.5)
    for _ in range(5):
        assert paced.run(14, capacity()).lighter
        assert paced.run(1, capacity(), cpu=0.8).lighter
    assert paced.pace.depth is Depth.LIGHTER


def test_nobody_is_thrown_out_by_strangers() -> None:
    flood = {"cpu": 1.0, "writes": 5000.0, "write_lateness_s": 1.0, "seats_taken": 1000}
    paced = Paced()
    paced.run(120, capacity(10), **flood)  # the door fills the core, the writes a tenth of it
    paced.run(
        120, capacity(10, egress_bits=LINE), egress_bits=LINE, seats_taken=1000
    )  # answers fill the line
    assert paced.pace.depth is Depth.TAKE_BACK
    assert sum(cuts.take_back for cuts in paced.answers) == 0


def test_the_seated_who_fill_the_line_are_taken_back_slowly_and_only_above_capacity() -> None:
    paced = Paced()
    paced.run(11, capacity(2500, egress_bits=LINE), egress_bits=0.95 * LINE, seats_taken=2600)
    before = len(paced.answers)
    paced.run(10, capacity(2500, egress_bits=LINE), egress_bits=0.95 * LINE, seats_taken=2600)
    taken = [cuts.take_back for cuts in paced.answers[before:] if cuts.take_back]
    assert set(taken) == {52}
    assert len(taken) <= 6
    paced.run(10, capacity(2500, egress_bits=LINE), egress_bits=0.95 * LINE, seats_taken=2503)
    assert paced.answers[-1].take_back in (0, 3)


def test_seats_taken_back_a_second_have_a_bound_and_end_with_the_pressure() -> None:
    paced = Paced()
    huge = {**FULL_CORE, "seats_taken": 80_000}
    failing = capacity(1000, health=Health.FAILING)
    paced.run(30, failing, **huge)
    assert max(cuts.take_back for cuts in paced.answers) == TAKE_BACK_MAX
    gone = len(paced.answers)
    paced.run(30, capacity(1000), cpu=0.3, seats_taken=80_000)
    assert not any(cuts.take_back for cuts in paced.answers[gone:])


def test_a_lower_number_of_seats_alone_takes_nobodys_seat() -> None:
    paced = Paced()
    cuts = paced.run(300, capacity(10))
    assert (cuts.admitting, cuts.lighter, cuts.parts) == (False, False, True)
    assert not any(cuts.take_back for cuts in paced.answers)


TROUBLES: list[dict[str, Any]] = [
    {},
    {"health": Health.STRAINED},
    {"health": Health.FAILING},
    {"write_lateness_s": 0.4},
    FULL_CORE,
    {"egress_bits": 0.95 * LINE},
    {"egress_bits": 1.2 * LINE},
    {"seats_taken": 3000},
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TROUBLES), st.sampled_from(TROUBLES), st.integers(0, 4000), st.integers(1, 50)
        ),
        max_size=8,
    )
)
@settings(max_examples=60)
def test_each_cut_is_made_only_while_all_before_it_are_in_force(
    steps: list[tuple[dict[str, Any], dict[str, Any], int, int]],
) -> None:
    paced = Paced()
    for one, other, seats, ticks in steps:
        trouble = {**one, **other}
        health = trouble.pop("health", Health.WELL)
        line_full = trouble.get("egress_bits", 0) >= 0.9 * LINE
        for _ in range(ticks):
            before = paced.answers[-1] if paced.answers else Paced().run(0.25)
            cuts = paced.run(0.25, capacity(seats, health=health, egress_bits=LINE), **trouble)
            deeper = cuts.lighter > before.lighter or cuts.parts < before.parts
            if deeper or cuts.take_back:
                assert not cuts.admitting
                assert cuts.interval_ms == 1920 or line_full
            assert cuts.lighter or cuts.parts
            assert not (cuts.take_back and cuts.parts)
            assert cuts.interval_ms in INTERVALS_MS
            if health >= Health.STRAINED:
                assert not cuts.admitting
    for earlier, later in pairwise(paced.answers):
        steps_shorter = INTERVALS_MS.index(earlier.interval_ms) - INTERVALS_MS.index(later.interval_ms)
        assert steps_shorter <= 1


def test_readings_used_here_are_what_health_calls_them() -> None:
    from hiwar.admission.signals import judge_health

    assert judge_health(signals(**STRAINED)) is Health.STRAINED
    assert judge_health(signals(**FAILING)) is Health.FAILING
