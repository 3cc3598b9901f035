"""The index: parse of render is the identity, and nothing out of order is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.recording.index import (
    RECORD_BYTES,
    BadIndex,
    check_of,
    in_order_count,
    parse_header,
    parse_records,
    record_at,
    render_header,
    render_record,
)

payloads = st.lists(st.binary(min_size=1, max_size=40), max_size=20)


def render(init: bytes, chunks: list[bytes]) -> bytes:
    content, at = render_header(3840, init), len(init)
    for number, chunk in enumerate(chunks):
        content += render_record(number, at, chunk)
        at += len(chunk)
    return content


@given(st.binary(max_size=100), payloads)
def test_an_index_reads_as_it_was_written(init: bytes, chunks: list[bytes]) -> None:
    content = render(init, chunks)
    header, records = parse_header(content), parse_records(content)
    assert (header.chunk_samples, header.init_length) == (3840, len(init))
    assert len(records) == len(chunks)
    for position, chunk in enumerate(chunks):
        row = record_at(records, position)
        assert (row.number, row.length) == (position, len(chunk))
        assert row.check == check_of(position, row.offset, chunk)
    assert in_order_count(records, len(init), len(init) + sum(map(len, chunks))) == len(chunks)


@given(payloads, st.integers(0, 600))
def test_a_torn_index_gives_its_whole_records(chunks: list[bytes], cut: int) -> None:
    content = render(b"init", chunks)[:cut]
    if len(content) < RECORD_BYTES:
        with pytest.raises(BadIndex):
            parse_header(content)
    assert len(parse_records(content)) == max(0, len(content) // RECORD_BYTES - 1)


@given(st.integers(0, 23), st.integers(1, 255))
def test_a_flipped_byte_in_the_header_is_found(at: int, flip: int) -> None:
    content = bytearray(render_header(3840, b"init"))
    content[at] ^= flip
    with pytest.raises(BadIndex):
        parse_header(bytes(content))


@pytest.mark.parametrize(
    ("rows", "file_bytes", "believed"),
    [
        ([], 10, 0),
        ([(0, 4, b"aa"), (1, 6, b"bb")], 8, 2),
        ([(0, 4, b"aa"), (1, 6, b"bb")], 7, 1),  # the second lies beyond the file
        ([(0, 5, b"aa")], 9, 0),  # does not touch the init
        ([(0, 4, b"aa"), (1, 7, b"bb")], 99, 1),  # a hole between chunks
        ([(3, 4, b"aa"), (3, 6, b"bb")], 99, 1),  # a number twice
        ([(3, 4, b"aa"), (9, 6, b"bb")], 99, 2),  # a jump, which the journal must explain
        ([(0, 4, b"")], 99, 0),  # an empty chunk
    ],
)
def test_records_are_believed_while_in_order(
    rows: list[tuple[int, int, bytes]], file_bytes: int, believed: int
) -> None:
    content = render_header(3840, b"init") + b"".join(render_record(*row) for row in rows)
    assert in_order_count(parse_records(content), 4, file_bytes) == believed
