"""Which conversations there are, who may hear them, and their recordings, read as seldom as is right.

A specification is believed for a second (`FRESH_SECONDS`): that is how long a conversation that moderation
hides may still be heard. Reading fails closed: no specification, no conversation.
"""

from collections import OrderedDict
from dataclasses import dataclass

import msgspec

from hiwar.archive.ogg_layout import OggLayout
from hiwar.door.http import Problem
from hiwar.ops import clock
from hiwar.recording.reader import RecordingReader
from hiwar.recording.salvage import mapped
from hiwar.relay.directory import Directory, is_conversation_id
from hiwar.relay.records import Specification, Visibility
from hiwar.tokens.access import Denied, check_listening

FRESH_SECONDS = 1.0
SHELF_MAX = 256  # conversations kept at hand; three hours' index is 3 MB, most are far shorter


def not_found() -> Problem:
    """The same answer for what never was and for what is no conversation's address."""
    return Problem(404, "There is no such conversation.", arabic="لا توجد محادثة بهذا العنوان.")


@dataclass(slots=True)
class Volume:
    """One conversation at hand. `read_at` is monotonic; `specification` is None where there is none."""

    reader: RecordingReader
    specification: Specification | None = None
    read_at: float = float("-inf")
    layout: OggLayout | None = None


class Library:
    """The shelf, least recently used last out."""

    def __init__(self, directory: Directory, token_key: bytes) -> None:
        self._directory = directory
        self._key = token_key
        self._shelf: OrderedDict[str, Volume] = OrderedDict()

    def admit(self, conversation: str, proof: str) -> Volume:
        """The conversation, if whoever holds `proof` may hear it now.

        Raises:
            Problem: 404 where there is none or it is hidden, 403 where the proof is missing or wrong.
        """
        volume = self._fetch(conversation)
        specification = volume.specification
        if specification is None:
            raise not_found()
        try:
            check_listening(
                conversation=conversation,
                public=specification.visibility is Visibility.PUBLIC,
                hidden=specification.hidden,
                proof=proof,
                key=self._key,
                wallclock=clock.wallclock(),
            )
        except Denied as error:
            raise Problem(404 if error.hidden else 403, str(error)) from error
        return volume

    def _fetch(self, conversation: str) -> Volume:
        if not is_conversation_id(conversation):
            raise not_found()
        volume = self._shelf.get(conversation)
        if volume is None:
            volume = Volume(RecordingReader(self._directory.recording(conversation)))
            self._shelf[conversation] = volume
            if len(self._shelf) > SHELF_MAX:
                self._shelf.popitem(last=False)
        self._shelf.move_to_end(conversation)
        now = clock.monotonic()
        if now - volume.read_at >= FRESH_SECONDS:
            volume.specification = self._read(conversation)
            volume.read_at = now
        return volume

    def _read(self, conversation: str) -> Specification | None:
        try:
            return self._directory.read_specification(conversation)
        except (OSError, msgspec.MsgspecError):
            return None


def read_init(volume: Volume, name: str) -> bytes:
    """The init bytes of feed `name` as they are in its file."""
    feed = next(feed for feed in volume.reader.feeds if feed.name == name)
    view = volume.reader.view(feed)
    with mapped(view.path) as content:
        return bytes(content[: view.init_length])
