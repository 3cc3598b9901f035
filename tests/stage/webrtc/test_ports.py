"""UDP ports stay in their range, and are not taken twice in a row."""

import asyncio
import socket

import pytest
import uvloop

from hiwar.stage.webrtc.ports import port_range_loop


def free_range(count: int) -> int:
    """The lowest of `count` free UDP ports in a row."""
    for low in range(42_000, 60_000, count):
        sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
        try:
            for offset, one in enumerate(sockets):
                one.bind(("127.0.0.1", low + offset))
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
        return low
    pytest.fail("no free ports")


async def open_ports(count: int) -> list[int]:
    loop = asyncio.get_running_loop()
    transports = []
    try:
        for _ in range(count):
            transport, _protocol = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
            )
            transports.append(transport)
        return [transport.get_extra_info("sockname")[1] for transport in transports]
    finally:
        for transport in transports:
            transport.close()
        await asyncio.sleep(0)


LOOPS = pytest.mark.parametrize("base", [uvloop.Loop, asyncio.SelectorEventLoop])


@LOOPS
def test_ports_are_taken_in_turn_from_the_range(base: type[asyncio.AbstractEventLoop]) -> None:
    low = free_range(4)
    with asyncio.Runner(loop_factory=port_range_loop(low, low + 3, base)) as runner:
        assert runner.run(open_ports(2)) == [low, low + 1]
        assert runner.run(open_ports(2)) == [low + 2, low + 3]


@LOOPS
def test_a_port_that_is_taken_is_passed_over(base: type[asyncio.AbstractEventLoop]) -> None:
    low = free_range(3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", low))
        with asyncio.Runner(loop_factory=port_range_loop(low, low + 2, base)) as runner:
            assert runner.run(open_ports(2)) == [low + 1, low + 2]


@LOOPS
def test_a_full_range_is_an_error_that_says_so(base: type[asyncio.AbstractEventLoop]) -> None:
    low = free_range(2)
    with (
        asyncio.Runner(loop_factory=port_range_loop(low, low + 1, base)) as runner,
        pytest.raises(OSError, match="every UDP port"),
    ):
        runner.run(open_ports(3))


def test_a_port_that_was_asked_for_is_left_alone() -> None:
    low = free_range(3)

    async def run() -> int:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            asyncio.DatagramProtocol, local_addr=("127.0.0.1", low + 2)
        )
        port: int = transport.get_extra_info("sockname")[1]
        transport.close()
        return port

    with asyncio.Runner(loop_factory=port_range_loop(low, low + 1)) as runner:
        assert runner.run(run()) == low + 2
