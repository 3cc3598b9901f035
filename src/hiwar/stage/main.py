"""The stage's process: a warm spare until it is told whose stage it is, then that conversation's stage.

    <runtime>/spare-<pid>.control   a spare listens here for `Assign`, everything imported and ready
    <runtime>/<id>.pid, .control, .data   from the assignment on

`Assign` is answered when the new sockets are there. The process ends by itself when the conversation has
ended and the last words are out, or when its green room stayed empty; with an error when one of its threads
broke; and on SIGTERM it leaves the conversation, whole on disk, to the next stage.
A spare to which nobody was connected for `ALONE_SECONDS_MAX` ends too: backstage is gone for good.
"""

import asyncio
import gc
import os
from functools import partial
from pathlib import Path

import structlog

from hiwar.ops.clock import monotonic
from hiwar.ops.loop import run_role
from hiwar.ops.placement import place_clock
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings
from hiwar.relay.control import ControlPeer, ControlServer
from hiwar.relay.directory import Directory
from hiwar.relay.local import LocalPublisher
from hiwar.relay.messages import Assign, ControlMessage, Done
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Specification
from hiwar.stage.desk import Desk
from hiwar.stage.live import Live
from hiwar.stage.metrics import expose_stage
from hiwar.stage.webrtc.options import RtcOptions
from hiwar.stage.webrtc.patches import capabilities
from hiwar.stage.webrtc.ports import port_range_loop

GC_THRESHOLDS = (50_000, 50, 100)  # few objects are made in cycles: a full collection may wait for long
ASSIGN_SECONDS_MAX = 5.0  # until the sockets are there; backstage waits ten
ALONE_SECONDS_MAX = 60.0  # a backstage that was restarted takes its spare up again within seconds
LOOK_SECONDS = 5.0

_log = structlog.get_logger()


def run(settings: Settings) -> None:
    """A stage, from warm spare to end. Blocks."""
    run_role(
        "stage",
        settings,
        lambda: Spare(settings).run(),
        port_range_loop(settings.rtc_port_low, settings.rtc_port_high),
    )


class Spare:
    """The process before and after its assignment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = Directory(settings.data, runtime_dir(settings))
        self._assigned: asyncio.Future[Specification] = asyncio.get_running_loop().create_future()
        self._ready = asyncio.Event()
        self._path = self._directory.runtime / f"spare-{os.getpid()}.control"

    async def run(self) -> None:
        capabilities()
        settle_memory()
        async with asyncio.TaskGroup() as tasks:
            control = ControlServer(self._answer)
            server = tasks.create_task(control.serve(self._path))
            try:
                if await self._wanted(control):
                    self._path.unlink(missing_ok=True)
                    await serve_conversation(
                        self._assigned.result(), self._settings, self._directory, self._ready
                    )
            finally:
                server.cancel()

    async def _wanted(self, control: ControlServer) -> bool:
        """Wait for the assignment; False when nobody is left who could make it."""
        seen = monotonic()
        while not self._assigned.done():
            if control.peers:
                seen = monotonic()
            elif monotonic() - seen >= ALONE_SECONDS_MAX:
                _log.info("nobody needs this spare any more")
                return False
            await asyncio.wait((self._assigned,), timeout=LOOK_SECONDS)
        return True

    async def _answer(self, message: ControlMessage, peer: ControlPeer) -> ControlMessage:
        if not isinstance(message, Assign):
            raise RequestFailed(409, "This is a spare stage: it has no conversation yet.")
        if self._assigned.done():
            raise RequestFailed(409, "This stage has a conversation already.")
        if self._directory.read_standing(message.specification.id).phase is Phase.ENDED:
            raise RequestFailed(410, "The conversation has ended.")
        self._assigned.set_result(message.specification)
        async with asyncio.timeout(ASSIGN_SECONDS_MAX):
            await self._ready.wait()
        return Done()


async def serve_conversation(
    specification: Specification, settings: Settings, directory: Directory, ready: asyncio.Event
) -> None:
    """Be the stage of a conversation until it is over."""
    conversation = specification.id
    structlog.contextvars.bind_contextvars(conversation=conversation)
    pid_file = directory.stage_pid_file(conversation)
    pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
    publisher = LocalPublisher()
    desk = Desk(RtcOptions.from_settings(settings))
    live = Live(
        specification,
        directory,
        publisher,
        speakers_max=settings.speakers_max,
        waiting_minutes=settings.waiting_minutes,
        notify=desk.notify,
        lighter=settings.makes_lighter,
        place_clock=partial(place_clock, settings.placement),
    )
    desk.live = live
    expose_stage(live)
    try:
        await _serve(live, desk, publisher, directory, ready)
    finally:
        await publisher.close()
        _forget(pid_file)


async def _serve(
    live: Live, desk: Desk, publisher: LocalPublisher, directory: Directory, ready: asyncio.Event
) -> None:
    conversation = live.specification.id
    control = ControlServer(desk.answer, lambda error: _log.error("a request failed", exc_info=error))
    taken_up, listening = asyncio.Event(), asyncio.Event()

    async def open_doors() -> None:
        await taken_up.wait()
        await control.serve(directory.control_socket(conversation), listening)

    async def tell_ready() -> None:
        await listening.wait()
        ready.set()

    async with asyncio.TaskGroup() as tasks:
        await publisher.start(directory.data_socket(conversation))
        doors = tasks.create_task(open_doors())
        tasks.create_task(tell_ready())
        await live.run(taken_up)
        doors.cancel()


def settle_memory() -> None:
    """Take everything that was imported out of the collector's sight, and make it rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _forget(path: Path) -> None:
    """Remove our pid file, unless another stage's has taken its place."""
    if path.exists() and path.read_text(encoding="ascii").strip() == str(os.getpid()):
        path.unlink()
