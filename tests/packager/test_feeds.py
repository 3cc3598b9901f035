"""Feeds: every chunk is whole, numbered by its media time, and the same however one came to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.media.feed import (
    ALL_FEEDS,
    FEED_AAC,
    FEED_MP3,
    FEED_OGG,
    FEED_OGG_LIGHT,
    FEED_OPUS,
    FEED_OPUS_LIGHT,
    FEEDS,
    Chunk,
    Feed,
)
from hiwar.packager.boxes import BadMedia
from hiwar.packager.feeds import (
    EVENTS_PER_CHUNK_MAX,
    FeedPackager,
    OpusPackager,
    init_bytes,
    ogg_chunk_from_fragment,
)
from hiwar.packager.fmp4 import parse_fragment, render_event
from hiwar.packager.ogg import iterate_pages, parse_packets


def filled(feed: Feed, count: int, start: int = 0) -> list[Chunk]:
    packager = FeedPackager(feed, start)
    frames = (f"{number:05d}".encode() for number in range(count * feed.frames_per_chunk))
    return [chunk for frame in frames if (chunk := packager.push(frame)) is not None]


@pytest.mark.parametrize("feed", ALL_FEEDS.values(), ids=ALL_FEEDS.keys())
def test_chunks_follow_each_other_without_a_gap(feed: Feed) -> None:
    chunks = filled(feed, 3, start=7)
    assert [chunk.number for chunk in chunks] == [7, 8, 9]
    assert {chunk.feed for chunk in chunks} == {feed.name}


@pytest.mark.parametrize("feed", [FEED_OPUS, FEED_AAC])
def test_a_fragment_says_its_chunks_media_time(feed: Feed) -> None:
    for chunk in filled(feed, 2, start=1_350_000):
        parsed = parse_fragment(chunk.payload)
        assert parsed.media_time == chunk.media_time
        assert parsed.packet_samples * len(parsed.packets) == feed.chunk_samples
        assert parsed.sequence == chunk.number + 1


def test_a_page_says_its_chunks_end_and_follows_the_headers() -> None:
    for chunk in filled(FEED_OGG, 2, start=450_000):
        (page,) = iterate_pages(chunk.payload)
        assert (page.granule, page.sequence) == (chunk.end, chunk.number + 2)


def test_mp3_chunks_are_just_their_frames_and_need_no_header() -> None:
    (chunk,) = filled(FEED_MP3, 1)
    assert chunk.payload == b"".join(b"%05d" % number for number in range(10))
    assert init_bytes("mp3") == b""


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS.keys())
def test_a_lighter_feed_has_the_full_ones_header_bytes_and_frames_its_chunks_alike(feed: Feed) -> None:
    light = ALL_FEEDS[feed.lighter]
    assert init_bytes(light.name) == init_bytes(feed.name)
    for full_chunk, light_chunk in zip(filled(feed, 3, start=9), filled(light, 3, start=9), strict=True):
        assert (light_chunk.number, light_chunk.payload) == (full_chunk.number, full_chunk.payload)
        assert (light_chunk.feed, light_chunk.end) == (light.name, full_chunk.end)


def test_headers_and_any_later_page_make_a_file() -> None:
    source = init_bytes("ogg") + filled(FEED_OGG, 1, start=99)[0].payload
    assert parse_packets(source) == [b"00000", b"00001", b"00002", b"00003"]


@given(st.integers(0, 2**40), st.integers(0, 11))
def test_both_opus_feeds_come_from_the_same_packets_at_the_same_number(start: int, count: int) -> None:
    packager = OpusPackager(start)
    chunks = [chunk for number in range(count) for chunk in packager.push(b"packet %d" % number)]
    assert [(chunk.feed, chunk.number) for chunk in chunks] == [
        (feed, start + number) for number in range(count // 4) for feed in ("opus", "ogg")
    ]
    assert packager.media_time == start * 3840 + count * 960
    for fmp4, ogg in zip(chunks[::2], chunks[1::2], strict=True):
        assert ogg_chunk_from_fragment(fmp4.payload) == ogg


def test_paging_again_needs_a_whole_chunk() -> None:
    (chunk,) = filled(FEED_OPUS, 1)
    with pytest.raises(BadMedia):
        ogg_chunk_from_fragment(chunk.payload[:-1])


@pytest.mark.parametrize("feed", [FEED_OPUS, FEED_OPUS_LIGHT])
def test_events_wait_for_the_next_chunk_and_go_in_front_of_it_once(feed: Feed) -> None:
    packager = FeedPackager(feed)
    packager.push(b"1", [render_event("state", b"one", media_time=0)])
    packager.push(b"2")
    packager.push(b"3", [render_event("levels", b"two", media_time=1920)])
    first = packager.push(b"4")
    following = [packager.push(b"x") for _ in range(4)][-1]
    assert first is not None
    assert following is not None
    assert [event.body for event in parse_fragment(first.payload).events] == [b"one", b"two"]
    assert parse_fragment(following.payload).events == ()


def test_too_many_events_lose_the_oldest_and_are_counted() -> None:
    packager = OpusPackager()
    events = [
        render_event("state", b"%d" % number, media_time=0) for number in range(EVENTS_PER_CHUNK_MAX + 3)
    ]
    packager.push(b"1", events)
    (chunk, _) = [chunk for _ in range(3) for chunk in packager.push(b"x")]
    kept = parse_fragment(chunk.payload).events
    assert packager.events_dropped == 3
    assert (kept[0].body, len(kept)) == (b"3", EVENTS_PER_CHUNK_MAX)


@pytest.mark.parametrize("feed", [FEED_OGG, FEED_AAC, FEED_MP3, FEED_OGG_LIGHT])
def test_feeds_without_a_place_for_events_ignore_them(feed: Feed) -> None:
    packager = FeedPackager(feed)
    chunks = [packager.push(b"12345", [b"event"]) for _ in range(feed.frames_per_chunk)]
    assert chunks[-1] is not None
    assert b"event" not in chunks[-1].payload


def test_seeking_drops_an_unfinished_chunk_and_goes_on_at_the_number() -> None:
    packager = OpusPackager()
    packager.push(b"lost")
    packager.seek(500)
    assert (packager.next_number, packager.media_time) == (500, 500 * 3840)
    chunks = [chunk for _ in range(4) for chunk in packager.push(b"kept")]
    assert [chunk.number for chunk in chunks] == [500, 500]
    assert parse_fragment(chunks[0].payload).packets == (b"kept",) * 4


def test_a_packager_knows_where_in_time_it_is() -> None:
    packager = FeedPackager(FEED_AAC, 2)
    packager.push(b"x")
    assert (packager.media_time, packager.frames_pending) == (2 * 15_360 + 1024, 1)
