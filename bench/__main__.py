"""`python -m bench [NAME ...]`: run the benches, show them side by side, write results and pictures."""

import importlib
import sys

from rich.console import Console
from rich.table import Table

from bench.harness import Figure, Outcome, save

NAMES = (
    "latency",
    "speakers",
    "fanout",
    "recovery",
    "replay",
    "memory",
    "idle",
    "refuse",
    "slow",
    "siege",
    "ticket",
    "fairness",
    "ladder",
    "simulate",
)
BY_HAND = ("soak",)  # two hours: only when named


def show(console: Console, title: str, outcome: Outcome) -> None:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for column in ("figure", "measured", "goal", "", "note"):
        table.add_column(column, overflow="fold")
    for figure in outcome.figures:
        value = "not measured" if figure.value is None else f"{figure.value:.4g} {figure.unit}"
        table.add_row(figure.name, value, figure.goal, _mark(figure), figure.note)
    console.print(table)


def _mark(figure: Figure) -> str:
    if not figure.goal:
        return ""
    return {True: "[green]met[/]", False: "[bold red]missed[/]", None: "-"}[figure.met]


def main() -> None:
    console = Console()
    wanted = sys.argv[1:] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES + BY_HAND]
    if unknown:
        sys.exit(f"no such bench: {', '.join(unknown)}; there are {', '.join(NAMES + BY_HAND)}")
    missed = False
    for name in wanted:
        module = importlib.import_module(f"bench.{name}")
        with console.status(f"{name} ...") as status:
            outcome = module.run(lambda text, name=name: status.update(f"{name}: {text}"))
        if getattr(module, "KEPT", True):
            save(name, module.TITLE, outcome)
        show(console, f"\n{name}: {module.TITLE}", outcome)
        missed |= any(figure.met is False for figure in outcome.figures)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
