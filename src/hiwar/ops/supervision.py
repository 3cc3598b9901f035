"""Keeping children alive: each is started, watched, and started again after a growing pause.

The pause after the n-th death in a row is `PAUSES[n]`; a child that lived for `STEADY_SECONDS` starts
again at once. So a crash loop costs little, and a single crash costs nothing.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence

import structlog

from hiwar.ops.clock import monotonic

PAUSES = (0.0, 0.2, 0.5, 1.0, 2.0, 5.0)
STEADY_SECONDS = 10.0
STOP_SECONDS = 4.0


class Child:
    """One supervised process of ours: `python -m hiwar <arguments> --parent <pid>`."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.deaths = 0
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The process now running, 0 for none."""
        return self._process.pid if self._process and self._process.returncode is None else 0

    async def keep(self) -> None:
        """Run and restart until cancelled; then the child is asked to end, and after a while made to."""
        in_a_row = 0
        while True:
            started = monotonic()
            self._process = await asyncio.create_subprocess_exec(
                *self._command(), stdin=asyncio.subprocess.DEVNULL
            )
            try:
                code = await self._process.wait()
            finally:
                await self._stop()
            in_a_row = 0 if monotonic() - started > STEADY_SECONDS else in_a_row + 1
            self.deaths += 1
            pause = PAUSES[min(in_a_row, len(PAUSES) - 1)]
            structlog.get_logger().warning("process ended", process=self.name, code=code, again_in=pause)
            await asyncio.sleep(pause)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "hiwar", *self._arguments, "--parent", str(os.getpid())]

    async def _stop(self) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def wait_until(ready: Callable[[], Awaitable[bool]], seconds_max: float, every: float = 0.05) -> bool:
    """Ask `ready` until it says yes; False when `seconds_max` have passed."""
    end = monotonic() + seconds_max
    while not await ready():
        if monotonic() > end:
            return False
        await asyncio.sleep(every)
    return True
