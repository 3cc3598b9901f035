"""Who may come in, and in whose place. Pure: time and the links are arguments.

A *pass* is signed and names a link; the link's row says its role and whether it was taken back. So a
pass that is whole but whose link is revoked, or no longer in the list, opens nothing: it fails closed.

A *resume token* is the right to take up a place again after a lost connection. It lives shortly, the
page renews it, and it is worth nothing without the pass: removing a person takes their link back.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from hiwar.relay.links import Link
from hiwar.relay.records import Role
from hiwar.tokens.token import InvalidToken, Kind, Token, parse_token, render_token

RESUME_SECONDS = 900  # long enough for a phone that slept or a train in a tunnel
NAME_CHARS_MAX = 60

_SPACES = re.compile(r"\s+")
_JOINERS = "\u200c\u200d"  # zero-width joiners are spelling in Persian and in emoji


class Refused(Exception):
    """Not let in: an HTTP status, one clear sentence, and `reason`, a word that pages translate."""

    def __init__(self, status: int, detail: str, reason: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Admission:
    """Somebody whose pass was found good: their link, in this conversation."""

    conversation: str
    link: Link

    @property
    def leads(self) -> bool:
        """Whether they are host or co-host."""
        return self.link.role in (Role.HOST, Role.COHOST)


def admit(bearer: str, conversation: str, links: Iterable[Link], key: bytes, wallclock: float) -> Admission:
    """The admission that the pass `bearer` gives.

    Raises:
        Refused: 401 without a valid pass for this conversation, 403 where its link was taken back.
    """
    if not bearer:
        raise Refused(401, "A pass is needed here: open the whole link that you were given.", "no_pass")
    try:
        token = parse_token(bearer, key, kind=Kind.PASS, conversation=conversation, wallclock=wallclock)
    except InvalidToken as error:
        raise Refused(401, str(error), "expired" if "expired" in str(error) else "invalid") from error
    for link in links:
        if link.serial == token.subject:
            if link.revoked:
                raise Refused(403, "This link was taken back by the host.", "revoked")
            return Admission(conversation, link)
    raise Refused(403, "This link is not in the conversation's list any more.", "revoked")


def render_resume(admission: Admission, key: bytes, wallclock: float) -> str:
    """A resume token for the place of `admission`, good for `RESUME_SECONDS`."""
    expires = int(wallclock) + RESUME_SECONDS
    link = admission.link
    return render_token(
        Token(Kind.RESUME, admission.conversation, link.serial, link.role.value, expires), key
    )


def is_resume(text: str, admission: Admission, key: bytes, wallclock: float) -> bool:
    """Whether `text` is the right to this very place, and still in time."""
    try:
        token = parse_token(
            text, key, kind=Kind.RESUME, conversation=admission.conversation, wallclock=wallclock
        )
    except InvalidToken:
        return False
    return token.subject == admission.link.serial


def clean_name(text: str) -> str:
    """`text` as a name that can be shown anywhere: normalised, on one line, without control or
    direction-changing characters, at most `NAME_CHARS_MAX` long; '' if nothing is left."""
    flat = _SPACES.sub(" ", text[: 4 * NAME_CHARS_MAX])
    kept = "".join(
        char for char in flat if char in _JOINERS or not unicodedata.category(char).startswith("C")
    )
    whole = _SPACES.sub(" ", unicodedata.normalize("NFC", kept))  # again: what was taken out may join others
    return whole.strip(" " + _JOINERS)[:NAME_CHARS_MAX].strip(" " + _JOINERS)
