"""What a machine spends, and what its workers read of themselves."""

from dataclasses import replace
from random import Random

import pytest

from hiwar.admission.pace import Cuts
from hiwar.admission.readings import WorkerReading
from hiwar.admission.rungs import Rung
from hiwar.sim.machine import BACKLOG_S_MAX, Costs, Machine

COSTS = Costs(write_us=10, join_us=500, ask_us=20, refuse_us=10, idle=0.02)
CUTS = Cuts(True, 640, False, True, 0)


def machine(workers: int = 1, shared: bool = False) -> Machine:
    return Machine(COSTS, workers, Random(2), shared=shared)


def read(
    made: Machine,
    *,
    counts: tuple[int, ...] = (0, 0, 0, 0, 0, 0),
    pages: float = 0,
    listeners: int = 0,
    cuts: Cuts | None = None,
    rung: Rung = Rung.OPEN,
) -> WorkerReading:
    """The reading of this tick, which comes with the next."""
    made.read(counts, pages, listeners, cuts, rung)
    return made.read((0, 0, 0, 0, 0, 0), 0, 0, None, rung)[0]


def test_the_load_is_the_sum_of_what_was_done() -> None:
    seen = read(machine(), counts=(50, 1000, 500, 2000, 100, 7), pages=100, listeners=1600)
    spent = 50 * 500 + 1500 * 20 + 2000 * 10 + 100 * 45
    assert seen.cpu == pytest.approx(0.02 + spent / 250_000 + 1600 / 0.16 * 10e-6, rel=0.05)
    assert (seen.joins, seen.refused, seen.arrivals) == (200, 8000 - 400, 14_200)
    assert seen.requests == 14_200 + 400
    assert seen.writes == pytest.approx(10_000)


def test_a_reading_is_told_a_tick_later() -> None:
    made = machine()
    first = made.read((10, 0, 0, 0, 0, 0), 0, 0, None, Rung.OPEN)
    second = made.read((20, 0, 0, 0, 0, 0), 0, 0, None, Rung.OPEN)
    third = made.read((0, 0, 0, 0, 0, 0), 0, 0, None, Rung.OPEN)
    assert [told[0].joins for told in (first, second, third)] == [40, 40, 80]


def test_workers_share_the_work() -> None:
    made = machine(workers=2)
    made.read((100, 0, 0, 0, 0, 0), 0, 1000, None, Rung.OPEN)
    readings = made.read((0, 0, 0, 0, 0, 0), 0, 0, None, Rung.OPEN)
    assert len(readings) == 2
    assert sum(each.joins for each in readings) == 400
    assert sum(each.listeners for each in readings) == 1000


def test_what_is_left_over_is_late_and_bounded() -> None:
    made = machine()
    for _ in range(20):
        made.read((0, 50_000, 0, 0, 0, 0), 0, 0, None, Rung.OPEN)
    assert made.load == 1
    assert made.backlog_s == BACKLOG_S_MAX
    assert made.read((0,) * 6, 0, 0, None, Rung.OPEN)[0].write_lateness_s == BACKLOG_S_MAX
    assert made.backlog_s == pytest.approx(BACKLOG_S_MAX - 0.25 * 0.98)


def test_no_more_is_taken_up_than_finds_a_place_in_the_queue() -> None:
    made = machine()
    assert made.takes_up(1000, 10, Rung.LIMITED) == 1
    most = made.takes_up(1_000_000, 0, Rung.LIMITED)
    assert most * 1_000_000 * 20e-6 == pytest.approx(BACKLOG_S_MAX + 0.25 * 0.98)
    assert made.takes_up(1_000_000, 0, Rung.SIEGE) == pytest.approx(2 * most)
    for _ in range(20):
        made.read((0, 50_000, 0, 0, 0, 0), 0, 0, None, Rung.LIMITED)
    assert made.takes_up(1_000_000, 0, Rung.LIMITED) == pytest.approx(0.25 * 0.98 / 20)


def test_a_machine_that_drowns_in_writes_takes_up_nothing_and_whoever_does_not_ask_misses_nothing() -> None:
    drowned = Machine(replace(COSTS, write_us=10_000.0), 1, Random(2), shared=False)
    for _ in range(20):
        drowned.read((0, 50_000, 0, 0, 0, 0), 0, 50_000, None, Rung.LIMITED)
    assert drowned.takes_up(1000, 0, Rung.LIMITED) == 0
    assert drowned.takes_up(0, 0, Rung.LIMITED) == 1


def test_a_longer_interval_is_reached_by_a_ramp_and_by_newcomers_at_once() -> None:
    ramp, crowd = machine(), machine()
    for _ in range(8):
        ramp.read((0, 0, 0, 0, 0, 0), 0, 1000, CUTS, Rung.BUSY)
    crowd.read((1000, 0, 0, 0, 0, 0), 0, 1000, CUTS, Rung.BUSY)
    assert read(ramp, listeners=1000).writes == pytest.approx(1000 / 0.22, rel=0.01)
    assert read(crowd, listeners=1000).writes == pytest.approx(1000 / 0.64, rel=0.01)


def test_pages_cost_by_where_they_come_from_and_lighter_renditions_half() -> None:
    assert [COSTS.page(rung) for rung in Rung] == [45, 45, 40, 18, 18]
    lighter = Cuts(True, 160, True, True, 0)
    assert read(machine(), listeners=1000, cuts=lighter).egress_bits == 32e6
    assert read(machine(), listeners=1000).egress_bits == 64e6


@pytest.mark.parametrize(
    ("shared", "asks", "late_ms", "late"),
    [
        (False, 0, (0.1, 0.8), 0),
        (False, 20_000, (0.1, 0.8), 0),
        (True, 0, (0.1, 0.9), 0),
        (True, 11_500, (1.0, 5.0), 0),
        (True, 12_200, (5.0, 50.0), 30),
        (True, 20_000, (25.0, 2000.0), 50),
    ],
)
def test_frames_are_late_where_the_stage_shares_a_core(
    shared: bool, asks: int, late_ms: tuple[float, float], late: float
) -> None:
    made = machine(shared=shared)
    seen = read(made, counts=(0, asks, 0, 0, 0, 0))
    while seen.frames_late == 1:  # a hiccup of its own
        made = machine(shared=shared)
        seen = read(made, counts=(0, asks, 0, 0, 0, 0))
    assert late_ms[0] <= seen.frame_lateness_ms <= late_ms[1]
    assert seen.frames_late == pytest.approx(late, abs=8)


def test_now_and_then_a_frame_is_late_whatever_is_done() -> None:
    made = machine()
    readings = [made.read((0,) * 6, 0, 0, None, Rung.OPEN)[0] for _ in range(2000)]
    assert 5 <= sum(each.frames_late == 1 for each in readings) <= 50
