"""The lighter lines: the full lines' grid, fewer bits, and holes where sound did not reach them."""

from collections.abc import Iterable

import numpy as np
import pytest

from hiwar.media.feed import ALL_FEEDS, FEED_OPUS_LIGHT, LIGHTER_FEEDS, Chunk
from hiwar.media.timeline import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE
from hiwar.packager.fmp4 import parse_fragment, render_event
from hiwar.packager.mp3 import split_frames
from hiwar.stage.lighter import WARMING_SAMPLES, lighter_lines
from hiwar.stage.lines import END_GRID, Line, opus_line, slow_lines
from tests.stage.scripted import Pcm, decode_opus, power_at, tone

EVENT = render_event("state", b"{}", media_time=0)


def run_line(line: Line, sound: Pcm) -> list[Chunk]:
    return [chunk for frame in sound.reshape(-1, FRAME_SAMPLES) for chunk in line.sound(frame)]


def by_feed(chunks: Iterable[Chunk]) -> dict[str, list[Chunk]]:
    found: dict[str, list[Chunk]] = {}
    for chunk in chunks:
        found.setdefault(chunk.feed, []).append(chunk)
    return found


def numbers(chunks: Iterable[Chunk]) -> dict[str, list[int]]:
    return {name: [chunk.number for chunk in made] for name, made in by_feed(chunks).items()}


def opus_pcm(chunks: list[Chunk]) -> Pcm:
    return decode_opus([packet for chunk in chunks for packet in parse_fragment(chunk.payload).packets])


def test_every_chunk_has_the_number_of_its_full_sibling() -> None:
    sound, end = tone(440, 1.5), 2 * END_GRID
    made = [
        chunk
        for line in (opus_line(), *slow_lines(), *lighter_lines())
        for chunk in [*run_line(line, sound), *line.finish(end)]
    ]
    assert set(numbers(made)) == set(ALL_FEEDS)
    for name, found in numbers(made).items():
        assert found == list(range(end // ALL_FEEDS[name].chunk_samples)), name


def test_they_are_much_lighter() -> None:
    rng = np.random.default_rng(5)
    sound = (rng.standard_normal(4 * SAMPLE_RATE) * 0.1).astype(np.float32)
    full = by_feed(c for line in (opus_line(), *slow_lines()) for c in run_line(line, sound))
    light = by_feed(c for line in lighter_lines() for c in run_line(line, sound))
    for feed in ALL_FEEDS.values():
        if feed.lighter:
            sizes = [
                sum(len(c.payload) for c in made[n]) for made, n in ((full, feed.name), (light, feed.lighter))
            ]
            assert sizes[1] < 0.63 * sizes[0], feed.name
    assert {len(frame) for chunk in light["mp3_light"] for frame in split_frames(chunk.payload)} == {96}
    for packet in (p for c in light["opus_light"] for p in parse_fragment(c.payload).packets):
        assert len(packet) < 150  # 60 kbit/s: no single packet is as long as a full one


@pytest.mark.parametrize("until", [0.5, 0.98, 61.0])
def test_sound_that_did_not_reach_them_is_a_hole_up_to_a_whole_chunk(until: float) -> None:
    """And what follows lies where its media time says, from its first sample on."""
    border = int(until * SAMPLE_RATE) // FRAME_SAMPLES * FRAME_SAMPLES
    for line in lighter_lines():
        before = run_line(line, tone(440, 0.4))
        assert list(line.silence(border)) == []
        assert line.media_time == border
        after = run_line(line, tone(660, 2.0))
        for name, found in by_feed(after).items():
            samples = ALL_FEEDS[name].chunk_samples
            first = found[0].media_time
            assert border + WARMING_SAMPLES <= first < border + WARMING_SAMPLES + samples, name
            assert [c.number for c in found] == list(range(first // samples, first // samples + len(found)))
            assert all(chunk.number < found[0].number for chunk in by_feed(before).get(name, []))


def test_after_a_hole_the_first_chunk_takes_over_from_a_full_one_without_a_dip() -> None:
    sound, hole = tone(440, 3.0), slice(SAMPLE_RATE, SAMPLE_RATE + 10 * FRAME_SAMPLES)
    full = by_feed(run_line(opus_line(), sound))["opus"]
    line = lighter_lines()[0]
    run_line(line, sound[: hole.start])
    assert list(line.silence(hole.stop)) == []
    light = by_feed(run_line(line, sound[hole.stop :]))["opus_light"]
    first = light[0].number
    heard = opus_pcm(full[:first] + light)
    at = first * CHUNK_SAMPLES
    for begin in range(at - 960, at + 9600, 960):
        assert power_at(heard[begin : begin + 960], 440) == pytest.approx(0.25, abs=0.02)


def test_a_stage_that_goes_on_needs_no_word_of_where_the_last_one_was() -> None:
    start = 1000 * CHUNK_SAMPLES
    for line in lighter_lines():
        assert start > line.media_time
        assert list(line.silence(start)) == []
        assert numbers(run_line(line, tone(440, 1.0)))


def test_events_travel_in_front_of_the_same_chunk_as_in_the_full_feed() -> None:
    quiet = np.zeros(FRAME_SAMPLES, np.float32)
    found = {}
    for line, name in ((opus_line(), "opus"), (lighter_lines()[0], FEED_OPUS_LIGHT.name)):
        made = [c for number in range(12) for c in line.sound(quiet, [EVENT] if number == 5 else [])]
        made += line.finish(END_GRID, [EVENT])
        found[name] = [len(parse_fragment(chunk.payload).events) for chunk in by_feed(made)[name]]
        assert all(EVENT not in chunk.payload for chunk in made if chunk.feed.startswith("ogg"))
    assert found["opus"] == found["opus_light"] == [0, 1, 0, 1] + [0] * 8


def test_lines_without_a_place_for_events_ignore_them() -> None:
    for line in lighter_lines()[1:]:
        made = [c for frame in tone(440, 1.0).reshape(-1, FRAME_SAMPLES) for c in line.sound(frame, [EVENT])]
        assert made
        assert all(b"emsg" not in chunk.payload for chunk in made)


def test_together_they_make_every_lighter_feed_and_no_other() -> None:
    made = [chunk for line in lighter_lines() for chunk in run_line(line, tone(440, 1.0))]
    assert set(numbers(made)) == set(LIGHTER_FEEDS)
