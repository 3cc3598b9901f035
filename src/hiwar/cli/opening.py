"""`hiwar open`: a new conversation, and the links to give to people."""

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from hiwar.ops.settings import BadSetting, load_settings

DEMONSTRATIONS_KEPT = 2  # the one now made, and the last one that ended


def open_conversation(
    title: Annotated[str, typer.Argument(help="What the conversation is called.")],
    description: Annotated[str, typer.Option(help="A few sentences about it.")] = "",
    language: Annotated[str, typer.Option(help="The language spoken, e.g. ar or en.")] = "",
    cohosts: Annotated[int, typer.Option(min=0, max=10, help="How many co-hosts' links.")] = 1,
    guests: Annotated[int, typer.Option(min=0, max=40, help="How many guests' links.")] = 2,
    link_only: Annotated[bool, typer.Option("--link-only", help="Only who has the link may listen.")] = False,
    demonstration: Annotated[bool, typer.Option("--demonstration", hidden=True)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Create a conversation; prints the listener's, the host's, co-hosts' and guests' links."""
    from hiwar.web.start import prepare

    prepare(load_settings())
    from hiwar.relay.records import Visibility
    from hiwar.web.conversations.services import create_conversation, remove_demonstrations

    try:
        created = create_conversation(
            title=title,
            description=description,
            language=language,
            visibility=Visibility.LINK if link_only else Visibility.PUBLIC,
            cohosts=cohosts,
            guests=guests,
            demonstration=demonstration,
        )
    except ValueError as error:
        raise BadSetting(str(error)) from error
    if demonstration:
        remove_demonstrations(keep=DEMONSTRATIONS_KEPT)
    links = [
        {"serial": link.serial, "role": link.role.value, "address": link.address}
        for link in created.links.speakers
    ]
    made = {
        "id": created.specification.id,
        "title": created.specification.title,
        "listen": created.links.listen,
        "links": links,
    }
    if as_json:
        typer.echo(json.dumps(made, ensure_ascii=False))
    else:
        _show(made)


def operator() -> None:
    """A new one-time password for the operator's account."""
    from hiwar.web.start import prepare

    prepare(load_settings())
    from hiwar.web.accounts.services import reset_operator

    name, password = reset_operator()
    typer.echo(f"{name} / {password}   (to be changed at the next sign-in)")


def _show(made: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"[bold]{escape(made['title'])}[/bold]  ({made['id']})")
    console.print(f"\nListeners   {made['listen']}\n")
    for link in made["links"]:
        console.print(f"{link['role']:<10}  {link['address']}")
    console.print("\nEach speaker's link is for one person. The host's link opens the air and ends it.")
