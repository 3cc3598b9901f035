"""`hiwar rehearse`: before the big day, every attack against a Hiwar of its own on this machine."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hiwar.ops.settings import BadSetting, Settings, load_settings

Minutes = Annotated[float, typer.Option(min=0, max=120, help="How long it may take; 0: as usual.")]
Acts = Annotated[str, typer.Option(help="Which, comma separated, `seats` among them; all if none is named.")]
Listeners = Annotated[int, typer.Option(min=0, max=10_000, help="Seated throughout; 0: as usual.")]


def rehearse(
    minutes: Minutes = 0.0,
    acts: Acts = "",
    listeners: Listeners = 0,
    json: Annotated[Path, typer.Option(help="Where the figures go.")] = Path("rehearsal.json"),
    html: Annotated[Path, typer.Option(help="Where the report goes, a page.")] = Path("rehearsal.html"),
    quick: Annotated[bool, typer.Option("--quick", help="A minute, with little force.")] = False,
) -> None:
    """Rehearse on this machine: an honest crowd and every attack, against a throwaway Hiwar of its own."""
    from hiwar.rehearsal.director import make_plan
    from hiwar.rehearsal.director import rehearse as carry_out
    from hiwar.rehearsal.figures import raise_descriptors
    from hiwar.rehearsal.instance import Failed
    from hiwar.rehearsal.page import render_page
    from hiwar.rehearsal.picture import Picture

    settings = load_settings()
    _refuse_beside_a_conversation(settings)
    names = [name.strip() for name in acts.split(",") if name.strip()]
    console = Console(highlight=False)
    try:
        plan = make_plan(names, minutes=minutes, listeners=listeners, quick=quick)
        raise_descriptors(1 << 20)
        with Picture(console) as picture:
            report = carry_out(plan, settings, picture)
    except ValueError as error:
        raise BadSetting(str(error)) from error
    except Failed as error:
        console.print(f"[bold red]The rehearsal could not go on.[/] {escape(str(error))}")
        raise typer.Exit(1) from error
    json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    html.write_text(render_page(report, settings.language), encoding="utf-8")
    _show(console, report, json, html)
    sys.exit(1 if report.missed else 0)


def _refuse_beside_a_conversation(settings: Settings) -> None:
    """A rehearsal takes all of the machine: nothing real may be on air on it.

    Raises:
        BadSetting: something is.
    """
    from hiwar.ops.runtime import runtime_dir
    from hiwar.relay.directory import Directory
    from hiwar.relay.phases import ON_AIR

    directory = Directory(settings.data, runtime_dir(settings))
    for name in directory.stages():
        alive = directory.stage_pid_file(name).exists()
        if alive and directory.read_standing(name).phase in ON_AIR:
            raise BadSetting(f"conversation {name} is on air on this machine; rehearse when nothing is")


def _show(console: Console, report: object, json: Path, html: Path) -> None:
    from hiwar.rehearsal import words
    from hiwar.rehearsal.page import figure
    from hiwar.rehearsal.records import Report

    assert isinstance(report, Report)
    if report.seats:
        table = Table(box=None, pad_edge=False, title="This machine seats", title_justify="left")
        for each in report.seats:
            table.add_row(
                f"at {each.interval_ms} ms",
                f"{each.seats:,}",
                f"bound by {each.by}, {each.micros:.1f} µs per listener and second",
            )
        console.print(table)
    for act in report.acts:
        missed = [finding for finding in act.findings if finding.met is False]
        name = words.of(words.ACTS, act.name, "en")
        console.print(f"[green]✓[/] {name}" if not missed else f"[bold red]✗[/] {name}")
        for finding in missed:
            said = words.of(words.FINDINGS, finding.name, "en")
            sign = "at least" if finding.at_least else "at most"
            limit = figure(finding.limit, finding.unit, "en")
            console.print(f"    {said}: {figure(finding.value, finding.unit, 'en')}, {sign} {limit}")
    for finding in report.findings:
        if finding.met is False:
            said = words.of(words.FINDINGS, finding.name, "en")
            console.print(f"[bold red]✗[/] {said}: {figure(finding.value, finding.unit, 'en')}")
    console.print(f"\nReport   {html}\nFigures  {json}")
