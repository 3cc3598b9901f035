"""The conversation as the site knows it. The truth about the air is the stage's `standing.json`; the
columns `phase`, `opened`, `ended`, `duration` and `speakers` are its copy, so that pages can ask for
"on air now" (`services.sync`).
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from hiwar.media.timeline import seconds
from hiwar.web.ids import Immutable, new_id

TITLE_CHARS_MAX = 200
DESCRIPTION_CHARS_MAX = 5000
PEOPLE_CHARS_MAX = 2000


class Phase(models.TextChoices):
    """As `relay.records.Phase`, with the words that people read."""

    ANNOUNCED = "announced", _("Announced")
    GREEN_ROOM = "green_room", _("About to begin")
    LIVE = "live", _("Live")
    WAITING = "waiting", _("Waiting for the speakers")
    ENDED = "ended", _("Replay")


class Visibility(models.TextChoices):
    """As `relay.records.Visibility`."""

    PUBLIC = "public", _("Public")
    LINK = "link", _("Only with the link")


class Conversation(Immutable):
    """`id` is part of the address for life. `people` are the announced names, one a line."""

    IMMUTABLE = ("id",)

    id = models.CharField(max_length=32, primary_key=True, default=new_id, editable=False)
    title = models.CharField(_("title"), max_length=TITLE_CHARS_MAX)
    description = models.TextField(_("description"), max_length=DESCRIPTION_CHARS_MAX, blank=True)
    language = models.CharField(_("language spoken"), max_length=35, blank=True)
    people = models.TextField(_("who speaks"), max_length=PEOPLE_CHARS_MAX, blank=True)
    planned = models.DateTimeField(_("planned time"), null=True, blank=True)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PUBLIC)
    hidden = models.BooleanField(default=False)
    demonstration = models.BooleanField(default=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)

    phase = models.CharField(max_length=12, choices=Phase, default=Phase.ANNOUNCED)
    opened = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    duration = models.BigIntegerField(default=0)
    speakers = models.JSONField(default=list)

    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = (models.Index(fields=["phase", "-ended"], name="conversation_by_phase"),)

    def __str__(self) -> str:
        return self.title

    @property
    def on_air(self) -> bool:
        return self.phase in (Phase.LIVE, Phase.WAITING)

    @property
    def is_public(self) -> bool:
        return self.visibility == Visibility.PUBLIC

    @property
    def duration_seconds(self) -> float:
        """Length of the recording in seconds, 0 until it ended."""
        return seconds(self.duration)

    @property
    def names(self) -> list[str]:
        """Who speaks: those who were there, else those announced."""
        heard = [str(person["name"]) for person in self._people() if person.get("name")]
        return heard or [line.strip() for line in self.people.splitlines() if line.strip()]

    def _people(self) -> list[dict[str, Any]]:
        return list(self.speakers)
