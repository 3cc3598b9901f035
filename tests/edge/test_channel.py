"""What a worker knows of a conversation."""

import json

from hiwar.edge.channel import Channel, OnAir, render_now
from hiwar.media.feed import ALL_FEEDS, FEED_OPUS, FEED_OPUS_LIGHT, FEEDS, Chunk
from hiwar.relay.messages import Ended, Event, Hello, Media, Skipped
from tests.edge.fake_stage import STATE, made_up_chunk, specification


def stands(channel: Channel) -> str:
    return channel.on_air.value


def test_a_stage_that_took_over_repeats_nothing_to_the_listeners() -> None:
    channel = Channel("abcdef1")
    first = [made_up_chunk(FEED_OPUS, number) for number in range(10)]
    again = [made_up_chunk(FEED_OPUS, number) for number in range(7, 13)]
    news = [each for chunk in [*first, *again] for each in channel.absorb(Media(chunk))]
    assert [chunk.number for chunk in news if isinstance(chunk, Chunk)] == list(range(13))


def test_it_is_on_air_from_the_first_chunk_to_the_end() -> None:
    channel = Channel("abcdef1")
    assert list(channel.absorb(Hello(specification("abcdef1"), 3, 5.0, {"opus": b"init"}))) == []
    assert stands(channel) == OnAir.NOT_YET
    channel.absorb(Media(made_up_chunk(FEED_OPUS, 0)))
    assert stands(channel) == OnAir.LIVE
    assert list(channel.absorb(Ended(3840))) == [Ended(3840)]
    assert list(channel.absorb(Ended(3840))) == []
    assert stands(channel) == OnAir.ENDED
    assert list(channel.absorb(Media(made_up_chunk(FEED_OPUS, 1)))) == []


def test_the_last_state_is_kept_and_levels_are_not() -> None:
    channel = Channel("abcdef1")
    assert json.loads(render_now(channel))["phase"] == "announced"
    channel.absorb(Event(0, "state", STATE))
    channel.absorb(Event(0, "levels", b"{}"))
    assert render_now(channel) == STATE
    told = json.loads(render_now(channel, b'{"rung":"busy"}'))
    assert told == json.loads(STATE) | {"front": {"rung": "busy"}}
    assert channel.phase == "live"


def test_what_is_strange_is_left_out() -> None:
    channel = Channel("abcdef1")
    assert list(channel.absorb(Media(Chunk("other", 0, b"")))) == []
    assert list(channel.absorb(Event(0, "state", b"x" * 70_000))) == []
    assert list(channel.absorb(Skipped(4))) == []
    assert channel.skipped == 4


def fed(channel: Channel, numbers: range) -> list[Chunk]:
    """Every feed's chunk of each number, the lighter ones after the full ones; what was given of it."""
    made = [made_up_chunk(feed, number) for number in numbers for feed in ALL_FEEDS.values()]
    given = [each for chunk in made for each in channel.absorb(Media(chunk))]
    return [each for each in given if isinstance(each, Chunk)]


def test_under_each_name_there_is_one_line_of_whichever_rendition_is_wished_for() -> None:
    channel = Channel("abcdef1")
    given = fed(channel, range(4))
    given += channel.use_lighter(True)
    given += fed(channel, range(4, 8))
    given += channel.use_lighter(False)
    given += fed(channel, range(8, 10))
    for feed in FEEDS.values():
        line = [chunk for chunk in given if chunk.feed == feed.name]
        assert [chunk.number for chunk in line] == list(range(10))
        light = [made_up_chunk(ALL_FEEDS[feed.lighter], number).payload for number in range(4, 8)]
        assert [chunk.payload for chunk in line[4:8]] == light
        assert line[3] == made_up_chunk(feed, 3)
        assert channel.windows[feed.name].recent()[-1] == line[-1] == made_up_chunk(feed, 9)


def test_hls_has_the_lighter_lines_whole_whatever_is_wished_for() -> None:
    channel = Channel("abcdef1")
    given = fed(channel, range(10))
    for name in ("opus_light", "aac_light"):
        expected = [made_up_chunk(ALL_FEEDS[name], number) for number in range(10)]
        assert [chunk for chunk in given if chunk.feed == name] == expected
    assert set(channel.windows) == {*FEEDS, "opus_light", "aac_light"}


def test_a_lighter_line_without_lighter_chunks_goes_on_with_full_ones() -> None:
    channel = Channel("abcdef1")
    fed(channel, range(5))
    for number in range(5, 12):
        channel.absorb(Media(made_up_chunk(FEED_OPUS, number)))
    light = channel.windows["opus_light"]
    assert light.recent()[-1].payload == made_up_chunk(FEED_OPUS, 11).payload
    assert (light.next_number, light.holes) == (12, 0)


def test_what_waits_for_a_lighter_chunk_comes_before_the_end() -> None:
    channel = Channel("abcdef1")
    fed(channel, range(5))
    channel.use_lighter(True)
    assert list(channel.absorb(Media(made_up_chunk(FEED_OPUS, 5)))) == []
    *last, end = channel.absorb(Ended(6 * 3840))
    assert end == Ended(6 * 3840)
    assert [(chunk.feed, chunk.number) for chunk in last if isinstance(chunk, Chunk)] == [
        ("opus", 5),
        ("opus_light", 5),
    ]


def test_whether_lighter_renditions_are_made_is_what_the_present_stage_says() -> None:
    channel = Channel("abcdef1")
    assert not channel.lighter_made
    channel.absorb(Hello(specification("abcdef1"), 1, 5.0, {"opus": b"", FEED_OPUS_LIGHT.name: b""}))
    assert channel.lighter_made
    channel.absorb(Hello(specification("abcdef1"), 2, 5.0, {"opus": b""}))
    assert not channel.lighter_made
