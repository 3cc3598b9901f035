"""HLS with parts from the windows of a channel (draft-pantos-hls-rfc8216bis, "the draft").

Rules: a playlist asked for ahead of time waits until it can be given, and so does the part that the
playlist hints at; what is further in the future is 400, what is gone is 404, and who waited three target
durations gets 503 (the draft, section 6.2.5.2). Waiting requests are bounded for the whole worker. What is
the same for everybody may be kept by caches; what carries a listener's proof may not.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

from hiwar.door.http import Problem, Request, Response
from hiwar.edge.channel import Channel, OnAir
from hiwar.media.feed import FEED_AAC, FEED_OPUS
from hiwar.packager.playlists import (
    CONTENT_TYPE,
    TARGET_SECONDS,
    BadReload,
    address_suffix,
    parse_reload_request,
    render_live,
    render_multivariant,
)
from hiwar.packager.window import Availability, LiveWindow

WAITERS_MAX = 20_000
KEPT_SECONDS = 120  # by caches: what is hidden later is gone from them soon
WAIT_SECONDS_MAX = 3 * TARGET_SECONDS
RENDERED_MAX = 64  # playlists kept for the present part: two feeds, with and without delta, some proofs
_FEEDS = {feed.name: feed for feed in (FEED_AAC, FEED_OPUS)}
_MEDIA = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,2}))?\.m4s", re.ASCII)


class HlsDesk:
    """Answers everything below `/c/<id>/hls/` for one channel. `waiters` counts the whole worker's."""

    def __init__(self, channel: Channel, waiters: "Waiters") -> None:
        self.channel = channel
        self._waiters = waiters
        self._pulse: asyncio.Future[None] | None = None
        self._rendered: OrderedDict[tuple[object, ...], tuple[bytes, str]] = OrderedDict()

    def advance(self) -> None:
        """The windows have a new part, or the end: whoever waits looks again."""
        pulse, self._pulse = self._pulse, None
        if pulse is not None and not pulse.done():
            pulse.set_result(None)

    async def answer(self, request: Request, rest: str) -> Response:
        """`rest` is the address after `/hls/`.

        Raises:
            Problem
        """
        if rest == "live.m3u8":
            return self._multivariant(request)
        name, _, leaf = rest.partition("/")
        if name not in _FEEDS:
            raise _nothing()
        window = self.channel.windows[name]
        if leaf == "live.m3u8":
            return await self._playlist(request, window)
        if leaf == "init.mp4":
            return self._init(request, name)
        return await self._media(request, window, leaf)

    def _multivariant(self, request: Request) -> Response:
        self._check_begun()
        variants = [(feed, f"{name}/live.m3u8") for name, feed in _FEEDS.items()]
        text = render_multivariant(variants, address_suffix(request.query.get("t", "")))
        return Response(200, _headers(request, CONTENT_TYPE, 60), text.encode())

    async def _playlist(self, request: Request, window: LiveWindow) -> Response:
        try:
            reload = parse_reload_request(request.query, window.last_part)
        except BadReload as error:
            raise Problem(400, str(error)) from error
        self._check_begun()
        if not (window.ended or reload.is_answerable(window.last_part)):
            await self._wait(lambda: window.ended or reload.is_answerable(window.last_part))
        body, mark = self._render(window, request.query.get("t", ""), skip=reload.skip)
        headers = _headers(request, CONTENT_TYPE, 1 if reload.awaited is None else 6 * TARGET_SECONDS)
        headers["ETag"] = mark
        if mark in request.headers.get("if-none-match", ""):
            return Response(304, headers)
        return Response(200, headers, body)

    def _render(self, window: LiveWindow, proof: str, *, skip: bool) -> tuple[bytes, str]:
        """The playlist as it is now: once for everybody who has the same proof, or none."""
        channel = self.channel
        key = (window.feed.name, window.last_part, window.ended, channel.origin_wallclock, proof, skip)
        found = self._rendered.get(key)
        if found is None:
            others = [
                (f"../{name}/live.m3u8", channel.windows[name]) for name in _FEEDS if name != window.feed.name
            ]
            text = render_live(
                window,
                origin_wallclock=channel.origin_wallclock,
                suffix=address_suffix(proof),
                skip=skip,
                reports=others,
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
            await self._wait(lambda: window.availability(msn, index) is not Availability.NEXT)
        standing = window.availability(msn, index)
        if standing is Availability.FUTURE:
            raise Problem(400, "That part is too far in the future.", arabic="هذا الجزء لم يحن بعد.")
        body = window.segment_bytes(msn) if index is None else window.part_bytes(msn, index)
        if body is None:
            raise Problem(404, "That part is not here any more.", {"Cache-Control": "max-age=1"})
        return Response(200, _headers(request, "audio/mp4", KEPT_SECONDS), body)

    async def _wait(self, arrived: Callable[[], bool]) -> None:
        with self._waiters:
            try:
                async with asyncio.timeout(WAIT_SECONDS_MAX):
                    while not arrived():
                        if self._pulse is None:
                            self._pulse = asyncio.get_running_loop().create_future()
                        await asyncio.shield(self._pulse)
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
