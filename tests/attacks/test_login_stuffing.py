"""Passwords from stolen lists are tried, each of which costs a core 19 ms: by one machine, and by very many.
Out: the limit of a network; the lane of what is costly."""

from itertools import count

import pytest

from hiwar.admission.limits import LIMITS, Limited
from hiwar.admission.prefix import Level
from hiwar.edge import passthrough
from tests.attacks.world import (
    PROXY,
    SIGNED_IN,
    Kept,
    OneLane,
    Visits,
    Web,
    arm,
    flooding,
    serving,
    visit,
)
from tests.edge.house import open_house
from tests.edge.test_listening import start_stage

GUESSES = 100
LIMIT = LIMITS[Limited.LOGINS][Level.IPV4_32]


async def guess(*, limited: bool) -> tuple[int, float]:
    """How many passwords of one machine's `GUESSES` web has to check, and how many a network may have."""
    async with open_house() as house:
        web, began = Web(password_s=0.0), house.door.now()
        if limited:
            arm(house)
        async with serving(house, web):
            machine = Kept(house.port)
            for _ in range(GUESSES):
                await machine.ask("/login", method="POST")
            machine.close()
        return web.asked["POST /login"], LIMIT.burst + 1 + LIMIT.per_second * (house.door.now() - began)


async def stuff() -> Visits:
    """Very many networks try one password each. What a signed-in visitor of a conversation's page sees."""
    numbers = count()

    async def strike(machine: Kept) -> None:
        network = next(numbers)
        source = f"X-Forwarded-For: 10.{network // 256 % 256}.{network % 256}.1"
        await machine.ask("/login", source, method="POST")

    async with open_house(trusted_proxies=PROXY) as house:
        stage = await start_stage(house)
        arm(house)
        async with serving(house, Web()), flooding(strike, house.port):
            visits = await visit(house, SIGNED_IN)
        await stage.publisher.close()
        return visits


async def test_one_machine_gets_few_passwords_checked() -> None:
    checked, allowed = await guess(limited=True)
    assert checked <= allowed < GUESSES


async def test_without_the_limit_it_gets_all_of_them_checked() -> None:
    assert (await guess(limited=False))[0] == GUESSES


async def test_very_many_machines_get_a_lane_and_pages_go_on() -> None:
    assert (await stuff()).is_well


async def test_without_lanes_they_take_the_places_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passthrough, "Lanes", OneLane)
    assert not (await stuff()).is_well
