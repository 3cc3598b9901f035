"""Server-sent events for who does not listen by the long response: the state, levels, and what the front
door tells everybody.

One rendered `bytes` for all; who is slow misses levels and gets the last state when they have caught up.
Bounded as the long responses are: nothing is kept per listener but a place in a set.
"""

from hiwar.door.connection import DoorConnection
from hiwar.relay.messages import Event

LEVELS_EVERY_SAMPLES = 48_000 // 4 - 480  # at most four a second
HEARTBEAT_SECONDS = 15
RETRY_MS = 2000
RETRY_JITTER_MS = 3000
BUFFER_BYTES = 32 * 1024
FOLLOWERS_MAX = 20_000  # of one worker; fewer where its door has fewer places
HEARTBEAT = b": on\n\n"


class Follower:
    """One event stream. The door calls it (see `door.connection.Owner`)."""

    __slots__ = ("board", "connection", "paused", "proven")

    def __init__(self, board: "EventBoard", connection: DoorConnection, *, proven: bool) -> None:
        self.board = board
        self.connection = connection
        self.proven = proven  # came with a ticket, voucher or claim
        self.paused = False

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.board.state:
            self.connection.write(self.board.state)

    def connection_lost(self) -> None:
        self.board.followers.discard(self)


class EventBoard:
    """The followers of one conversation in this worker."""

    def __init__(self) -> None:
        self.followers: set[Follower] = set()
        self.state = b""
        self.front = b""  # the last notice of the front door
        self._levels_at = -LEVELS_EVERY_SAMPLES

    def join(self, connection: DoorConnection, head: bytes, jitter: float, *, proven: bool) -> None:
        """Take a connection over; `jitter` (0..1) spreads the reconnects after a restart."""
        if connection.transport is None:
            return
        follower = Follower(self, connection, proven=proven)
        connection.transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self.followers.add(follower)
        connection.take(follower)
        retry = b"retry: %d\n\n" % (RETRY_MS + int(jitter * RETRY_JITTER_MS))
        connection.write(head + retry + self.state + self.front)

    def push(self, event: Event) -> None:
        """Pass an event on."""
        rendered = render_event_record(event.kind, event.body)
        if event.kind == "state":
            self.state = rendered
        elif event.kind == "front":
            self.front = rendered
        elif event.media_time - self._levels_at < LEVELS_EVERY_SAMPLES:
            return
        else:
            self._levels_at = event.media_time
        self._write(rendered)

    def beat(self) -> None:
        """A comment, so that a vanished client shows and proxies keep the connection."""
        self._write(HEARTBEAT)

    def dismiss(self, *, keep_proven: bool = False) -> None:
        for follower in tuple(self.followers):
            if not (follower.proven and keep_proven):
                follower.connection.close()

    def _write(self, rendered: bytes) -> None:
        for follower in tuple(self.followers):
            if not follower.paused:
                follower.connection.write(rendered)


def render_event_record(kind: str, body: bytes) -> bytes:
    """One event in the format of the HTML standard, section 9.2; JSON has no line breaks in it."""
    return b"event: %b\ndata: %b\n\n" % (kind.encode("ascii"), body.replace(b"\n", b" ").replace(b"\r", b" "))
