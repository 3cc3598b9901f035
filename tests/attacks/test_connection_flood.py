"""One machine opens as many connections as it can, and says nothing on them. Out: the bouncer."""

from dataclasses import replace

from hiwar.admission.limits import CONNECTIONS_OPEN
from hiwar.admission.prefix import Level
from tests.attacks.world import MACHINE, arm, connect_from, descriptors_or_skip
from tests.door.sockets import status_of, until
from tests.edge.house import open_house
from tests.edge.test_listening import ID, get, start_stage

SHARE = CONNECTIONS_OPEN[Level.IPV4_32]
PLACES = SHARE + 200  # of the door
CONNECTIONS = PLACES + 100
OUTCOMES = ("connections", "bounced", "full")


async def flood(*, bounced: bool) -> tuple[int, int]:
    """How many connections the machine has then, and what a newcomer is answered (0: nothing)."""
    descriptors_or_skip(2 * CONNECTIONS + 256)
    async with open_house() as house:
        stage, door = await start_stage(house), house.door
        if bounced:
            arm(house)
        door.limits = replace(door.limits, connections_max=PLACES)
        held = [connect_from(MACHINE, house.port) for _ in range(CONNECTIONS)]
        try:
            await until(lambda: sum(door.counts[name] for name in OUTCOMES) == CONNECTIONS, 10)
            status = status_of(await get(house, f"/c/{ID}/now"))
            return door.counts["connections"] - (status > 0), status
        finally:
            for each in held:
                each.close()
            await stage.publisher.close()


async def test_a_machine_has_its_share_of_the_connections_and_newcomers_get_in() -> None:
    assert await flood(bounced=True) == (SHARE, 200)


async def test_without_the_bouncer_it_has_them_all_and_newcomers_are_shut_out() -> None:
    assert await flood(bounced=False) == (PLACES, 0)
