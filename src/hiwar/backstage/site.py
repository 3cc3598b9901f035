"""All addresses of backstage, and the headers that every answer carries.

    /b/<id>            the page; the pass is in the fragment and never reaches a log
    /b/<id>/room       GET: the room and who one is in it      /b/<id>/events    GET: what happens there
    /b/<id>/resume     POST: a fresh resume token for an old   /b/<id>/commands  POST
    /b/<id>/sources    POST                                    /b/<id>/links     GET, POST, DELETE
    /b/<id>/front      GET, POST: the front door, for who leads
    /whip/<id>[/<resource>]                                    /static/…

No cookies, so nothing can be asked on somebody's behalf; no CORS; no referrer.
"""

from collections.abc import Awaitable, Callable

import structlog

from hiwar.assets import STATIC
from hiwar.backstage.bodies import render_json
from hiwar.backstage.commands import answer_command, answer_source
from hiwar.backstage.context import Context, problem
from hiwar.backstage.feed import TooManyPages
from hiwar.backstage.front import answer_front
from hiwar.backstage.links import answer_links
from hiwar.backstage.pages import SECURITY_HEADERS, answer_page
from hiwar.backstage.passes import RESUME_SECONDS, render_resume
from hiwar.backstage.whip import answer_endpoint, answer_session
from hiwar.door.http import Problem, Request, Response
from hiwar.door.problems import problem_for
from hiwar.door.static import StaticFiles
from hiwar.ops.clock import wallclock
from hiwar.relay.directory import is_conversation_id
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase

Answer = Callable[[Context, Request, str], Awaitable[Response]]
_log = structlog.get_logger()


class Site:
    """Answers every request of backstage's door."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._static = StaticFiles(STATIC)

    async def handle(self, request: Request) -> Response:
        """The answer, a problem among them, with the security headers."""
        try:
            response = await self._route(request)
        except Problem as refusal:
            response = problem_for(request, refusal)
        response.headers = {**response.headers, **SECURITY_HEADERS}
        return response

    async def _route(self, request: Request) -> Response:
        match request.path.strip("/").split("/"):
            case ["static", *_]:
                return self._static.answer(request)
            case ["favicon.ico"]:
                return self._static.answer(_renamed(request, "/static/favicon.ico"))
            case ["whip", conversation, *rest] if is_conversation_id(conversation) and len(rest) < 2:
                if rest:
                    return await answer_session(self._context, request, conversation, rest[0])
                return await answer_endpoint(self._context, request, conversation)
            case ["b", conversation, *rest] if is_conversation_id(conversation):
                return await self._room(request, conversation, tuple(rest))
            case [""] | ["b"]:
                return _page(self._context, request, 200)
        raise problem(404, "There is nothing at this address.", "unknown")

    async def _room(self, request: Request, conversation: str, rest: tuple[str, ...]) -> Response:
        if not rest:
            known = self._context.directory.read_specification(conversation) is not None
            return _page(self._context, request, 200 if known else 404)
        if rest[0] == "links":
            return await answer_links(self._context, request, conversation, rest[1:])
        methods, answer = ROOM_ADDRESSES.get("/".join(rest), ("", answer_room))
        if not methods:
            raise problem(404, "There is nothing at this address.", "unknown")
        if request.method not in methods.split(", "):
            raise Problem(405, f"This address takes {methods} only.", {"Allow": methods})
        return await answer(self._context, request, conversation)


async def answer_room(context: Context, request: Request, conversation: str) -> Response:
    """The room as it is, who the asker is, and what their browser needs. A host's coming wakes the stage."""
    specification = context.specification(conversation)
    admission = context.admit(request, conversation)
    standing = context.directory.read_standing(conversation)
    if admission.leads and standing.phase is not Phase.ENDED:
        try:
            context.stages.want(specification)
        except RequestFailed as failure:
            _log.warning("no stage for a conversation", conversation=conversation, reason=failure.reason)
    feed = context.rooms.feed(conversation)
    link = admission.link
    content = {
        "conversation": {
            "id": specification.id,
            "title": specification.title,
            "description": specification.description,
            "language": specification.language,
        },
        "you": {"id": link.serial, "role": link.role, "name": link.name},
        "phase": standing.phase,
        "stage": feed.state,
        "room": feed.room if feed.state == "ready" else None,
        "ice_servers": context.ice_servers,
        "listener_address": f"{context.settings.listener_address}/c/{specification.id}",
    }
    return render_json(200, content)


async def answer_events(context: Context, request: Request, conversation: str) -> Response:
    """The event stream of one page (see `feed`)."""
    context.specification(conversation)
    admission = context.admit(request, conversation)
    front = context.front.whole(wallclock()) if admission.leads else None
    try:
        events = context.rooms.feed(conversation).events(admission.link.serial, front)
    except TooManyPages as error:
        raise problem(503, "Too many pages of this conversation are open.", "busy") from error
    return Response(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}, events)


async def answer_resume(context: Context, request: Request, conversation: str) -> Response:
    """A fresh resume token for one that is still good."""
    admission = context.admit(request, conversation)
    if not context.resumes(request, admission):
        raise problem(403, "This is not, or no longer, the right to a place.", "forbidden")
    token = render_resume(admission, context.key, wallclock())
    return render_json(200, {"resume": token, "seconds": RESUME_SECONDS})


ROOM_ADDRESSES: dict[str, tuple[str, Answer]] = {
    "room": ("GET", answer_room),
    "events": ("GET", answer_events),
    "resume": ("POST", answer_resume),
    "commands": ("POST", answer_command),
    "sources": ("POST", answer_source),
    "front": ("GET, POST", answer_front),
}


def _page(context: Context, request: Request, status: int) -> Response:
    if request.method not in ("GET", "HEAD"):
        raise Problem(405, "A page can only be read.", {"Allow": "GET, HEAD"})
    return answer_page(request, context.settings.language, status)


def _renamed(request: Request, path: str) -> Request:
    return Request(
        request.method, path, path, {}, request.headers, request.client, request.secure, request.body
    )
