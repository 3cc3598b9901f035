"""One warm spare stage: a process that has done all its imports and waits to be told whose stage it is.

A spare that is taken is followed by another after a pause, so that its start does not compete with the
stage that just went on air; whoever needs one meanwhile ends the pause. A spare that an earlier
backstage left behind is used first.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from hiwar.backstage.processes import StageProcess
from hiwar.backstage.restarts import Restarts
from hiwar.ops.clock import monotonic
from hiwar.relay.ports import ControlClient

PAUSE_SECONDS = 5.0  # before the next spare is started
START_SECONDS_MAX = 30.0  # from the start of a process to its socket, on a busy machine
POLL_SECONDS = 0.05

Connect = Callable[[Path], Awaitable[ControlClient]]
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Spare:
    process: StageProcess
    control: ControlClient


class SparePool:
    """Keeps one spare while `run` runs; `take` hands it out. `start` makes a process."""

    def __init__(self, runtime: Path, start: Callable[[], StageProcess], connect: Connect) -> None:
        self._runtime = runtime
        self._start = start
        self._connect = connect
        self._ready: asyncio.Queue[Spare] = asyncio.Queue(1)
        self._taken = asyncio.Event()
        self._wanted = asyncio.Event()
        self._takers = 0

    async def take(self) -> Spare:
        """The warm spare, or the next one as soon as it is warm."""
        self._takers += 1
        self._wanted.set()
        try:
            spare = await self._ready.get()
        finally:
            self._takers -= 1
            if not self._takers:
                self._wanted.clear()
        self._taken.set()
        return spare

    async def run(self) -> None:
        """Keep one spare until cancelled; then end the one nobody took."""
        async for spare in self._spares():
            self._taken.clear()
            self._ready.put_nowait(spare)
            try:
                await _first(spare.process.ended(), self._taken.wait())
            finally:
                self._withdraw()
            if self._taken.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wanted.wait(), PAUSE_SECONDS)

    def _withdraw(self) -> None:
        with contextlib.suppress(asyncio.QueueEmpty):
            self._ready.get_nowait().process.terminate()

    async def _spares(self) -> AsyncIterator[Spare]:
        for path in sorted(self._runtime.glob("spare-*.control")):
            spare = await self._adopt(path)
            if spare is not None:
                yield spare
        restarts = Restarts()
        while True:
            spare = await self._warm()
            if spare is None:
                await asyncio.sleep(max(1.0, restarts.pause(monotonic())))
            else:
                yield spare

    async def _adopt(self, path: Path) -> Spare | None:
        """The spare behind a socket that was left over; a dead one's socket is removed."""
        try:
            process = StageProcess(int(path.stem.removeprefix("spare-")))
        except (ValueError, OSError):
            path.unlink(missing_ok=True)
            return None
        try:
            return Spare(process, await self._connect(path))
        except OSError:
            process.forget()
            path.unlink(missing_ok=True)
            return None

    async def _warm(self) -> Spare | None:
        """A freshly started spare, once it listens; None if it died or never did."""
        try:
            process = self._start()
        except OSError as error:
            _log.error("a spare stage could not be started", error=str(error))
            return None
        path = self._runtime / f"spare-{process.pid}.control"
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                return Spare(process, await self._connected(process, path))
        except (TimeoutError, ConnectionError) as error:
            _log.error("a spare stage did not get ready", pid=process.pid, error=str(error))
            process.terminate()
            return None
        except asyncio.CancelledError:
            process.terminate()
            raise

    async def _connected(self, process: StageProcess, path: Path) -> ControlClient:
        while process.alive:
            with contextlib.suppress(OSError):
                return await self._connect(path)
            await asyncio.sleep(POLL_SECONDS)
        raise ConnectionError("the process ended; see stage.log")


async def _first(*waits: Awaitable[object]) -> None:
    """Wait until one of `waits` is over; the others are cancelled."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_settled(wait)) for wait in waits]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()


async def _settled(wait: Awaitable[object]) -> None:
    await wait
