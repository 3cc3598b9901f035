"""What every answer of backstage may need: settings, keys, folders, the stages and the rooms' feeds."""

from hiwar.backstage.feed import RoomFeed
from hiwar.backstage.front_view import FrontView
from hiwar.backstage.ice import IceServer, ice_servers
from hiwar.backstage.passes import Admission, Refused, admit, is_resume
from hiwar.backstage.supervision import Stages
from hiwar.door.http import Problem, Request
from hiwar.ops.clock import monotonic, wallclock
from hiwar.ops.settings import Settings
from hiwar.relay.directory import Directory
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Room, Specification


class Rooms:
    """The feeds of all rooms; it is what the stages' keepers tell."""

    def __init__(self) -> None:
        self._feeds: dict[str, RoomFeed] = {}

    def feed(self, conversation: str) -> RoomFeed:
        """The feed of one conversation; empty ones that nobody reads are forgotten on the way."""
        if conversation not in self._feeds:
            idle = [key for key, feed in self._feeds.items() if not feed.pages and feed.state == "none"]
            for key in idle:
                del self._feeds[key]
        return self._feeds.setdefault(conversation, RoomFeed())

    def expel(self, conversation: str, serial: str, reason: str) -> None:
        """Somebody is out: their pages are told."""
        self.feed(conversation).expel(serial, reason)

    @property
    def led(self) -> bool:
        """Whether anybody who leads any conversation has a page open."""
        return any(feed.led for feed in self._feeds.values())

    def tell_front(self, news: bytes, whole: bytes) -> None:
        """The one front door of this machine, to the pages of all who lead."""
        for feed in self._feeds.values():
            feed.tell_front(news, whole)

    def room_changed(self, room: Room) -> None:
        self.feed(room.conversation).show(room, monotonic())

    def stage_lost(self, conversation: str) -> None:
        self.feed(conversation).lose()

    def stage_gone(self, conversation: str) -> None:
        self.feed(conversation).drop()


class Context:
    """One for the process, shared by all answers."""

    def __init__(
        self, settings: Settings, directory: Directory, key: bytes, rooms: Rooms, stages: Stages
    ) -> None:
        self.settings = settings
        self.directory = directory
        self.key = key
        self.rooms = rooms
        self.stages = stages
        self.front = FrontView(directory)
        self.ice_servers: list[IceServer] = ice_servers(settings)

    def specification(self, conversation: str) -> Specification:
        """The conversation, if it may be entered by anybody at all.

        Raises:
            Problem: 404 unknown, 403 hidden.
        """
        specification = self.directory.read_specification(conversation)
        if specification is None:
            raise problem(404, "There is no such conversation here.", "unknown")
        if specification.hidden:
            raise problem(403, "This conversation was hidden by moderation.", "hidden")
        return specification

    def admit(self, request: Request, conversation: str) -> Admission:
        """Whose pass this request shows.

        Raises:
            Problem: 401 or 403, as `passes.admit`.
        """
        links = self.directory.read_links(conversation)
        try:
            return admit(request.bearer(), conversation, links, self.key, wallclock())
        except Refused as refusal:
            raise problem(refusal.status, refusal.detail, refusal.reason) from refusal

    def resumes(self, request: Request, admission: Admission) -> bool:
        """Whether the request proves that the place is theirs."""
        return is_resume(request.headers.get("hiwar-resume", ""), admission, self.key, wallclock())

    def refuse_ended(self, conversation: str) -> None:
        """Raise 410 where the conversation is over."""
        if self.directory.read_standing(conversation).phase is Phase.ENDED:
            raise problem(410, "This conversation has ended.", "ended")


def problem(status: int, detail: str, reason: str) -> Problem:
    """A refusal that pages can translate by the word in its `Hiwar-Reason` header."""
    headers = {"Hiwar-Reason": reason}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="hiwar"'
    if status == 503:
        headers["Retry-After"] = "1"
    return Problem(status, detail, headers)


_REASONS = {403: "forbidden", 404: "unknown", 409: "taken", 410: "ended", 503: "busy"}


def stage_problem(failure: RequestFailed | ConnectionError) -> Problem:
    """What the stage, or its absence, means for whoever asked."""
    if isinstance(failure, RequestFailed):
        return problem(failure.status, failure.reason, _REASONS.get(failure.status, "failed"))
    return problem(503, "The stage is being started again; please try once more.", "busy")
