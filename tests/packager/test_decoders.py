"""What is written here is decoded by another program, from any point of media time, without a word.

Judged by the sound: the decoded tone is correlated with the source, so silence, a wrong pitch or a
missing packet fails, and not only an error message.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from hiwar.media.feed import FEEDS, Chunk, Feed
from hiwar.media.timeline import SEGMENT_SAMPLES
from hiwar.packager.feeds import FeedPackager, init_bytes, ogg_chunk_from_fragment
from hiwar.packager.fmp4 import last_whole_fragment_end, render_event
from hiwar.packager.playlists import SegmentRange, render_live, render_multivariant, render_recording
from hiwar.packager.window import LiveWindow
from tests.needs import need_program
from tests.packager.sound import RATE, TONE_HZ, encoded_tone

pytestmark = pytest.mark.players
HOURS = (0, 10, 30)
SECONDS = 12.0


def chunks(feed: Feed, hours: int = 0) -> list[Chunk]:
    packager = FeedPackager(feed, hours * 3600 * RATE // feed.chunk_samples)
    made = []
    for packet in encoded_tone(feed.rendition.codec, SECONDS):
        event = render_event("levels", b'{"levels":{"h1":-23}}', media_time=packager.media_time)
        chunk = packager.push(packet, [event])
        if chunk is not None:
            made.append(chunk)
    return made


def decoded(source: Path | str, *options: str) -> np.ndarray:
    command = [need_program("ffmpeg"), "-v", "warning", *options, "-i", str(source)]
    done = subprocess.run(
        [*command, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == b""
    return np.frombuffer(done.stdout, np.float32)


def start_seconds(source: Path) -> float:
    command = [need_program("ffprobe"), "-v", "error", "-show_entries", "stream=start_time", "-of", "csv=p=0"]
    return float(subprocess.run([*command, str(source)], capture_output=True, timeout=60, check=True).stdout)


def assert_tone(sound: np.ndarray, seconds: float) -> None:
    """Every tenth of a second but the edges is the tone: a packet missing leaves it below 0.85."""
    assert abs(len(sound) / RATE - seconds) < 0.06
    step = RATE // 10
    wave = np.exp(-2j * np.pi * TONE_HZ * np.arange(step) / RATE)
    for start in range(step, len(sound) - 2 * step, step):
        piece = sound[start : start + step]
        share = 2 * abs(piece @ wave) ** 2 / (step * float(piece @ piece))
        assert share > 0.9, f"{start / RATE} s"


@pytest.mark.parametrize("hours", HOURS)
@pytest.mark.parametrize("name", ["opus", "aac", "ogg"])
def test_a_feed_is_decoded_from_any_start(name: str, hours: int, tmp_path: Path) -> None:
    made = chunks(FEEDS[name], hours)
    source = tmp_path / f"feed.{FEEDS[name].extension}"
    source.write_bytes(init_bytes(name) + b"".join(chunk.payload for chunk in made))
    assert_tone(decoded(source), (made[-1].end - made[0].media_time) / RATE)
    assert start_seconds(source) == pytest.approx(hours * 3600, abs=0.01)


def test_mp3_is_decoded(tmp_path: Path) -> None:
    made = chunks(FEEDS["mp3"])
    source = tmp_path / "feed.mp3"
    source.write_bytes(b"".join(chunk.payload for chunk in made))
    options = ("-v", "error")  # every MP3 without a table of contents earns a warning about its duration
    assert_tone(decoded(source, *options), made[-1].end / RATE)


def test_the_recordings_fragments_paged_again_are_the_same_sound(tmp_path: Path) -> None:
    pages = [ogg_chunk_from_fragment(chunk.payload) for chunk in chunks(FEEDS["opus"])]
    source = tmp_path / "download.opus"
    source.write_bytes(init_bytes("ogg") + b"".join(page.payload for page in pages))
    assert_tone(decoded(source), pages[-1].end / RATE)


@pytest.mark.parametrize("torn", [1, 100, 333, 517])
def test_a_torn_file_is_decoded_to_its_last_whole_fragment(torn: int, tmp_path: Path) -> None:
    whole = init_bytes("opus") + b"".join(chunk.payload for chunk in chunks(FEEDS["opus"]))
    cut = whole[: len(whole) // 2 + torn]
    source = tmp_path / "torn.mp4"
    source.write_bytes(cut[: last_whole_fragment_end(cut)])
    sound = decoded(source)
    assert len(sound) > 5 * RATE
    assert_tone(sound, len(sound) / RATE)


@pytest.mark.parametrize("name", ["opus", "aac"])
def test_a_recordings_playlist_plays_by_byte_ranges(name: str, tmp_path: Path) -> None:
    feed, init = FEEDS[name], init_bytes(name)
    file, ranges = bytearray(init), []
    per_segment = SEGMENT_SAMPLES // feed.chunk_samples
    made = chunks(feed)
    for first in range(0, len(made), per_segment):
        segment = made[first : first + per_segment]
        payload = b"".join(chunk.payload for chunk in segment)
        duration = len(segment) * feed.chunk_samples
        ranges.append(SegmentRange(first // per_segment, len(file), len(payload), duration))
        file += payload
    name_of_file = f"{name}.{feed.extension}"
    (tmp_path / name_of_file).write_bytes(file)
    text = render_recording(ranges, uri=name_of_file, init_length=len(init), ended=True, origin_wallclock=0)
    (tmp_path / "list.m3u8").write_text(text)
    assert_tone(decoded(tmp_path / "list.m3u8", "-allowed_extensions", "ALL"), made[-1].end / RATE)


@pytest.mark.parametrize("name", ["opus", "aac"])
def test_an_ended_live_playlist_plays_from_ten_hours_on(name: str, tmp_path: Path) -> None:
    feed = FEEDS[name]
    window = LiveWindow(feed)
    made = chunks(feed, 10)
    for chunk in made:
        window.add(chunk)
    window.end()
    folder = tmp_path / name
    folder.mkdir()
    (folder / "init.mp4").write_bytes(init_bytes(name))
    for segment in window.segments():
        (folder / f"{segment.msn}.m4s").write_bytes(window.segment_bytes(segment.msn) or b"")
    (folder / "live.m3u8").write_text(render_live(window, origin_wallclock=0))
    (tmp_path / "live.m3u8").write_text(render_multivariant([(feed, f"{name}/live.m3u8")]))
    options = ("-allowed_extensions", "ALL", "-live_start_index", "0")
    assert_tone(decoded(tmp_path / "live.m3u8", *options), sum(s.samples for s in window.segments()) / RATE)
