"""`hiwar simulate`: a crowd or an attack against the front door's own decisions, in simulated time."""

import gc
import json
import resource
from math import isnan
from pathlib import Path
from random import Random
from time import process_time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

ScenarioName = Annotated[
    str, typer.Argument(help="Which one; without it they are listed.", metavar="SCENARIO")
]
AsJson = Annotated[Path | None, typer.Option("--json", help="Write the whole report to this file.")]
AsSvg = Annotated[Path | None, typer.Option("--svg", help="Draw it to this file.")]


def simulate(
    scenario: ScenarioName = "",
    seed: Annotated[int, typer.Option(help="Decides everything that is left to chance.")] = 1,
    scale: Annotated[float, typer.Option(help="Of people, machines, networks, seats and joins.")] = 1.0,
    edges: Annotated[int | None, typer.Option(help="How many machines people are spread over.")] = None,
    seats: Annotated[int | None, typer.Option(help="Seats of each of them.")] = None,
    to_json: AsJson = None,
    to_svg: AsSvg = None,
) -> None:
    """A crowd or an attack against the front door's own decisions, in simulated time."""
    from hiwar.sim.picture import render_picture
    from hiwar.sim.scenarios import scenario_named

    console = Console(highlight=False)
    if not scenario:
        _list(console)
        return
    try:
        chosen = scenario_named(scenario).resized(scale=scale, edges=edges, seats=seats)
        for path in (to_json, to_svg):
            if path is not None:
                _check_writable(path)
    except ValueError as error:
        typer.echo(f"hiwar: {error}", err=True)
        raise typer.Exit(2) from error
    report = run(chosen, seed)
    if to_json is not None:
        to_json.write_text(json.dumps(report.records(), indent=1) + "\n", encoding="utf-8")
    if to_svg is not None:
        to_svg.write_text(render_picture(report), encoding="utf-8")
    _show(console, report)


def run(scenario: Any, seed: int, *, quiet: bool = False) -> Any:
    """The report of a scenario, with what it took: `cpu_s` of this process for it, `memory_mb` at its peak.

    The collector of cycles is off meanwhile: there are none to speak of, and millions of objects to look at.
    """
    from hiwar.sim.world import World

    began, was_on = process_time(), gc.isenabled()
    gc.disable()
    try:
        with _progress(quiet) as progress:
            task = progress.add_task(scenario.name, total=1.0)
            world = World(scenario, Random(seed))  # noqa: S311 - a simulation is repeated by its seed
            report = world.run(lambda share: progress.update(task, completed=share))
            progress.update(task, completed=1.0)
    finally:
        if was_on:
            gc.enable()
    report.machine["cpu_s"] = round(process_time() - began, 2)
    report.machine["memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    report.machine["seed"] = seed
    return report


def _progress(quiet: bool) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True, quiet=quiet), transient=True)


def _check_writable(path: Path) -> None:
    """Before the work and not after it.

    Raises:
        ValueError: the file's folder does not exist, or it is a folder itself.
    """
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"cannot write {path}: its folder does not exist, or it is a folder")


def _list(console: Console) -> None:
    from hiwar.sim.scenarios import SCENARIOS

    table = Table(box=None, pad_edge=False)
    for column in ("scenario", "what", "time", "edges", "people"):
        table.add_column(column, overflow="fold")
    for name, make in SCENARIOS.items():
        scenario = make()
        people = sum(each.people for each in scenario.populations)
        minutes = f"{scenario.seconds / 60:.0f} min"
        table.add_row(name, scenario.title, minutes, str(scenario.edges), f"{people:,}")
    console.print(table)


def _show(console: Console, report: Any) -> None:
    console.print(f"[bold]{report.title}[/]\n")
    table = Table(box=None, pad_edge=False)
    for column in (
        "who",
        "came",
        "seated",
        "told chance",
        "so told, seated",
        "sit at the end",
        "seats of a /24",
    ):
        table.add_column(column, justify="left" if column == "who" else "right")
    for fate in report.populations:
        least, mean, most = fate.network_seats
        table.add_row(
            fate.name,
            f"{fate.came:,}",
            _percent(fate.seated),
            _percent(fate.told_chance),
            _percent(fate.told_seated),
            f"{fate.sitting:,}",
            f"{least:,} - {most:,} ({mean:.1f})",
        )
    console.print(table)
    console.print()
    for name, text in _facts(report):
        console.print(f"{name:<22}{text}")


def _facts(report: Any) -> list[tuple[str, str]]:
    totals, machine = report.totals, report.machine
    seats = report.series["seats"][-1] if report.series["seats"] else 0
    asks = f"{totals['asks']:,.0f}"
    moves = ", ".join(f"{each.to} at {each.seconds:g} s" for each in report.moves[:6])
    more = f", and {len(report.moves) - 6} more" if len(report.moves) > 6 else ""
    return [
        ("bots' share of seats", _percent(report.bots.sitting / seats if seats else 0.0)),
        ("questions", f"{asks}, {totals['refused']:,.0f} refused; {totals['unanswered']:,.0f} not heard"),
        ("waiting at most", f"{totals['waiting_most']:,.0f} at one edge"),
        ("one network held", f"at most {totals['network_held_most']:,.0f} seats"),
        ("the ladder", f"{moves}{more}" if moves else "did not move"),
        (
            "simulated with",
            f"{machine['cpu_s']:g} s of processor time, {machine['memory_mb']:g} MB, seed {machine['seed']}",
        ),
    ]


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{100 * share:.1f} %"
