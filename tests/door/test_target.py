"""The request target: one reading, or none."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.http import Problem
from hiwar.door.target import QUERY_FIELDS_MAX, parse_target


@pytest.mark.parametrize(
    ("raw", "path", "query"),
    [
        ("/", "/", {}),
        ("/c/abc123/live.mp4?t=a.b-_", "/c/abc123/live.mp4", {"t": "a.b-_"}),
        ("/a%20b", "/a b", {}),
        ("/%D8%AD", "/ح", {}),
        ("/x?a=1&a=2&b=&c", "/x", {"a": "1", "b": "", "c": ""}),
        ("/x?q=%D8%AD+y", "/x", {"q": "ح y"}),
        ("/x?a%20b=c%3Dd=e&&=&x", "/x", {"a b": "c=d=e", "": "", "x": ""}),
        ("//double", "//double", {}),
        ("/..a/...", "/..a/...", {}),
    ],
)
def test_a_target_is_decoded_once(raw: str, path: str, query: dict[str, str]) -> None:
    assert parse_target(raw) == (path, query)


@pytest.mark.parametrize(
    "raw",
    ["", "*", "x", "http://a/", "/a/../b", "/.", "/..", "/%2e%2e/a", "/a%2Fb", "/a%5cb", "/a\\b", "/a%00",
     "/%0a", "/%7f", "/%", "/%g1", "/%ff", "/ح", "/a b", "/a#b", "/?a#b", "/?a=%00", "/?ح", "/?a b",
     "/?" + "&".join(f"k{n}=1" for n in range(QUERY_FIELDS_MAX + 1))],
)  # fmt: skip
def test_an_ambiguous_target_is_refused(raw: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_target(raw)
    assert caught.value.status == 400


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60))
def test_any_text_is_a_path_without_dot_segments_or_refused(raw: str) -> None:
    try:
        path, _ = parse_target("/" + raw)
    except Problem:
        return
    assert path.startswith("/")
    assert not {".", ".."} & set(path.split("/"))
    assert all(character >= " " for character in path)


@given(st.text(alphabet="ab=&+%2C0", max_size=30))
def test_a_query_is_read_as_forms_write_it(query: str) -> None:
    expected: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        expected.setdefault(key, value)
    try:
        assert parse_target("/?" + query)[1] == expected
    except Problem:
        assert "%00" in query
