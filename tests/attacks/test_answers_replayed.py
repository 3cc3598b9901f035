"""A puzzle is solved once, and its answer brought by everybody of the same network. Out: the memory of used
answers, which is the desk's and again the owner's."""

import json

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.prefix import origin_of
from hiwar.admission.puzzle import NONCE_BYTES
from hiwar.admission.spent import Spent, Standing
from hiwar.admission.timelock import solve_by_squaring
from hiwar.ops.clock import monotonic
from tests.attacks.world import PROXY
from tests.edge.house import House, open_house, until
from tests.edge.test_asking import ask, full_house
from tests.edge.test_listening import ID, start_stage

MACHINES = 30
SITE = "10.9.9."
EFFORT = 1000


def minted(house: House) -> str:
    """A puzzle for the machines' network."""
    puzzles = house.desk.puzzles
    assert puzzles is not None
    site = origin_of(f"{SITE}1").site
    return puzzles.mint(conversation=ID, site=site, effort=EFFORT, nonce=bytes(NONCE_BYTES), now=monotonic())


async def replay() -> int:
    """How many of the machines wait as people who have solved a puzzle."""
    async with open_house(ticking=True, seats_max="1", trusted_proxies=PROXY) as house:
        stage = await start_stage(house)
        await full_house(house, 1)
        await until(lambda: house.desk.puzzles is not None and house.usher.gate.posture.quota == 0)
        body = json.dumps({"answer": solve_by_squaring(minted(house))})
        for machine in range(MACHINES):
            status, _ = await ask(house, body, source=f"{SITE}{machine + 1}")
            assert status == 202
        waiting = house.owner.house.room.waiting(ListenerClass.SOLVED)
        await stage.publisher.close()
        return waiting


async def test_an_answer_counts_for_one_of_them() -> None:
    assert await replay() == 1


async def test_without_the_memory_it_counts_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Spent, "look", lambda self, answer, epoch: Standing.FREE)
    assert await replay() == MACHINES
