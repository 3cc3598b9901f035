"""Who is turned away unheard, and who never is."""

import json

import pytest

from hiwar.admission.limits import CONNECTIONS_OPEN, LIMITS, Exempt, Level, Limited
from hiwar.admission.refused import RefusedSources
from hiwar.door.head import Draft
from hiwar.edge import bouncer as module
from hiwar.edge.bouncer import FrontBouncer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


def draft(path: str = "/", method: str = "GET", query: dict[str, str] | None = None, **headers: str) -> Draft:
    return Draft(method, path, path, query or {}, headers, http_1_0=False, keep_alive=True)


def test_one_address_has_so_many_connections_and_gets_their_places_back(clock: list[float]) -> None:
    bouncer, most = FrontBouncer(Exempt()), CONNECTIONS_OPEN[Level.IPV4_32]
    for _ in range(most):
        clock[0] += 1
        assert bouncer.opened("192.0.2.1")
    clock[0] += 1
    assert not bouncer.opened("192.0.2.1")
    assert bouncer.opened("198.51.100.1")
    bouncer.closed("192.0.2.1")
    clock[0] += 1
    assert bouncer.opened("192.0.2.1")
    assert bouncer.counts[Limited.CONNECTIONS] == 1


def test_a_flood_of_requests_is_answered_429_in_the_words_of_who_asks(clock: list[float]) -> None:
    bouncer = FrontBouncer(Exempt())
    burst = int(LIMITS[Limited.REQUESTS][Level.IPV4_32].burst)
    refused = [bouncer.refuse(draft(), "192.0.2.1") for _ in range(burst + 10)]
    assert all(answer is None for answer in refused[:burst])
    answer = refused[-1]
    assert answer is not None
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 5" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert json.loads(body)["reason"] == "too-many"
    page = bouncer.refuse(draft(accept="text/html", **{"accept-language": "ar"}), "192.0.2.1")
    assert page is not None
    assert "من هذه الشبكة".encode() in page
    assert bouncer.refuse(draft(), "203.0.113.1") is None


def test_the_date_in_a_prepared_answer_does_not_grow_old(clock: list[float]) -> None:
    bouncer = FrontBouncer(Exempt())
    first = bouncer._answer({}, clock[0])
    assert bouncer._answer({}, clock[0]) is first
    clock[0] += module.DATED_S + 1
    assert bouncer._answer({}, clock[0]) is not first


def test_a_hall_of_listeners_does_not_shut_itself_out_by_its_playlists(clock: list[float]) -> None:
    bouncer = FrontBouncer(Exempt())
    media = draft("/c/abcdef1/hls/aac/live.m3u8", query={"t": "x"})
    for _ in range(int(LIMITS[Limited.MEDIA][Level.IPV4_32].burst) + 1):
        bouncer.refuse(media, "192.0.2.1")
    assert bouncer.counts[Limited.MEDIA] == 1
    assert bouncer.refuse(draft("/c/abcdef1"), "192.0.2.1") is None


def test_passwords_are_tried_seldom(clock: list[float]) -> None:
    bouncer = FrontBouncer(Exempt())
    burst = int(LIMITS[Limited.LOGINS][Level.IPV4_32].burst)
    answers = [bouncer.refuse(draft("/login", "POST"), "192.0.2.1") for _ in range(burst + 1)]
    assert [answer is None for answer in answers] == [True] * burst + [False]


def test_known_networks_are_never_turned_away(clock: list[float]) -> None:
    bouncer = FrontBouncer(Exempt(["192.0.2.0/24"]))
    for _ in range(CONNECTIONS_OPEN[Level.IPV4_24] + 1):
        assert bouncer.opened("192.0.2.1")
        assert bouncer.refuse(draft(), "192.0.2.1") is None
    bouncer.closed("192.0.2.1")
    assert not bouncer.counts


@pytest.mark.parametrize(("direct", "counted"), [(True, 5), (False, 0)])
def test_who_is_turned_away_is_counted_unless_a_proxy_stands_between(
    clock: list[float], *, direct: bool, counted: int
) -> None:
    refused = RefusedSources(clock[0])
    bouncer = FrontBouncer(Exempt(), refused, direct=direct)
    for _ in range(int(LIMITS[Limited.LOGINS][Level.IPV4_32].burst) + 5):
        bouncer.refuse(draft("/login", "POST"), "192.0.2.9")
    assert refused.take(clock[0] + 1).refused == counted
    for _ in range(CONNECTIONS_OPEN[Level.IPV4_32] + 3):
        bouncer.opened("192.0.2.9")
    assert refused.take(clock[0] + 2).refused == 3
