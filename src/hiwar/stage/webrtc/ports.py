"""UDP ports from a range: event loops that put datagram sockets of any port (0) into it.

A firewall opens the range `rtc_port_low` to `rtc_port_high`. aiortc lets nobody choose a port, so the
loop does. Ports are taken in turn, so that one just freed is not taken again at once: late packets of an
old session would reach a new one.
"""

import asyncio
import errno
from collections.abc import Callable
from typing import Any

import uvloop

_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


class _PortRange:
    """Mixed in before a loop class. Subclasses set the bounds."""

    port_low: int
    port_high: int
    _next_port: int

    async def create_datagram_endpoint(
        self, protocol_factory: Any, local_addr: Any = None, remote_addr: Any = None, **others: Any
    ) -> Any:
        """As the loop's own; where the local port is 0 it comes from the range.

        Raises:
            OSError: EADDRINUSE when every port of the range is taken.
        """
        create = super().create_datagram_endpoint  # type: ignore[misc]
        if local_addr is None or local_addr[1] != 0 or remote_addr is not None:
            return await create(protocol_factory, local_addr=local_addr, remote_addr=remote_addr, **others)
        for _ in range(self.port_high - self.port_low + 1):
            port = self._take_port()
            try:
                return await create(protocol_factory, local_addr=(local_addr[0], port), **others)
            except OSError as error:
                if _reason(error) not in _TAKEN:
                    raise
        raise OSError(errno.EADDRINUSE, f"every UDP port from {self.port_low} to {self.port_high} is taken")

    def _take_port(self) -> int:
        port = self._next_port
        self._next_port = self.port_low if port >= self.port_high else port + 1
        return port


def _reason(error: OSError) -> int | None:
    """The error number; uvloop has it in the cause."""
    cause = error.__cause__
    return cause.errno if error.errno is None and isinstance(cause, OSError) else error.errno


def port_range_loop(
    low: int, high: int, base: type[asyncio.AbstractEventLoop] = uvloop.Loop
) -> Callable[[], asyncio.AbstractEventLoop]:
    """A loop factory (for `asyncio.Runner`) whose UDP sockets of any port lie in `low`..`high`."""
    return type("PortRangeLoop", (_PortRange, base), {"port_low": low, "port_high": high, "_next_port": low})
