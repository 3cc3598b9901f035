"""Down fast, up in steps, and never by chance."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiwar.admission.again import ROUND_S
from hiwar.admission.costs import CostModel
from hiwar.admission.ladder import (
    ASCENTS,
    DESCENTS,
    DWELL_S,
    FIRST_DWELL_S_MAX,
    FLAP_HALF_LIFE_S,
    FLAPS_MAX,
    FORGET_S_MAX,
    RECORD_ONLY_AFTER_S,
    RECORD_ONLY_DWELL_S_MAX,
    RELAPSE_S,
    Cause,
    Damping,
    Hold,
    Ladder,
    Lasting,
    Move,
    _Try,
)
from hiwar.admission.rungs import LEGAL, RUNGS, IllegalMove, Rung
from hiwar.admission.signals import Health, Limits, judge_health
from tests.admission.ladder_world import CALM, DEMANDS, Demand, Machine, right_rungs, settles_right
from tests.admission.readings import FAILING, STRAINED, capacity, signals

OPEN, BUSY, LIMITED, SIEGE, RECORD_ONLY = RUNGS
LINE = 160e6
FLOOD: dict[str, Any] = {"cpu": 0.97, "requests": 40_000.0}
UNEASY: dict[str, Any] = {"frame_lateness_ms": 5.5, "frames_late": 2.0}


@dataclass
class Stand:
    """A ladder with its own time, a quarter of a second a tick, and the moves it made."""

    ladder: Ladder = field(default_factory=lambda: Ladder(100.0))
    model: CostModel = field(default_factory=CostModel)
    now: float = 100.0
    moves: list[Move] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    @classmethod
    def on(cls, rung: Rung) -> "Stand":
        return cls(Ladder(100.0, rung))

    @property
    def rung(self) -> Rung:
        return self.ladder.rung

    def run(self, seconds: float, *, step: float = 0.25, admitting: bool = True, **readings: Any) -> Rung:
        seen = signals(**readings)
        of = capacity(health=judge_health(seen), egress_bits=LINE)
        for _ in range(max(1, round(seconds / step))):
            self.now += step
            move = self.ladder.decide(seen, of, self.model, self.now, admitting=admitting)
            if move:
                self.moves.append(move)
                self.times.append(self.now)
        return self.rung

    def moved_to(self) -> list[Rung]:
        return [move.to for move in self.moves]


@pytest.mark.parametrize(
    ("readings", "rung", "cause"),
    [
        ({"cpu": 0.75}, BUSY, Cause.LOAD),
        ({"seats_taken": 4250}, BUSY, Cause.SEATS),
        ({"arrivals": 40.0}, BUSY, Cause.RUSH),
        ({"egress_bits": 0.85 * LINE}, BUSY, Cause.LINE),
        ({"cpu": 0.88}, LIMITED, Cause.LOAD),
        ({"write_lateness_s": 0.25}, LIMITED, Cause.LOAD),
        ({"arrivals": 55.0}, LIMITED, Cause.RUSH),
        ({"seats_taken": 4950, "waiting": 1}, LIMITED, Cause.SEATS),
        ({"waiting": 1, "admitting": False}, LIMITED, Cause.SEATS),
        (STRAINED, LIMITED, Cause.HEALTH),
        ({"recorder_lag_s": 3.0}, LIMITED, Cause.HEALTH),
        ({**STRAINED, "cpu": 0.5}, SIEGE, Cause.HEALTH),
        (FAILING, SIEGE, Cause.HEALTH),
        ({"recorder_lag_s": 6.0}, SIEGE, Cause.HEALTH),
        (FLOOD, SIEGE, Cause.LOAD),
        ({"write_lateness_s": 0.25, "cpu": 0.5}, SIEGE, Cause.LOAD),
    ],
)
def test_each_reason_leads_down_to_its_rung_within_a_second_and_a_half(
    readings: dict[str, Any], rung: Rung, cause: Cause
) -> None:
    stand = Stand()
    assert stand.run(1.5, **readings) is rung
    assert stand.moves[-1].cause is cause
    assert stand.ladder.since <= 101.5


@pytest.mark.parametrize(
    "readings",
    [
        {},
        {"cpu": 0.74},
        {"seats_taken": 4249},
        {"arrivals": 39.0},
        {"egress_bits": 0.84 * LINE},
        {"waiting": 10**6},  # they are let in as they ask
        {"admitting": False},  # nobody asks
        UNEASY,
        {"frame_lateness_ms": 60.0, "frames_late": 1.0},
    ],
)
def test_short_of_a_reason_the_door_stays_open(readings: dict[str, Any]) -> None:
    assert Stand().run(60, **readings) is OPEN


def test_full_seats_that_nobody_asks_for_refuse_nobody() -> None:
    assert Stand().run(60, seats_taken=5000) is BUSY


def test_a_full_core_that_writing_fills_is_no_siege() -> None:
    assert Stand().run(60, cpu=1.0, writes=40_000.0) is LIMITED


def test_one_tick_of_noise_moves_nothing() -> None:
    stand = Stand()
    for _ in range(100):
        stand.run(0.25, **FLOOD)
        stand.run(0.25)
    assert stand.moves == []


def test_failing_speakers_skip_rungs() -> None:
    stand = Stand()
    stand.run(2, **FAILING)
    assert stand.moves == [Move(OPEN, SIEGE, Cause.HEALTH)]
    assert stand.ladder.since == 100.5


def test_the_load_is_given_a_rungs_time_to_answer_before_the_next() -> None:
    stand = Stand()
    stand.run(2, **FLOOD)
    assert stand.moved_to() == [LIMITED, SIEGE]
    assert stand.times == [100.5, 101.25]
    relieved = Stand()
    relieved.run(0.5, **FLOOD)
    relieved.run(60, cpu=0.7, requests=20_000.0)
    assert relieved.rung is LIMITED


def test_up_goes_one_rung_at_a_time_with_a_dwell_before_each() -> None:
    stand = Stand()
    stand.run(2, **FLOOD)
    start = stand.now
    assert stand.run(60) is OPEN
    assert stand.moves[2:] == [
        Move(SIEGE, LIMITED, Cause.CALM),
        Move(LIMITED, BUSY, Cause.CALM),
        Move(BUSY, OPEN, Cause.CALM),
    ]
    assert [when - start for when in stand.times[2:]] == [8, 16, 24]


@pytest.mark.parametrize(
    ("rung", "readings"),
    [
        (BUSY, {"cpu": 0.7}),
        (BUSY, {"seats_taken": 3750}),
        (BUSY, {"arrivals": 30.0}),
        (BUSY, {"egress_bits": 0.75 * LINE}),
        (BUSY, {"cpu": 0.55, "requests": 20_000.0}),  # would be 0.66 a rung up
        (LIMITED, {"seats_taken": 4750}),
        (LIMITED, {"arrivals": 40.0}),
        (LIMITED, {"waiting": 1, "admitting": False}),
        (LIMITED, {"cpu": 0.65}),
        (SIEGE, {"cpu": 0.45}),  # refusing costs 0.4; answering them would be 0.9
        (SIEGE, {"write_lateness_s": 0.2}),
        *((rung, UNEASY) for rung in (BUSY, LIMITED, SIEGE, RECORD_ONLY)),
    ],
)
def test_it_does_not_go_up_where_it_would_have_to_come_down_again(
    rung: Rung, readings: dict[str, Any]
) -> None:
    assert Stand.on(rung).run(200, **readings) is rung


def test_a_moment_of_noise_does_not_break_a_calm_but_more_does() -> None:
    stand = Stand.on(BUSY)
    for _ in range(6):
        stand.run(1)
        stand.run(0.5, cpu=0.7)
    assert stand.rung is OPEN
    stand = Stand.on(BUSY)
    for _ in range(20):
        stand.run(4)
        stand.run(1.25, cpu=0.7)
    assert stand.rung is BUSY


def test_only_time_that_was_seen_counts() -> None:
    stand = Stand.on(BUSY)
    stand.run(0.25)
    assert stand.run(60, step=60) is BUSY
    assert stand.run(28, step=2) is BUSY  # half a second of each two
    assert stand.run(2, step=2) is OPEN
    fresh = Stand()
    fresh.run(3600, step=3600, **FLOOD)
    assert fresh.rung in (OPEN, LIMITED)


def test_record_only_comes_when_the_speakers_have_failed_in_siege_for_ten_seconds() -> None:
    stand = Stand()
    stand.run(0.5, **FAILING)
    assert stand.run(RECORD_ONLY_AFTER_S - 0.25, **FAILING) is SIEGE
    assert stand.run(0.25, **FAILING) is RECORD_ONLY
    assert stand.moves[-1] == Move(SIEGE, RECORD_ONLY, Cause.HEALTH)


def test_failing_with_pauses_leads_there_too_if_it_outweighs_them() -> None:
    stand = Stand.on(SIEGE)
    for _ in range(10):
        stand.run(3, **FAILING)
        stand.run(1, **STRAINED)
    assert RECORD_ONLY in stand.moved_to()
    seldom = Stand.on(SIEGE)
    for _ in range(50):
        seldom.run(2, **FAILING)
        seldom.run(2, **STRAINED)
    assert seldom.moves == []


@pytest.mark.parametrize(
    "readings",
    [
        STRAINED,
        {"cpu": 1.0, "write_lateness_s": 5.0, "arrivals": 1e6, "requests": 1e6, "waiting": 10**6},
        {"seats_taken": 10**6, "egress_bits": 5 * LINE, "waiting": 10**6, "admitting": False},
    ],
)
def test_no_load_no_queue_and_no_strain_leads_to_record_only(readings: dict[str, Any]) -> None:
    stand = Stand()
    stand.run(300, **readings)
    assert RECORD_ONLY not in stand.moved_to()


def test_record_only_is_left_by_the_speakers_health_alone() -> None:
    stand = Stand.on(RECORD_ONLY)
    assert stand.run(60, **UNEASY) is RECORD_ONLY
    assert stand.run(14.75, **FLOOD) is RECORD_ONLY
    assert stand.run(0.25, **FLOOD) is SIEGE


def test_going_down_again_and_again_makes_the_first_dwell_longer_up_to_a_bound() -> None:
    stand, dwells = Stand(), []
    for _ in range(6):
        stand.run(2, **FAILING)
        start = stand.now
        while stand.rung is SIEGE:
            stand.run(0.25)
        dwells.append(stand.now - start)
    assert dwells[0] == DWELL_S
    assert all(later >= earlier for earlier, later in pairwise(dwells))
    assert 15 < dwells[1] <= 16
    assert dwells[-1] == FIRST_DWELL_S_MAX


def test_after_any_history_a_minute_of_calm_leads_from_siege_to_open() -> None:
    stand = Stand()
    for _ in range(30):
        stand.run(2, **FAILING)
        stand.run(45)
    stand.run(2, **FAILING)
    assert stand.run(48) is OPEN
    assert FIRST_DWELL_S_MAX + 2 * DWELL_S == 48
    assert ROUND_S + 48 <= 60


def test_flaps_are_forgotten_by_halves() -> None:
    damping = Damping()
    assert damping.first_dwell_s(SIEGE, 5.0) == DWELL_S
    damping.flap(100.0)
    damping.flap(100.0)
    assert damping.flaps(100.0) == 2
    assert damping.first_dwell_s(LIMITED, 100.0) == 4 * DWELL_S
    assert damping.flaps(100.0 + FLAP_HALF_LIFE_S) == pytest.approx(1)
    for _ in range(10):
        damping.flap(200.0)
    assert damping.flaps(200.0) == FLAPS_MAX
    assert damping.first_dwell_s(SIEGE, 200.0) == FIRST_DWELL_S_MAX
    assert damping.first_dwell_s(RECORD_ONLY, 200.0) == RECORD_ONLY_DWELL_S_MAX


def hidden_crowd(stand: Stand, rounds: int) -> None:
    """People who ask once a minute in siege and ten times as often as soon as it is over."""
    for _ in range(rounds):
        busy = stand.rung is not SIEGE
        stand.run(0.25, cpu=0.98 if busy else 0.15, requests=40_000.0 if busy else 6000.0)


def test_a_step_up_that_the_load_took_back_is_not_tried_again_at_that_load() -> None:
    stand = Stand.on(SIEGE)
    hidden_crowd(stand, 4 * 590)
    assert stand.moved_to() == [LIMITED, SIEGE]
    hidden_crowd(stand, 4 * 60)
    assert stand.moved_to() == [LIMITED, SIEGE] * 2  # forgotten after ten minutes


def test_each_failure_is_remembered_twice_as_long_as_the_one_before_up_to_a_bound() -> None:
    stand = Stand.on(SIEGE)
    hidden_crowd(stand, 4 * 7200)
    tried = [when for when, move in zip(stand.times, stand.moves, strict=True) if move.to is LIMITED]
    waited = [later - earlier for earlier, later in pairwise(tried)]
    assert waited == pytest.approx([600, 1200, 2400, 2400], abs=FIRST_DWELL_S_MAX + 5)
    assert FORGET_S_MAX == 2400


def test_a_step_up_that_holds_makes_failures_before_it_forgotten() -> None:
    stand = Stand.on(SIEGE)
    hidden_crowd(stand, 4 * 900)
    assert stand.moved_to() == [LIMITED, SIEGE] * 2
    assert stand.run(60) is OPEN
    stand.run(3600)
    stand.run(2, **FLOOD)
    del stand.moves[:]
    hidden_crowd(stand, 4 * 560)
    assert stand.moved_to() == [LIMITED, SIEGE]
    hidden_crowd(stand, 4 * 90)
    assert stand.moved_to() == [LIMITED, SIEGE] * 2


def test_a_step_up_that_held_for_a_while_makes_its_failures_forgotten_also_where_none_followed() -> None:
    ladder = Ladder(0.0)
    ladder.rung, ladder._now = LIMITED, 200.0
    ladder._failed[SIEGE] = _Try(SIEGE, 0.0, 0.5, failures=2)
    ladder._last_try = _Try(SIEGE, 200.0 - RELAPSE_S - 1, 0.5)
    ladder._go_down(SIEGE, Cause.LOAD)
    assert ladder._failed == {}


def test_failures_long_after_one_another_are_each_the_first_and_no_number_of_them_is_too_many() -> None:
    ladder = Ladder(0.0)
    ladder._failed[SIEGE] = _Try(SIEGE, 0.0, 0.5, failures=3)
    for now, failures in ((FORGET_S_MAX + 60, 3), (2 * FORGET_S_MAX + 1, 0)):
        ladder._now = now
        assert ladder._failures(_Try(SIEGE, now, 0.5)) == failures
    assert _Try(SIEGE, 0.0, 0.5, failures=10**6).remembered_s == FORGET_S_MAX


def test_it_is_tried_again_when_the_door_has_become_quiet() -> None:
    stand = Stand.on(SIEGE)
    hidden_crowd(stand, 4 * 20)
    assert stand.moved_to() == [LIMITED, SIEGE]
    assert stand.run(60) is OPEN


def test_a_new_wave_onto_a_quiet_door_is_not_held_against_the_step_up() -> None:
    stand = Stand.on(SIEGE)
    stand.run(8)
    stand.run(2, **FLOOD)
    assert stand.moved_to() == [LIMITED, SIEGE]
    assert stand.run(16) is LIMITED


def test_what_the_door_usually_costs_is_not_held_against_it_either() -> None:
    usual: dict[str, Any] = {"cpu": 0.15, "requests": 5000.0}
    stand = Stand()
    stand.run(180, **usual)
    for _ in range(10):  # each wave meets a step up that has just been made
        stand.run(2, **FLOOD)
        while stand.rung is SIEGE:
            stand.run(0.25, **usual)
        stand.run(5, **usual)
    stand.run(2, **FLOOD)
    assert stand.rung is SIEGE
    assert stand.run(56, **usual) is OPEN


def test_the_host_holds_a_rung_at_once_and_it_is_never_less_severe() -> None:
    stand = Stand()
    stand.ladder.hold = Hold(LIMITED)
    assert stand.run(0.25) is LIMITED
    assert stand.moves == [Move(OPEN, LIMITED, Cause.HOST)]
    assert stand.run(300) is LIMITED
    stand.run(2, **FLOOD)
    assert stand.rung is SIEGE
    assert stand.run(300) is LIMITED


def test_a_host_who_holds_is_no_flap() -> None:
    stand = Stand()
    for _ in range(10):
        stand.ladder.hold = Hold(SIEGE)
        stand.run(1)
        stand.ladder.hold = None
        stand.run(30)
    assert stand.rung is OPEN


def test_the_more_severe_of_hold_and_reason_wins() -> None:
    stand = Stand()
    stand.ladder.hold = Hold(BUSY)
    stand.run(0.25)
    stand.ladder.hold = Hold(LIMITED)
    assert stand.run(0.75, **FAILING) is SIEGE


def test_a_fixed_rung_is_not_left_for_any_load() -> None:
    stand = Stand()
    stand.ladder.hold = Hold(BUSY, fixed=True)
    assert stand.run(60, **FLOOD, arrivals=1e5, seats_taken=9999, waiting=9) is BUSY
    assert stand.moves == [Move(OPEN, BUSY, Cause.HOST)]


def test_a_fixed_rung_gives_way_to_the_speakers_health_and_is_taken_up_again() -> None:
    stand = Stand()
    stand.ladder.hold = Hold(OPEN, fixed=True)
    assert stand.run(1, **FAILING) is SIEGE
    assert stand.run(12, **FAILING) is RECORD_ONLY
    assert stand.run(60, **UNEASY) is RECORD_ONLY
    assert stand.run(60, **FLOOD) is OPEN  # at the host's word, in steps


def test_record_only_cannot_be_held() -> None:
    with pytest.raises(IllegalMove, match="record-only"):
        Hold(RECORD_ONLY)


def test_the_hosts_button_saves_the_dwell() -> None:
    stand = Stand.on(SIEGE)
    stand.ladder.let_in(stand.now)
    stand.run(0.25)
    assert stand.moves == [Move(SIEGE, LIMITED, Cause.HOST)]
    assert stand.run(7.75) is LIMITED  # one step for one press


@pytest.mark.parametrize(
    ("rung", "readings"),
    [(SIEGE, FLOOD), (LIMITED, {"arrivals": 60.0}), (SIEGE, UNEASY), (SIEGE, STRAINED), (RECORD_ONLY, {})],
)
def test_the_hosts_button_opens_nothing_against_a_reason_or_the_health(
    rung: Rung, readings: dict[str, Any]
) -> None:
    stand = Stand.on(rung)
    stand.ladder.let_in(stand.now)
    assert stand.run(2, **readings) is rung


def test_the_hosts_wish_waits_two_seconds_for_its_moment() -> None:
    stand = Stand.on(SIEGE)
    stand.ladder.let_in(stand.now)
    stand.run(1.75, **UNEASY)
    assert stand.run(0.25) is LIMITED
    late = Stand.on(SIEGE)
    late.ladder.let_in(late.now)
    late.run(2, **UNEASY)
    assert late.run(0.25) is SIEGE


def test_the_button_does_nothing_where_everybody_gets_in_or_a_rung_is_held() -> None:
    stand = Stand()
    stand.ladder.let_in(stand.now)
    assert stand.run(1) is OPEN
    held = Stand.on(SIEGE)
    held.ladder.hold = Hold(SIEGE)
    held.ladder.let_in(held.now)
    assert held.run(1) is SIEGE


def test_a_condition_lasts_by_seen_time_and_forgives_what_it_may() -> None:
    strict, lenient = Lasting(), Lasting(1.0)
    for lasting in (strict, lenient):
        lasting.see(False, 1.0)
        assert lasting.held_s == 0
        lasting.see(True, 1.0)
        lasting.see(False, 0.5)
    assert (strict.held_s, lenient.held_s) == (0, 1.5)
    lenient.see(False, 0.5)
    assert lenient.held_s == 2.0
    lenient.see(False, 0.5)
    assert lenient.held_s == 0
    strict.see(True, 1.0)
    strict.begin_anew()
    assert strict.held_s == 0


def test_the_tables_lead_only_where_the_ladder_has_moves() -> None:
    severities = [row.to.severity for row in DESCENTS]
    assert severities == sorted(severities, reverse=True)
    assert RECORD_ONLY not in {row.to for row in DESCENTS}
    assert set(ASCENTS) == set(RUNGS) - {OPEN}


READINGS: list[dict[str, Any]] = [
    {},
    STRAINED,
    FAILING,
    UNEASY,
    FLOOD,
    {"cpu": 0.8},
    {"arrivals": 60.0},
    {"seats_taken": 5000, "waiting": 3},
]
HOLDS: list[Hold | None] = [None, *(Hold(rung, fixed) for rung in RUNGS[:4] for fixed in (False, True))]


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.sampled_from(READINGS), st.integers(1, 70), st.sampled_from(HOLDS), st.integers(0, 5)),
        max_size=8,
    )
)
def test_whatever_happens_every_move_is_legal_and_the_rules_hold(
    steps: list[tuple[dict[str, Any], int, Hold | None, int]],
) -> None:
    stand, failing_s, last_up = Stand(), 0.0, -100.0
    for readings, ticks, hold, press in steps:
        stand.ladder.hold = hold
        if press == 0:
            stand.ladder.let_in(stand.now)
        health = judge_health(signals(**readings))
        for _ in range(ticks):
            before, count = stand.rung, len(stand.moves)
            failing_s += 0.25 if health is Health.FAILING else 0.0
            stand.run(0.25, **readings)
            if hold is not None:
                assert stand.rung.severity >= hold.rung.severity
            if len(stand.moves) == count:
                continue
            move = stand.moves[-1]
            assert (move.origin, move.to) == (before, stand.rung)
            assert move.to in LEGAL[before]
            if move.to is RECORD_ONLY:
                assert failing_s >= RECORD_ONLY_AFTER_S
                failing_s = 0.0
            if move.to.severity < before.severity:
                assert health is Health.WELL
                assert move.cause is Cause.HOST or stand.now - last_up >= DWELL_S
                last_up = stand.now


@pytest.mark.parametrize("demand", DEMANDS, ids=str)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_ladder_reaches_the_oracles_rung_within_two_seconds_and_comes_back_within_a_minute(
    demand: Demand, seed: int
) -> None:
    machine = Machine(seed)
    machine.run(30)
    assert machine.moves == []
    machine.demand = demand
    assert settles_right(machine, 2) <= 2
    machine.run(20)
    low, high = right_rungs(machine)
    assert low.severity <= machine.rung.severity <= high.severity
    machine.demand, machine.honest_waiting = CALM, 0.0
    before = len(machine.moves)
    assert settles_right(machine, 60) <= 60
    assert machine.rung is OPEN
    back = [move for _, move in machine.moves[before:]]
    assert all(move.to.severity == move.origin.severity - 1 for move in back)


@pytest.mark.parametrize("demand", DEMANDS, ids=str)
def test_no_attack_that_leaves_the_stage_its_core_leads_to_record_only(demand: Demand) -> None:
    machine = Machine(3, demand=demand)
    machine.run(300)
    assert RECORD_ONLY not in {move.to for _, move in machine.moves}


def test_where_stage_and_door_share_a_core_siege_saves_the_speakers() -> None:
    machine = Machine(4, shared=True, demand=Demand(bots=60_000))
    machine.run(300)
    assert machine.rung is SIEGE
    assert RECORD_ONLY not in {move.to for _, move in machine.moves}


def test_where_the_speakers_fail_whatever_is_done_record_only_is_reached() -> None:
    machine = Machine(5, sick=True)
    machine.run(15)
    assert machine.rung is RECORD_ONLY
    machine.sick = False
    machine.run(60)
    assert machine.rung is OPEN


def test_seats_that_run_out_lead_to_the_lottery_and_free_ones_back() -> None:
    machine = Machine(6, limits=Limits(joins_max=50, seats_max=2040), demand=Demand(people=10))
    machine.run(30)
    assert machine.rung is LIMITED
    machine.demand, machine.honest_waiting, machine.limits = CALM, 0.0, Limits(joins_max=50, seats_max=5000)
    machine.run(40)
    assert machine.rung is OPEN
