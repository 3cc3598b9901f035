"""HLS with parts from the windows of a channel (draft-pantos-hls-rfc8216bis, "the draft").

Rules: a playlist asked for ahead of time waits until it can be given, and so does the part that the
playlist hints at; what is further in the future is 400, what is gone is 404, and who waited three target
durations gets 503 (the draft, section 6.2.5.2). Waiting requests are bounded for the whole worker. Media
files are the same for everybody and may be kept by caches: their addresses carry the conversation's key of
the moment. A multivariant playlist carries the ticket of one listener, and may not.

Where the stage makes lighter renditions, they are variants too, for players to choose; while lighter sound is
wished for they are the only ones. Who has chosen a full one already stays there, and is given lighter chunks.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from hiwar.door.http import Problem, Request, Response
from hiwar.edge.channel import Channel, OnAir
from hiwar.media.feed import ALL_FEEDS, FEED_AAC, FEED_OPUS, Feed
from hiwar.packager.playlists import (
    CONTENT_TYPE,
    TARGET_SECONDS,
    BadReload,
    parse_reload_request,
    render_live,
    render_multivariant,
)
from hiwar.packager.window import Availability, LiveWindow

WAITERS_MAX = 20_000
KEPT_SECONDS = 120  # by caches: what is hidden later is gone from them soon
WAIT_SECONDS_MAX = 3 * TARGET_SECONDS
RENDERED_MAX = 128  # playlists kept for the present part: four feeds, with and without delta, two keys
_FULL = (FEED_AAC, FEED_OPUS)
_LIGHTER = tuple(ALL_FEEDS[feed.lighter] for feed in _FULL)
_FEEDS = {feed.name: feed for feed in _FULL + _LIGHTER}
_MEDIA = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?\.m4s", re.ASCII)


class HlsDesk:
    """Answers everything below `/c/<id>/hls/` for one channel. `waiters` counts the whole worker's."""

    def __init__(self, channel: Channel, waiters: "Waiters") -> None:
        self.channel = channel
        self.parts = True  # whether playlists name them
        self._waiters = waiters
        self._pulses: dict[str, asyncio.Future[None]] = {}  # of the feeds for which somebody waits
        self._rendered: OrderedDict[tuple[object, ...], tuple[bytes, str]] = OrderedDict()

    @property
    def variants(self) -> tuple[Feed, ...]:
        """What there is to choose from, best first."""
        if not self.channel.lighter_made:
            return _FULL
        return _LIGHTER if self.channel.lighter else _FULL + _LIGHTER

    def advance(self, name: str) -> None:
        """The window of a feed has a new part, or the end: whoever waits for it looks again."""
        pulse = self._pulses.pop(name, None)
        if pulse is not None and not pulse.done():
            pulse.set_result(None)

    async def answer(self, request: Request, rest: str, suffix: str = "") -> Response:
        """`rest` is the address after `/hls/`; `suffix` ends the addresses in a playlist: those of playlists
        in the multivariant one, those of media files in the others.

        Raises:
            Problem
        """
        if rest == "live.m3u8":
            return self._multivariant(request, suffix)
        name, _, leaf = rest.partition("/")
        if name not in _FEEDS or not self._has(_FEEDS[name]):
            raise _nothing()
        window = self.channel.windows[name]
        if leaf == "live.m3u8":
            return await self._playlist(request, window, suffix)
        if leaf == "init.mp4":
            return self._init(request, name)
        return await self._media(request, window, leaf)

    def _has(self, feed: Feed) -> bool:
        """A lighter feed is there once it is made, and stays."""
        return feed in _FULL or self.channel.lighter_made or self.channel.windows[feed.name].next_number > 0

    def _multivariant(self, request: Request, suffix: str) -> Response:
        self._check_begun()
        variants = [(feed, f"{feed.name}/live.m3u8") for feed in self.variants]
        text = render_multivariant(variants, suffix)
        headers = _headers(request, CONTENT_TYPE, 60) | {"Cache-Control": "no-store"}
        return Response(200, headers, text.encode())

    async def _playlist(self, request: Request, window: LiveWindow, suffix: str) -> Response:
        try:
            reload = parse_reload_request(request.query, window.last_part)
        except BadReload as error:
            raise Problem(400, str(error)) from error
        self._check_begun()
        if not (window.ended or reload.is_answerable(window.last_part)):
            await self._wait(window, lambda: window.ended or reload.is_answerable(window.last_part))
        body, mark = self._render(window, suffix, skip=reload.skip)
        headers = _headers(request, CONTENT_TYPE, 1 if reload.awaited is None else 6 * TARGET_SECONDS)
        headers["ETag"] = mark
        if mark in request.headers.get("if-none-match", ""):
            return Response(304, headers)
        return Response(200, headers, body)

    def _render(self, window: LiveWindow, suffix: str, *, skip: bool) -> tuple[bytes, str]:
        """The playlist as it is now: once for everybody."""
        channel = self.channel
        others = tuple(feed.name for feed in self.variants if feed is not window.feed)
        moment = (window.last_part, window.ended, channel.origin_wallclock)
        key = (window.feed.name, moment, others, suffix, skip, self.parts)
        found = self._rendered.get(key)
        if found is None:
            text = render_live(
                window,
                origin_wallclock=channel.origin_wallclock,
                suffix=suffix,
                skip=skip,
                parts=self.parts,
                reports=[(f"../{name}/live.m3u8", channel.windows[name]) for name in others],
            )
            body = text.encode()
            found = self._rendered[key] = (body, f'"{blake2b(body, digest_size=8).hexdigest()}"')
            if len(self._rendered) > RENDERED_MAX:
                self._rendered.popitem(last=False)
        return found

    def _init(self, request: Request, name: str) -> Response:
        self._check_begun()
        return Response(200, _headers(request, "audio/mp4", KEPT_SECONDS), self.channel.inits.get(name, b""))

    async def _media(self, request: Request, window: LiveWindow, leaf: str) -> Response:
        found = _MEDIA.fullmatch(leaf)
        if found is None:
            raise _nothing()
        msn, index = int(found[1]), None if found[2] is None else int(found[2])
        self._check_begun()
        if window.availability(msn, index) is Availability.NEXT:
            await self._wait(window, lambda: window.availability(msn, index) is not Availability.NEXT)
        standing = window.availability(msn, index)
        if standing is Availability.FUTURE:
            raise Problem(400, "That part is too far in the future.", arabic="هذا الجزء لم يحن بعد.")
        body = window.segment_bytes(msn) if index is None else window.part_bytes(msn, index)
        if body is None:
            raise Problem(404, "That part is not here any more.", {"Cache-Control": "max-age=1"})
        return Response(200, _headers(request, "audio/mp4", KEPT_SECONDS), body)

    async def _wait(self, window: LiveWindow, arrived: Callable[[], bool]) -> None:
        with self._waiters:
            try:
                async with asyncio.timeout(WAIT_SECONDS_MAX):
                    while not arrived():
                        pulse = self._pulses.get(window.feed.name)
                        if pulse is None:
                            pulse = asyncio.get_running_loop().create_future()
                            self._pulses[window.feed.name] = pulse
                        await asyncio.shield(pulse)
            except TimeoutError as error:
                raise Problem(503, "Nothing new came in time.", {"Retry-After": "1"}) from error

    def _check_begun(self) -> None:
        if self.channel.on_air is OnAir.NOT_YET:
            raise not_on_air()


class Waiters:
    """Counts requests that wait; full, it refuses."""

    def __init__(self, most: int = WAITERS_MAX) -> None:
        self.count = 0
        self._most = most

    def __enter__(self) -> None:
        if self.count >= self._most:
            raise Problem(503, "Too many are waiting here; try again in a moment.", {"Retry-After": "2"})
        self.count += 1

    def __exit__(self, *_: object) -> None:
        self.count -= 1


def not_on_air() -> Problem:
    """Before the air: 409, and when to ask again."""
    return Problem(
        409,
        "The conversation is not on air yet.",
        {"Retry-After": "2"},
        arabic="لم تبدأ المحادثة على الهواء بعد.",
    )


def _nothing() -> Problem:
    return Problem(404, "There is nothing at this address.")


def _headers(request: Request, content_type: str, seconds: int) -> dict[str, str]:
    shared = "private" if request.query.get("t") else "public"
    return {
        "Content-Type": content_type,
        "Cache-Control": f"{shared}, max-age={seconds}",
        "X-Content-Type-Options": "nosniff",
        "Access-Control-Allow-Origin": "*",
    }
