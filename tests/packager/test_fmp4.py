"""Fragments: parse of render is the identity, and nothing that is cut or damaged does harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.feed import AAC, MP3, OPUS
from hiwar.packager.boxes import BadMedia, DamagedBox, TruncatedBox, iterate_boxes, render_box
from hiwar.packager.fmp4 import (
    Fragment,
    LiveEvent,
    last_whole_fragment_end,
    parse_fragment,
    render_event,
    render_fragment,
    render_init,
)

PACKETS = st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=20)
TIMES = st.integers(0, 2**63 - 1)
EVENTS = st.lists(
    st.builds(
        LiveEvent,
        kind=st.sampled_from(["state", "levels", "interval"]),
        body=st.binary(max_size=40),
        media_time=TIMES,
        event_id=st.integers(0, 2**32 - 1),
    ),
    max_size=3,
)


def rendered(event: LiveEvent) -> bytes:
    return render_event(event.kind, event.body, media_time=event.media_time, event_id=event.event_id)


def fragment(time: int = 3840, events: tuple[bytes, ...] = ()) -> bytes:
    return render_fragment(
        [b"one", b"three", b"22"], media_time=time, packet_samples=960, sequence=7, events=events
    )


@given(PACKETS, TIMES, st.sampled_from([960, 1024]), st.integers(0, 2**32 - 1), EVENTS)
def test_what_was_rendered_is_parsed_back(
    packets: list[bytes], time: int, duration: int, sequence: int, events: list[LiveEvent]
) -> None:
    boxes = [rendered(event) for event in events]
    source = render_fragment(
        packets, media_time=time, packet_samples=duration, sequence=sequence, events=boxes
    )
    expected = Fragment(tuple(packets), time, duration, sequence, tuple(events), len(source))
    assert parse_fragment(source) == expected
    assert parse_fragment(b"before" + source + b"after", 6).packets == tuple(packets)


def test_a_fragment_is_events_then_moof_then_mdat_and_adds_no_more_than_stated() -> None:
    source = fragment(events=(render_event("state", b"{}", media_time=0),))
    assert [box.kind for box in iterate_boxes(source)] == [b"emsg", b"moof", b"mdat"]
    assert len(fragment()) - len(b"onethree22") == 104 + 4 * 3


def test_a_sequence_number_wraps_and_a_time_of_thirty_hours_does_not() -> None:
    thirty_hours = 30 * 3600 * 48_000
    assert thirty_hours > 2**32
    source = render_fragment([b"x"], media_time=thirty_hours, packet_samples=960, sequence=2**32 + 5)
    parsed = parse_fragment(source)
    assert (parsed.media_time, parsed.sequence) == (thirty_hours, 5)


def test_an_event_is_numbered_by_its_time_unless_told_otherwise() -> None:
    late = render_event("state", b"{}", media_time=2**32 + 9)
    assert parse_fragment(late + fragment()).events == (LiveEvent("state", b"{}", 2**32 + 9, 9),)


@given(EVENTS, st.data())
def test_a_fragment_cut_anywhere_raises_only_bad_media(events: list[LiveEvent], data: st.DataObject) -> None:
    source = fragment(events=tuple(rendered(event) for event in events))
    end = data.draw(st.integers(0, len(source) - 1))
    with pytest.raises(TruncatedBox):
        parse_fragment(source[:end])


@given(st.data())
def test_a_fragment_with_any_byte_changed_raises_only_bad_media(data: st.DataObject) -> None:
    source = bytearray(fragment(events=(render_event("state", b"{}", media_time=0),)))
    for _ in range(data.draw(st.integers(1, 4))):
        source[data.draw(st.integers(0, len(source) - 1))] = data.draw(st.integers(0, 255))
    try:
        parsed = parse_fragment(bytes(source))
    except BadMedia:
        return
    assert sum(map(len, parsed.packets)) <= len(source)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_bad_media(source: bytes) -> None:
    assert 0 <= last_whole_fragment_end(source) <= len(source)
    with pytest.raises(BadMedia):
        parse_fragment(source)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (render_box(b"mdat", b"x"), "follows no moof"),
        (render_box(b"moof") + render_box(b"mdat"), "has no mfhd"),
        (fragment().replace(b"trun\0\0\x02\x01\0\0\0\x03", b"trun\0\0\x02\x01\xff\xff\xff\xff"), "no room"),
        (fragment().replace(b"trun\0\0\x02\x01", b"trun\0\0\x03\x01"), "trun"),
        (fragment().replace(b"tfdt\x01", b"tfdt\x00"), "tfdt"),
        (fragment().replace(b"tfhd\0\x02", b"tfhd\0\x03"), "tfhd"),
        (fragment().replace(b"\0\0\0\x03\0\0\0\x05\0\0\0\x02", b"\0\0\0\x03\0\0\0\x06\0\0\0\x02"), "hold"),
        (render_box(b"emsg", b"short") + fragment(), "emsg"),
        (render_event("state", b"{}", media_time=0).replace(b"\xbb\x80", b"\xbb\x81") + fragment(), "emsg"),
    ],
)
def test_a_shape_that_is_not_ours_is_named(source: bytes, sentence: str) -> None:
    with pytest.raises(DamagedBox, match=sentence):
        parse_fragment(source)


def test_a_box_too_short_for_its_numbers_is_damage() -> None:
    moof = render_box(b"moof", render_box(b"mfhd", b"\0\0"))
    with pytest.raises(DamagedBox, match="too short"):
        parse_fragment(moof + render_box(b"mdat"))


@given(st.integers(0, 5), st.data())
def test_a_torn_file_ends_after_its_last_whole_fragment(count: int, data: st.DataObject) -> None:
    init = render_init(OPUS)
    ends = [len(init)]
    source = init
    for number in range(count):
        events = (render_event("levels", b"{}", media_time=number),) * data.draw(st.integers(0, 2))
        source += fragment(number * 3840, events)
        ends.append(len(source))
    cut = data.draw(st.integers(0, len(source)))
    expected = max((end for end in ends if end <= cut), default=0)
    assert last_whole_fragment_end(source[:cut]) == expected
    assert last_whole_fragment_end(memoryview(source)[:cut]) == expected


def test_damage_in_the_middle_ends_the_file_there() -> None:
    init = render_init(OPUS)
    source = init + fragment() + b"\0\0\0\x02ruin" + fragment()
    assert last_whole_fragment_end(source) == len(init) + len(fragment())


def test_init_segments_are_whole_boxes_and_mp3_has_none() -> None:
    for rendition, entry in ((OPUS, b"dOps"), (AAC, b"esds")):
        source = render_init(rendition)
        assert [box.kind for box in iterate_boxes(source)] == [b"ftyp", b"moov"]
        assert entry in source
    with pytest.raises(ValueError, match="MP4"):
        render_init(MP3)
