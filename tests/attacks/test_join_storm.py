"""Six times as many people as there are seats ask for one at the same moment. Out: the quota of a worker."""

import asyncio
from typing import Any

import pytest

from hiwar.admission.gate import Gate
from hiwar.admission.verdicts import Arrival, Verdict
from tests.attacks.world import PROXY
from tests.edge.house import open_house, until
from tests.edge.test_asking import ask
from tests.edge.test_listening import start_stage

SEATS, PEOPLE = 20, 120


async def storm() -> tuple[int, int, list[dict[str, Any]]]:
    """How many are told that they have a seat, how many seats are taken, and what all others are told."""
    async with open_house(ticking=True, seats_max=str(SEATS), trusted_proxies=PROXY) as house:
        stage = await start_stage(house)
        await until(lambda: house.usher.gate.posture.quota > 0)
        asking = (ask(house, source=f"10.{person}.0.1") for person in range(PEOPLE))
        told = [body for _, body in await asyncio.gather(*asking)]
        await asyncio.sleep(0.1)
        admitted = [body for body in told if body.get("verdict") == "admit"]
        taken = house.owner.house.table.taken
        await stage.publisher.close()
        return len(admitted), taken, [body for body in told if body not in admitted]


def give(self: Gate, arrival: Arrival) -> Verdict:
    """Who would wait has a seat."""
    return self._give(arrival)


async def test_no_more_are_told_that_they_have_a_seat_than_there_are_and_all_others_how_it_stands() -> None:
    admitted, taken, others = await storm()
    assert 0 < admitted <= taken <= SEATS
    assert len(others) == PEOPLE - admitted
    assert all(body["english"] and body["arabic"] and body["claim"] for body in others)


async def test_without_the_quota_people_are_sent_to_seats_that_are_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Gate, "_keep_waiting", give)
    admitted, taken, _ = await storm()
    assert admitted > SEATS >= taken
