"""Which address is answered by whom (the table is in docs/addresses.md).

Sound, events and files are answered here; replays by archive; everything else by web. Every address with
sound or events asks `Access` first.

A listening address takes a seat: that of its ticket, or, without one, as somebody who cannot wait (players,
pages without scripts). `POST /c/<id>/seat` asks for one before (`edge.asking`). For HLS the multivariant
playlist gives the ticket, each playlist renews its lease, and media files need the key that playlists give.

Where there is nothing to hear: 409 with Retry-After before the air, 503 with Retry-After while a stage is
being started again and this worker has not heard from it yet, 410 after the end.
"""

import re
from collections.abc import Mapping
from random import random

from hiwar.admission.verdicts import Admit, Refuse
from hiwar.door.connection import DoorConnection
from hiwar.door.headers import render_head
from hiwar.door.http import Problem, Request, Response, Takeover
from hiwar.door.static import StaticFiles
from hiwar.edge.access import Access, Known
from hiwar.edge.asking import AskingDesk, refused
from hiwar.edge.broadcast import Broadcast, live_headers
from hiwar.edge.channel import OnAir, render_now
from hiwar.edge.events import FOLLOWERS_MAX
from hiwar.edge.hls import not_on_air
from hiwar.edge.passthrough import CachedPassThrough, PassThrough
from hiwar.edge.usher import Usher
from hiwar.media.feed import FEED_OPUS, FEEDS
from hiwar.ops.clock import monotonic
from hiwar.packager.playlists import address_suffix
from hiwar.relay.phases import ON_AIR
from hiwar.relay.records import Phase
from hiwar.tokens.token import Kind, claimed_kind

_CONVERSATION = re.compile(r"/c/([a-z0-9]{6,32})/(.+)", re.ASCII)
_PAGE = re.compile(r"/c/([a-z0-9]{6,32})(?:/.*)?", re.ASCII)
MULTIVARIANT = "live.m3u8"
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
        usher: Usher,
        desk: AskingDesk,
        pages: CachedPassThrough,
        archive: PassThrough,
        static: StaticFiles,
        followers_max: int = FOLLOWERS_MAX,
    ) -> None:
        self._broadcasts = broadcasts
        self._access = access
        self._usher = usher
        self._desk = desk
        self._pages = pages
        self._archive = archive
        self._static = static
        self._followers_max = followers_max

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
        section = rest.partition("/")[0]
        if section in ("seat", "hls", "archive"):
            return await self._in_section(request, conversation, section, rest.partition("/")[2])
        self._purge_if_hidden(request.path)
        return await self._pages.answer(request)

    async def _in_section(self, request: Request, conversation: str, section: str, rest: str) -> Response:
        if section == "seat":
            return await self._ask_for_seat(request, conversation)
        if section == "hls":
            return await self._hls(request, conversation, rest)
        self._check(request, conversation)
        if not self._usher.rules.archive:
            raise closed_for_now()
        return await self._archive.answer(request)

    async def _ask_for_seat(self, request: Request, conversation: str) -> Response:
        if request.method != "POST":
            raise Problem(405, "A seat is asked for by POST.", {"Allow": "POST"})
        known = self._access.check(request, conversation)
        if known.standing.phase is Phase.ENDED:
            raise nothing_to_hear(Phase.ENDED)
        return await self._desk.answer(request, conversation)

    def _take_seat(self, request: Request, conversation: str) -> Admit:
        """The seat of who listens now.

        Raises:
            Problem: 429 or 503 where they get none.
        """
        shown = self._usher.read_proof(conversation, request.query.get("t", ""))
        verdict = self._usher.decide(request, shown, patient=False)
        if isinstance(verdict, Admit):
            self._usher.give(verdict, request, conversation)
            return verdict
        assert isinstance(verdict, Refuse)
        raise refused(verdict.reason, verdict.ask_again_s, self._desk.render_claim(conversation))

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

    def _on_air(self, conversation: str, known: Known, *, early: bool) -> Broadcast:
        """What can be heard; `early`: or will be, in a response that carries only events until then."""
        broadcast = self._broadcasts.get(conversation)
        if broadcast is None or (broadcast.channel.on_air is OnAir.NOT_YET and not early):
            raise nothing_to_hear(known.standing.phase)
        if broadcast.channel.on_air is OnAir.ENDED:
            raise nothing_to_hear(Phase.ENDED)
        return broadcast

    def _live(self, request: Request, conversation: str, name: str) -> Response | Takeover:
        known = self._check(request, conversation)
        feed = _LIVE[name]
        broadcast = self._on_air(conversation, known, early=feed is FEED_OPUS)
        if request.method == "HEAD":
            return Response(200, live_headers(feed))
        seat, proven = self._take_seat(request, conversation), bool(request.query.get("t"))

        def join(connection: DoorConnection) -> None:
            broadcast.join(feed, connection, self._usher.seat(seat.serial, connection), proven=proven)

        return Takeover(join)

    def _events(self, request: Request, conversation: str, name: str) -> Response | Takeover:
        known = self._check(request, conversation)
        broadcast = self._broadcasts.get(conversation)
        if name == "now":
            headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
            if known.standing.phase is Phase.ENDED:
                return Response(
                    200, headers, b'{"phase":"ended","listeners":0,"on_air_seconds":0,"speakers":[]}'
                )
            return Response(200, headers, _now(broadcast))
        if broadcast is None or broadcast.channel.on_air is OnAir.ENDED:
            raise nothing_to_hear(known.standing.phase)
        if sum(len(each.board.followers) for each in self._broadcasts.values()) >= self._followers_max:
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
        suffix = self._open_hls(request, conversation, rest, broadcast)
        response = await broadcast.hls.answer(request, rest, suffix)
        self._access.check(
            request, conversation
        )  # it may have waited: what was hidden meanwhile stays silent
        return response

    def _open_hls(self, request: Request, conversation: str, rest: str, broadcast: Broadcast) -> str:
        """What the addresses in the answer end in, for who may have it: a playlist takes or renews a seat.

        Raises:
            Problem
        """
        if not rest.endswith(".m3u8"):
            if not self._access.opens_media(request.query.get("k", ""), conversation):
                raise begin_with_the_playlist()
            return ""
        if broadcast.channel.on_air is OnAir.NOT_YET:
            raise not_on_air()
        if request.method == "HEAD":
            return ""
        if rest != MULTIVARIANT and claimed_kind(request.query.get("t", "")) is not Kind.TICKET:
            raise begin_with_the_playlist()
        seat = self._take_seat(request, conversation)
        self._usher.renew(seat.serial)
        broadcast.leases.renew(seat.serial, monotonic())
        if rest == MULTIVARIANT:
            return address_suffix(self._usher.render_ticket(conversation, seat))
        return self._access.media_suffix(conversation)


def _now(broadcast: Broadcast | None) -> bytes:
    return render_now(broadcast.channel, broadcast.notice) if broadcast else render_now(None)


def begin_with_the_playlist() -> Problem:
    """A playlist without a seat, or a file without the key that playlists give."""
    return Problem(
        403,
        "This address is not good by itself, or not any more: begin with live.m3u8.",
        arabic="هذا العنوان غير صالح وحده، أو لم يعد صالحًا: ابدأ من live.m3u8.",
    )


def closed_for_now() -> Problem:
    """Time shift and replays give way before any live seat is refused."""
    return Problem(
        503,
        "Replays are paused while very many listen live; they are all kept.",
        {"Retry-After": "30"},
        arabic="الإعادات متوقفة مؤقتًا بسبب كثرة المستمعين، وهي محفوظة كلها.",
    )


def nothing_to_hear(phase: Phase) -> Problem:
    """Why there is no sound at this moment, as a status that a player understands."""
    if phase is Phase.ENDED:
        return Problem(410, "The conversation is over; its recording is at the same address.",
                       arabic="انتهت المحادثة؛ تسجيلها في العنوان نفسه.")  # fmt: skip
    if phase in ON_AIR:
        return Problem(503, "The conversation will go on in a moment.", {"Retry-After": "1"},
                       arabic="ستتابع المحادثة بعد لحظة.")  # fmt: skip
    return not_on_air()
