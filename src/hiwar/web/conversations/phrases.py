"""Texts that scripts show, translated here so that there is one catalog.

Numbers are put in by the script: a count comes as one text per plural category of Unicode CLDR, which
`Intl.PluralRules` names in the browser as gettext numbers them here.
"""

from collections.abc import Callable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hiwar.web.conversations.models import Phase

SAMPLES = {"zero": 0, "one": 1, "two": 2, "few": 3, "many": 11, "other": 100}  # one number per category


def plural(render: Callable[[int], str]) -> dict[str, str]:
    """The text of each category; `{n}` stays for the script."""
    return {category: render(sample) for category, sample in SAMPLES.items()}


def listening() -> dict[str, object]:
    """Everything that the listening page and the replay say by script."""
    return {
        "play": _("Listen"),
        "pause": _("Pause"),
        "mute": _("Mute"),
        "unmute": _("Sound on"),
        "connecting": _("Connecting…"),
        "reconnecting": _("Reconnecting…"),
        "offline": _("You are offline. It goes on as soon as the network is back."),
        "buffering": _("Waiting for sound…"),
        "live": _("Live"),
        "behind": _("Live, {seconds} s behind"),
        "shifted": _("{time} behind live"),
        "ready": _("Tap to listen"),
        "ending": _("The conversation has ended. The recording is coming…"),
        "full": _("No place is free right now. Trying again…"),
        "blocked": _("Your browser held the sound back. Tap to listen."),
        "failed": _("This browser cannot play the conversation. Use one of the links below."),
        "armed": _("It will start by itself"),
        "arm": _("Start by itself when it opens"),
        "muted": _("muted"),
        "away": _("connection lost"),
        "copied": _("Copied"),
        "host": _("Host"),
        "cohost": _("Co-host"),
        "guest": _("Guest"),
        "soon": _("It should begin any moment"),
        "getting_ready": _("The speakers are getting ready. Stay on this page."),
        "phases": {phase.value: str(phase.label) for phase in Phase},
        "listeners": plural(lambda n: ngettext("{n} person listening", "{n} people listening", n)),
        "in_days": plural(lambda n: ngettext("begins in {n} day", "begins in {n} days", n)),
        "in_hours": plural(lambda n: ngettext("begins in {n} hour", "begins in {n} hours", n)),
        "in_minutes": plural(lambda n: ngettext("begins in {n} minute", "begins in {n} minutes", n)),
    }
