"""What the pages of one conversation are told, as server-sent events (WHATWG HTML, section 9.2).

    room    the whole room, at every change and at least every `WHOLE_SECONDS`
    levels  in between: {"on_air_seconds", "listeners", "levels": {id: dBFS}, "loss": {id: percent}}
    stage   {"state": "lost"}: connect again; {"state": "ready"}: the new stage waits for you
    front   how the front door stands and what is wished of it (see `front_view`): to who leads only
    out     {"reason": "removed" | "revoked"}: to one person's pages, which then are closed

Every event is rendered once for all pages. A page that does not read loses its queue and gets the
whole room instead: each room event is whole, so nothing is missed for good.
"""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from hiwar.relay.records import Room, Speaker

QUEUE_MAX = 64  # six seconds of levels
PAGES_MAX = 400  # of one conversation: two for each link
PAGES_OF_ONE_MAX = 8  # of one link, or one guest's tabs could lock the host out; the oldest gives way
WHOLE_SECONDS = 2.0
KEEPALIVE_SECONDS = 10.0
_KEEPALIVE = b": still here\n\n"
_encode = msgspec.json.Encoder().encode


class TooManyPages(Exception):
    """`PAGES_MAX` pages of this conversation are open already."""


class Page:
    """One open page's queue. `serial` is whose it is; `front` the front door, whole, as one event for who
    leads, and None for everybody else."""

    def __init__(self, serial: str, front: bytes | None = None) -> None:
        self.serial = serial
        self.front = front
        self.closed = False
        self._events: list[bytes] = []
        self._more = asyncio.Event()

    def put(self, event: bytes, whole: bytes) -> None:
        """Queue `event`; where the queue is full, forget it all and queue `whole` and the front door."""
        if len(self._events) >= QUEUE_MAX:
            self._events = [whole, self.front or b""]
        else:
            self._events.append(event)
        self._more.set()

    def close(self) -> None:
        self.closed = True
        self._more.set()

    async def next_bytes(self) -> bytes:
        """What is queued, or a comment after a while of silence; b'' once closed and read out."""
        try:
            async with asyncio.timeout(KEEPALIVE_SECONDS):
                await self._more.wait()
        except TimeoutError:
            return _KEEPALIVE
        events, self._events = self._events, []
        if not self.closed:
            self._more.clear()
        return b"".join(events)


class RoomFeed:
    """The pages of one conversation, and the room as last told."""

    def __init__(self) -> None:
        self.room: Room | None = None
        self.state = "none"  # of the stage: "none", "ready" or "lost"
        self._shape: object = None
        self._whole = b""
        self._whole_at = float("-inf")
        self._pages: dict[Page, None] = {}  # the oldest first

    @property
    def pages(self) -> int:
        return len(self._pages)

    @property
    def led(self) -> bool:
        """Whether a page of somebody who leads is open."""
        return any(page.front is not None for page in self._pages)

    def show(self, room: Room, now: float) -> None:
        """The stage said how the room is."""
        if self.state != "ready":
            self._stage("ready")
        self.room = room
        shape = _shape(room)
        if shape == self._shape and now - self._whole_at < WHOLE_SECONDS:
            self._tell(render_event("levels", _levels(room)))
            return
        self._shape, self._whole_at = shape, now
        self._whole = render_event("room", room)
        self._tell(self._whole)

    def lose(self) -> None:
        """The stage died, or cannot be reached."""
        self._stage("lost")

    def drop(self) -> None:
        """There is no stage, and none is to come by itself."""
        self.room, self._shape, self._whole = None, None, b""
        self._stage("none")

    def expel(self, serial: str, reason: str) -> None:
        """Tell the pages of one person why they are out, and close them."""
        event = render_event("out", {"reason": reason})
        for page in [page for page in self._pages if page.serial == serial]:
            page.put(event, event)
            page.close()

    def tell_front(self, news: bytes, whole: bytes) -> None:
        """There is `news` of the front door, and `whole` is all that is known of it, as events."""
        for page in self._pages:
            if page.front is not None:
                page.front = whole
                page.put(news, self._whole)

    def events(self, serial: str, front: bytes | None = None) -> AsyncIterator[bytes]:
        """The body of one page's event stream; `front` is the front door as one event, for who leads.

        Raises:
            TooManyPages: before anything was sent.
        """
        own = [page for page in self._pages if page.serial == serial]
        if len(own) >= PAGES_OF_ONE_MAX:
            own[0].close()
            del self._pages[own[0]]
        if len(self._pages) >= PAGES_MAX:
            raise TooManyPages
        page = Page(serial, front)
        first = render_event("stage", {"state": self.state}) + self._whole + (front or b"")
        page.put(first, first)
        self._pages[page] = None
        return self._read(page)

    async def _read(self, page: Page) -> AsyncIterator[bytes]:
        try:
            while chunk := await page.next_bytes():
                yield chunk
        finally:
            self._pages.pop(page, None)

    def _stage(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._tell(render_event("stage", {"state": state}))

    def _tell(self, event: bytes) -> None:
        for page in self._pages:
            page.put(event, self._whole)


def render_event(name: str, content: object) -> bytes:
    """One server-sent event with JSON in one data line."""
    return b"event: " + name.encode() + b"\ndata: " + _encode(content) + b"\n\n"


def _shape(room: Room) -> object:
    """The room without what changes all the time."""
    speakers = tuple((row.person, row.gain_db, row.source) for row in room.speakers)
    return (room.phase, room.incarnation, room.recording, room.ends_in_seconds is None, speakers)


def _levels(room: Room) -> dict[str, object]:
    return {
        "on_air_seconds": round(room.on_air_seconds, 2),
        "listeners": room.listeners,
        "ends_in_seconds": room.ends_in_seconds,
        "levels": {row.person.id: row.level_dbfs for row in room.speakers},
        "loss": {row.person.id: _loss(row) for row in room.speakers},
    }


def _loss(row: Speaker) -> float:
    return round(row.loss_percent, 1)
