"""`hiwar recordings`: what lies on disk, whether it is whole, and mending what a crash tore."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from hiwar.media.timeline import seconds
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import load_settings
from hiwar.relay.directory import Directory

app = typer.Typer(help="List, verify and salvage recordings.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Which = Annotated[str, typer.Argument(help="A conversation's id; all of them if none is named.")]


def _directory() -> Directory:
    settings = load_settings()
    return Directory(settings.data, runtime_dir(settings))


def _folders(directory: Directory, which: str) -> list[tuple[str, Path]]:
    names = [which] if which else directory.conversations()
    try:
        found = [(name, directory.recording(name)) for name in names]
    except ValueError:
        found = []
    held = [(name, folder) for name, folder in found if folder.is_dir()]
    if which and not held:
        typer.echo(f"hiwar: there is no recording of {which!r}", err=True)
        raise typer.Exit(2)
    return held


def _plain(record: object) -> Any:
    return msgspec.to_builtins(record, builtin_types=(), enc_hook=str)


@app.command("list")
def list_all(as_json: AsJson = False) -> None:
    """Every recording: title, length, size, where it lies."""
    from hiwar.recording.verify import list_recordings

    directory = _directory()
    rows = []
    for entry in list_recordings(directory.data / "conversations"):
        specification = directory.read_specification(entry.conversation)
        rows.append((specification.title if specification else "", entry))
    if as_json:
        typer.echo(
            json.dumps([{"title": title, **_plain(entry)} for title, entry in rows], ensure_ascii=False)
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in ("id", "title", "length", "size", "folder"):
        table.add_column(column, overflow="fold")
    for title, entry in rows:
        length = f"{seconds(entry.duration) / 60:.1f} min"
        table.add_row(
            entry.conversation, title, length, f"{entry.bytes_total / 1e6:.1f} MB", str(entry.folder)
        )
    Console(highlight=False).print(table if rows else "No recordings yet.")


@app.command()
def verify(which: Which = "", as_json: AsJson = False) -> None:
    """Check every byte of recordings against their index, and every gap against the journal."""
    from hiwar.recording.verify import verify_recording

    bad = 0
    report = {}
    for name, folder in _progress(_folders(_directory(), which), as_json):
        findings = verify_recording(folder)
        bad += bool(findings)
        report[name] = [_plain(finding) for finding in findings]
        if not as_json:
            typer.echo(f"{name}: {f'{len(findings)} findings' if findings else 'whole'}")
            for finding in findings:
                typer.echo(f"  {finding.file}: {finding.text}")
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False))
    sys.exit(1 if bad else 0)


@app.command()
def salvage(which: Which) -> None:
    """Trim torn tails so that every file opens. Only for a recording that no stage is writing."""
    from hiwar.recording.folder import RecordingBusy
    from hiwar.recording.verify import salvage_recording

    directory = _directory()
    (found,) = _folders(directory, which)
    try:
        done = salvage_recording(found[1])
    except RecordingBusy as error:
        typer.echo(f"hiwar: a stage is writing {which}; it salvages by itself when it starts", err=True)
        raise typer.Exit(2) from error
    for file in done:
        typer.echo(json.dumps(_plain(file), ensure_ascii=False))
    typer.echo("mended" if done else "It was whole.")


def _progress(folders: list[tuple[str, Path]], quiet: bool) -> Any:
    return folders if quiet else track(folders, description="Verifying", transient=True)
