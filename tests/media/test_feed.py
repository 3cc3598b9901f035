"""Which feeds there are, and which may stand in for which."""

import pytest

from hiwar.media.feed import (
    ALL_FEEDS,
    FEED_OPUS,
    FEED_OPUS_LIGHT,
    FEEDS,
    LIGHTER_FEEDS,
    RECORDED_FEEDS,
    Feed,
    full_feed,
)


@pytest.mark.parametrize("feed", FEEDS.values(), ids=FEEDS)
def test_a_lighter_feed_differs_in_its_rendition_and_in_nothing_that_a_player_sees(feed: Feed) -> None:
    light = ALL_FEEDS[feed.lighter]
    assert light.rendition.codec is feed.rendition.codec
    assert light.rendition.frame_samples == feed.rendition.frame_samples
    assert light.rendition.bitrate <= feed.rendition.bitrate / 2
    assert (light.chunk_samples, light.mime, light.content_type) == (
        feed.chunk_samples,
        feed.mime,
        feed.content_type,
    )
    assert full_feed(light) is feed
    assert full_feed(feed) is feed
    assert light.lighter == ""


def test_lighter_feeds_are_never_recorded() -> None:
    assert not set(LIGHTER_FEEDS) & {feed.name for feed in RECORDED_FEEDS}


def test_events_travel_in_opus_in_fmp4_and_hls_takes_what_is_in_mp4() -> None:
    assert [feed for feed in ALL_FEEDS.values() if feed.carries_events] == [FEED_OPUS, FEED_OPUS_LIGHT]
    assert [name for name, feed in ALL_FEEDS.items() if feed.is_segmented] == [
        "opus",
        "aac",
        "opus_light",
        "aac_light",
    ]
    assert [name for name, feed in ALL_FEEDS.items() if feed.is_ogg] == ["ogg", "ogg_light"]
