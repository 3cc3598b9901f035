"""An attack that comes and goes, for 30 simulated minutes: the ladder follows it and does not swing.

How often it may move. A calm of a minute must lead from siege to open (3 moves up), and each onset back down
within 2 s (2 moves: to limited, and when that does not do, to siege): 5 a period, which no controller that
keeps both promises can undercut by more than one. Where the calm is shorter than the damped dwell, nothing
may move at all once the damping knows: some rounds until then, and one each time that it has forgotten half.
"""

from dataclasses import replace

import pytest

from hiwar.admission.rungs import Rung
from tests.admission.ladder_world import TICK_S, Demand, Machine, right_rungs

MINUTES = 30
ATTACK, CALM = Demand(bots=42_000), Demand()
UNSEEN_S = 0.75  # the readings are half a second old: so long a calm can seem to go on
MOVES_A_PERIOD = 5
MOVES_DAMPED = 24  # 8 rounds: the figure of merit passes 2 after 3, and halves 3 times; each up one, down two


def swing(machine: Machine, demand: Demand, seconds: float) -> tuple[float, list[tuple[float, bool]]]:
    """Let the demand be for so long. Returns when the ladder was severe enough (seconds from the start, or
    infinity), and its moves as (seconds from the start, whether up)."""
    machine.demand = demand
    start, before, severe_after = machine.now, len(machine.moves), float("inf")
    for _ in range(round(seconds / TICK_S)):
        machine.tick()
        if machine.rung.severity >= right_rungs(machine)[0].severity:
            severe_after = min(severe_after, machine.now - start)
    moves = [(when - start, move.to.severity < move.origin.severity) for when, move in machine.moves[before:]]
    return severe_after, moves


@pytest.mark.parametrize("period_s", [5, 10, 20, 60, 100, 120, 300])
def test_an_attack_that_comes_and_goes_does_not_make_the_ladder_swing(period_s: int) -> None:
    machine = Machine(seed=period_s)
    machine.run(30)
    periods = MINUTES * 60 // period_s
    for _ in range(periods):
        severe_after, moves = swing(machine, ATTACK, period_s / 2)
        assert severe_after <= 2
        assert all(when <= (UNSEEN_S if up else 2) for when, up in moves)
        _, moves = swing(machine, CALM, period_s / 2)
        assert all(up or when <= UNSEEN_S for when, up in moves)
        if period_s >= 120:
            assert machine.rung is Rung.OPEN
    damped = period_s <= 60
    assert len(machine.moves) <= (MOVES_DAMPED if damped else MOVES_A_PERIOD * periods)
    assert Rung.RECORD_ONLY not in {move.to for _, move in machine.moves}


def test_after_half_an_hour_of_waves_one_minute_of_calm_opens_the_door() -> None:
    machine = Machine(seed=7)
    few = Demand(people=0.2)  # honest people who wait at the end would be a crowd, and no calm
    for _ in range(45):
        swing(machine, replace(ATTACK, people=0.2), 20)
        swing(machine, few, 20)
    assert machine.rung.severity >= Rung.LIMITED.severity
    swing(machine, replace(ATTACK, people=0.2), 20)
    swing(machine, few, 60)
    assert machine.rung is Rung.OPEN
