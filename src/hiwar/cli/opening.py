"""`hiwar open`: a new conversation, and the links to give to people."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console

from hiwar.ops.settings import load_settings

PEOPLE_MAX = 50


def open_conversation(
    title: Annotated[str, typer.Argument(help="What the conversation is called.")] = "",
    description: Annotated[str, typer.Option(help="A few sentences about it.")] = "",
    language: Annotated[str, typer.Option(help="The language spoken, e.g. ar or en.")] = "",
    cohosts: Annotated[int, typer.Option(min=0, max=PEOPLE_MAX, help="How many co-hosts' links.")] = 1,
    guests: Annotated[int, typer.Option(min=0, max=PEOPLE_MAX, help="How many guests' links.")] = 2,
    link_only: Annotated[bool, typer.Option("--link-only", help="Only who has the link may listen.")] = False,
    demonstration: Annotated[bool, typer.Option("--demonstration", hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Create a conversation; prints the listener's, the host's, co-hosts' and guests' links."""
    from hiwar.web.main import open_conversation as create

    made = create(
        load_settings(),
        title=title,
        description=description,
        language=language,
        cohosts=cohosts,
        guests=guests,
        link_only=link_only,
        demonstration=demonstration,
    )
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
    else:
        _show(made)


def _show(made: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"[bold]{made['title']}[/bold]  ({made['id']})")
    console.print(f"\nListeners   {made['listen']}\n")
    for link in made["links"]:
        console.print(f"{link['role']:<10}  {link['address']}")
    console.print("\nEach speaker's link is for one person. The host's link opens the air and ends it.")
