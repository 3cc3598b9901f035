"""Tickets that nobody gave are shown, and one that was given from everywhere at once. Out: the signature; the
rule that the newest connection of a ticket has its seat."""

import asyncio
from collections.abc import Callable

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.door.connection import DoorConnection
from hiwar.edge.usher import Usher
from hiwar.tokens.ticket import render_ticket
from tests.edge.house import Ear, open_house, until
from tests.edge.test_asking import ask
from tests.edge.test_listening import ID, start_stage

SEATS, FORGED = 20, 40
NEVER = 4_000_000_000
OWN_KEY = b"a" * 32  # the forger's
MACHINES = 10


async def forge() -> int:
    """How many seats one machine has that makes its own tickets, each of somebody who had a seat before."""
    async with open_house(ticking=True, seats_max=str(SEATS)) as house:
        stage = await start_stage(house)
        await until(lambda: house.usher.gate.posture.quota > 0)
        for serial in range(1, FORGED + 1):
            await ask(house, proof=render_ticket(serial, ID, ListenerClass.RETURNING, NEVER, OWN_KEY))
        await until(lambda: house.owner.house.table.taken == house.usher.gate.counts["admit"])
        await stage.publisher.close()
        return house.owner.house.table.taken


async def replay() -> int:
    """On how many connections one ticket hears."""
    async with open_house() as house, asyncio.TaskGroup() as group:
        stage = await start_stage(house)
        _, told = await ask(house)
        ears = [Ear() for _ in range(MACHINES)]
        for ear in ears:
            group.create_task(ear.listen(house.port, f"/c/{ID}/live.ogg?t={told['ticket']}"))
        await until(lambda: all(ear.head for ear in ears))
        stage.step(8)
        await asyncio.sleep(0.2)
        hearing = sum(not ear.closed for ear in ears)
        for ear in ears:
            ear.leave()
        stage.publisher.ended(stage.media_time)
        await stage.publisher.close()
        return hearing


def seat_everybody(self: Usher, serial: int, connection: DoorConnection) -> Callable[[], None]:
    """As `Usher.seat`, but the older connection of a ticket goes on."""
    self._open.pop(serial, None)
    return SEAT(self, serial, connection)


SEAT = Usher.seat


async def test_a_ticket_that_nobody_signed_opens_nothing() -> None:
    assert await forge() == 0


async def test_without_the_signature_one_machine_makes_itself_nearly_every_seat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hiwar.tokens.token.compare_digest", lambda *both: True)
    assert await forge() > SEATS * 3 / 4


async def test_a_ticket_shown_everywhere_is_one_seat_and_is_heard_once() -> None:
    assert await replay() == 1


async def test_without_the_rule_one_seat_is_heard_by_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Usher, "seat", seat_everybody)
    assert await replay() == MACHINES
