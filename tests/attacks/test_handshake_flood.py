"""TLS handshakes are begun, each as dear as thirty refusals, and never finished. Out: the budget; and for
those that say nothing, the rule that a crowd lets go of the slow."""

import contextlib
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from hiwar.door.http import Request, Response
from hiwar.door.limits import DoorLimits
from hiwar.door.server import tls_context
from tests.attacks.world import descriptors_or_skip
from tests.certificate import self_signed
from tests.door.sockets import connect, exchange, open_door, status_of, until

LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
PER_S, BURST, HANDSHAKES = 60.0, 20, 300  # a core that is a fifteenth of a real one
BUDGET = DoorLimits(handshakes_per_s=PER_S, handshakes_burst=BURST, close_grace_s=0.2)
NO_BUDGET = replace(BUDGET, handshakes_per_s=1e9, handshakes_burst=10**9, handshakes_max=10**9)


async def small(request: Request) -> Response:
    return Response(200, {}, b"ok")


@pytest.fixture
def context(tmp_path: Path) -> ssl.SSLContext:
    certificate, key = self_signed(tmp_path)
    made = tls_context(str(certificate), str(key))
    assert made is not None
    return made


@pytest.fixture
def trusting(tmp_path: Path, context: ssl.SSLContext) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))


def client_hello() -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


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
