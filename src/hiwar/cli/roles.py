"""One process of Hiwar alone, for systemd, Kubernetes, or `hiwar serve` that starts them all.

`--parent` is how `serve` ties a child's life to its own: the child ends when that process does.
"""

import json
from typing import Annotated

import typer

from hiwar.ops.settings import Settings, load_settings

Parent = Annotated[int, typer.Option(hidden=True)]


def _settings(parent: int) -> Settings:
    if parent:
        from hiwar.ops.loop import die_with_parent

        die_with_parent(parent)
    return load_settings()


def stage() -> None:
    """A stage: waits warm until backstage gives it a conversation."""
    from hiwar.stage.main import run

    run(load_settings())


def backstage(parent: Parent = 0) -> None:
    """The speakers' entrance: pages, WHIP signalling, starting and watching stages."""
    from hiwar.backstage.main import run

    run(_settings(parent))


def edge(parent: Parent = 0) -> None:
    """The front door: listeners, playlists, and pages passed on."""
    from hiwar.edge.main import run

    run(_settings(parent))


def archive(parent: Parent = 0) -> None:
    """Time shift, replays and downloads, from the recordings' files."""
    from hiwar.archive.main import run

    run(_settings(parent))


def web(parent: Parent = 0) -> None:
    """The pages: conversations, accounts."""
    from hiwar.web.main import run

    run(_settings(parent))


def demonstrate(parent: Parent = 0) -> None:
    """Keep the demonstration conversation on air."""
    from hiwar.demo.main import run

    run(_settings(parent))


def prepare() -> None:
    """Make the database and the operator's account; prints the account as JSON."""
    from hiwar.web.start import prepare as prepare_web

    prepare_web(load_settings())
    from hiwar.web.accounts.services import ensure_operator

    username, password = ensure_operator()
    typer.echo(json.dumps({"username": username, "password": password}))
