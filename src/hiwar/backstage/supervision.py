"""Supervision of stages: one per conversation that needs one, and one warm spare.

Stages outlive backstage. At the start every conversation that has a living stage is taken into care
again, and so is every one that stands on air without one (the machine went down): its stage salvages
the recording and waits for the speakers. The end of backstage ends nothing but the unused spare.
"""

import asyncio
import os

import msgspec
import structlog
from prometheus_client import Counter

from hiwar.backstage.keeper import Keeper, Watcher
from hiwar.backstage.processes import STAGE_COMMAND, StageProcess, bound_log, stage_environment, start_stage
from hiwar.backstage.spares import Connect, SparePool
from hiwar.ops.settings import Settings
from hiwar.relay.control import LocalControlClient
from hiwar.relay.directory import Directory
from hiwar.relay.phases import ON_AIR
from hiwar.relay.ports import ControlClient, RequestFailed
from hiwar.relay.records import Phase, Specification

STAGES_MAX = 16  # a stage wants most of a core; more than this on one machine helps nobody
READY_SECONDS_MAX = 8.0  # that somebody who wants in is kept waiting for a stage
LOG_CHECK_SECONDS = 60.0
BROKEN_PAUSE_SECONDS = 1.0

_replaced = Counter("hiwar_stages_replaced_total", "Stages that died and were replaced.")
_log = structlog.get_logger()


class Stages:
    """All stages in the care of this process, while `run` runs."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        watcher: Watcher,
        command: tuple[str, ...] = STAGE_COMMAND,
    ) -> None:
        self._directory = directory
        self._watcher = watcher
        self._command = command
        self._environment = stage_environment(settings, os.environ)
        self._stage_log = settings.data / "logs" / "stage.log"
        self._connect: Connect = LocalControlClient.connect
        self._pool = SparePool(directory.runtime, self._start, self._connect)
        self._keepers: dict[str, Keeper] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Adopt, keep, replace; until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            self._tasks.create_task(self._pool.run())
            self._tasks.create_task(self._bound_log())
            for specification in self._to_adopt():
                self._keep(specification)

    def want(self, specification: Specification) -> Keeper:
        """See to it that this conversation has a stage, or will have one soon.

        Raises:
            RequestFailed: 503 when this machine already carries `STAGES_MAX` conversations.
        """
        keeper = self._keepers.get(specification.id)
        if keeper is None:
            if len(self._keepers) >= STAGES_MAX:
                raise RequestFailed(503, "This machine already carries as many conversations as it can.")
            keeper = self._keep(specification)
        return keeper

    async def client(self, specification: Specification) -> ControlClient:
        """The control connection of the conversation's stage, waiting a little for one to be ready.

        Raises:
            RequestFailed: 503 where there is none in time.
        """
        keeper = self.want(specification)
        try:
            async with asyncio.timeout(READY_SECONDS_MAX):
                while keeper.client is None:
                    await keeper.ready.wait()
                return keeper.client
        except TimeoutError as error:
            raise RequestFailed(503, "The stage is being started again; please try once more.") from error

    def has_stage(self, conversation: str) -> bool:
        """Whether a stage is there and answers."""
        keeper = self._keepers.get(conversation)
        return keeper is not None and keeper.client is not None

    def _keep(self, specification: Specification) -> Keeper:
        assert self._tasks is not None, "run() comes first"
        keeper = Keeper(
            specification, self._directory, self._pool, self._connect, self._watcher, _replaced.inc
        )
        self._keepers[specification.id] = keeper
        self._tasks.create_task(self._kept(specification.id, keeper))
        return keeper

    async def _kept(self, conversation: str, keeper: Keeper) -> None:
        try:
            while True:
                try:
                    await keeper.keep()
                except Exception:  # one conversation's trouble must not end the care for the others
                    _log.exception("the care for a stage broke", conversation=conversation)
                    await asyncio.sleep(BROKEN_PAUSE_SECONDS)
                else:
                    return
        finally:
            del self._keepers[conversation]

    def _start(self) -> StageProcess:
        return start_stage(self._command, self._environment, self._stage_log)

    def _to_adopt(self) -> list[Specification]:
        """Conversations with a stage's pid file, and those on air that have none."""
        found = []
        for conversation in self._directory.conversations():
            try:
                specification = self._adoptable(conversation)
            except (OSError, msgspec.MsgspecError):  # one damaged file must not keep all others off the air
                _log.exception("a conversation's files cannot be read", conversation=conversation)
                continue
            if specification is not None:
                found.append(specification)
        return found[:STAGES_MAX]

    def _adoptable(self, conversation: str) -> Specification | None:
        phase = self._directory.read_standing(conversation).phase
        left = self._directory.stage_pid_file(conversation).exists() and phase is not Phase.ENDED
        return self._directory.read_specification(conversation) if phase in ON_AIR or left else None

    async def _bound_log(self) -> None:
        while True:
            await asyncio.sleep(LOG_CHECK_SECONDS)
            bound_log(self._stage_log)
