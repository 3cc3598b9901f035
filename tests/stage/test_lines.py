"""Lines of every codec: numbers grow by one, silence joins sound, and every feed ends at one time."""

from collections.abc import Iterable

import numpy as np
import pytest

from hiwar.media.feed import FEED_AAC, FEED_MP3, FEEDS, RECORDED_FEEDS, Chunk
from hiwar.media.timeline import CHUNK_SAMPLES, FRAME_SAMPLES, SAMPLE_RATE, ceil_to
from hiwar.packager.fmp4 import parse_fragment, render_event
from hiwar.stage.lines import END_GRID, OpusLine, TransformLine, opus_line, slow_lines
from tests.stage.scripted import Pcm, decode_opus, power_at, tone


def run_line(line: OpusLine | TransformLine, sound: Pcm) -> list[Chunk]:
    return [chunk for frame in sound.reshape(-1, FRAME_SAMPLES) for chunk in line.sound(frame)]


def assert_one_line(chunks: Iterable[Chunk], first_time: int, end: int) -> None:
    by_feed: dict[str, list[int]] = {}
    for chunk in chunks:
        by_feed.setdefault(chunk.feed, []).append(chunk.number)
    for name, numbers in by_feed.items():
        samples = FEEDS[name].chunk_samples
        assert numbers == list(range(first_time // samples, end // samples)), name


def every_line(next_chunk: dict[str, int] | None = None) -> list[OpusLine | TransformLine]:
    return [
        opus_line(next_chunk),
        *(line for line in slow_lines(next_chunk) if isinstance(line, TransformLine)),
    ]


def test_every_feed_ends_at_the_same_media_time() -> None:
    assert all(END_GRID % feed.chunk_samples == 0 for feed in RECORDED_FEEDS)
    sound = tone(440, 1.5)
    end = ceil_to(sound.size, END_GRID)
    for line in every_line():
        chunks = [*run_line(line, sound), *line.finish(end)]
        assert_one_line(chunks, 0, end)
        assert chunks[-1].end == end


@pytest.mark.parametrize("gap_seconds", [0.08, 1.2, 61.04])
def test_a_line_that_takes_up_a_recording_joins_it_without_a_break(gap_seconds: float) -> None:
    recorded = 100 * END_GRID
    next_chunk = {feed.name: recorded // feed.chunk_samples for feed in RECORDED_FEEDS}
    start = ceil_to(recorded + int(gap_seconds * SAMPLE_RATE), CHUNK_SAMPLES)
    sound = tone(440, 2.0)
    end = ceil_to(start + sound.size, END_GRID)
    for line in every_line(next_chunk):
        chunks = [*line.silence(start), *run_line(line, sound), *line.finish(end)]
        assert_one_line(chunks, recorded, end)


def test_sound_after_silence_lies_where_its_media_time_says() -> None:
    line = opus_line()
    chunks = [*line.silence(SAMPLE_RATE), *run_line(line, tone(440, 1.0)), *line.finish(3 * END_GRID)]
    program = decode_opus(
        [p for chunk in chunks if chunk.feed == "opus" for p in parse_fragment(chunk.payload).packets]
    )
    assert power_at(program[: SAMPLE_RATE - 960], 440) < 0.001
    assert power_at(program[SAMPLE_RATE + 960 : 2 * SAMPLE_RATE], 440) > 0.2


def test_frames_that_were_dropped_become_silence_in_aac_and_mp3() -> None:
    for line in slow_lines():
        assert isinstance(line, TransformLine)
        sound = tone(440, 0.64)
        chunks = run_line(line, sound)
        chunks += line.silence(line.media_time + 10 * FRAME_SAMPLES)
        chunks += run_line(line, sound)
        chunks += line.finish(2 * END_GRID)
        assert_one_line(chunks, 0, 2 * END_GRID)


def test_aac_frames_keep_their_own_grid_after_a_start_in_between() -> None:
    start = 7 * CHUNK_SAMPLES
    line = slow_lines({FEED_AAC.name: 0, FEED_MP3.name: 0})[0]
    frames = [*line.silence(start)]
    for frame in tone(440, 1.0).reshape(-1, FRAME_SAMPLES):
        frames += line.sound(frame)
    fragments = [parse_fragment(chunk.payload) for chunk in frames]
    assert all(fragment.media_time % 1024 == 0 for fragment in fragments)
    sizes = [len(packet) for fragment in fragments for packet in fragment.packets]
    first_loud = next(number for number, size in enumerate(sizes) if size > 2 * sizes[0])
    assert start - 2048 <= first_loud * 1024 <= start + 2048


def test_events_travel_once_in_the_opus_feed_only() -> None:
    line = opus_line()
    event = render_event("state", b"{}", media_time=0)
    quiet = np.zeros(FRAME_SAMPLES, np.float32)
    chunks = list(line.sound(quiet, [event]))
    while len(chunks) < 4:
        chunks += line.sound(quiet)
    found = [len(parse_fragment(chunk.payload).events) for chunk in chunks if chunk.feed == "opus"]
    assert found == [1, 0]
    assert all(event not in chunk.payload for chunk in chunks if chunk.feed == "ogg")
