"""What the public is told of the front door now, from the files of `relay.front`."""

import re
from dataclasses import dataclass

from django.utils.translation import get_language

from hiwar.ops.clock import wallclock
from hiwar.relay.front import (
    FrontNotice,
    FrontWishes,
    read_front_state,
    read_front_wishes,
    shown_notice,
)
from hiwar.web import installation

_FIRST_SENTENCE = re.compile(r".*?[.!?؟](?=\s|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Notice:
    """`at` names it; `lead` is the first sentence of its text in the page's language, `rest` the others."""

    notice: FrontNotice

    @property
    def at(self) -> str:
        return repr(self.notice.at_wallclock)

    @property
    def kind(self) -> str:
        """Of the banner, as the design has kinds."""
        return "good" if self.notice.to.value == "open" else "wait"

    @property
    def lead(self) -> str:
        found = _FIRST_SENTENCE.match(self._text)
        return found[0] if found else self._text

    @property
    def rest(self) -> str:
        return self._text.removeprefix(self.lead)

    @property
    def _text(self) -> str:
        return self.notice.arabic if get_language() == "ar" else self.notice.english

    @property
    def told(self) -> dict[str, object]:
        """As the edge has it in its events."""
        notice = self.notice
        return {
            "rung": notice.to.value,
            "at": notice.at_wallclock,
            "arabic": notice.arabic,
            "english": notice.english,
        }


def current() -> Notice | None:
    """The notice that holds now; None where there is none, or the host holds it back."""
    directory = installation.directory()
    state, wishes = read_front_state(directory), read_front_wishes(directory)
    notice = shown_notice(state, wishes or FrontWishes(), wallclock())
    return Notice(notice) if notice else None
