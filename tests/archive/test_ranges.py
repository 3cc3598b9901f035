"""Byte ranges, RFC 9110 section 14."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.archive.ranges import Span, Unsatisfiable, chosen_span, is_unchanged, parse_range, render_etag


@pytest.mark.parametrize(
    ("text", "length", "span"),
    [
        ("bytes=0-1", 1000, Span(0, 2)),  # what an iPhone asks first
        ("bytes=0-", 1000, Span(0, 1000)),
        ("bytes=999-", 1000, Span(999, 1000)),
        ("bytes=10-19", 1000, Span(10, 20)),
        ("bytes=10-5000", 1000, Span(10, 1000)),
        ("bytes=-10", 1000, Span(990, 1000)),
        ("bytes=-5000", 1000, Span(0, 1000)),
        ("BYTES=0-1", 1000, Span(0, 2)),
        ("bytes= 0-1", 1000, Span(0, 2)),
        ("bytes=0-1,5-6", 1000, None),  # several: the whole is allowed
        ("bytes=5-4", 1000, None),  # no range by the grammar
        ("bytes=-", 1000, None),
        ("bytes=a-b", 1000, None),
        ("bytes=٠-١", 1000, None),
        ("lines=0-1", 1000, None),
        ("", 1000, None),
        (f"bytes=0-{'9' * 30}", 1000, None),
    ],
)
def test_a_range_names_these_bytes(text: str, length: int, span: Span | None) -> None:
    assert parse_range(text, length) == span


@pytest.mark.parametrize(("text", "length"), [("bytes=1000-", 1000), ("bytes=-0", 9), ("bytes=0-1", 0)])
def test_a_range_beyond_the_end_is_unsatisfiable(text: str, length: int) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(text, length)


@given(st.text(max_size=40) | st.from_regex(r"bytes=[0-9]{0,5}-[0-9]{0,5}"), st.integers(0, 5000))
def test_a_range_lies_within_whatever_is_asked(text: str, length: int) -> None:
    try:
        span = parse_range(text, length)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.start < span.end <= length


ETAG = render_etag("abc123.aac.m4a", 0x500)


@pytest.mark.parametrize(
    ("if_range", "ranged"),
    [
        ("", True),
        (ETAG, True),
        (render_etag("abc123.aac.m4a", 0x4FF), True),  # the file has grown since: the bytes are the same
        (render_etag("abc123.aac.m4a", 0x501), False),
        (render_etag("abc123.opus.mp4", 0x500), False),
        ("W/" + ETAG, False),
        ("Mon, 23 Nov 2026 07:00:00 GMT", False),
    ],
)
def test_a_range_is_sent_only_if_it_belongs_to_what_the_client_has(if_range: str, ranged: bool) -> None:
    span = chosen_span("GET", {"range": "bytes=0-1", "if-range": if_range}, 0x500, ETAG)
    assert (span is not None) is ranged


def test_only_get_has_ranges() -> None:
    assert chosen_span("HEAD", {"range": "bytes=0-1"}, 0x500, ETAG) is None


@pytest.mark.parametrize(
    ("held", "unchanged"), [("", False), (ETAG, True), (f'"x", W/{ETAG}', True), ("*", True), ('"x"', False)]
)
def test_what_the_client_has_is_not_sent_again(held: str, unchanged: bool) -> None:
    assert is_unchanged({"if-none-match": held}, ETAG) is unchanged
