"""The care for one conversation's stage, from its first need to its end.

find  a living stage that an earlier backstage left (pid file and an answering socket), or
      assign the warm spare, after the dead one's files were removed
keep  watch the process; read what the room says; connect again while the process lives
lost  when the process is dead, and then only: a stage lives on when this process ends, and speakers whose
      sound flows must not be told to connect again. Then again from the start, at once the first time, if
      the conversation stands in the green room or on air; otherwise this care is over
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import structlog

from hiwar.backstage.processes import StageProcess, adopt_process
from hiwar.backstage.restarts import Restarts
from hiwar.backstage.spares import Connect, SparePool
from hiwar.ops.clock import monotonic
from hiwar.relay.directory import Directory
from hiwar.relay.messages import Ask, Assign, Notice, Watch
from hiwar.relay.phases import ON_AIR
from hiwar.relay.ports import ControlClient, RequestFailed
from hiwar.relay.records import Phase, Room, Specification

KEPT = ON_AIR | {Phase.GREEN_ROOM}
RECONNECT_SECONDS = 0.1
REFUSALS_MAX = 5  # spares in a row that did not take the conversation; whoever needs it asks again
ADOPT_ATTEMPTS = 20  # a stage that is just starting listens within two seconds
_log = structlog.get_logger()


class Watcher(Protocol):
    """What the keeper tells of its stage."""

    def room_changed(self, room: Room) -> None: ...
    def stage_lost(self, conversation: str) -> None: ...
    def stage_gone(self, conversation: str) -> None: ...


class Keeper:
    """`client` is the control connection while the stage answers; `ready` is set meanwhile."""

    def __init__(
        self,
        specification: Specification,
        directory: Directory,
        pool: SparePool,
        connect: Connect,
        watcher: Watcher,
        counted: Callable[[], None] = lambda: None,
    ) -> None:
        self.client: ControlClient | None = None
        self.ready = asyncio.Event()
        self.pid = 0
        self._specification = specification
        self._directory = directory
        self._pool = pool
        self._connect = connect
        self._watcher = watcher
        self._counted = counted
        self._log = _log.bind(conversation=specification.id)

    async def keep(self) -> None:
        """Until the conversation needs no stage any more."""
        restarts = Restarts()
        refusals = 0
        try:
            while refusals < REFUSALS_MAX:
                process = await self._adopted() or await self._assigned()
                if process is None:
                    refusals += 1
                else:
                    refusals = 0
                    await self._accompany(process)
                    if not self._wanted_still():
                        return
                    self._counted()
                await asyncio.sleep(restarts.pause(monotonic()))
        finally:
            self._watcher.stage_gone(self._specification.id)

    def _wanted_still(self) -> bool:
        phase = self._directory.read_standing(self._specification.id).phase
        if phase in KEPT:
            self._log.error("the stage died and is replaced", phase=phase)
        return phase in KEPT

    async def _accompany(self, process: StageProcess) -> None:
        """Until the process is dead."""
        self.pid = process.pid
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(process))
                await process.ended()
                self._watcher.stage_lost(self._specification.id)
                reading.cancel()
        finally:
            process.forget()

    async def _adopted(self) -> StageProcess | None:
        """A stage that is already there and answers."""
        conversation = self._specification.id
        process = adopt_process(self._directory.stage_pid_file(conversation))
        if process is None:
            return None
        for _ in range(ADOPT_ATTEMPTS):
            if not process.alive:  # dead, and not yet taken leave of by its parent
                return None
            with contextlib.suppress(OSError):
                await (await self._connect(self._directory.control_socket(conversation))).close()
                self._log.info("a living stage is adopted", pid=process.pid)
                return process
            await asyncio.sleep(RECONNECT_SECONDS)
        process.forget()
        return None

    async def _assigned(self) -> StageProcess | None:
        """The spare, told that it is now this conversation's stage; None if it refused."""
        self._remove_files()
        spare = await self._pool.take()
        try:
            await spare.control.request(Assign(specification=self._specification))
        except (ConnectionError, RequestFailed) as error:
            self._log.error("a spare did not take the conversation", error=str(error))
            spare.process.terminate()
            return None
        finally:
            await spare.control.close()
        return spare.process

    def _remove_files(self) -> None:
        conversation = self._specification.id
        for path in (
            self._directory.stage_pid_file(conversation),
            self._directory.control_socket(conversation),
            self._directory.data_socket(conversation),
        ):
            path.unlink(missing_ok=True)

    async def _read(self, process: StageProcess) -> None:
        """Tell what the room says, over one connection after another, until cancelled."""
        try:
            while process.alive:
                with contextlib.suppress(OSError, RequestFailed):
                    await self._one_connection()
                await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            self._disconnected()

    async def _one_connection(self) -> None:
        client = await self._connect(self._directory.control_socket(self._specification.id))
        try:
            await client.request(Watch())
            self._told(await client.request(Ask()))
            self.client = client
            self.ready.set()
            async for notice in client.notices():
                self._told(notice)
        finally:
            self._disconnected()
            await client.close()

    def _told(self, message: object) -> None:
        if isinstance(message, Notice):
            self._watcher.room_changed(message.room)

    def _disconnected(self) -> None:
        self.client = None
        self.ready.clear()
