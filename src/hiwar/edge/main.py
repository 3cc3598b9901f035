"""The front door's parent: owns the public port and the machine's seats, keeps its workers alive.

The port stays bound while a worker is dead: who connects then waits in the kernel's queue for the next
one. A worker that dies is started again at once; one that dies over and over, with a pause.
"""

import asyncio
import os
import socket
import sys

import structlog

from hiwar.door.server import bind_tcp
from hiwar.edge.herald import Herald
from hiwar.edge.kernel import KernelHelp
from hiwar.edge.owner import Owner
from hiwar.ops.clock import monotonic
from hiwar.ops.loop import run_role
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings
from hiwar.relay.directory import Directory

STEADY_SECONDS = 5.0
PAUSES = (0.0, 0.0, 0.2, 0.5, 1.0, 2.0)
STOP_SECONDS = 4.0

_log = structlog.get_logger("edge")


def run(settings: Settings) -> None:
    """The role `edge`: returns on SIGTERM, with the workers gone.

    Raises:
        OSError: the public port is taken.
    """
    listening = bind_tcp(settings.edge_host, settings.edge_port)
    run_role("edge", settings, lambda: keep_workers(settings, listening))


async def keep_workers(settings: Settings, listening: socket.socket) -> None:
    """Keep `edge_workers` workers on the socket, and seats for all of them, until cancelled."""
    runtime = runtime_dir(settings)
    kernel = KernelHelp(settings, runtime)
    owner = Owner(settings, runtime, Herald(Directory(settings.data, runtime)), kernel)
    async with asyncio.TaskGroup() as group:
        group.create_task(kernel.run())
        group.create_task(owner.run())
        for number in range(settings.edge_workers):
            group.create_task(_keep_worker(settings, listening, owner, number))


async def _keep_worker(settings: Settings, listening: socket.socket, owner: Owner, number: int) -> None:
    deaths = 0
    while True:
        began = monotonic()
        ours, theirs = socket.socketpair()
        with theirs:
            passed = (listening.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hiwar.edge.worker", *map(str, (*passed, number, os.getpid())),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=passed,
                env={**os.environ, **settings.as_environment()},
            )  # fmt: skip
        try:
            await owner.worker_began(number, ours)
            code = await process.wait()
        finally:
            owner.worker_died(number)
            await _stop(process)
        deaths = 0 if monotonic() - began > STEADY_SECONDS else deaths + 1
        pause = PAUSES[min(deaths, len(PAUSES) - 1)]
        _log.warning("worker ended", worker=number, code=code, again_in=pause)
        await asyncio.sleep(pause)


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to end; after a while make it."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
