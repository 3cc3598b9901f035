"""The links of a conversation, for host and co-hosts.

    GET    /b/<id>/links                the links, with the addresses that one may hand out
    POST   /b/<id>/links                {"role": "guest" | "cohost", "name": "…"}: a new one, 201
    DELETE /b/<id>/links/<serial>       take one back; whoever came in by it is out at once
    GET    /b/<id>/links/<serial>/qr    its address as an SVG picture

A link is a right, so nobody gets to see one above their own: co-hosts see and give guests' links only.
"""

import io
from typing import Literal

import msgspec
import segno
import structlog

from hiwar.backstage.bodies import read_json, render_json
from hiwar.backstage.context import Context, problem
from hiwar.backstage.passes import Admission, clean_name
from hiwar.door.http import Problem, Request, Response
from hiwar.relay.links import Link, TooManyLinks, next_link, pass_address
from hiwar.relay.messages import Command
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Role

_BELOW = {Role.HOST: frozenset({Role.COHOST, Role.GUEST}), Role.COHOST: frozenset({Role.GUEST})}
_log = structlog.get_logger()


class NewLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a POST."""

    role: Literal["cohost", "guest"]
    name: str = ""


async def answer_links(
    context: Context, request: Request, conversation: str, rest: tuple[str, ...]
) -> Response:
    """Answer a request for /b/<conversation>/links and below."""
    specification = context.specification(conversation)
    admission = context.admit(request, conversation)
    if not admission.leads:
        raise problem(403, "Only the host and co-hosts see the links.", "forbidden")
    match (request.method, rest):
        case ("GET", ()):
            return render_json(
                200, [_row(context, admission, link) for link in context.directory.read_links(conversation)]
            )
        case ("POST", ()):
            return _create(context, request, admission)
        case ("DELETE", (serial,)):
            return await _revoke(context, admission, _given(context, admission, serial), specification.id)
        case ("GET", (serial, "qr")):
            return _picture(context, conversation, _given(context, admission, serial))
    raise Problem(
        405, "Links are listed by GET, made by POST and taken back by DELETE.", {"Allow": "GET, POST, DELETE"}
    )


def _create(context: Context, request: Request, admission: Admission) -> Response:
    context.refuse_ended(admission.conversation)
    wanted = read_json(request, NewLink)
    role = Role(wanted.role)
    if role not in _BELOW[admission.link.role]:
        raise problem(403, "Only the host invites co-hosts.", "forbidden")
    links = context.directory.read_links(admission.conversation)
    try:
        link = next_link(links, role, clean_name(wanted.name))
    except TooManyLinks as error:
        raise problem(409, "The conversation has as many links as it can have.", "full") from error
    context.directory.write_links(admission.conversation, (*links, link))
    return render_json(201, _row(context, admission, link))


async def _revoke(context: Context, admission: Admission, link: Link, conversation: str) -> Response:
    take_back(context, conversation, link.serial)
    context.rooms.expel(conversation, link.serial, "revoked")
    await _remove_person(context, admission, link.serial)
    return render_json(200, {"revoked": link.serial})


def take_back(context: Context, conversation: str, serial: str) -> None:
    """From now on the link with this serial opens nothing."""
    links = context.directory.read_links(conversation)
    rows = (msgspec.structs.replace(row, revoked=True) if row.serial == serial else row for row in links)
    context.directory.write_links(conversation, tuple(rows))


async def _remove_person(context: Context, admission: Admission, serial: str) -> None:
    """Take somebody off the stage whose link is gone; fine if they are not there."""
    if not context.stages.has_stage(admission.conversation):
        return
    command = Command(kind="remove", actor=admission.link.serial, role=admission.link.role, target=serial)
    try:
        client = await context.stages.client(context.specification(admission.conversation))
        await client.request(command)
    except RequestFailed as failure:
        if failure.status != 404:
            _log.warning("a person whose link was taken back is still there", reason=failure.reason)
    except ConnectionError:
        _log.warning("the stage was gone when a person was to be removed")


def _given(context: Context, admission: Admission, serial: str) -> Link:
    """The link with this serial, if it is the asker's to hand out and take back."""
    for link in context.directory.read_links(admission.conversation):
        if link.serial == serial:
            if link.role not in _BELOW[admission.link.role]:
                raise problem(403, "This link is not yours to hand out or take back.", "forbidden")
            return link
    raise problem(404, "There is no such link.", "unknown")


def _row(context: Context, admission: Admission, link: Link) -> dict[str, object]:
    own = link.serial == admission.link.serial
    may_see = not link.revoked and (own or link.role in _BELOW[admission.link.role])
    return {
        "serial": link.serial,
        "role": link.role,
        "name": link.name,
        "revoked": link.revoked,
        "own": own,
        "address": _address(context, admission.conversation, link) if may_see else None,
    }


def _address(context: Context, conversation: str, link: Link) -> str:
    return pass_address(context.settings.speaker_address, conversation, link, context.key)


def _picture(context: Context, conversation: str, link: Link) -> Response:
    picture = io.BytesIO()
    code = segno.make(_address(context, conversation, link), error="l", micro=False)
    code.save(picture, kind="svg", scale=4, border=3, xmldecl=False, dark="#000", light="#fff")
    return Response(200, {"Content-Type": "image/svg+xml", "Cache-Control": "no-store"}, picture.getvalue())
