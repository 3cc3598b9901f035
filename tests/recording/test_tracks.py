"""Tracks: every packet byte for byte, found again after any damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.packet import parse_rtp, render_rtp
from hiwar.recording.tracks import (
    MAGIC,
    TrackRecord,
    last_end,
    read_records,
    render_packet,
    render_record,
    track_name,
)

records = st.lists(st.builds(TrackRecord, st.integers(0, 2**60), st.binary(max_size=60)), max_size=12)


@given(records)
def test_a_track_reads_as_it_was_written(written: list[TrackRecord]) -> None:
    content = MAGIC + b"".join(map(render_record, written))
    assert list(read_records(content)) == written
    assert last_end(content) == (len(content) if written else None)


@given(records, st.integers(0, 1200))
def test_a_cut_track_keeps_every_whole_record(written: list[TrackRecord], cut: int) -> None:
    rendered = [render_record(record) for record in written]
    content = (MAGIC + b"".join(rendered))[: len(MAGIC) + cut]
    found = list(read_records(content))
    assert found == written[: len(found)]
    end = len(MAGIC) + sum(map(len, rendered[: len(found)]))
    assert last_end(content) == (end if found else None)
    assert len(found) == len(written) or end + len(rendered[len(found)]) > len(content)


@given(records.filter(bool), st.data())
def test_a_flipped_byte_costs_one_packet(written: list[TrackRecord], data: st.DataObject) -> None:
    content = bytearray(MAGIC + b"".join(map(render_record, written)))
    at = data.draw(st.integers(len(MAGIC), len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    found = list(read_records(bytes(content)))
    assert len(found) == len(written) - 1
    assert all(record in written for record in found)


def test_a_packet_is_kept_as_it_came_in() -> None:
    raw = render_rtp(payload_type=111, sequence=65535, timestamp=7, ssrc=3, payload=b"sound")
    (found,) = read_records(MAGIC + render_packet(parse_rtp(raw, 1.5), 960))
    assert found == TrackRecord(960, raw)


@pytest.mark.parametrize("person", ["", "../h1", "h1/x", "ضيف", "h" * 65, "h1\n"])
def test_an_id_that_is_no_file_name_is_refused(person: str) -> None:
    with pytest.raises(ValueError, match="person's id"):
        track_name(person)
