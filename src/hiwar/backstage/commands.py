"""What people ask of the room, and the sounds that take a speaker's place from a file.

    POST /b/<id>/commands  {"kind": "mute", "target": "g1", "value": ""}   see `messages.Command`
    POST /b/<id>/sources   {"serial": "g1", "name": "…", "file": "guest.opus"}   host's pass only

Whether somebody may do a thing is the stage's to judge; here only the form is checked. A source is named
by its bare file name and looked up in two folders of this machine: nothing else can be read by it.
"""

import re
from pathlib import Path

import msgspec

from hiwar.backstage.bodies import read_json, render_json
from hiwar.backstage.context import Context, problem, stage_problem
from hiwar.backstage.links import take_back
from hiwar.backstage.passes import Admission, clean_name
from hiwar.door.http import Request, Response
from hiwar.relay.messages import AddFile, Command, CommandKind, ControlMessage
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Person, Role

GAIN_DB_MAX = 20
_GAIN = re.compile(r"[+-]?[0-9]{1,2}(\.[0-9])?", re.ASCII)
_TARGET = re.compile(r"([hcg][0-9]{1,4})?", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9_-]{1,60}\.(opus|ogg)", re.ASCII)
_DEMONSTRATION = Path(__file__).parents[1] / "demo" / "voices"


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a command."""

    kind: CommandKind
    target: str = ""
    value: str = ""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request for a file to speak: whose place, under what name, which file."""

    serial: str
    file: str
    name: str = ""


async def answer_command(context: Context, request: Request, conversation: str) -> Response:
    """Carry out one command."""
    admission = context.admit(request, conversation)
    context.refuse_ended(conversation)
    asked = read_json(request, Asked)
    link = admission.link
    command = Command(
        kind=asked.kind, actor=link.serial, role=link.role, target=_target(asked), value=_value(asked)
    )
    await _ask_stage(context, conversation, command)
    if asked.kind == "remove" and command.target != link.serial:
        take_back(context, conversation, command.target)  # a stage that is started again knows it too
        context.rooms.expel(conversation, command.target, "removed")
    return render_json(200, {"done": asked.kind})


async def answer_source(context: Context, request: Request, conversation: str) -> Response:
    """Let a file speak in a place."""
    admission = context.admit(request, conversation)
    if admission.link.role is not Role.HOST:
        raise problem(403, "Only the host lets files speak.", "forbidden")
    context.refuse_ended(conversation)
    source = read_json(request, Source)
    person = _place(context, admission, source)
    path = _find_file(source.file, (_DEMONSTRATION, context.settings.data / "sources"))
    await _ask_stage(context, conversation, AddFile(person=person, path=str(path)))
    return render_json(201, {"speaks": person.id})


def _target(asked: Asked) -> str:
    if not _TARGET.fullmatch(asked.target):
        raise problem(400, "The target must be somebody's place, like g1.", "failed")
    return asked.target


def _value(asked: Asked) -> str:
    if asked.kind == "rename":
        name = clean_name(asked.value)
        if not name:
            raise problem(400, "A name needs at least one letter.", "failed")
        return name
    if asked.kind == "gain":
        if not _GAIN.fullmatch(asked.value) or abs(float(asked.value)) > GAIN_DB_MAX:
            raise problem(
                400, f"A gain is a number of decibels from -{GAIN_DB_MAX} to {GAIN_DB_MAX}.", "failed"
            )
        return asked.value
    if asked.value:
        raise problem(400, "This command takes no value.", "failed")
    return ""


def _place(context: Context, admission: Admission, source: Source) -> Person:
    for link in context.directory.read_links(admission.conversation):
        if link.serial == source.serial and not link.revoked:
            return Person(
                id=link.serial, name=clean_name(source.name) or link.name or link.serial, role=link.role
            )
    raise problem(404, "There is no such place.", "unknown")


def _find_file(name: str, folders: tuple[Path, ...]) -> Path:
    """The file of this bare name in one of `folders`.

    Raises:
        Problem: 400 not a bare name, 404 in none of them (a link that leads elsewhere is not in it).
    """
    if not _FILE.fullmatch(name):
        raise problem(400, "A file is named like guest.opus, without a folder.", "failed")
    for folder in folders:
        path = (folder / name).resolve()
        if path.parent == folder.resolve() and path.is_file():
            return path
    raise problem(404, "There is no such file to speak.", "unknown")


async def _ask_stage(context: Context, conversation: str, message: ControlMessage) -> None:
    try:
        client = await context.stages.client(context.specification(conversation))
        await client.request(message)
    except (RequestFailed, ConnectionError) as failure:
        raise stage_problem(failure) from failure
