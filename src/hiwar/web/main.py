"""The web role: Django by uvicorn on the Unix socket `<runtime>/web.http`, which only the edge reaches.

One process, a few threads; no WebSocket, no lifespan, no access log, no proxy headers but our own.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import structlog
import uvicorn

from hiwar.ops.loop import run_role
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings
from hiwar.web.start import prepare

SOCKET_NAME = "web.http"
BACKLOG = 128
REQUESTS_AT_ONCE_MAX = 64  # the edge bounds its own first; beyond this uvicorn answers 503


class _Server(uvicorn.Server):
    """Uvicorn without its own signals: the role's loop ends it by cancellation."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings) -> None:
    """Serve until SIGTERM."""
    prepare(settings)
    for name in ("django.request", "django.security"):
        logging.getLogger(name).setLevel(logging.ERROR)  # strangers' 403 and 404 are no news, and many
    run_role("web", settings, lambda: _serve(runtime_dir(settings) / SOCKET_NAME))


async def _serve(path: Path) -> None:
    from django.core.asgi import get_asgi_application

    config = uvicorn.Config(
        get_asgi_application(),
        ws="none",
        lifespan="off",
        http="httptools",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=REQUESTS_AT_ONCE_MAX,
        timeout_keep_alive=75,
    )
    server = _Server(config)
    listener = _listen(path)
    structlog.get_logger().info("web is ready", socket=str(path))
    try:
        await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        await server.shutdown(sockets=[listener])
        raise


def _listen(path: Path) -> socket.socket:
    """A fresh socket, put at once in place of one that a killed process left behind."""
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(scratch))
    listener.listen(BACKLOG)
    listener.setblocking(False)
    scratch.rename(path)
    return listener
