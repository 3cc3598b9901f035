"""The operator's forms."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from hiwar.web.conversations.fields import CountField, LocalTimeField, in_zone
from hiwar.web.conversations.models import (
    DESCRIPTION_CHARS_MAX,
    PEOPLE_CHARS_MAX,
    TITLE_CHARS_MAX,
    Conversation,
    Visibility,
)
from hiwar.web.conversations.services import COHOSTS_MAX, GUESTS_MAX

SPOKEN = (
    ("", _("Not said")),
    ("ar", "العربية"),
    ("en", "English"),
    ("ckb", "کوردیی ناوەندی"),
    ("kmr", "Kurmancî"),
    ("fa", "فارسی"),
    ("tr", "Türkçe"),
    ("fr", "Français"),
    ("de", "Deutsch"),
    ("es", "Español"),
)


class ConversationForm(forms.Form):
    """What can be edited at any time. `planned` is read in `time_zone`, which the page's script fills."""

    title = forms.CharField(
        label=_("Title"), max_length=TITLE_CHARS_MAX, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    description = forms.CharField(
        label=_("What it is about"),
        max_length=DESCRIPTION_CHARS_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5, "dir": "auto"}),
    )
    people = forms.CharField(
        label=_("Who speaks"),
        help_text=_("One name a line. Shown before it begins."),
        max_length=PEOPLE_CHARS_MAX,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    language = forms.ChoiceField(label=_("Language spoken"), choices=SPOKEN, required=False)
    planned = LocalTimeField(
        label=_("Planned time"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    time_zone = forms.CharField(initial="UTC", max_length=64, required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        local = cleaned.get("planned")
        if isinstance(local, datetime):
            try:
                cleaned["planned"] = in_zone(local, cleaned.get("time_zone") or "UTC")
            except forms.ValidationError as error:
                self.add_error("planned", error)
        cleaned["people"] = [line for line in str(cleaned.get("people", "")).splitlines() if line.strip()]
        return cleaned


class NewConversationForm(ConversationForm):
    """Beside that, what is fixed at the start: who may listen, and how many links to make."""

    visibility = forms.ChoiceField(
        label=_("Who may listen"),
        choices=Visibility.choices,
        initial=Visibility.PUBLIC,
        widget=forms.RadioSelect,
    )
    cohosts = CountField(label=_("Co-hosts"), min_value=0, max_value=COHOSTS_MAX, initial=0)
    guests = CountField(label=_("Guests"), min_value=0, max_value=GUESTS_MAX, initial=1)


def initial_of(conversation: Conversation) -> dict[str, Any]:
    """What the form shows of a conversation; the time in UTC until the script knows better."""
    return {
        "title": conversation.title,
        "description": conversation.description,
        "people": conversation.people,
        "language": conversation.language,
        "planned": conversation.planned,
        "time_zone": "UTC",
    }
