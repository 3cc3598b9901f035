"""Whom the front door turns away unheard: connections and requests beyond what one network may.

The shell around `admission.limits`, called by the door in its loop (`door.hooks`). Connections are judged at
accept, before a byte is read and before TLS; requests when their head is read, before any work is begun. A
listener's media is judged apart from everything else, so that a hall full of people with seats is not shut
out by its own playlists; and only who shows the key or a ticket is judged as such (what is shown is checked
later: showing anything gets nothing but the wider limit).

The answers are made once, in two languages, for people and for programs: turning away costs a write.
"""

from collections import Counter

from hiwar.admission.answers import Refusal, tell_refusal
from hiwar.admission.limits import LIMITS, ConnectionCounts, Exempt, Limited, PrefixLimits
from hiwar.admission.prefix import Origin, origin_of
from hiwar.admission.talkers import TopTalkers
from hiwar.door.head import Draft
from hiwar.door.headers import render_head
from hiwar.door.http import Problem
from hiwar.door.problems import language_of, render_problem
from hiwar.ops.clock import monotonic

RETRY_S = 5
DATED_S = 10.0  # how old the date in an answer may be
LOGIN_PATH = "/login"
_ACCEPTS = ("text/html", "*/*")


class FrontBouncer:
    """See the module. `counts`: `connections`, `requests`, `media` and `logins` turned away. `talkers` are
    the sources of completed connections that were turned away, for who can bar them earlier."""

    def __init__(self, exempt: Exempt) -> None:
        self.counts: Counter[str] = Counter()
        self.talkers = TopTalkers()
        self._exempt = exempt
        self._open = ConnectionCounts()
        self._limits = {kind: PrefixLimits(rates) for kind, rates in LIMITS.items()}
        self._answers: dict[tuple[str, str], bytes] = {}
        self._rendered_at = 0.0

    def opened(self, peer: str) -> bool:
        """One more connection of `peer`: False refuses it."""
        origin = origin_of(peer)
        if origin in self._exempt:
            return True
        if self._wait_s(Limited.CONNECTIONS, origin) or not self._open.opened(origin):
            return self._turn_away(Limited.CONNECTIONS, origin)
        return True

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
        kind = _kind_of(draft)
        if not self._wait_s(kind, origin):
            return None
        self._turn_away(kind, origin)
        headers = draft.headers
        accept = "text/html" if "text/html" in headers.get("accept", "") else "*/*"
        return self._answer(language_of(headers), accept)

    def _answer(self, language: str, accept: str) -> bytes:
        """Rendered now and then, since it has a date in it."""
        now = monotonic()
        if now - self._rendered_at > DATED_S:
            self._rendered_at = now
            self._answers = {
                (each, kind): _render_refusal(each, kind) for each in ("ar", "en") for kind in _ACCEPTS
            }
        return self._answers[language, accept]

    def _wait_s(self, kind: Limited, origin: Origin) -> float:
        return self._limits[kind].wait_s(origin, monotonic())

    def _turn_away(self, kind: Limited, origin: Origin) -> bool:
        self.counts[kind] += 1
        self.talkers.add(origin.finest, monotonic())
        return False


def _kind_of(draft: Draft) -> Limited:
    if draft.path.startswith("/c/") and "/hls/" in draft.path and ("k" in draft.query or "t" in draft.query):
        return Limited.MEDIA
    if draft.method == "POST" and draft.path == LOGIN_PATH:
        return Limited.LOGINS
    return Limited.REQUESTS


def _render_refusal(language: str, accept: str) -> bytes:
    said = tell_refusal(Refusal.TOO_MANY, retry_s=RETRY_S, claim=False)
    problem = Problem(
        429,
        said.english,
        {"Retry-After": str(RETRY_S)},
        arabic=said.arabic,
        members={"reason": Refusal.TOO_MANY, "arabic": said.arabic, "english": said.english},
    )
    response = render_problem({"accept": accept, "accept-language": language}, problem)
    assert isinstance(response.body, bytes)
    headers = {**response.headers, "Content-Length": str(len(response.body))}
    return render_head(response.status, headers, close=False) + response.body
