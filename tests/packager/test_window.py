"""The window: what is over is listed once and for ever, holes are gaps, and memory is bounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.feed import FEED_AAC, FEED_MP3, FEED_OPUS, Chunk, Feed
from hiwar.packager.window import JOINED_MAX, Availability, LiveWindow

PER_SEGMENT = 48  # chunks of the Opus feed


def payload(number: int) -> bytes:
    return b"<%d>" % number


def filled(numbers: range, feed: Feed = FEED_OPUS, without: tuple[int, ...] = ()) -> LiveWindow:
    window = LiveWindow(feed)
    for number in numbers:
        if number not in without:
            assert window.add(Chunk(feed.name, number, payload(number)))
    return window


def joined(first: int, count: int) -> bytes:
    return b"".join(payload(number) for number in range(first, first + count))


def test_an_empty_window_has_nothing_and_says_so() -> None:
    window = LiveWindow(FEED_OPUS)
    assert (window.last_part, window.segments(), window.recent(48_000)) == (None, (), [])
    assert (window.next_number, window.media_time) == (0, 0)
    assert window.segment_bytes(0) is None
    assert window.availability(0, 0) is Availability.NEXT


def test_parts_and_segments_are_there_when_they_are_over() -> None:
    window = filled(range(PER_SEGMENT + 6))
    assert window.last_part == (1, 0)
    assert window.segment_bytes(0) == joined(0, 48)
    assert window.part_bytes(0, 11) == joined(44, 4)
    assert window.part_bytes(1, 0) == joined(48, 4)
    assert (window.part_bytes(1, 1), window.segment_bytes(1)) == (None, None)
    assert (window.part_bytes(0, 12), window.part_bytes(0, -1), window.segment_bytes(-1)) == (None,) * 3
    first, growing = window.segments()
    assert (first.whole, first.samples, len(first.parts), first.gap) == (True, 184_320, 12, False)
    assert (growing.whole, growing.samples, growing.parts) == (False, 6 * 3840, (15_360,))


def test_an_aac_part_is_one_chunk() -> None:
    window = filled(range(14), FEED_AAC)
    assert window.last_part == (1, 1)
    assert window.part_bytes(1, 1) == payload(13)
    assert window.segment_bytes(0) == joined(0, 12)


def test_everybody_gets_the_same_object() -> None:
    window = filled(range(48))
    assert window.segment_bytes(0) is window.segment_bytes(0)
    assert window.part_bytes(0, 0) is window.part_bytes(0, 0)


def test_a_hole_makes_a_gap_of_its_part_and_segment_and_of_no_other() -> None:
    window = filled(range(100), without=(5, 6))
    first, second, _ = window.segments()
    assert (first.gaps, second.gaps, window.holes) == (frozenset({1}), frozenset(), 2)
    assert window.segment_bytes(0) is None
    assert window.part_bytes(0, 1) is None
    assert window.part_bytes(0, 2) == joined(8, 4)
    assert window.availability(0, 1) is window.availability(0) is Availability.ABSENT


def test_a_late_or_repeated_chunk_changes_nothing() -> None:
    window = filled(range(60), without=(5,))
    before = window.segments()
    assert not window.add(Chunk("opus", 5, b"late"))
    assert not window.add(Chunk("opus", 59, b"again"))
    assert window.segments() == before
    assert window.recent(0)[-1].payload == payload(59)


def test_joining_in_the_middle_of_a_segment_lists_from_the_next_one() -> None:
    window = filled(range(1_350_005, 1_350_005 + 3 * 48))
    assert window.segments()[0].msn == 1_350_005 // 48 + 1
    assert window.segment_bytes(1_350_005 // 48) is None


def test_a_leap_over_the_window_starts_it_afresh() -> None:
    window = filled(range(100))
    window.part_bytes(0, 0)
    window.add(Chunk("opus", 100_000, payload(100_000)))
    assert window.segments() == ()
    assert window.part_bytes(0, 0) is None
    assert window.last_part == (100_000 // 48, (100_001 % 48) // 4 - 1)
    assert [chunk.number for chunk in window.recent(10**9)] == [100_000]


def test_a_leap_within_the_window_is_listed_as_gaps() -> None:
    window = filled(range(48))
    for number in range(48 * 5, 48 * 6):
        window.add(Chunk("opus", number, payload(number)))
    assert [segment.gap for segment in window.segments()] == [False, True, True, True, True, False]


def test_what_was_listed_stays_to_be_had_for_another_window() -> None:
    window = filled(range(48 * 100))
    listed = window.segments()
    assert [listed[0].msn, listed[-1].msn, len(listed)] == [83, 99, 17]
    assert window.segment_bytes(83 - 17) is not None
    assert window.segment_bytes(40) is None
    assert window.availability(40) is Availability.ABSENT


def test_the_end_makes_the_last_segment_and_part_whole_as_they_are() -> None:
    window = filled(range(48 + 6))
    window.end()
    last = window.segments()[-1]
    assert (last.whole, last.samples, last.parts) == (True, 6 * 3840, (15_360, 7680))
    assert window.last_part == (1, 1)
    assert window.segment_bytes(1) == joined(48, 6)
    assert window.part_bytes(1, 1) == joined(52, 2)
    assert window.availability(1, 2) is window.availability(2) is Availability.ABSENT
    assert not window.add(Chunk("opus", 54, b"after the end"))


@pytest.mark.parametrize(
    ("msn", "index", "expected"),
    [
        (0, None, Availability.READY),
        (1, 0, Availability.READY),
        (1, 1, Availability.NEXT),
        (1, 2, Availability.FUTURE),
        (1, None, Availability.NEXT),
        (2, None, Availability.FUTURE),
        (2, 0, Availability.FUTURE),
        (1, 12, Availability.ABSENT),
        (-1, 3, Availability.ABSENT),
    ],
)
def test_it_says_what_is_worth_waiting_for(msn: int, index: int | None, expected: Availability) -> None:
    assert filled(range(48 + 4)).availability(msn, index) is expected


def test_after_the_last_part_of_a_segment_comes_the_first_of_the_next() -> None:
    window = filled(range(48))
    assert window.availability(1, 0) is Availability.NEXT
    assert window.availability(1) is Availability.NEXT


def test_a_burst_is_as_long_and_as_big_as_asked_and_has_no_hole() -> None:
    window = filled(range(40), without=(20,))
    assert [chunk.number for chunk in window.recent()] == [39]
    assert [chunk.number for chunk in window.recent(3 * 3840)] == [37, 38, 39]
    assert [chunk.number for chunk in window.recent(3 * 3840 + 1)] == [36, 37, 38, 39]
    assert [chunk.number for chunk in window.recent(0, burst_bytes=9)] == [37, 38, 39]
    assert window.recent(10**9)[0].number == 21


def test_a_feed_without_parts_serves_bursts_only() -> None:
    window = filled(range(20), FEED_MP3)
    assert len(window.recent(2 * 11_520)) == 2
    with pytest.raises(AssertionError):
        window.segments()


@given(st.lists(st.integers(1, 300), max_size=120), st.integers(0, 10**6))
def test_no_sequence_of_chunks_breaks_the_bounds_or_changes_what_was_listed(
    steps: list[int], number: int
) -> None:
    window = LiveWindow(FEED_OPUS, seconds=12)
    told: dict[int, object] = {}
    for step in steps:
        number += step if step > 200 else 1 + step // 190
        window.add(Chunk("opus", number, payload(number)))
        assert len(window._chunks) <= window._kept
        assert window._by_number.keys() == {chunk.number for chunk in window._chunks}
        assert len(window._joined) <= JOINED_MAX
        for segment in window.segments():
            content = window.segment_bytes(segment.msn)
            assert (content is not None) == (segment.whole and not segment.gap)
            for index in range(len(segment.parts)):
                assert (window.part_bytes(segment.msn, index) is None) == (index in segment.gaps)
            if segment.whole:
                assert told.setdefault(segment.msn, segment) == segment


def test_the_joined_ones_kept_are_bounded() -> None:
    window = filled(range(48 * 20))
    for msn in range(20):
        for index in range(12):
            window.part_bytes(msn, index)
    assert len(window._joined) == JOINED_MAX
