"""Pages that everybody sees: the first page, a conversation's page in all its phases, its status."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hiwar.relay.directory import is_conversation_id
from hiwar.tokens.access import Denied
from hiwar.web import installation
from hiwar.web.context import person_of
from hiwar.web.conversations import access, notices, services
from hiwar.web.conversations.models import Conversation, Phase, Visibility
from hiwar.web.conversations.phrases import listening
from hiwar.web.errors import not_found, problem
from hiwar.web.middleware import cached_for_everybody

UPCOMING_MAX = 12
REPLAYS_MAX = 24
DOWNLOADS = (("opus", "Opus", "opus.mp4"), ("m4a", "M4A", "aac.m4a"), ("mp3", "MP3", "mp3.mp3"))


@cached_for_everybody
def home(request: HttpRequest) -> HttpResponse:
    """On air now, announced, and the latest replays; only what is public."""
    services.sync_all()
    seen = Conversation.objects.filter(visibility=Visibility.PUBLIC, hidden=False)
    context = {
        "on_air": list(seen.filter(phase__in=(Phase.LIVE, Phase.WAITING)).order_by("-opened")),
        "upcoming": list(
            seen.filter(phase__in=(Phase.ANNOUNCED, Phase.GREEN_ROOM)).order_by("planned", "-created")[
                :UPCOMING_MAX
            ]
        ),
        "replays": list(seen.filter(phase=Phase.ENDED).order_by("-ended", "-created")[:REPLAYS_MAX]),
    }
    return render(request, "conversations/home.html", context)


@cached_for_everybody
def conversation(request: HttpRequest, identifier: str) -> HttpResponse:
    """A conversation at its address for life."""
    found = services.find(identifier) if is_conversation_id(identifier) else None
    if found is None:
        return not_found(request)
    shown = request.GET.get("v", "") or request.GET.get("t", "")
    try:
        access.check(found, shown)
    except Denied as denied:
        return _denied(request, denied)
    proof = access.page_proof(found, person_of(request), shown)
    response = render(request, "conversations/conversation.html", _page(found, proof))
    if proof.token:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@cached_for_everybody
def status(request: HttpRequest, identifier: str) -> HttpResponse:
    """Where it stands, for pages that wait: `{"phase", "planned", "duration"}`, and `front` while the public
    is told something of the front door; 403, 404 as the page."""
    found = services.find(identifier) if is_conversation_id(identifier) else None
    if found is None:
        return JsonResponse({"detail": "There is no such conversation."}, status=404)
    try:
        access.check(found, request.GET.get("t", ""))
    except Denied as denied:
        return JsonResponse({"detail": str(denied)}, status=404 if denied.hidden else 403)
    planned = found.planned.isoformat() if found.planned else None
    told = {"phase": found.phase, "planned": planned, "duration": found.duration_seconds}
    notice = notices.current()
    response = JsonResponse(told | {"front": notice.told} if notice else told)
    if not found.is_public:
        response.headers["Cache-Control"] = "private, no-store"
    return response


def _denied(request: HttpRequest, denied: Denied) -> HttpResponse:
    if denied.hidden:
        return problem(
            request,
            404,
            _("This conversation is hidden"),
            _("It was hidden by moderation. If that is reversed, it is back at this address."),
        )
    expired = "expired" in str(denied)
    return problem(
        request,
        403,
        _("This link has expired") if expired else _("Only with an invitation"),
        _("Ask whoever invited you for a new link.")
        if expired
        else _("This conversation is open to people who have its full link. Ask whoever invited you."),
    )


def _page(found: Conversation, proof: access.PageProof) -> dict[str, Any]:
    base = f"/c/{found.id}"
    suffix = f"?t={proof.token}" if proof.token else ""
    return {
        "conversation": found,
        "base": base,
        "suffix": suffix,
        "front": notices.current(),
        "address": services.listen_address(found),
        "downloads": _downloads(found) if found.phase == Phase.ENDED else (),
        "data": {
            "id": found.id,
            "base": base,
            "suffix": suffix,
            "personal": proof.personal,
            "phase": found.phase,
            "title": found.title,
            "language": get_language(),
            "planned": found.planned.isoformat() if found.planned else None,
            "duration": found.duration_seconds,
            "writeIntervalMs": installation.settings().write_interval_ms,
            "phrases": listening(),
        },
    }


def _downloads(found: Conversation) -> list[dict[str, Any]]:
    sizes = ((ending, label, services.recording_bytes(found, file)) for ending, label, file in DOWNLOADS)
    return [{"ending": ending, "label": label, "bytes": held} for ending, label, held in sizes if held]
