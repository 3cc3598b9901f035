"""Walking boxes: whole ones are found, damage and truncation are told apart, nothing else is raised."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.packager.boxes import (
    BadMedia,
    Box,
    DamagedBox,
    TruncatedBox,
    find_box,
    iterate_boxes,
    render_box,
    render_full_box,
)

CONTENTS = st.lists(st.tuples(st.sampled_from([b"free", b"moof", b"mdat", b"emsg"]), st.binary(max_size=40)))


@given(CONTENTS)
def test_rendered_boxes_are_walked_one_by_one(contents: list[tuple[bytes, bytes]]) -> None:
    source = b"".join(render_box(kind, content) for kind, content in contents)
    found = [(box.kind, source[box.body : box.end]) for box in iterate_boxes(source)]
    assert found == contents


def test_a_full_box_begins_with_version_and_flags() -> None:
    assert render_full_box(b"tfdt", 1, 0x20, b"x") == b"\0\0\0\x0dtfdt\x01\0\0\x20x"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        (b"\0\0\0\x08fre", TruncatedBox),
        (b"\0\0\0\x09free", TruncatedBox),
        (b"\0\0\0\x07free", DamagedBox),
        (b"\0\0\0\0mdat rest of the file", DamagedBox),
        (b"\xff\xff\xff\xffmdat", DamagedBox),
        (b"\0\0\0\x01mdat\0\0\0", TruncatedBox),
        (b"\0\0\0\x01mdat" + pack(">Q", 15), DamagedBox),
        (b"\0\0\0\x01mdat" + pack(">Q", 2**63), DamagedBox),
    ],
)
def test_an_impossible_size_is_damage_and_an_early_end_is_truncation(
    source: bytes, error: type[BadMedia]
) -> None:
    with pytest.raises(error):
        list(iterate_boxes(source))


def test_a_size_of_64_bits_is_read() -> None:
    source = b"\0\0\0\x01mdat" + pack(">Q", 18) + b"hi"
    assert list(iterate_boxes(source)) == [Box(b"mdat", 0, 16, 18)]


@given(st.binary(max_size=200))
def test_no_bytes_make_the_walk_raise_anything_but_its_own_errors(source: bytes) -> None:
    try:
        boxes = list(iterate_boxes(source))
    except BadMedia:
        return
    assert sum(box.end - box.start for box in boxes) == len(source)


@pytest.mark.parametrize("inside", [b"", render_box(b"free"), render_box(b"free") + b"\0\0\0\x40tfhd"])
def test_a_child_that_is_not_there_or_overruns_its_parent_is_damage(inside: bytes) -> None:
    source = render_box(b"traf", inside) + bytes(64)
    with pytest.raises(DamagedBox):
        find_box(source, b"tfhd", next(iterate_boxes(source)))
