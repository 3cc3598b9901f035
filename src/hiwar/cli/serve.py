"""`hiwar serve`: everything on one machine. Starts the roles, keeps them alive, shows their metrics.

Order of the start: backstage, edge and archive at once, `prepare` (database) beside them, then web; so
the slowest thing is waited for once. A lock file keeps a second `serve` away from the same data.
"""

import asyncio
import contextlib
import fcntl
import json
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.console import Console

from hiwar.ops.clock import monotonic
from hiwar.ops.logging import configure_logging
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import BadSetting, Settings, load_settings
from hiwar.ops.supervision import Child, wait_until

READY_SECONDS_MAX = 60.0
PORT_SECONDS_MAX = 6.0


def serve(
    demonstration: Annotated[bool, typer.Option(help="Keep a demonstration conversation on air.")] = False,
) -> None:
    """Start everything on this machine and keep it running; Ctrl-C ends it."""
    settings = load_settings()
    load_secrets(settings.data)
    configure_logging("serve", settings.log_level)
    runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
    with _only_one(runtime_dir(settings)), runner, contextlib.suppress(asyncio.CancelledError):
        runner.run(_serve(settings, demonstration or settings.demonstration))


@contextlib.contextmanager
def _only_one(runtime: Path) -> Iterator[None]:
    with (runtime / "serve.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadSetting(f"hiwar serve already runs here ({runtime}); see: hiwar status") from error
        yield


async def _serve(settings: Settings, demonstration: bool) -> None:
    started = monotonic()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    console = Console(highlight=False, soft_wrap=True)
    await _ports_free(settings)
    try:
        async with asyncio.TaskGroup() as group:
            for role in ("backstage", "edge", "archive"):
                group.create_task(Child(role, [role]).keep())
            with console.status("Starting: database, pages, front door, backstage ..."):
                operator = await _prepare(settings)
                group.create_task(Child("web", ["web"]).keep())
                ready = await wait_until(lambda: _all_answer(settings), READY_SECONDS_MAX)
            if settings.metrics_port:
                group.create_task(_show_metrics(settings))
            if demonstration:
                group.create_task(Child("demonstrate", ["demonstrate"]).keep())
            _welcome(console, settings, operator, monotonic() - started, ready, demonstration)
    finally:
        _farewell(console, settings)


async def _ports_free(settings: Settings) -> None:
    """Wait a moment for the ports of a `serve` that died just now; then say who is in the way.

    Raises:
        BadSetting: a port stays taken.
    """
    doors = {
        "edge_port": (settings.edge_host, settings.edge_port),
        "backstage_port": (settings.backstage_host, settings.backstage_port),
    }
    for key, (host, port) in doors.items():

        async def free(host: str = host, port: int = port) -> bool:
            return _can_bind(host, port)

        if not await wait_until(free, PORT_SECONDS_MAX):
            raise BadSetting(f"{key} = {port}: another program listens on it; choose another port")


def _can_bind(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


async def _prepare(settings: Settings) -> dict[str, Any]:
    """Database and operator, made in a process that ends; {} when they were there before."""
    if _has_operator(settings.data / "hiwar.sqlite3"):
        return {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hiwar", "prepare", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise BadSetting(f"data_dir = {str(settings.data)!r}: the database could not be made (see above)")
    made: dict[str, Any] = json.loads(out)
    return made


def _has_operator(database: Path) -> bool:
    """Asked of the file itself, since Django takes a second to come up. `hiwar open` may have made the
    database, and an interrupted first start half of it: only the account says that all was done."""
    asked = "SELECT 1 FROM accounts_user WHERE is_operator LIMIT 1"
    try:
        with contextlib.closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(asked).fetchone() is not None
    except sqlite3.Error:
        return False


async def _all_answer(settings: Settings) -> bool:
    runtime = runtime_dir(settings)
    sockets = (runtime / "web.http", runtime / "archive.http")
    ports = ((settings.edge_host, settings.edge_port), (settings.backstage_host, settings.backstage_port))
    answers = [await _connects(asyncio.open_unix_connection(str(path))) for path in sockets]
    answers += [await _connects(asyncio.open_connection(_reach(host), port)) for host, port in ports]
    return all(answers)


async def _connects(opening: Any) -> bool:
    try:
        _, writer = await opening
    except OSError:
        return False
    writer.close()
    return True


def _reach(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104


async def _show_metrics(settings: Settings) -> None:
    from hiwar.door.http import Problem, Request, Response
    from hiwar.door.server import DoorServer
    from hiwar.ops.metrics import gather

    runtime = runtime_dir(settings)

    async def answer(request: Request) -> Response:
        if request.path != "/metrics":
            raise Problem(404, "The metrics are at /metrics.")
        text = await gather(runtime)
        return Response(200, {"content-type": "text/plain; version=0.0.4; charset=utf-8"}, text.encode())

    family = socket.AF_INET6 if ":" in settings.metrics_host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.metrics_host, settings.metrics_port))
    except OSError as error:
        raise BadSetting(f"metrics_port = {settings.metrics_port}: {error.strerror}") from error
    await DoorServer(answer).serve(sockets=[listening])


def _welcome(
    console: Console,
    settings: Settings,
    operator: dict[str, Any],
    seconds: float,
    ready: bool,
    demonstration: bool,
) -> None:
    if not ready:
        console.print("[bold red]Not everything answers yet.[/] It is tried on; see: hiwar doctor")
    console.print(f"\n[bold]حوار  Hiwar[/bold] is ready ({seconds:.1f} s).\n")
    console.print(f"  Listen         {settings.listener_address}/")
    console.print('  Speak          hiwar open "A title"   prints the links for host and guests')
    console.print(f"  Recordings     {settings.data / 'conversations'}")
    if settings.metrics_port:
        console.print(f"  Metrics        http://{settings.metrics_host}:{settings.metrics_port}/metrics")
    if operator.get("password"):
        login = f"{settings.listener_address}/login"
        console.print(f"  Operator       {operator['username']} / {operator['password']}   at {login}")
        console.print("                 [dim](this password is shown at the first start only)[/dim]")
    if demonstration:
        console.print("\n  A demonstration is going on air now: open the first address and press play.")
    console.print("\n  Ctrl-C ends it. Problems: hiwar doctor\n")


def _farewell(console: Console, settings: Settings) -> None:
    """Say what goes on without us: a conversation on air outlives `serve` on purpose."""
    from hiwar.relay.directory import Directory
    from hiwar.relay.phases import ON_AIR

    directory = Directory(settings.data, runtime_dir(settings))
    for name in directory.stages():
        alive = directory.stage_pid_file(name).exists()
        specification = directory.read_specification(name)
        on_air = alive and directory.read_standing(name).phase in ON_AIR
        if on_air and specification and not specification.demonstration:
            console.print(f"\n{specification.title!r} is still on air and is being recorded.")
            console.print("Start hiwar serve again to go on with it; with nobody there it ends by itself.")
