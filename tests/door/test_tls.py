"""The door with a certificate."""

import asyncio
import ssl

import pytest

from hiwar.door.http import Request, Response
from hiwar.door.server import tls_context
from tests.door.sockets import GET, exchange, open_door, until


async def show(request: Request) -> Response:
    return Response(200, {}, b"secure" if request.secure else b"plain")


async def test_a_request_by_tls_is_secure(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with open_door(show, context=context) as (_, port):
        reader, writer = await asyncio.open_connection("localhost", port, ssl=trusting)
        writer.write(GET)
        assert (await reader.readuntil(b"secure")).startswith(b"HTTP/1.1 200")
        writer.write(b"BAD\r\n\r\n")
        assert b"400 Bad Request" in await reader.read()
        writer.close()


@pytest.mark.parametrize("raw", [b"", b"\x16\x03\x01", GET])
async def test_who_does_not_shake_hands_is_closed_in_time(context: ssl.SSLContext, raw: bytes) -> None:
    async with open_door(show, context=context) as (door, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        received = await exchange(port, *([raw] if raw else []))
        assert b"HTTP" not in received
        assert loop.time() - began < 1.5
        await until(lambda: door.connections == 0)


def test_without_a_certificate_there_is_no_tls() -> None:
    assert tls_context("", "") is None
