"""People who were turned away together come again together: the stillness between is no calm.

In siege each of them asks once a round, in a beat; one rung up they would ask as those do who wait.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiwar.admission.again import REFUSED_AGAIN_S, asked_if_let_wait
from hiwar.admission.costs import CostModel
from hiwar.admission.ladder import ANSWER_RATIO, Ladder, Move
from hiwar.admission.rungs import Rung
from tests.admission.readings import capacity, signals

TICK_S = 0.25
REFUSE_S = 100e-6  # of a core, for one question that is refused: a slow machine
LIMITED, SIEGE = Rung.LIMITED, Rung.SIEGE


def besieged(
    people: int, *, beat_s: float, seconds: float, gone_after_s: float = 1e9
) -> list[tuple[float, Move]]:
    """The moves of a ladder in siege, while all of `people` ask within `beat_s` of each ten seconds."""
    ladder, model, of = Ladder(0.0, SIEGE), CostModel(), capacity()
    moves = []
    for tick in range(1, round(seconds / TICK_S) + 1):
        now = tick * TICK_S
        in_beat = (now - TICK_S) % REFUSED_AGAIN_S < beat_s
        asks = people / beat_s if in_beat and now < gone_after_s else 0.0
        refused = asks if ladder.rung is SIEGE else 0.0
        if ladder.rung is not SIEGE and now < gone_after_s:
            asks = asked_if_let_wait(people)
        cost = REFUSE_S if ladder.rung is SIEGE else REFUSE_S * ANSWER_RATIO
        cpu = min(1.0, 0.03 + asks * cost)
        seen = signals(cpu=cpu, writes=0.0, requests=asks, arrivals=min(asks, 20.0), refused=refused)
        move = ladder.decide(seen, of, model, now)
        if move:
            moves.append((now, move))
    return moves


@settings(max_examples=20, deadline=None)
@given(st.integers(20_000, 45_000), st.sampled_from([5.0, 6.5, 8.0, 10.0]))
def test_a_crowd_that_comes_in_step_is_no_calm_between_its_beats(people: int, beat_s: float) -> None:
    """There are so many that one rung up would be overrun: 4,000 questions a second at 210 µs, and more."""
    assert besieged(people, beat_s=beat_s, seconds=120) == []


def test_half_an_hour_of_it_moves_nothing() -> None:
    assert besieged(22_000, beat_s=2.5, seconds=1800) == []


@pytest.mark.parametrize("beat_s", [1.0, 4.0, 10.0])
def test_a_crowd_that_would_find_room_one_rung_up_finds_it(beat_s: float) -> None:
    moves = besieged(8_000, beat_s=beat_s, seconds=120)
    assert moves[0][1].to is LIMITED
    assert moves[0][0] <= 30
    assert all(move.to.severity < move.origin.severity for _, move in moves)


@pytest.mark.parametrize("beat_s", [5.0, 7.0, 10.0])
def test_a_crowd_that_goes_leaves_an_open_door_within_a_minute(beat_s: float) -> None:
    moves = besieged(45_000, beat_s=beat_s, seconds=260, gone_after_s=200)
    assert [move.to for _, move in moves] == [LIMITED, Rung.BUSY, Rung.OPEN]
