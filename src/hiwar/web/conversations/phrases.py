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
        "shift_paused": _("While very many listen only the live sound can be played. The beginning is kept."),
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
        "seat": _seat(),
        "phases": {phase.value: str(phase.label) for phase in Phase},
        "listeners": plural(lambda n: ngettext("{n} person listening", "{n} people listening", n)),
        "in_days": plural(lambda n: ngettext("begins in {n} day", "begins in {n} days", n)),
        "in_hours": plural(lambda n: ngettext("begins in {n} hour", "begins in {n} hours", n)),
        "in_minutes": plural(lambda n: ngettext("begins in {n} minute", "begins in {n} minutes", n)),
    }


def _seat() -> dict[str, object]:
    """What is said on the way to a place by script; the door's own words come with its answers."""
    return {
        "waiting_title": _("You are waiting for a place"),
        "waiting_text": _(
            "More people are asking than can be let in at once. Free places are drawn by lot every second; "
            "asking more often changes nothing. Keep this page open: sound starts here by itself."
        ),
        "taken_back_title": _("Your place was taken back"),
        "taken_back_text": _(
            "The site could no longer carry every place, and yours was taken back. You come first as soon as "
            "places are free. Keep this page open: sound starts here by itself."
        ),
        "no_place_title": _("The waiting room is full"),
        "no_place_text": _(
            "The whole of it, or the part that is for your network. Places in it come free all the time, and "
            "whoever has one takes part in every draw. Keep this page open: it asks for one by itself."
        ),
        "solving_title": _("Your browser is solving a small puzzle"),
        "solving_text": _(
            "It takes a few seconds and improves your chance in the draw. It makes asking thousands of times "
            "costly, and asks for nothing personal. There is nothing for you to do."
        ),
        "solved": _("Puzzle: {n} done"),
        "refused": {
            "siege": _("Only with a place or an invitation for now"),
            "record-only": _("Live listening is paused, the recording goes on"),
            "too-many": _("Many requests came from your network"),
            "full": _("All places are taken just now"),
            "other": _("The door cannot let you in at this moment"),
        },
        "refused_text": _(
            "The conversation goes on, and so does its recording. This page asks again by itself."
        ),
        "elsewhere_title": _("You are listening in another window"),
        "elsewhere_text": _("A place is for one window at a time, and the newest has it."),
        "listen_here": _("Listen here"),
        "won_title": _("You have a place"),
        "won_text": _("Your browser asks for one tap before it plays sound."),
        "listen_now": _("Listen now"),
        "early": _("You have a place. Sound starts here by itself when it begins."),
        "chance_about": _("about {n} in 100"),
        "chance_least": _("less than 1 in 100"),
        "chance_most": _("more than 99 in 100"),
        "chance_unknown": _("cannot be told yet"),
        "again": plural(lambda n: ngettext("Asks again in {n} second", "Asks again in {n} seconds", n)),
        "again_now": _("Asking…"),
        "unheard": _("No answer. Trying again…"),
    }
