"""TLS handshakes are begun, each as dear as thirty refusals, and never finished. Out: the budget; and for
those that say nothing, the rule that a crowd lets go of the slow."""

import contextlib
import ssl
from dataclasses import replace

from bench.slow_crowd import client_hello
from hiwar.door.limits import DoorLimits
from tests.attacks.world import descriptors_or_skip
from tests.door.sockets import LAST, connect, exchange, open_door, small, status_of, until

PER_S, BURST, HANDSHAKES = 60.0, 20, 300  # a core that is a fifteenth of a real one
BUDGET = DoorLimits(handshakes_per_s=PER_S, handshakes_burst=BURST, close_grace_s=0.2)
NO_BUDGET = replace(BUDGET, handshakes_per_s=1e9, handshakes_burst=10**9, handshakes_max=10**9)


async def flood(limits: DoorLimits, context: ssl.SSLContext) -> tuple[int, float]:
    """How many handshakes have been begun after a while that is far shorter than the budget for all, and how
    many the budget has for it."""
    descriptors_or_skip(2 * HANDSHAKES + 256)
    hello = client_hello()
    async with open_door(small, limits, context) as (door, port):
        began = door.now()
        held = [connect(port) for _ in range(HANDSHAKES)]
        for each in held:
            each.sendall(hello)
        with contextlib.suppress(TimeoutError):
            await until(lambda: door.counts["connections"] >= HANDSHAKES, 0.5)
        budget = BURST + PER_S * (door.now() - began) + 1
        for each in held:
            each.close()
        return door.counts["connections"], budget


async def test_handshakes_are_begun_within_the_budget_and_the_others_wait_outside(
    context: ssl.SSLContext,
) -> None:
    begun, budget = await flood(BUDGET, context)
    assert BURST <= begun <= budget < HANDSHAKES


async def test_without_the_budget_all_are_begun_at_once(context: ssl.SSLContext) -> None:
    begun, budget = await flood(NO_BUDGET, context)
    assert begun == HANDSHAKES > budget


async def newcomer_s(limits: DoorLimits, context: ssl.SSLContext, trusting: ssl.SSLContext) -> float:
    """How long a newcomer waits behind silent ones, three times as many as there are places."""
    async with open_door(small, limits, context) as (door, port):
        silent = [connect(port) for _ in range(3 * limits.handshakes_max)]
        began = door.now()
        assert status_of(await exchange(port, LAST, most=10.0, tls=trusting)) == 200
        for each in silent:
            each.close()
        return door.now() - began


async def test_silent_ones_hold_the_places_of_handshakes_for_a_moment(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    limits = DoorLimits(handshakes_max=10, handshake_s=0.8, handshake_crowded_s=0.1, close_grace_s=0.2)
    assert await newcomer_s(limits, context, trusting) < 1.5
    ablated = replace(limits, handshake_crowded_s=limits.handshake_s)
    assert await newcomer_s(ablated, context, trusting) > 2.0
