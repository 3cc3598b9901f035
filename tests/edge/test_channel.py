"""What a worker knows of a conversation."""

import json

from hiwar.edge.channel import Channel, OnAir, render_now
from hiwar.media.feed import FEED_OPUS, Chunk
from hiwar.relay.messages import Ended, Event, Hello, Media, Skipped
from tests.edge.fake_stage import STATE, made_up_chunk, specification


def stands(channel: Channel) -> str:
    return channel.on_air.value


def test_a_stage_that_took_over_repeats_nothing_to_the_listeners() -> None:
    channel = Channel("abcdef1")
    first = [made_up_chunk(FEED_OPUS, number) for number in range(10)]
    again = [made_up_chunk(FEED_OPUS, number) for number in range(7, 13)]
    news = [channel.absorb(Media(chunk)) for chunk in [*first, *again]]
    assert [chunk.number for chunk in news if isinstance(chunk, Chunk)] == list(range(13))


def test_it_is_on_air_from_the_first_chunk_to_the_end() -> None:
    channel = Channel("abcdef1")
    assert channel.absorb(Hello(specification("abcdef1"), 3, 5.0, {"opus": b"init"})) is None
    assert stands(channel) == OnAir.NOT_YET
    channel.absorb(Media(made_up_chunk(FEED_OPUS, 0)))
    assert stands(channel) == OnAir.LIVE
    assert channel.absorb(Ended(3840)) == Ended(3840)
    assert channel.absorb(Ended(3840)) is None
    assert stands(channel) == OnAir.ENDED
    assert channel.absorb(Media(made_up_chunk(FEED_OPUS, 1))) is None


def test_the_last_state_is_kept_and_levels_are_not() -> None:
    channel = Channel("abcdef1")
    assert json.loads(render_now(channel))["phase"] == "announced"
    channel.absorb(Event(0, "state", STATE))
    channel.absorb(Event(0, "levels", b"{}"))
    assert render_now(channel) == STATE
    assert channel.phase == "live"


def test_what_is_strange_is_left_out() -> None:
    channel = Channel("abcdef1")
    assert channel.absorb(Media(Chunk("other", 0, b""))) is None
    assert channel.absorb(Event(0, "state", b"x" * 70_000)) is None
    assert channel.absorb(Skipped(4)) is None
    assert channel.skipped == 4
