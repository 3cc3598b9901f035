"""Pages that everybody sees: the first page, a conversation's page in all its phases, its status."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from hiwar.relay.directory import is_conversation_id
from hiwar.tokens.access import Denied
from hiwar.web import installation
from hiwar.web.conversations import access, services
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
    try:
        access.check(found, request.GET.get("v", "") or request.GET.get("t", ""))
    except Denied as denied:
        return _denied(request, denied)
    ticket = access.new_ticket(found)
    response = render(request, "conversations/conversation.html", _page(found, ticket))
    if ticket:
        response.headers["Cache-Control"] = "private, no-store"
    return response


@cached_for_everybody
def status(request: HttpRequest, identifier: str) -> HttpResponse:
    """Where it stands, for pages that wait: `{"phase", "planned", "duration"}`; 403, 404 as the page."""
    found = services.find(identifier) if is_conversation_id(identifier) else None
    if found is None:
        return JsonResponse({"detail": "There is no such conversation."}, status=404)
    try:
        access.check(found, request.GET.get("t", ""))
    except Denied as denied:
        return JsonResponse({"detail": str(denied)}, status=404 if denied.hidden else 403)
    planned = found.planned.isoformat() if found.planned else None
    response = JsonResponse({"phase": found.phase, "planned": planned, "duration": found.duration_seconds})
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


def _page(found: Conversation, ticket: str) -> dict[str, Any]:
    base = f"/c/{found.id}"
    suffix = f"?t={ticket}" if ticket else ""
    return {
        "conversation": found,
        "base": base,
        "suffix": suffix,
        "address": services.listen_address(found),
        "downloads": _downloads(found) if found.phase == Phase.ENDED else (),
        "data": {
            "id": found.id,
            "base": base,
            "suffix": suffix,
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
