"""The composition root: the `hiwar` command. Each command is a module; heavy imports are made inside.

Every command loads the settings first; a bad one ends it with the key, the value and what is allowed.
"""

import sys
from typing import Annotated

import typer

from hiwar.cli import doctor, inviting, opening, recordings, rehearse, roles, serve, simulate, status

app = typer.Typer(
    name="hiwar",
    help="Live conversations that stay on air. Settings: hiwar.toml and HIWAR_*, see docs/settings.md.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command()(serve.serve)
app.command()(status.status)
app.command("open")(opening.open_conversation)
app.command()(inviting.invite)
app.command()(opening.operator)
app.command()(doctor.doctor)
app.command()(rehearse.rehearse)
app.command()(simulate.simulate)
app.add_typer(recordings.app, name="recordings")
for command in (roles.stage, roles.backstage, roles.edge, roles.archive, roles.web, roles.demonstrate):
    app.command(rich_help_panel="One process alone")(command)
app.command(hidden=True)(roles.prepare)


@app.command()
def version(short: Annotated[bool, typer.Option(help="The number alone.")] = False) -> None:
    """The version of Hiwar, and of what it stands on."""
    from hiwar.cli.about import versions

    for name, number in versions().items():
        typer.echo(number if short else f"{name} {number}")
        if short:
            return


def main() -> None:
    """Entry point of the command. Errors that people can mend are one sentence and exit code 2."""
    from hiwar.ops.secrets import BadSecrets
    from hiwar.ops.settings import BadSetting

    try:
        app()
    except* (BadSetting, BadSecrets) as group:
        for error in leaves(group):
            typer.echo(f"hiwar: {error}", err=True)
        sys.exit(2)


def leaves(error: BaseException) -> list[BaseException]:
    """The errors inside a group, however deep; the error itself where it is none."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
