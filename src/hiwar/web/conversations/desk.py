"""The operator's desk: create conversations, hand out links, edit, hide."""

from collections.abc import Callable
from functools import wraps

import segno
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST

from hiwar.relay.records import Visibility
from hiwar.web.accounts.models import User
from hiwar.web.conversations import services
from hiwar.web.conversations.forms import ConversationForm, NewConversationForm, initial_of
from hiwar.web.conversations.models import Conversation
from hiwar.web.errors import forbidden, not_found

LISTED_MAX = 100
View = Callable[..., HttpResponse]


def for_operators(view: View) -> View:
    """Sign-in first, then a password of one's own, then the right to be here."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
        person = request.user
        if not isinstance(person, User):
            return redirect_to_login(request.get_full_path())
        if person.must_change_password:
            return redirect("password")
        if not person.is_operator:
            return forbidden(request)
        return view(request, *args, **kwargs)

    return guarded


def operator_of(request: HttpRequest) -> User:
    """Who sent this request, in views guarded by `for_operators`."""
    person = request.user
    assert isinstance(person, User)
    return person


@for_operators
def listing(request: HttpRequest) -> HttpResponse:
    """Every conversation, the newest first."""
    services.sync_all()
    found = Conversation.objects.filter(demonstration=False).order_by("-created")[:LISTED_MAX]
    return render(request, "conversations/listing.html", {"conversations": list(found)})


@for_operators
def create(request: HttpRequest) -> HttpResponse:
    """The form for a new conversation; then its desk, with the links."""
    form = NewConversationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        fields = form.cleaned_data
        created = services.create_conversation(
            title=fields["title"],
            description=fields["description"],
            language=fields["language"],
            people=fields["people"],
            planned=fields["planned"],
            visibility=Visibility(fields["visibility"]),
            cohosts=fields["cohosts"],
            guests=fields["guests"],
            owner=operator_of(request),
        )
        return redirect("desk", created.specification.id)
    return render(request, "conversations/create.html", {"form": form}, status=_form_status(request))


@for_operators
def desk(request: HttpRequest, identifier: str) -> HttpResponse:
    """One conversation: its links to copy and scan, and the form to edit it."""
    found = services.find(identifier)
    if found is None:
        return not_found(request)
    form = ConversationForm(
        request.POST if request.method == "POST" else None,
        initial=initial_of(found),
    )
    if request.method == "POST" and form.is_valid():
        _take(found, form)
        return redirect("desk", found.id)
    links = services.links_of(found)
    context = {
        "conversation": found,
        "form": form,
        "listen": {"address": links.listen, "qr": qr(links.listen)},
        "speakers": [{"link": link, "qr": qr(link.address)} for link in links.speakers if not link.revoked],
    }
    return render(request, "conversations/desk.html", context, status=_form_status(request))


@for_operators
@require_POST
def visibility(request: HttpRequest, identifier: str) -> HttpResponse:
    """Hide, or show again."""
    found = services.find(identifier)
    if found is None:
        return not_found(request)
    services.set_hidden(found, request.POST.get("hidden") == "yes")
    return redirect("desk", found.id)


def qr(address: str) -> str:
    """A QR code of `address` as an inline drawing, black on white so that every camera reads it."""
    code = segno.make(address, error="m", micro=False)
    drawing = code.svg_inline(border=3, dark="#000", light="#fff", omitsize=True, svgclass="qr")
    return mark_safe(drawing)  # noqa: S308 - drawn by us: the address is only in the pattern


def _take(found: Conversation, form: ConversationForm) -> None:
    fields = form.cleaned_data
    found.title = fields["title"]
    found.description = fields["description"]
    found.people = "\n".join(fields["people"])
    found.language = fields["language"]
    found.planned = fields["planned"]
    services.save_conversation(found)


def _form_status(request: HttpRequest) -> int:
    return 422 if request.method == "POST" else 200
