"""How a role runs: uvloop, one coroutine, a clean end on SIGTERM and SIGINT."""

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import uvloop

from hiwar.ops import metrics
from hiwar.ops.logging import configure_logging
from hiwar.ops.placement import place
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings

_PR_SET_PDEATHSIG = 1


def run_role(
    role: str,
    settings: Settings,
    main: Callable[[], Coroutine[Any, Any, None]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    *,
    post: str = "",
) -> None:
    """Run `main()` until it returns or the process is asked to end; then it is cancelled and awaited.
    `post`: as what it is placed among the cores, where that is not its role."""
    configure_logging(role, settings.log_level)
    place(post or role, settings.placement)
    with asyncio.Runner(loop_factory=loop_factory) as runner, contextlib.suppress(asyncio.CancelledError):
        runner.run(_until_signalled(role, settings, main))


async def _until_signalled(
    role: str, settings: Settings, main: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    runtime = runtime_dir(settings)
    server = await metrics.expose(role, runtime)
    try:
        await main()
    except Exception:
        structlog.get_logger().exception("the process ends by an error")
        raise
    finally:
        server.close()
        (runtime / f"metrics-{role}-{os.getpid()}.sock").unlink(missing_ok=True)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when its parent dies (Linux); used by children of `serve`.

    `parent` is the pid it should have: if that has died already, this process ends at once.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(0)
