"""Playlists are asked for as often as can be. One without a ticket takes a seat: out, the share of a network.
One with a ticket is work: out, that it is rendered once for everybody."""

import re
from collections import OrderedDict
from typing import Any

import pytest

from hiwar.admission import house as house_module
from hiwar.edge import hls
from tests.attacks.world import PROXY, Kept
from tests.edge.house import House, open_house, until
from tests.edge.test_asking import ask
from tests.edge.test_listening import ID, start_stage

SEATS = 20
ASKED = 200
BASE = f"/c/{ID}/hls/"
VARIANT = re.compile(rb"^(aac/live\.m3u8\?t=\S+)$", re.MULTILINE)


async def take_seats() -> tuple[int, str]:
    """How many seats one machine has that asks for the first playlist again and again, and what a newcomer is
    told who asks for a seat."""
    async with open_house(ticking=True, seats_max=str(SEATS), trusted_proxies=PROXY) as house:
        stage = await start_stage(house)
        await until(lambda: house.usher.gate.posture.quota > 0)
        machine = Kept(house.port)
        for _ in range(3 * SEATS):
            await machine.ask(f"{BASE}live.m3u8", "X-Forwarded-For: 10.6.6.6")
        machine.close()
        await until(lambda: house.owner.house.table.taken == house.usher.gate.counts["admit"])
        taken = house.owner.house.table.taken
        _, told = await ask(house, source="10.9.9.9")
        await stage.publisher.close()
        return taken, told["verdict"]


async def test_playlists_give_one_machine_the_share_of_its_network_and_leave_seats_to_others() -> None:
    taken, verdict = await take_seats()
    assert taken <= SEATS // 2
    assert verdict == "admit"


async def test_without_shares_it_has_every_seat_that_a_stranger_may_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(house_module, "decide_site_cap", lambda seats, *rest: seats)
    taken, verdict = await take_seats()
    assert taken > SEATS // 2
    assert verdict != "admit"


class Forgetful(OrderedDict[Any, Any]):
    """Finds nothing that was put into it."""

    def get(self, key: Any, default: Any = None) -> Any:
        return default


async def reload(house: House) -> None:
    """The same playlist, with a ticket."""
    machine = Kept(house.port)
    _, listed = await machine.ask(f"{BASE}live.m3u8")
    found = VARIANT.search(listed)
    assert found is not None
    for _ in range(ASKED):
        status, body = await machine.ask(BASE + found[1].decode())
        assert (status, body[:7]) == (200, b"#EXTM3U")
    machine.close()


@pytest.mark.parametrize(("once", "least", "most"), [(True, 1, 3), (False, ASKED, ASKED)])
async def test_a_playlist_is_rendered_once_however_often_it_is_asked_for_and_else_each_time(
    monkeypatch: pytest.MonkeyPatch, once: bool, least: int, most: int
) -> None:
    rendered: list[str] = []

    def counted(*args: Any, **options: Any) -> str:
        rendered.append(render(*args, **options))
        return rendered[-1]

    render = hls.render_live
    monkeypatch.setattr(hls, "render_live", counted)
    async with open_house() as house:
        stage = await start_stage(house, 800)
        if not once:
            house.stages.broadcasts[ID].hls._rendered = Forgetful()
        await reload(house)
        await stage.publisher.close()
    assert least <= len(rendered) <= most
