"""`hiwar status`: what is on air, every address, processes, listeners."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from hiwar.ops.clock import wallclock
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.control import LocalControlClient
from hiwar.relay.directory import Directory
from hiwar.relay.front import STALE_S, read_front_state
from hiwar.relay.messages import Ask, Notice
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase


def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """What is on air, every address, processes, listeners."""
    report = asyncio.run(gather(load_settings()))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _show(report)


async def gather(settings: Settings) -> dict[str, Any]:
    """The whole status as plain values."""
    runtime = runtime_dir(settings)
    directory = Directory(settings.data, runtime)
    rooms = await asyncio.gather(*(_room(directory, name) for name in directory.stages()))
    return {
        "addresses": {
            "listeners": settings.listener_address,
            "speakers": settings.speaker_address,
            "metrics": f"http://{settings.metrics_host}:{settings.metrics_port}/metrics",
            "recordings": str(settings.data / "conversations"),
        },
        "processes": processes(runtime),
        "front": front_door(directory),
        "conversations": [room | _addresses(settings, room["conversation"]) for room in rooms if room],
    }


def front_door(directory: Directory) -> dict[str, Any] | None:
    """How the front door stands, as its parent last wrote it; None where it does not report."""
    state = read_front_state(directory)
    if state is None or wallclock() - state.at_wallclock > STALE_S:
        return None
    shown = ("rung", "seats", "by", "taken", "waiting", "interval_ms", "lighter", "speakers_well")
    return {name: getattr(state, name) for name in shown}


def processes(runtime: Path) -> list[dict[str, Any]]:
    """Every process of this installation that is alive: role, pid, proportional set size in MB."""
    found = []
    for path in sorted(runtime.glob("metrics-*-*.sock")):
        _, role, pid = path.stem.split("-", 2)
        if Path(f"/proc/{pid}").is_dir():
            found.append({"role": role, "pid": int(pid), "memory_mb": memory_mb(int(pid))})
    return found


def memory_mb(pid: int) -> float:
    """Proportional set size of a process in MB (proc(5), smaps_rollup); 0 where it cannot be read."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return round(next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0) / 1024, 1)


async def _room(directory: Directory, conversation: str) -> dict[str, Any] | None:
    try:
        client = await LocalControlClient.connect(directory.control_socket(conversation), patience=2.0)
    except OSError:
        return None
    try:
        notice = await client.request(Ask())
    except (ConnectionError, RequestFailed):
        return None
    finally:
        await client.close()
    assert isinstance(notice, Notice)
    room: dict[str, Any] = msgspec.to_builtins(notice.room)
    return room


def _addresses(settings: Settings, conversation: str) -> dict[str, str]:
    page = f"{settings.listener_address}/c/{conversation}"
    players = {kind: f"{page}/live.{kind}" for kind in ("mp3", "ogg", "mp4", "m4a")}
    return {"page": page, "hls": f"{page}/hls/live.m3u8", **players}


def _show(report: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    for name, address in report["addresses"].items():
        console.print(f"{name:<12}{address}")
    console.print()
    if not report["processes"]:
        console.print("Nothing is running here. Start it with: hiwar serve")
        return
    front = report["front"]
    if front is None:
        console.print("[yellow]The front door does not report.[/]\n")
    else:
        console.print(
            f"The front door is [bold]{front['rung']}[/]: {front['taken']} of {front['seats']} seats taken "
            f"({front['by']} binds), {front['waiting']} waiting, a write each {front['interval_ms']} ms\n"
        )
    for room in report["conversations"]:
        mark = "[bold red]on air[/]" if room["phase"] == Phase.LIVE else room["phase"]
        console.print(f"{mark}  [bold]{room['title']}[/]  {room['listeners']} listening")
        for kind in ("page", "hls", "mp3", "ogg"):
            console.print(f"    {kind:<6}{room[kind]}")
    table = Table(box=None, pad_edge=False)
    for column in ("process", "pid", "memory"):
        table.add_column(column)
    for row in report["processes"]:
        table.add_row(row["role"], str(row["pid"]), f"{row['memory_mb']:.0f} MB")
    console.print()
    console.print(table)
