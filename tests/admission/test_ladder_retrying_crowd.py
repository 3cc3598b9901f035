"""People who are turned away come again, for 30 simulated minutes: the ladder finds its rung and stays.

How often it may move. A crowd whose asking does not depend on the rung leads down once, in at most 2 moves.
The worst crowd asks far less often in siege than it was told to, and as often as it pleases as soon as siege
is over, so that calm is only apparent: a step up shows it, is taken back, and is tried again once it is
forgotten (after 10 minutes, 20 and 40), each time 2 moves.
"""

import pytest

from hiwar.admission.rungs import Rung
from hiwar.admission.signals import Limits
from tests.admission.ladder_world import Machine, right_rungs

SECONDS = 1800
OPEN, LIMITED, SIEGE = Rung.OPEN, Rung.LIMITED, Rung.SIEGE


def crowd(people: int, *, again_s: float, again_siege_s: float, seed: int = 1, seats: int = 5000) -> Machine:
    """A machine to whose door so many people have just come at once."""
    machine = Machine(
        seed,
        limits=Limits(joins_max=50, seats_max=seats),
        ask_again_s=again_s,
        ask_again_siege_s=again_siege_s,
    )
    machine.run(30)
    machine.honest_waiting = people
    return machine


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("people", "rung"), [(20_000, LIMITED), (300_000, LIMITED), (420_000, SIEGE)])
def test_a_crowd_that_comes_again_and_again_leads_down_once(people: int, rung: Rung, seed: int) -> None:
    machine = crowd(people, again_s=10, again_siege_s=10, seed=seed)
    machine.run(2)
    assert machine.rung is rung
    machine.run(SECONDS - 2)
    assert machine.rung is rung
    assert rung in right_rungs(machine)
    assert len(machine.moves) <= 2


@pytest.mark.parametrize("again_siege_s", [20, 30, 60])
def test_a_crowd_that_hides_in_siege_is_tried_more_and_more_rarely(again_siege_s: float) -> None:
    machine = crowd(500_000, again_s=10, again_siege_s=again_siege_s)
    machine.run(SECONDS)
    assert machine.rung is SIEGE
    assert {move.to for _, move in machine.moves} == {LIMITED, SIEGE}
    assert len(machine.moves) <= 2 + 2 * 3  # at once, after 10 minutes, 20 more


def test_a_crowd_for_whom_there_are_seats_is_seated_and_the_door_opens_again() -> None:
    machine = crowd(2500, again_s=5, again_siege_s=5, seats=8000)
    machine.run(300)
    assert machine.honest_waiting < 20
    assert machine.seated > 3500
    assert machine.rung is OPEN
    ups = [move.to.severity < move.origin.severity for _, move in machine.moves]
    assert ups == sorted(ups)  # down, then up, never again down


def test_a_crowd_that_gives_up_leaves_an_open_door_within_a_minute() -> None:
    machine = crowd(420_000, again_s=10, again_siege_s=10)
    machine.run(600)
    assert machine.rung is SIEGE
    machine.honest_waiting = 0.0
    machine.run(60)
    assert machine.rung is OPEN
