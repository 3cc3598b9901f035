"""Which address is answered by whom (the table is in docs/addresses.md).

Sound, events and files are answered here; replays by archive; everything else by web. Every address with
sound or events asks `Access` first.

Where there is nothing to hear: 409 with Retry-After before the air, 503 with Retry-After while a stage is
being started again and this worker has not heard from it yet, 410 after the end.
"""

import re
from collections.abc import Mapping
from random import random

from hiwar.door.headers import render_head
from hiwar.door.http import Problem, Request, Response, Takeover
from hiwar.door.static import StaticFiles
from hiwar.edge.access import Access, Known
from hiwar.edge.broadcast import Broadcast, live_headers
from hiwar.edge.channel import OnAir, render_now
from hiwar.edge.events import FOLLOWERS_MAX
from hiwar.edge.hls import not_on_air
from hiwar.edge.passthrough import CachedPassThrough, PassThrough
from hiwar.media.feed import FEEDS
from hiwar.ops.clock import monotonic
from hiwar.relay.phases import ON_AIR
from hiwar.relay.records import Phase

_CONVERSATION = re.compile(r"/c/([a-z0-9]{6,32})/(.+)", re.ASCII)
_PAGE = re.compile(r"/c/([a-z0-9]{6,32})(?:/.*)?", re.ASCII)
_LIVE = {f"live.{feed.extension}": feed for feed in FEEDS.values()}
_EVENT_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",
    "X-Content-Type-Options": "nosniff",
}


class FrontDoor:
    """The handler of the public port. `broadcasts` has the conversations that this worker hears."""

    def __init__(
        self,
        broadcasts: Mapping[str, Broadcast],
        access: Access,
        *,
        pages: CachedPassThrough,
        archive: PassThrough,
        static: StaticFiles,
    ) -> None:
        self._broadcasts = broadcasts
        self._access = access
        self._pages = pages
        self._archive = archive
        self._static = static

    async def answer(self, request: Request) -> Response | Takeover:
        """The answer to any request.

        Raises:
            Problem
        """
        if request.path.startswith(self._static.prefix):
            return self._static.answer(request)
        found = _CONVERSATION.fullmatch(request.path)
        conversation, rest = found.groups() if found else ("", "")
        if rest in _LIVE:
            return self._live(request, conversation, rest)
        if rest in ("events", "now"):
            return self._events(request, conversation, rest)
        if rest.startswith("hls/"):
            return await self._hls(request, conversation, rest.removeprefix("hls/"))
        if rest.startswith("archive/"):
            self._check(request, conversation)
            return await self._archive.answer(request)
        self._purge_if_hidden(request.path)
        return await self._pages.answer(request)

    def _purge_if_hidden(self, path: str) -> None:
        """A page, or a status, of what moderation hid is never shown from the cache, not even while web is
        dead."""
        found = _PAGE.fullmatch(path)
        if found is None:
            return
        specification = self._access.known(found.group(1)).specification
        if specification is not None and specification.hidden:
            self._pages.cache.forget_path(f"/c/{specification.id}")

    def _check(self, request: Request, conversation: str) -> Known:
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, "This can only be heard.", {"Allow": "GET, HEAD"})
        return self._access.check(request, conversation)

    def _on_air(self, conversation: str, known: Known) -> Broadcast:
        broadcast = self._broadcasts.get(conversation)
        if broadcast is None or broadcast.channel.on_air is OnAir.NOT_YET:
            raise nothing_to_hear(known.standing.phase)
        if broadcast.channel.on_air is OnAir.ENDED:
            raise nothing_to_hear(Phase.ENDED)
        return broadcast

    def _live(self, request: Request, conversation: str, name: str) -> Response | Takeover:
        known = self._check(request, conversation)
        broadcast, feed = self._on_air(conversation, known), _LIVE[name]
        if request.method == "HEAD":
            return Response(200, live_headers(feed))
        proven = bool(request.query.get("t"))
        return Takeover(lambda connection: broadcast.join(feed, connection, proven=proven))

    def _events(self, request: Request, conversation: str, name: str) -> Response | Takeover:
        known = self._check(request, conversation)
        broadcast = self._broadcasts.get(conversation)
        if name == "now":
            headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
            if known.standing.phase is Phase.ENDED:
                return Response(
                    200, headers, b'{"phase":"ended","listeners":0,"on_air_seconds":0,"speakers":[]}'
                )
            return Response(200, headers, render_now(broadcast.channel if broadcast else None))
        if broadcast is None or broadcast.channel.on_air is OnAir.ENDED:
            raise nothing_to_hear(known.standing.phase)
        if len(broadcast.board.followers) >= FOLLOWERS_MAX:
            raise Problem(503, "Too many are following here.", {"Retry-After": "5"})
        if request.method == "HEAD":
            return Response(200, dict(_EVENT_HEADERS))
        board, head = broadcast.board, render_head(200, _EVENT_HEADERS, close=True)
        proven, jitter = bool(request.query.get("t")), random()  # noqa: S311 - spreads load
        return Takeover(lambda connection: board.join(connection, head, jitter, proven=proven))

    async def _hls(self, request: Request, conversation: str, rest: str) -> Response:
        known = self._check(request, conversation)
        broadcast = self._broadcasts.get(conversation)
        if broadcast is None:
            raise nothing_to_hear(known.standing.phase)
        if rest.endswith(".m3u8"):
            proof = request.query.get("t", "")
            who = hash((request.client, request.headers.get("user-agent", ""), proof))
            broadcast.leases.renew(who, monotonic())
        response = await broadcast.hls.answer(request, rest)
        self._access.check(
            request, conversation
        )  # it may have waited: what was hidden meanwhile stays silent
        return response


def nothing_to_hear(phase: Phase) -> Problem:
    """Why there is no sound at this moment, as a status that a player understands."""
    if phase is Phase.ENDED:
        return Problem(410, "The conversation is over; its recording is at the same address.",
                       arabic="انتهت المحادثة؛ تسجيلها في العنوان نفسه.")  # fmt: skip
    if phase in ON_AIR:
        return Problem(503, "The conversation will go on in a moment.", {"Retry-After": "1"},
                       arabic="ستتابع المحادثة بعد لحظة.")  # fmt: skip
    return not_on_air()
