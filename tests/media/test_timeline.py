"""The grid of time: everything is whole on a segment, and rounding is exact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media import timeline
from hiwar.media.feed import ALL_FEEDS, RECORDED_FEEDS, Chunk, Feed
from hiwar.media.timeline import ceil_to, floor_to, samples, seconds

GRIDS = st.sampled_from([960, 1024, 1152, 3840, 11_520, 15_360, 184_320])


@pytest.mark.parametrize("feed", ALL_FEEDS.values(), ids=ALL_FEEDS.keys())
def test_chunks_and_frames_are_whole_in_a_segment(feed: Feed) -> None:
    assert timeline.SEGMENT_SAMPLES % feed.chunk_samples == 0
    assert feed.chunk_samples % feed.rendition.frame_samples == 0
    assert feed.frames_per_chunk * feed.rendition.frame_samples == feed.chunk_samples


def test_a_segment_has_the_stated_number_of_frames() -> None:
    frames = {feed.name: timeline.SEGMENT_SAMPLES // feed.rendition.frame_samples for feed in RECORDED_FEEDS}
    assert frames == {"opus": 192, "aac": 180, "mp3": 160}
    assert timeline.PARTS_PER_SEGMENT == 12


@given(st.integers(0, 2**62), GRIDS)
def test_a_time_lies_between_its_floor_and_its_ceiling(media_time: int, grid: int) -> None:
    low, high = floor_to(media_time, grid), ceil_to(media_time, grid)
    assert low <= media_time <= high
    assert low % grid == high % grid == 0
    assert high - low == (grid if media_time % grid else 0)


@given(st.integers(0, 48_000 * 3600 * 1000))
def test_whole_samples_survive_as_seconds_to_within_one(media_time: int) -> None:
    assert 0 <= media_time - samples(seconds(media_time)) <= 1


@given(st.sampled_from(sorted(ALL_FEEDS)), st.integers(0, 2**40))
def test_a_chunk_ends_where_the_next_begins(feed: str, number: int) -> None:
    assert Chunk(feed, number, b"").end == Chunk(feed, number + 1, b"").media_time
