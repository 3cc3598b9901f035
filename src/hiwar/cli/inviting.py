"""`hiwar invite`: personal invitations to listen, ahead of strangers when seats are few."""

import json
from secrets import token_hex
from typing import Annotated

import typer

from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import BadSetting, load_settings
from hiwar.relay.directory import Directory, is_conversation_id
from hiwar.tokens.token import Kind, Token, render_token

PERSONAL = "p"  # the role of a voucher that is one seat, whoever shows it


def invite(
    conversation: Annotated[str, typer.Argument(help="The conversation's id, as hiwar open prints it.")],
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many invitations.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Personal invitations to listen (press, people invited): one address, one seat, ahead of strangers."""
    settings = load_settings()
    directory = Directory(settings.data, runtime_dir(settings))
    known = is_conversation_id(conversation) and directory.read_specification(conversation)
    if not known:
        raise BadSetting(f"{conversation!r}: there is no such conversation here; see: hiwar status")
    key = load_secrets(settings.data).token_key
    base = f"{settings.listener_address}/c/{conversation}?v="
    vouchers = (Token(Kind.VOUCHER, conversation, token_hex(8), PERSONAL) for _ in range(count))
    addresses = [base + render_token(voucher, key) for voucher in vouchers]
    typer.echo(json.dumps(addresses) if as_json else "\n".join(addresses))
