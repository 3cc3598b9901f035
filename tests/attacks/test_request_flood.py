"""The costliest pages are asked for, as often as can be, from very many networks: no limit of one helps.
Out: the cache; and for what no cache can have, the lanes."""

from itertools import count

import pytest

from hiwar.door.http import Request, Response
from hiwar.edge import passthrough
from hiwar.edge.cache import FRESH_SECONDS
from hiwar.edge.passthrough import CachedPassThrough
from tests.attacks.world import PAGE, SIGNED_IN, OneLane, Visits, Web, flooding, serving, visit
from tests.edge.house import open_house
from tests.edge.test_listening import start_stage


class Uncached(CachedPassThrough):
    """Every request goes to web."""

    async def answer(self, request: Request) -> Response:
        return await self._uncached(request)


async def flood_one_page(kind: type[CachedPassThrough]) -> tuple[Visits, bool]:
    """Everybody wants the same page. What a visitor sees, and whether web was asked about once a second."""
    async with open_house() as house:
        stage, web = await start_stage(house), Web()
        async with serving(house, web, kind), flooding(lambda machine: machine.ask(PAGE), house.port):
            visits = await visit(house)
        await stage.publisher.close()
        return visits, web.asked["GET /c"] <= 2 + visits.seconds / FRESH_SECONDS


async def flood_nowhere() -> Visits:
    """Everybody wants another page that is not there. What a signed-in visitor of a conversation's page sees,
    for whom there is no cache."""
    numbers = count()
    async with open_house() as house:
        stage = await start_stage(house)
        async with (
            serving(house, Web()),
            flooding(lambda machine: machine.ask(f"/nowhere/{next(numbers)}"), house.port),
        ):
            visits = await visit(house, SIGNED_IN)
        await stage.publisher.close()
        return visits


async def test_a_flood_on_one_page_is_answered_from_the_cache() -> None:
    visits, seldom = await flood_one_page(CachedPassThrough)
    assert visits.is_well
    assert seldom


async def test_without_the_cache_web_is_asked_for_each_and_visitors_are_turned_away() -> None:
    visits, seldom = await flood_one_page(Uncached)
    assert not visits.is_well
    assert not seldom


async def test_a_flood_on_pages_that_are_not_there_does_not_take_the_place_of_a_conversations() -> None:
    assert (await flood_nowhere()).is_well


async def test_without_lanes_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passthrough, "Lanes", OneLane)
    assert not (await flood_nowhere()).is_well
