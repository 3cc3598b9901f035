"""What may be kept of pages, and under which key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.http import Request
from hiwar.door.target import parse_target
from hiwar.edge import cache
from hiwar.edge.cache import CacheKey, Entry, PageCache, decide_key, may_keep


def ask(target: str = "/", method: str = "GET", *, secure: bool = False, **headers: str) -> Request:
    path, query = parse_target(target)
    named = {name.replace("_", "-"): value for name, value in {"host": "a.example", **headers}.items()}
    return Request(method, path, target, query, named, "1.1.1.1", secure)


@pytest.mark.parametrize(
    "request_",
    [
        ask("/c/abc123?t=token"),
        ask("/?page=1&t=token"),
        ask("/?unknown=1"),
        ask("/?page=1&page=2"),
        ask("/?page=" + "1" * 17),
        ask(method="POST"),
        ask(authorization="Bearer x"),
        ask(cookie="hiwar_session=x"),
        ask(cookie="hiwar_language=ar; hiwar_csrf=x"),
        ask(range="bytes=0-1"),
    ],
)
def test_what_belongs_to_one_person_is_passed_by(request_: Request) -> None:
    assert decide_key(request_, "en") is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (ask("/"), ask("/", accept_language="en"), True),
        (ask("/"), ask("/", accept_language="ar"), False),
        (ask("/"), ask("/", cookie="hiwar_language=ar"), False),
        (ask("/", accept_language="ar"), ask("/", cookie="hiwar_language=ar"), True),
        (ask("/"), ask("/", user_agent="x", x_forwarded_host="evil", cookie="other=1"), True),
        (ask("/"), ask("/", host="b.example"), False),
        (ask("/", host="A.example"), ask("/", host="a.example"), True),
        (ask("/"), ask("/", "HEAD"), False),
        (ask("/"), ask("/", secure=True), False),
        (ask("/?page=1"), ask("/?page=2"), False),
        (ask("/?lang=ar&page=1"), ask("/?page=1&lang=ar"), True),
        (ask("/", accept="text/html,*/*"), ask("/", accept="application/json"), False),
        (ask("/c/abc123"), ask("/%63/abc%3123"), True),  # else another spelling would outlive a purge
        (ask("/a%3Fb"), ask("/a"), False),
    ],
)
def test_the_key_is_what_an_answer_depends_on(one: Request, other: Request, same: bool) -> None:
    first, second = decide_key(one, "en"), decide_key(other, "en")
    assert first is not None
    assert second is not None
    assert (first == second) is same


@pytest.mark.parametrize(
    ("status", "headers", "body", "kept"),
    [
        (200, [("cache-control", "public, max-age=1"), ("vary", "Accept-Language")], b"x", True),
        (404, [], b"", True),
        (200, [("set-cookie", "a=1")], b"", False),
        (200, [("cache-control", "private, no-store")], b"", False),
        (200, [("cache-control", "No-Cache")], b"", False),
        (200, [("vary", "*")], b"", False),
        (200, [("vary", "X-Hiwar-Client")], b"", False),
        (200, [], b'<input name="csrfmiddlewaretoken">', False),
        (200, [], b"x" * (cache.ENTRY_BYTES_MAX + 1), False),
        (302, [], b"", False),
        (500, [], b"", False),
    ],
)
def test_only_what_is_the_same_for_everybody_is_kept(
    status: int, headers: list[tuple[str, str]], body: bytes, kept: bool
) -> None:
    assert may_keep(status, headers, body) is kept


def key_of(number: int) -> CacheKey:
    return CacheKey("GET", False, "a", f"/{number}", "", "en", True)


def test_an_entry_is_fresh_for_a_second_and_stands_in_for_a_minute() -> None:
    held = PageCache()
    held.store(key_of(1), Entry(200, {}, b"x", 10.0))
    assert held.fresh(key_of(1), 11.0)
    assert held.fresh(key_of(1), 11.1) is None
    assert held.stale(key_of(1), 70.0)
    assert held.stale(key_of(1), 70.1) is None


def test_what_moderation_hid_is_forgotten_at_once() -> None:
    held = PageCache()
    held.store(key_of(1), Entry(200, {}, b"xyz", 10.0))
    held.forget_path("/1")
    assert len(held) == held.bytes == 0


@given(st.lists(st.tuples(st.integers(0, 1500), st.integers(0, 200_000)), max_size=60))
def test_the_cache_never_outgrows_its_bounds(stores: list[tuple[int, int]]) -> None:
    held = PageCache()
    for number, size in stores:
        held.store(key_of(number), Entry(200, {}, bytes(size), 0.0))
    assert held.bytes <= cache.BYTES_MAX
    assert len(held) <= cache.ENTRIES_MAX
