"""Bytes to requests: what is ambiguous is refused, and how the bytes are cut never matters."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.http import Problem
from hiwar.door.limits import DoorLimits
from hiwar.door.reader import Awaiting, Draft, RequestReader

LIMITS = DoorLimits(head_bytes_max=1024, target_bytes_max=200, headers_max=8, body_bytes_max=64)
HOST = b"Host: a.example\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def make_reader() -> RequestReader:
    return RequestReader(LIMITS, lambda method, path: 64 if path != "/large" else 200)


def read_all(reader: RequestReader, pieces: list[bytes]) -> list[Draft]:
    found: list[Draft] = []
    for piece in pieces:
        reader.feed(piece)
        while (draft := reader.next_request()) is not None:
            found.append(draft)
    return found


@pytest.mark.parametrize(
    ("raw", "method", "target", "body"),
    [
        (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/", b""),
        (b"\r\nGET /x?y=1 HTTP/1.1\r\n" + HOST + b"\r\n", "GET", "/x?y=1", b""),
        (b"GET / HTTP/1.0\r\n\r\n", "GET", "/", b""),
        (b"POST /p HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", "POST", "/p", b"abc"),
        (b"POST /p HTTP/1.1\r\n" + HOST + b"Content-Length: 0\r\n\r\n", "POST", "/p", b""),
        (
            b"PUT /p HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
            "PUT",
            "/p",
            b"abcde",
        ),
        (
            b"PUT /p HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n1\r\na\r\n0\r\nHost: evil\r\n\r\n",
            "PUT",
            "/p",
            b"a",
        ),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", "GET", "/", b""),
        (
            b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            "GET",
            "/",
            b"",
        ),
    ],
)
def test_a_request_is_read_whole_however_it_is_cut(raw: bytes, method: str, target: str, body: bytes) -> None:
    for pieces in ([raw], [raw[n : n + 1] for n in range(len(raw))], [raw[:20], raw[20:]]):
        (draft,) = read_all(make_reader(), pieces)
        assert (draft.method, draft.raw_target, draft.body) == (method, target, body)
        assert draft.headers.get("host") != "evil"


SMUGGLING = {
    "length and coding": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n" + CHUNKED + b"\r\nabc",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "one length twice": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: +3\r\n\r\nabc",
    "a length in other digits": b"POST / HTTP/1.1\r\n" + HOST + "Content-Length: ٣\r\n\r\nabc".encode(),
    "two codings": b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "coding with tab": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "coding in 1.0": b"POST / HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\n",
    "space before colon": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length : 3\r\n\r\nabc",
    "folded line": b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n",
    "bare line feed": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "bare line feed in a header": b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "bare carriage return": b"GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
    "nul": b"GET / HTTP/1.1\r\nHost: a\0\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n",
    "a host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "absolute form": b"GET http://a.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "no target": b"GET HTTP/1.1\r\n" + HOST + b"\r\n",
    "lower-case method": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00",
    "broken chunk size": b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\nzz\r\n",
    "negative chunk size": b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n-1\r\n",
    "chunk longer than said": b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n1\r\nabc\r\n0\r\n\r\n",
    "upgrade with a body": b"POST / HTTP/1.1\r\n" + HOST
    + b"Connection: Upgrade\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc",
}  # fmt: skip


@pytest.mark.parametrize("name", SMUGGLING)
def test_what_two_servers_could_read_differently_is_refused(name: str) -> None:
    with pytest.raises(Problem) as caught:
        read_all(make_reader(), [SMUGGLING[name]])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /" + b"a" * 300 + b" HTTP/1.1\r\n", 414),
        (b"GET /" + b"a" * 300, 414),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 1100, 431),
        (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 9 + b"\r\n", 431),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 65\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n41\r\n" + b"a" * 65, 413),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"GET / HTTP/1.2\r\n", 505),
        (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: more\r\nContent-Length: 1\r\n\r\n", 417),
    ],
)
def test_what_is_too_large_or_unknown_is_refused_at_once(raw: bytes, status: int) -> None:
    with pytest.raises(Problem) as caught:
        read_all(make_reader(), [raw])
    assert caught.value.status == status


def test_the_bound_of_a_body_follows_its_address() -> None:
    raw = b"POST /large HTTP/1.1\r\n" + HOST + b"Content-Length: 200\r\n\r\n" + b"a" * 200
    assert len(read_all(make_reader(), [raw])[0].body) == 200


def test_pipelined_requests_wait_unparsed() -> None:
    reader = make_reader()
    reader.feed(
        b"POST /1 HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\n\r\nabGET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
    )
    first = reader.next_request()
    assert first is not None
    assert (first.path, first.body) == ("/1", b"ab")
    assert reader.buffered > 0
    second = reader.next_request()
    assert second is not None
    assert second.path == "/2"
    assert reader.awaiting is Awaiting.NOTHING


def test_what_follows_a_chunked_body_closes_the_connection() -> None:
    raw = b"POST / HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
    (draft,) = read_all(make_reader(), [raw])
    assert not draft.keep_alive


def test_the_expectation_is_told_once() -> None:
    reader = make_reader()
    reader.feed(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")
    assert reader.next_request() is None
    assert reader.awaiting is Awaiting.BODY
    assert reader.take_expectation()
    assert not reader.take_expectation()


def test_headers_of_one_name_are_joined() -> None:
    (draft,) = read_all(
        make_reader(), [b"GET / HTTP/1.1\r\n" + HOST + b"A: 1\r\nA: 2\r\nCookie: x\r\nCookie: y\r\n\r\n"]
    )
    assert draft.headers["a"] == "1, 2"
    assert draft.headers["cookie"] == "x; y"


_fragments = st.sampled_from(
    [b"GET ", b"/ ", b"HTTP/1.1", b"\r\n", b"\n", b"\r", HOST, b"Content-Length: ", b"3", CHUNKED, b"abc",
     b"0", b" ", b"\t", b"POST ", b":", b"\0", b"Expect: 100-continue\r\n", b"\r\n\r\n",
     b"Upgrade: x\r\n", b"\xff"]
)  # fmt: skip


@given(st.lists(st.one_of(_fragments, st.binary(max_size=12)), max_size=25))
def test_any_bytes_are_requests_or_a_problem(pieces: list[bytes]) -> None:
    reader = make_reader()
    with contextlib.suppress(Problem):
        assert all(len(draft.body) <= 64 for draft in read_all(reader, pieces))
    assert reader.buffered <= 25 * 22


def test_one_empty_line_is_forgiven_and_is_never_the_beginning_of_a_head() -> None:
    reader = make_reader()
    for byte in (b"\r", b"\n", b"\r"):
        reader.feed(byte)
        assert reader.next_request() is None
        assert reader.awaiting is Awaiting.NOTHING  # else each line would set a fresh deadline
    reader.feed(b"\n")
    with pytest.raises(Problem):
        reader.next_request()
