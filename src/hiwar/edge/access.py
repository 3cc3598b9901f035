"""May this listener hear that conversation? Asked before every media byte; fails closed.

The specification and the standing are read from their files at most once in `FRESH_SECONDS`, so that a
conversation hidden by moderation is silent a second later, everywhere.
"""

import re
from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from hiwar.door.http import Problem, Request
from hiwar.ops.clock import monotonic, wallclock
from hiwar.relay.directory import Directory
from hiwar.relay.records import Specification, Standing, Visibility
from hiwar.tokens.access import Denied, check_listening
from hiwar.tokens.media_key import is_media_key, render_media_key

FRESH_SECONDS = 1.0
_PAGE = re.compile(r"/c/([a-z0-9]{6,32})(?:/status)?", re.ASCII)
KNOWN_MAX = 4096  # conversations remembered, unknown ids among them: an address costs one file a second


@dataclass(frozen=True, slots=True)
class Known:
    """What the files said at `read_at` (monotonic). No specification: there is no such conversation."""

    specification: Specification | None
    standing: Standing
    read_at: float


class Access:
    """The rule, and the files behind it."""

    def __init__(self, directory: Directory, key: bytes) -> None:
        self._directory = directory
        self._key = key
        self._known: OrderedDict[str, Known] = OrderedDict()

    def known(self, conversation: str) -> Known:
        now = monotonic()
        found = self._known.get(conversation)
        if found is None or now - found.read_at >= FRESH_SECONDS:
            found = self._known[conversation] = self._read(conversation, now)
            self._known.move_to_end(conversation)
            if len(self._known) > KNOWN_MAX:
                self._known.popitem(last=False)
        return found

    def _read(self, conversation: str, now: float) -> Known:
        try:
            specification = self._directory.read_specification(conversation)
            return Known(specification, self._directory.read_standing(conversation), now)
        except (OSError, msgspec.MsgspecError):  # damaged: nobody hears what may be hidden
            return Known(None, Standing(), now)

    def check(self, request: Request, conversation: str) -> Known:
        """What is known of the conversation, if the request may hear it.

        Raises:
            Problem: 404 unknown or hidden, 403 without a valid proof where one is needed.
        """
        known = self.known(conversation)
        if known.specification is None:
            raise Problem(404, "There is no such conversation.", arabic="لا توجد محادثة كهذه.")
        if not known.specification.hidden and self.opens_media(request.query.get("k", ""), conversation):
            return known
        try:
            check_listening(
                conversation=conversation,
                public=known.specification.visibility is Visibility.PUBLIC,
                hidden=known.specification.hidden,
                proof=request.query.get("t", ""),
                key=self._key,
                wallclock=wallclock(),
            )
        except Denied as error:
            status = 404 if error.hidden else 403
            raise Problem(status, str(error), arabic=_ARABIC[status]) from error
        return known

    def opens_media(self, media_key: str, conversation: str) -> bool:
        """Whether this is the conversation's key of the moment, which playlists give to who has a seat."""
        return bool(media_key) and is_media_key(media_key, conversation, self._key, wallclock())

    def media_suffix(self, conversation: str) -> str:
        """What the addresses of media files in a playlist end in."""
        return f"?k={render_media_key(conversation, self._key, wallclock())}"

    def is_page_of_one(self, path: str) -> bool:
        """Whether a path is the page, or the status, of a conversation that exists."""
        found = _PAGE.fullmatch(path)
        return found is not None and self.known(found.group(1)).specification is not None

    def open_to(self, conversation: str, *, proven: bool) -> bool:
        """Whether somebody already inside may stay: it was not hidden, nor closed to who has no proof."""
        specification = self.known(conversation).specification
        if specification is None or specification.hidden:
            return False
        return proven or specification.visibility is Visibility.PUBLIC


_ARABIC = {
    403: "هذه المحادثة متاحة فقط لمن لديه رابط صالح.",
    404: "هذه المحادثة غير متاحة: أخفاها الإشراف.",
}
