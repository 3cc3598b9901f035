"""WHIP (RFC 9725): speakers' browsers and outside encoders bring their sound.

    POST    /whip/<id>             offer in, answer out: 201, Location, ETag, Link for ICE servers
    OPTIONS /whip/<id>             204 with Accept-Post
    PATCH   /whip/<id>/<resource>  trickle ICE (RFC 8840): 204; an ICE restart is answered 422 (the way
                                   back is a new POST with the resume token)
    DELETE  /whip/<id>/<resource>  200, the speaker left

Beside the standard: `Hiwar-Name` (percent-encoded UTF-8) says who speaks, `Hiwar-Resume` proves that a
place is one's own; the answer to a POST has a fresh `Hiwar-Resume`.
"""

from collections.abc import Callable
from urllib.parse import unquote

from prometheus_client import Counter

from hiwar.backstage.context import Context, problem, stage_problem
from hiwar.backstage.ice import render_link_header
from hiwar.backstage.passes import Admission, clean_name, render_resume
from hiwar.backstage.resources import entity_tag, parse_resource, render_resource
from hiwar.backstage.sdp import FRAGMENT_TYPE, OFFER_TYPE, BadBody, read_fragment, read_offer
from hiwar.door.http import Problem, Request, Response
from hiwar.ops.clock import wallclock
from hiwar.relay.messages import Answer, Leave, Offer, Trickle
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Person

_offers = Counter("hiwar_whip_offers_total", "WHIP offers by the status they were answered with.", ["status"])
_NO_STORE = {"Cache-Control": "no-store"}


async def answer_endpoint(context: Context, request: Request, conversation: str) -> Response:
    """Answer a request for /whip/<conversation>."""
    if request.method == "OPTIONS":
        return Response(204, {"Accept-Post": OFFER_TYPE, "Allow": "POST, OPTIONS"})
    if request.method != "POST":
        raise Problem(405, "A speaker is sent here by POST.", {"Allow": "POST, OPTIONS"})
    try:
        response = await _take_offer(context, request, conversation)
    except Problem as refusal:
        _offers.labels(refusal.status).inc()
        raise
    _offers.labels(response.status).inc()
    return response


async def answer_session(context: Context, request: Request, conversation: str, segment: str) -> Response:
    """Answer a request for /whip/<conversation>/<segment>."""
    if request.method == "OPTIONS":
        return Response(204, {"Accept-Patch": FRAGMENT_TYPE, "Allow": "PATCH, DELETE, OPTIONS"})
    if request.method not in ("PATCH", "DELETE"):
        raise Problem(
            405, "A session is changed by PATCH and ended by DELETE.", {"Allow": "PATCH, DELETE, OPTIONS"}
        )
    admission = context.admit(request, conversation)
    resource = parse_resource(segment, conversation, admission.link.serial, context.key)
    if resource is None or not context.stages.has_stage(conversation):
        raise problem(404, "There is no such session.", "unknown")
    if request.method == "DELETE":
        await _request(context, conversation, Leave(resource=resource))
        return Response(200, dict(_NO_STORE))
    _check_match(request, entity_tag(segment))
    fragment = _read(read_fragment, request)
    await _request(context, conversation, Trickle(resource=resource, fragment=fragment))
    return Response(204, dict(_NO_STORE))


async def _take_offer(context: Context, request: Request, conversation: str) -> Response:
    context.specification(conversation)
    admission = context.admit(request, conversation)
    context.refuse_ended(conversation)
    sdp = _read(read_offer, request)
    offer = Offer(person=_person(request, admission), sdp=sdp, resume=context.resumes(request, admission))
    reply = await _request(context, conversation, offer)
    if not isinstance(reply, Answer):
        raise problem(502, "The stage gave no answer to the offer.", "failed")
    segment = render_resource(conversation, admission.link.serial, reply.resource, context.key)
    headers = {
        "Content-Type": OFFER_TYPE,
        "Location": f"/whip/{conversation}/{segment}",
        "ETag": entity_tag(segment),
        "Hiwar-Resume": render_resume(admission, context.key, wallclock()),
        **_NO_STORE,
    }
    if context.ice_servers:
        headers["Link"] = render_link_header(context.ice_servers)
    return Response(201, headers, reply.sdp.encode())


def _person(request: Request, admission: Admission) -> Person:
    link = admission.link
    name = clean_name(unquote(request.headers.get("hiwar-name", ""), errors="replace"))
    return Person(id=link.serial, name=name or link.name or link.serial, role=link.role)


def _check_match(request: Request, tag: str) -> None:
    """RFC 9725 section 4.3.1: a PATCH says which ICE session it means; "*" asks for a restart."""
    match = request.headers.get("if-match", "").strip()
    if not match:
        raise problem(428, "If-Match is needed, with the session's entity-tag.", "failed")
    if match == "*":
        raise problem(422, "An ICE restart is not supported: connect again by POST.", "failed")
    if tag not in [part.strip() for part in match.split(",")]:
        raise problem(412, "If-Match names another ICE session.", "failed")


def _read(reader: Callable[[str, bytes], str], request: Request) -> str:
    try:
        return reader(request.headers.get("content-type", ""), request.body)
    except BadBody as error:
        raise problem(error.status, error.detail, "failed") from error


async def _request(context: Context, conversation: str, message: Offer | Leave | Trickle) -> object:
    try:
        client = await context.stages.client(context.specification(conversation))
        return await client.request(message)
    except (RequestFailed, ConnectionError) as failure:
        raise stage_problem(failure) from failure
