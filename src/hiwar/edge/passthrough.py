"""Everything that is not sound goes on to web or archive from here, and the answer comes back.

Rules: a request is written anew, never copied: hop-by-hop headers and whatever only the edge may say are
dropped first, so a client can never speak in the edge's name. Requests out are bounded; too many are told
503 and when to come again; each goes through a lane (`edge.lanes`), so that what is costly, or not there,
never takes the place of a conversation's page. Of concurrent requests for the same page one goes out and
the others wait for it. When web fails, an entry of the cache that is not older than a minute is shown.

By the rung of the ladder (`Pages`) entries stay fresh for longer, and in the end only the pages of
conversations are asked for any more, all others come from the cache or not at all.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable

from hiwar.admission.rungs import Pages
from hiwar.door.client import Answer, Busy, ClientLimits, Slow, Unavailable, UpstreamClient
from hiwar.door.http import Problem, Request, Response
from hiwar.edge.cache import (
    ENTRY_BYTES_MAX,
    FRESH_SECONDS,
    CacheKey,
    Entry,
    PageCache,
    decide_key,
    may_keep,
)
from hiwar.edge.lanes import Lane, Lanes
from hiwar.ops.clock import monotonic

HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade", "expect", "content-length", "http2-settings",
    }
)  # fmt: skip
ONLY_OURS = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded", "x-real-ip"})
OUR_PREFIX = "x-hiwar-"
WEB_LIMITS = ClientLimits(connections_max=16, queue_max=64, queue_s=2.0, head_s=10.0, body_s=10.0)
ARCHIVE_LIMITS = ClientLimits(connections_max=64, queue_max=64, queue_s=2.0, head_s=10.0, body_s=30.0)


def forwarded_headers(request: Request) -> list[tuple[str, str]]:
    """The headers of a request as it is passed on."""
    named = {part.strip().lower() for part in request.headers.get("connection", "").split(",")}
    dropped = HOP_BY_HOP | ONLY_OURS | (named - {"host", "cookie", "authorization"})
    kept = [
        (name, value)
        for name, value in request.headers.items()
        if name not in dropped and not name.startswith(OUR_PREFIX) and "_" not in name
    ]
    return [*kept, *_origin_headers(request)]


def reduced_headers(request: Request, key: CacheKey) -> list[tuple[str, str]]:
    """For an answer that others get too: of the client's headers only what is in the key."""
    return [
        ("host", key.host),
        ("accept", "text/html" if key.page else "*/*"),
        ("accept-language", key.language),
        *_origin_headers(request),
    ]


def _origin_headers(request: Request) -> list[tuple[str, str]]:
    return [
        ("X-Hiwar-Client", request.client),
        ("X-Forwarded-For", request.client),
        ("X-Forwarded-Proto", "https" if request.secure else "http"),
        ("X-Forwarded-Host", request.headers.get("host", "")),
    ]


def returned_headers(headers: Iterable[tuple[str, str]]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The headers of an answer as it is passed back, and its cookies."""
    kept: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in headers:
        if name == "set-cookie":
            cookies.append(value)
        elif name == "content-length":
            kept["Content-Length"] = value
        elif name not in HOP_BY_HOP:
            shown = name.title()
            kept[shown] = f"{kept[shown]}, {value}" if shown in kept else value
    return kept, tuple(cookies)


class PassThrough:
    """To one process. `counts`: `passed`, `failed`, `busy`."""

    def __init__(self, client: UpstreamClient) -> None:
        self.client = client
        self.counts: Counter[str] = Counter()

    async def answer(self, request: Request) -> Response:
        """The answer, streamed.

        Raises:
            Problem: 502, 503 or 504 where the process does not answer.
        """
        answer = await self.ask(request, request.raw_target, forwarded_headers(request))
        headers, cookies = returned_headers(answer.headers)
        return Response(answer.status, headers, answer.pieces(), cookies)

    async def ask(self, request: Request, target: str, headers: list[tuple[str, str]]) -> Answer:
        """Pass the request on.

        Raises:
            Problem
        """
        try:
            answer = await self.client.request(request.method, target, headers, request.body)
        except Busy as error:
            self.counts["busy"] += 1
            raise Problem(
                503, "The site is very busy; try again in a moment.", {"Retry-After": "2"}
            ) from error
        except Slow as error:
            self.counts["failed"] += 1
            raise Problem(504, "A part of the site took too long to answer.", {"Retry-After": "5"}) from error
        except Unavailable as error:
            self.counts["failed"] += 1
            raise Problem(
                502, "A part of the site does not answer at the moment.", {"Retry-After": "2"}
            ) from error
        self.counts["passed"] += 1
        return answer


FRESH_BY = {Pages.FRESH: FRESH_SECONDS, Pages.CACHED: 5.0, Pages.CACHE_ONLY: 30.0}  # seconds


class CachedPassThrough:
    """To web, through the cache. `counts`: `hits`, `stale`, `misses`, `shared` (waited for another's),
    `closed` (not asked for on this rung). `pages` says where pages come from now, `is_conversation(path)`
    whether a path is the page of a conversation that exists."""

    def __init__(
        self,
        passthrough: PassThrough,
        fallback_language: str,
        *,
        pages: Callable[[], Pages] = lambda: Pages.FRESH,
        is_conversation: Callable[[str], bool] = lambda path: False,
    ) -> None:
        self.cache = PageCache()
        self.counts: Counter[str] = Counter()
        self.lanes = Lanes()
        self._pages = pages
        self._is_conversation = is_conversation
        self._pass = passthrough
        self._language = fallback_language
        self._under_way: dict[CacheKey, asyncio.Future[Entry | None]] = {}

    async def answer(self, request: Request) -> Response:
        """The page, from the cache where that is allowed.

        Raises:
            Problem
        """
        key = decide_key(request, self._language)
        if key is None:
            return await self._uncached(request)
        entry = self.cache.fresh(key, monotonic(), FRESH_BY[self._pages()])
        if entry is None and key in self._under_way:
            entry = self.cache.stale(key, monotonic()) or await asyncio.shield(self._under_way[key])
            self.counts["shared"] += 1
        elif entry is None:
            return await self._fetch(request, key)
        else:
            self.counts["hits"] += 1
        return _render(entry) if entry is not None else await self._uncached(request)

    def _lane(self, request: Request) -> Lane:
        """The lane to web.

        Raises:
            Problem: it is not asked for on this rung.
        """
        conversation = self._is_conversation(request.path)
        if self._pages() is Pages.CACHE_ONLY and not (conversation and request.method in ("GET", "HEAD")):
            self.counts["closed"] += 1
            raise Problem(
                503,
                "This part of the site is paused while very many listen; conversations go on.",
                {"Retry-After": "30"},
                arabic="هذا الجزء من الموقع متوقف مؤقتًا بسبب كثرة المستمعين؛ المحادثات مستمرة.",
            )
        return self.lanes.of(request, conversation=conversation)

    async def _uncached(self, request: Request) -> Response:
        try:
            async with self._lane(request):
                return await self._pass.answer(request)
        except Problem:
            key = decide_key(request, self._language, signed_in_too=True)
            entry = self.cache.stale(key, monotonic()) if key else None
            if entry is None:
                raise
            self.counts["stale"] += 1
            return _render(entry)

    async def _fetch(self, request: Request, key: CacheKey) -> Response:
        """Ask web for everybody who wants the same; whoever waits is woken whatever happens."""
        self.counts["misses"] += 1
        future: asyncio.Future[Entry | None] = asyncio.get_running_loop().create_future()
        self._under_way[key] = future
        try:
            response, entry = await self._ask(request, key)
            future.set_result(entry)
        finally:
            del self._under_way[key]
            if not future.done():
                future.set_result(self.cache.stale(key, monotonic()))
        return response

    async def _ask(self, request: Request, key: CacheKey) -> tuple[Response, Entry | None]:
        try:
            async with self._lane(request):
                answer = await self._pass.ask(request, key.target, reduced_headers(request, key))
                if answer.status < 500:
                    return await self._keep(key, answer)
                answer.close()
            raise Problem(502, "A part of the site does not answer at the moment.", {"Retry-After": "2"})
        except Problem:
            entry = self.cache.stale(key, monotonic())
            if entry is None:
                raise
            self.counts["stale"] += 1
            return _render(entry), entry

    async def _keep(self, key: CacheKey, answer: Answer) -> tuple[Response, Entry | None]:
        """Read the whole page and keep it; what is too long for that is an error of ours to notice."""
        try:
            body = await answer.read(ENTRY_BYTES_MAX)
        except Unavailable as error:
            raise Problem(502, "A part of the site stopped in the middle.", {"Retry-After": "2"}) from error
        if body is None:
            raise Problem(502, "A page is larger than the front door passes on.")
        headers, cookies = returned_headers(answer.headers)
        if key.method != "HEAD":
            headers.pop("Content-Length", None)
        response = Response(answer.status, headers, body, cookies)
        if not may_keep(answer.status, answer.headers, body):
            return response, None
        entry = Entry(answer.status, headers, body, monotonic())
        self.cache.store(key, entry)
        return response, entry


def _render(entry: Entry) -> Response:
    return Response(entry.status, dict(entry.headers), entry.body)
