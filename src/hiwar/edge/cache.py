"""The one-second cache of pages: what may be kept, under which key, for how long. Pure.

Rules ("The doors"): the key is method, host, path, allow-listed query and language (and whether a page or
something else is wanted). Who is signed in, carries a proof, or asks with any other parameter is passed by.
Nothing with Set-Cookie, nothing private and no form with a CSRF token is kept. A request that may be
answered from here goes to web with nothing of the client's but the key, so that no header which is not in
the key can colour what others get.

An entry is fresh for a second, for longer while very many come, and may be shown for a minute while web is
dead or busy.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from hiwar.assets.visitors import CSRF_COOKIE, SESSION_COOKIE, choose_language
from hiwar.door.http import Request

FRESH_SECONDS = 1.0
STALE_SECONDS = 60.0
ENTRIES_MAX = 1024
BYTES_MAX = 32 * 1024 * 1024
ENTRY_BYTES_MAX = 512 * 1024
QUERY_ALLOWED = ("lang", "page")
QUERY_VALUE_CHARS_MAX = 16
OWN_COOKIES = frozenset({SESSION_COOKIE, CSRF_COOKIE})  # who brings one gets pages of their own
PATH_SAFE = "/:@!$&'()*+,;=~"  # RFC 3986 section 3.3: however a path was spelled, it is one entry
STATUSES_KEPT = frozenset({200, 301, 404, 410})
_VARY_KNOWN = frozenset({"accept", "accept-language", "accept-encoding", "cookie", "host", ""})


@dataclass(frozen=True, slots=True)
class CacheKey:
    """Everything that a kept answer depends on."""

    method: str
    secure: bool
    host: str
    path: str
    query: str
    language: str
    page: bool

    @property
    def target(self) -> str:
        """What to ask web for: of the address only the path, in its one spelling."""
        return self.path + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept answer; `stored_at` in monotonic seconds."""

    status: int
    headers: dict[str, str]
    body: bytes
    stored_at: float


def decide_key(request: Request, fallback_language: str, *, signed_in_too: bool = False) -> CacheKey | None:
    """The key under which the request may be answered; None if it must be passed by.

    `signed_in_too` disregards cookies: for what to show them while web is dead.
    """
    headers = request.headers
    if request.method not in ("GET", "HEAD") or request.body or "authorization" in headers:
        return None
    if not set(request.query) <= set(QUERY_ALLOWED) or _repeats(request):
        return None
    if any(len(value) > QUERY_VALUE_CHARS_MAX for value in request.query.values()):
        return None
    if "range" in headers or (_cookie_names(headers) & OWN_COOKIES and not signed_in_too):
        return None
    return CacheKey(
        request.method,
        request.secure,
        headers.get("host", "").lower(),
        quote(request.path, safe=PATH_SAFE),
        urlencode(sorted(request.query.items())),
        choose_language(headers.get("cookie", ""), headers.get("accept-language", ""), fallback_language),
        "text/html" in headers.get("accept", ""),
    )


def may_keep(status: int, headers: list[tuple[str, str]], body: bytes) -> bool:
    """Whether an answer may be given to others too."""
    names = {name for name, _ in headers}
    control = ",".join(value for name, value in headers if name == "cache-control").lower()
    vary = ",".join(value for name, value in headers if name == "vary").lower()
    return (
        status in STATUSES_KEPT
        and "set-cookie" not in names
        and not any(word in control for word in ("private", "no-store", "no-cache"))
        and {part.strip() for part in vary.split(",")} <= _VARY_KNOWN
        and len(body) <= ENTRY_BYTES_MAX
        and b"csrfmiddlewaretoken" not in body
    )


class PageCache:
    """Kept answers, the least recently used forgotten first. `now` is monotonic seconds."""

    def __init__(self) -> None:
        self._entries: OrderedDict[CacheKey, Entry] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def fresh(self, key: CacheKey, now: float, seconds: float = FRESH_SECONDS) -> Entry | None:
        """An entry that is shown without asking web again."""
        return self._find(key, now, seconds)

    def stale(self, key: CacheKey, now: float) -> Entry | None:
        """An entry that may be shown while there is nothing better."""
        return self._find(key, now, STALE_SECONDS)

    def store(self, key: CacheKey, entry: Entry) -> None:
        self.forget(key)
        self._entries[key] = entry
        self.bytes += len(entry.body)
        while len(self._entries) > ENTRIES_MAX or self.bytes > BYTES_MAX:
            _, oldest = self._entries.popitem(last=False)
            self.bytes -= len(oldest.body)

    def forget(self, key: CacheKey) -> None:
        held = self._entries.pop(key, None)
        if held is not None:
            self.bytes -= len(held.body)

    def forget_path(self, path: str) -> None:
        """Whatever begins with `path` is gone at once: moderation hid it."""
        for key in [key for key in self._entries if key.path.startswith(path)]:
            self.forget(key)

    def _find(self, key: CacheKey, now: float, age_max: float) -> Entry | None:
        entry = self._entries.get(key)
        if entry is None or now - entry.stored_at > age_max:
            return None
        self._entries.move_to_end(key)
        return entry


def _repeats(request: Request) -> bool:
    """Whether a parameter comes twice: then two readers could take different ones."""
    query = request.raw_target.partition("?")[2]
    return bool(query) and len(query.split("&")) != len(request.query)


def _cookie_names(headers: Mapping[str, str]) -> set[str]:
    pieces = headers.get("cookie", "").split(";")
    return {piece.partition("=")[0].strip() for piece in pieces if piece.strip()}
