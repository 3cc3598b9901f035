"""Heads of requests: strict, and remembered only where that changes nothing."""

import h11
import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hiwar.door.client import render_request
from hiwar.door.head import REMEMBERED_BYTES_MAX, REMEMBERED_MAX, Draft, Heads
from hiwar.door.http import Problem
from hiwar.door.limits import DoorLimits
from hiwar.door.reader import RequestReader

LIMITS = DoorLimits(head_bytes_max=2048, target_bytes_max=1000, headers_max=16, body_bytes_max=64)
HOST = b"Host: a.example\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\n" + HOST
CODED = b"Transfer-Encoding: chunked\r\n"
CHUNKED = POST + CODED + b"\r\n"
END = b"0\r\n\r\n"


def verdict(pieces: list[bytes]) -> tuple[list[Draft], int]:
    """The requests that were read, and the status of the refusal (0: none)."""
    reader, found = RequestReader(LIMITS, lambda method, path: 64), []
    try:
        for piece in pieces:
            reader.feed(piece)
            while (draft := reader.next_request()) is not None:
                found.append(draft)
    except Problem as problem:
        return found, problem.status
    return found, 0


REFUSED = {
    # The request line.
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two spaces and no target": b"GET  HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab": b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tab in the target": b"GET /a\tb HTTP/1.1\r\n" + HOST + b"\r\n",
    "a space at the end": b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    "a space before": b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "two empty lines before": b"\r\n\r\n" + GET + b"\r\n",
    "a space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "another protocol": b"GET / RTSP/1.0\r\n" + HOST + b"\r\n",
    "a lower-case version": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "a long version": b"GET / HTTP/1.10\r\n" + HOST + b"\r\n",
    "a version with a zero": b"GET / HTTP/01.1\r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /\r\n",
    "a method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a method with a digit": b"G3T / HTTP/1.1\r\n" + HOST + b"\r\n",
    "authority form": b"GET a.example:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute form of another host": b"GET http://b.example/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "UTF-8 in the target": b"GET /\xd8\xad HTTP/1.1\r\n" + HOST + b"\r\n",
    "a fragment": b"GET /?a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded NUL": b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded NUL in the query": b"GET /?a=%00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an encoded slash": b"GET /%2f HTTP/1.1\r\n" + HOST + b"\r\n",
    "an overlong slash": b"GET /%c0%af HTTP/1.1\r\n" + HOST + b"\r\n",
    "half of a surrogate pair": b"GET /%ed%a0%80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "an escape of another kind": b"GET /%u0041 HTTP/1.1\r\n" + HOST + b"\r\n",
    "PROXY version 1": b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET + b"\r\n",
    "PROXY version 2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12) + GET + b"\r\n",
    # Header lines.
    "no colon": GET + b"Xy\r\n\r\n",
    "no name": GET + b": y\r\n\r\n",
    "a space in a name": GET + b"X y: 1\r\n\r\n",
    "a tab before the colon": GET + b"X\t: 1\r\n\r\n",
    "brackets in a name": GET + b"X(): 1\r\n\r\n",
    "UTF-8 in a name": GET + "Ｘ: 1\r\n\r\n".encode(),
    "a space before the first header": b"GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a line folded with a tab": GET + b"X: a\r\n\tb\r\n\r\n",
    "a line of nothing but a space": GET + b" \r\n\r\n",
    "NUL": GET + b"X: \0\r\n\r\n",
    "DEL": GET + b"X: \x7f\r\n\r\n",
    "a vertical tab": GET + b"X: \x0b\r\n\r\n",
    "an empty Host": b"GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "two Hosts in one": b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
    "a Host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a Host with a port too large": b"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n",
    "a Host with a port in other digits": b"GET / HTTP/1.1\r\nHost: a:\xd9\xa3\r\n\r\n",
    "two Hosts in HTTP/1.0": b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n",
    # Lengths and codings.
    "an empty length": POST + b"Content-Length:\r\n\r\n",
    "two lengths in one": POST + b"Content-Length: 3 4\r\n\r\nabc",
    "a length beyond 64 bits": POST + b"Content-Length: 99999999999999999999\r\n\r\n",
    "a length of 13 digits": POST + b"Content-Length: 0000000000003\r\n\r\nabc",
    "a hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "a length with an underscore": POST + b"Content-Length: 1_0\r\n\r\nabcdefghij",
    "chunked, then identity": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n" + END,
    "identity": POST + b"Transfer-Encoding: identity\r\n\r\n",
    "xchunked": POST + b"Transfer-Encoding: xchunked\r\n\r\n" + END,
    "chunked with a parameter": POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n" + END,
    "chunked with a comma": POST + b"Transfer-Encoding: chunked,\r\n\r\n" + END,
    "quoted chunked": POST + b'Transfer-Encoding: "chunked"\r\n\r\n' + END,
    "an empty coding": POST + b"Transfer-Encoding:\r\n\r\n" + END,
    "a coding with a space before the colon": POST + b"Transfer-Encoding : chunked\r\n\r\n" + END,
    "an upgrade with chunks": POST + b"Connection: Upgrade\r\nUpgrade: x\r\n" + CODED + b"\r\n" + END,
    # Chunks.
    "a size with a plus": CHUNKED + b"+3\r\nabc\r\n" + END,
    "a size with 0x": CHUNKED + b"0x3\r\nabc\r\n" + END,
    "a size with an underscore": CHUNKED + b"0_3\r\nabc\r\n" + END,
    "a size in other digits": CHUNKED + b"\xd9\xa3\r\nabc\r\n" + END,
    "a size with a space after": CHUNKED + b"3 \r\nabc\r\n" + END,
    "a size with a space before": CHUNKED + b" 3\r\nabc\r\n" + END,
    "no size": CHUNKED + b"\r\nabc\r\n" + END,
    "a size beyond 64 bits": CHUNKED + b"10000000000000003\r\nabc\r\n" + END,
    "a size ended by LF": CHUNKED + b"3\nabc\r\n" + END,
    "a size ended by CR": CHUNKED + b"3\rabc\r\n" + END,
    "a chunk ended by LF": CHUNKED + b"3\r\nabc\n" + END,
    "the last chunk ended by LF": CHUNKED + b"3\r\nabc\r\n0\n\n",
    "an end with LF": CHUNKED + b"3\r\nabc\r\n0\r\n\n",
    "an extension with LF": CHUNKED + b"3;a\nb\r\nabc\r\n" + END,
    "an extension with CR": CHUNKED + b"3;a\rb\r\nabc\r\n" + END,
    "an extension with NUL": CHUNKED + b"3;a\0b\r\nabc\r\n" + END,
    "an extension with a line end in quotes": CHUNKED + b'3;a="x\r\n\r\n"\r\nabc\r\n' + END,
    "a trailer with LF": CHUNKED + b"0\r\nX: y\n\n",
    "a folded trailer": CHUNKED + b"0\r\nX: y\r\n z\r\n\r\n",
    "a trailer without a colon": CHUNKED + b"0\r\nXy\r\n\r\n",
    "a trailer with a length": CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n",
    "a trailer with a coding": CHUNKED + b"0\r\nTransfer-Encoding: x\r\n\r\n",
    "a trailer with NUL": CHUNKED + b"0\r\nX: \0\r\n\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_exactly_the_protocol_is_refused_whole_or_byte_by_byte(name: str) -> None:
    raw = REFUSED[name]
    assert verdict([raw]) == ([], 400)
    assert verdict([raw[at : at + 1] for at in range(len(raw))]) == ([], 400)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (CHUNKED + b"3;" + b"a" * 2100 + b"\r\nabc\r\n" + END, 413),
        (CHUNKED + b"1;" + b"a" * 60 + b"\r\na\r\n" + (b"1;" + b"a" * 60 + b"\r\na\r\n") * 40, 413),
        (CHUNKED + b"0\r\nX: " + b"a" * 2200 + b"\r\n\r\n", 413),
        (CHUNKED + (b"0" * 2200) + b"3\r\nabc\r\n" + END, 413),
        (CHUNKED + b"7FFFFFFFFFFFFFFF\r\n" + b"a" * 65, 413),
        (GET + b"X: a\r\n b", 400),
        (GET + b"X: a\r\n\tb", 400),
        (GET + b"X: \x01", 400),
        (GET + b"Cookie: " + b"a" * 2100, 431),
        (GET + b"".join(b"X%d: y\r\n" % n for n in range(20)), 431),
        (b"GET /" + b"%41" * 400, 414),
        (b"M-SEARCH / HTTP/1.1\r\n" + HOST + b"\r\n", 501),
        (b"GET / HTTP/3.0\r\n", 505),
    ],
)
def test_what_has_no_end_is_refused_before_it(raw: bytes, status: int) -> None:
    assert verdict([raw]) == ([], status)


def test_of_http_1_0_an_expectation_means_nothing() -> None:
    (draft,), status = verdict([b"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc"])
    assert (draft.waits, draft.body, status) == (False, b"abc", 0)


def test_a_block_of_headers_is_read_once_whatever_the_first_line() -> None:
    heads = Heads(LIMITS)
    first = heads.parse(GET + b"X: y\r\n\r\n")
    second = heads.parse(b"HEAD /b?c=d HTTP/1.1\r\n" + HOST + b"X: y\r\n\r\n")
    assert first.headers is second.headers
    assert (second.method, second.path, second.query) == ("HEAD", "/b", {"c": "d"})
    assert heads.remembered == 1
    counted = POST + b"Content-Length: 3\r\n\r\n"
    for _ in range(2):
        draft = heads.parse(counted)
        assert (draft.length, draft.body) == (3, b"")
        draft.body = b"abc"


def test_a_long_block_and_one_of_http_1_0_are_read_each_time() -> None:
    heads = Heads(LIMITS)
    for head in (
        GET + b"X: " + b"a" * REMEMBERED_BYTES_MAX + b"\r\n\r\n",
        b"GET / HTTP/1.0\r\n" + HOST + b"\r\n",
    ):
        assert heads.parse(head).headers["host"] == "a.example"
    assert heads.remembered == 0
    assert heads.parse(GET + b"\r\n").keep_alive
    assert not heads.parse(b"GET / HTTP/1.0\r\n" + HOST + b"\r\n").keep_alive


def test_what_is_remembered_is_bounded() -> None:
    heads = Heads(LIMITS)
    for number in range(2 * REMEMBERED_MAX + 1):
        heads.parse(GET + b"X: %d\r\n\r\n" % number)
        assert heads.remembered <= REMEMBERED_MAX
    assert heads.remembered == 1


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"GET /" + b"a" * 1100 + b" HTTP/1.1", 414),
        (b"GET /\n HTTP/1.1", 400),
        (b"GET /a\tb HTTP/1.1", 400),
        (b"GET\t/ HTTP/1.1", 400),
        (b"GE\0T / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r", 400),
        (b"get / HTTP/1.1", 400),
        (b"GET /\xff HTTP/1.1", 400),
        (b"TRACE / HTTP/1.1", 501),
    ],
)
def test_a_first_line_is_judged_alike_whether_the_block_was_seen_or_not(line: bytes, status: int) -> None:
    for seen in (False, True):
        heads = Heads(LIMITS)
        if seen:
            heads.parse(GET + b"\r\n")
        with pytest.raises(Problem) as caught:
            heads.parse(line + b"\r\n" + HOST + b"\r\n")
        assert caught.value.status == status


_LINES = st.sampled_from(
    [HOST, b"Host: b\r\n", b"Content-Length: 3\r\n", b"Content-Length: 5\r\n", CODED,
     b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"X: a b\t\xff\r\n", b"X : y\r\n",
     b"Expect: 100-continue\r\n", b"Cookie: a=b\r\n", b"X: y\n", b" folded\r\n", b"X_Y:\r\n"]
)  # fmt: skip
_STARTS = st.sampled_from(
    [b"GET / HTTP/1.1\r\n", b"POST /a%20b?c=d HTTP/1.1\r\n", b"PUT /x HTTP/1.0\r\n", b"GET  / HTTP/1.1\r\n",
     b"get / HTTP/1.1\r\n", b"DELETE //a|b`{} HTTP/1.1\r\n"]
)  # fmt: skip
_ENDS = st.sampled_from(
    [b"", b"abc", b"abcde", b"3\r\nabc\r\n0\r\n\r\n", b"3;x=y\r\nabc\r\n0\r\nA: b\r\n\r\n", b"\r\n"]
)
_requests = st.lists(
    st.builds(
        lambda start, lines, end: start + b"".join(lines) + b"\r\n" + end,
        _STARTS, st.lists(_LINES, max_size=4), _ENDS,
    ),
    min_size=1, max_size=3,
).map(b"".join)  # fmt: skip


def broken(raw: bytes, at: int, byte: int) -> bytes:
    """With one byte changed, or as it was."""
    return raw[:at] + bytes([byte]) + raw[at + 1 :] if at < len(raw) else raw


_hostile = st.builds(broken, _requests, st.integers(0, 400), st.integers(0, 255))


@settings(max_examples=300, deadline=None)
@given(_hostile, st.lists(st.integers(0, 400), max_size=8))
def test_how_the_bytes_are_cut_never_changes_the_verdict(raw: bytes, cuts: list[int]) -> None:
    """Which fault of several is named may differ; whether there is one does not. What follows a chunked body
    is left out: if it came in the same piece the connection is closed."""
    places = sorted({0, *(cut for cut in cuts if cut < len(raw))})
    pieces = [raw[start:end] for start, end in zip(places, [*places[1:], len(raw)], strict=True)]
    whole, in_pieces = verdict([raw]), verdict(pieces)
    chunked = [index for index, draft in enumerate(whole[0]) if draft.length < 0]
    if chunked:
        kept = chunked[0] + 1
        assert [draft.body for draft in whole[0][:kept]] == [draft.body for draft in in_pieces[0][:kept]]
    else:
        assert (whole[0], whole[1] > 0) == (in_pieces[0], in_pieces[1] > 0)


def by_h11(message: bytes) -> tuple[bytes, bytes, dict[bytes, bytes], bytes] | None:
    server, body, head = h11.Connection(h11.SERVER), b"", None
    server.receive_data(message)
    try:
        while (event := server.next_event()) is not h11.PAUSED and event is not h11.NEED_DATA:
            if isinstance(event, h11.Request):
                head = (event.method, event.target, dict(event.headers))
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert head is not None
                assert not server.trailing_data[0]
                return *head, body
    except h11.RemoteProtocolError:
        return None
    raise AssertionError("not a whole request")


class _Seen:
    def __init__(self) -> None:
        self.url, self.body, self.headers, self.complete = b"", b"", {}, 0

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1


@settings(max_examples=300, deadline=None)
@given(_hostile)
def test_what_is_passed_on_is_read_by_others_as_it_was_read_here(raw: bytes) -> None:
    """Requests are written anew for the process behind: h11 and llhttp, which uvicorn uses, must agree."""
    framing = {"content-length", "transfer-encoding", "connection", "upgrade", "expect"}
    for draft in verdict([raw])[0]:
        headers = [(name, value) for name, value in draft.headers.items() if name not in framing]
        message = render_request(draft.method, draft.raw_target, headers, draft.body)
        expected = {name.encode(): value.strip().encode("latin-1") for name, value in headers}
        parsed = by_h11(message)
        if parsed is not None:
            method, target, found, body = parsed
            found.pop(b"content-length", None)
            assert (method, target, body) == (draft.method.encode(), draft.raw_target.encode(), draft.body)
            assert {name: value.strip() for name, value in found.items()} == expected
        seen = _Seen()
        httptools.HttpRequestParser(seen).feed_data(message)
        seen.headers.pop(b"content-length", None)
        assert (seen.url, seen.body, seen.complete) == (draft.raw_target.encode(), draft.body, 1)
        assert {name: value.strip() for name, value in seen.headers.items()} == expected
