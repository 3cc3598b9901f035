"""Whom the front door turns away unheard: connections and requests beyond what one network may.

The shell around `admission.limits`, called by the door in its loop (`door.hooks`). Connections are judged at
accept, before a byte is read and before TLS; requests when their head is read, before any work is begun. A
listener's media is judged apart from everything else, so that a hall full of people with seats is not shut
out by its own playlists; and only who shows the key or a ticket is judged as such (what is shown is checked
later: showing anything gets nothing but the wider limit).

The answers are made once, in two languages, for people and for programs: turning away costs a write.
"""

from collections import Counter
from collections.abc import Mapping

from hiwar.admission.answers import Refusal, tell_refusal
from hiwar.admission.limits import LIMITS, ConnectionCounts, Exempt, Limited, PrefixLimits
from hiwar.admission.prefix import Origin, origin_of
from hiwar.admission.refused import RefusedSources
from hiwar.door.head import Draft
from hiwar.door.headers import render_head
from hiwar.door.http import Problem
from hiwar.door.problems import language_of, render_problem
from hiwar.ops.clock import monotonic

RETRY_S = 5
BARRED_MAX = 8192  # clients refused of late
DATED_S = 10.0  # how old the date in an answer may be
LOGIN_PATH = "/login"


class FrontBouncer:
    """See the module. `counts`: `connections`, `requests`, `media` and `logins` turned away. Whoever is
    turned away is counted in `refused`, if given, for who can bar them earlier; with `direct` also for
    requests, whose client is the peer then, and nobody behind a proxy."""

    def __init__(self, exempt: Exempt, refused: RefusedSources | None = None, *, direct: bool = True) -> None:
        self.counts: Counter[str] = Counter()
        self._refused = refused
        self._direct = direct
        self._exempt = exempt
        self._open = ConnectionCounts()
        self._connections = _Kind(Limited.CONNECTIONS)
        self._requests = _Kind(Limited.REQUESTS)
        self._media = _Kind(Limited.MEDIA)
        self._logins = _Kind(Limited.LOGINS)
        self._answers: dict[tuple[str, bool], bytes] = {}
        self._rendered_at = 0.0

    def opened(self, peer: str) -> bool:
        """One more connection of `peer`: False refuses it."""
        origin = origin_of(peer)
        if origin in self._exempt:
            return True
        now, kind = monotonic(), self._connections
        barred = kind.barred.get(peer, 0.0) > now or kind.bar(peer, origin, now)
        if not barred and self._open.opened(origin):
            return True
        self.counts[kind.name] += 1
        if self._refused is not None:
            self._refused.add(origin, kind.kind)
        return False

    def closed(self, peer: str) -> None:
        """A connection that was let in is over."""
        origin = origin_of(peer)
        if origin not in self._exempt:
            self._open.closed(origin)

    def refuse(self, draft: Draft, client: str) -> bytes | None:
        """The whole answer to a request that is one too many, or None."""
        origin = origin_of(client)
        if origin in self._exempt:
            return None
        now, kind = monotonic(), self._kind_of(draft)
        if kind.barred.get(client, 0.0) <= now and not kind.bar(client, origin, now):
            return None
        self.counts[kind.name] += 1
        if self._refused is not None and self._direct:
            self._refused.add(origin, kind.kind)
        return self._answer(draft.headers, now)

    def _kind_of(self, draft: Draft) -> "_Kind":
        path = draft.path
        if path.startswith("/c/"):
            media = "/hls/" in path and ("k" in draft.query or "t" in draft.query)
            return self._media if media else self._requests
        if draft.method == "POST" and path == LOGIN_PATH:
            return self._logins
        return self._requests

    def _answer(self, headers: Mapping[str, str], now: float) -> bytes:
        """In the words of who asks; rendered now and then, since it has a date in it."""
        if now - self._rendered_at > DATED_S:
            self._rendered_at = now
            self._answers = {
                (language, page): _render_refusal(language, page=page)
                for language in ("ar", "en")
                for page in (False, True)
            }
        told = "accept-language" in headers or "cookie" in headers
        language = language_of(headers) if told else "en"
        return self._answers[language, "text/html" in headers.get("accept", "")]


class _Kind:
    """The limits of one kind of event. `barred` says until when (monotonic seconds) whoever was refused last
    is refused again, whatever else their network does: what is refused is not charged, so time alone lets
    them in. In a flood that is nearly all, for the price of one look. `name` is plain text: an enum's hash
    is dear where each costs a flood."""

    def __init__(self, kind: Limited) -> None:
        self.kind = kind
        self.name = str(kind.value)
        self.barred: dict[str, float] = {}
        self._limits = PrefixLimits(LIMITS[kind])

    def bar(self, client: str, origin: Origin, now: float) -> bool:
        """Count an event of a client; whether it is one too many."""
        wait_s = self._limits.wait_s(origin, now)
        if not wait_s:
            return False
        if len(self.barred) >= BARRED_MAX:
            self.barred.clear()  # they are judged anew, each once
        self.barred[client] = now + wait_s
        return True


def _render_refusal(language: str, *, page: bool) -> bytes:
    said = tell_refusal(Refusal.TOO_MANY, retry_s=RETRY_S, claim=False)
    problem = Problem(
        429,
        said.english,
        {"Retry-After": str(RETRY_S)},
        arabic=said.arabic,
        members={"reason": Refusal.TOO_MANY, "arabic": said.arabic, "english": said.english},
    )
    accept = "text/html" if page else "*/*"
    response = render_problem({"accept": accept, "accept-language": language}, problem)
    assert isinstance(response.body, bytes)
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    return render_head(response.status, headers, close=False) + response.body
