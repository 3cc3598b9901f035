"""Frames made by hand, under a time that the test owns: what is mixed is exactly what was said."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from hiwar.media.feed import Chunk
from hiwar.media.packet import SpeakerPacket
from hiwar.media.timeline import FRAME_SAMPLES, FRAME_SECONDS
from hiwar.packager.fmp4 import parse_fragment
from hiwar.stage.air import Air
from hiwar.stage.lines import END_GRID, opus_line
from hiwar.stage.opus import OpusEncoder
from hiwar.stage.program import LEVEL_FRAMES, FrameMade, Program
from hiwar.stage.slow import SlowLines
from hiwar.stage.sources import SourceHealth
from hiwar.stage.voices import Inbox, Voice
from tests.stage.scripted import Pcm, decode_opus, power_at, tone


class Deaf:
    """A source that only sends."""

    kind = "file"
    hears = False

    def send(self, packet: bytes) -> None:
        raise AssertionError("it does not hear")

    def health(self) -> SourceHealth:
        return SourceHealth()

    async def close(self) -> None: ...


class Hearing(Deaf):
    hears = True


class Kept:
    """A recorder that keeps the chunks."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []

    def write_chunk(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)


class Mixes(SlowLines):
    """Keeps the mix itself, as it goes to the slower encoders."""

    def __init__(self, mixes: list[Pcm]) -> None:
        super().__init__((), lambda chunks: None, lambda error: None)
        self._mixes = mixes

    def push(self, media_time: int, pcm: Pcm, events: Sequence[bytes] = ()) -> None:
        self._mixes.append(pcm.copy())


class Studio:
    """A program without threads: `play` makes as many frames as the voices' packets last."""

    def __init__(self, source: Callable[[], Deaf] = Hearing, count: int = 2) -> None:
        self.made: list[FrameMade] = []
        self.program = Program(16, self.made.append)
        self.kept: list[SpeakerPacket] = []
        self.recorded = Kept()
        self.mixes: list[Pcm] = []
        self.voices = [Voice(f"g{row}", row, source(), Inbox(self.kept.append)) for row in range(count)]
        self.program.set_voices(tuple(self.voices))
        self.number = 0

    def go_on_air(self, begin: int = 0) -> None:
        slow = Mixes(self.mixes)
        self.program.go_on_air(Air(self.recorded, opus_line(), slow, lambda: begin))

    def play(self, sounds: list[Pcm]) -> None:
        encoders = [OpusEncoder(96_000, 10) for _ in sounds]
        for frame in range(max(sound.size for sound in sounds) // FRAME_SAMPLES):
            due = 1000.0 + self.number * FRAME_SECONDS
            for row, sound in enumerate(sounds):
                piece = sound[frame * FRAME_SAMPLES : (frame + 1) * FRAME_SAMPLES]
                payload = encoders[row].encode(piece)
                self.voices[row].inbox.receive(
                    SpeakerPacket(frame, frame * FRAME_SAMPLES, row, False, 111, payload, None, due, payload)
                )
            self.program.frame(self.number, due)
            self.number += 1

    def heard(self, row: int) -> Pcm:
        source = self.voices[row].source
        return decode_opus([packet for made in self.made for to, packet in made.returns if to is source])

    def program_pcm(self) -> Pcm:
        chunks = [chunk for made in self.made for chunk in made.chunks if chunk.feed == "opus"]
        return decode_opus([p for chunk in chunks for p in parse_fragment(chunk.payload).packets])


def delayed_correlation(heard: Pcm, said: Pcm) -> float:
    """The best correlation of `heard` with `said`, at most 100 ms late."""
    length = said.size - 6000
    size = 1 << heard.size.bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(said[:length], size))
    late = int(np.argmax(np.fft.irfft(spectrum, size)[:4800]))
    return float(np.corrcoef(heard[late : late + length], said[:length])[0, 1])


def test_the_program_is_the_sum_of_the_voices_and_each_hears_the_others() -> None:
    studio = Studio()
    studio.go_on_air()
    one, other = tone(440, 2.0), tone(1000, 2.0)
    studio.play([one, other])
    program = studio.program_pcm()[48_000:]
    assert power_at(program, 440) == pytest.approx(0.25, rel=0.03)
    assert power_at(program, 1000) == pytest.approx(0.25, rel=0.03)
    assert power_at(studio.heard(0)[48_000:], 440) < 0.002
    assert delayed_correlation(studio.heard(0)[9600:], other[9600:]) > 0.99
    assert delayed_correlation(studio.heard(1)[9600:], one[9600:]) > 0.99


def test_the_program_equals_an_offline_mix_of_the_tracks() -> None:
    studio = Studio()
    studio.go_on_air()
    times = np.arange(96_000) / 48_000
    one = (0.25 * np.sin(2 * np.pi * (300 + 300 * times) * times)).astype(np.float32)
    other = (0.2 * np.sin(2 * np.pi * (2500 - 400 * times) * times)).astype(np.float32)
    studio.play([one, other])
    tracks = [decode_opus([p.payload for p in studio.kept if p.ssrc == row]) for row in (0, 1)]
    offline, mix = tracks[0] + tracks[1], np.concatenate(studio.mixes)
    late = min(
        range(0, 4_800, 120),
        key=lambda at: float(np.abs(mix[at + 9_600 :][:960] - offline[9_600:10_560]).sum()),
    )
    assert np.array_equal(mix[late + 9_600 :], offline[9_600 : mix.size - late])
    assert delayed_correlation(studio.program_pcm()[9_600:], offline[9_600:]) > 0.95


def test_gain_and_mute_count_in_the_mix() -> None:
    studio = Studio()
    studio.go_on_air()
    studio.voices[0].gain = 0.5
    studio.voices[1].muted = True
    studio.play([tone(440, 1.0), tone(1000, 1.0)])
    program = studio.program_pcm()[24_000:]
    assert power_at(program, 440) == pytest.approx(0.125, rel=0.05)
    assert power_at(program, 1000) < 0.002


def test_packets_that_come_while_muted_are_not_kept() -> None:
    studio = Studio(count=1)
    studio.voices[0].inbox.muted = True
    studio.play([tone(440, 0.2)])
    assert studio.kept == []
    studio.voices[0].inbox.muted = False
    studio.play([tone(440, 0.2)])
    assert len(studio.kept) == 10


def test_without_air_nothing_is_made_for_listeners() -> None:
    studio = Studio()
    studio.play([tone(440, 0.5), tone(1000, 0.5)])
    assert all(not made.chunks for made in studio.made)
    assert all(len(made.returns) == 2 for made in studio.made)


def test_a_source_that_hears_nothing_gets_nothing() -> None:
    studio = Studio(Deaf)
    studio.play([tone(440, 0.1), tone(1000, 0.1)])
    assert all(not made.returns for made in studio.made)


def test_levels_are_told_every_240_ms() -> None:
    studio = Studio()
    studio.play([tone(440, 1.0), np.zeros(48_000, np.float32)])
    told = [made.levels for made in studio.made if made.levels is not None]
    assert len(told) == 50 // LEVEL_FRAMES
    assert told[-1]["g0"] == pytest.approx(-15, abs=1)
    assert told[-1]["g1"] < -60


def test_the_depth_of_a_buffer_is_told_beside_the_levels_not_read_from_another_thread() -> None:
    studio = Studio()
    studio.play([tone(440, 0.5), tone(440, 0.5)])
    assert [voice.buffered for voice in studio.voices] == [960, 960]


def test_frames_passed_over_become_silence_of_their_length() -> None:
    studio = Studio()
    studio.go_on_air()
    studio.play([tone(440, 0.4), tone(440, 0.4)])
    studio.number += 100
    studio.play([tone(440, 0.4), tone(440, 0.4)])
    numbers = [chunk.number for made in studio.made for chunk in made.chunks if chunk.feed == "opus"]
    assert numbers == list(range((20 + 100 + 20) // 4))
    assert power_at(studio.program_pcm()[40 * 960 : 110 * 960], 440) < 0.001


def test_the_last_frame_fills_every_feed_to_one_length() -> None:
    studio = Studio()
    studio.go_on_air()
    studio.play([tone(440, 0.5), tone(440, 0.5)])
    studio.program.end_air(lambda: None)
    studio.play([tone(440, 0.5), tone(440, 0.5)])
    ended = [made.ended for made in studio.made if made.ended is not None]
    assert ended == [END_GRID]
    assert studio.recorded.chunks[-1].end == END_GRID
    assert not studio.made[-1].chunks


def test_a_voice_that_leaves_is_silent_at_once_and_its_place_can_be_taken() -> None:
    studio = Studio()
    studio.go_on_air()
    studio.play([tone(440, 0.4), tone(1000, 0.4)])
    stranger = Voice("g9", 1, Hearing(), Inbox(studio.kept.append))
    studio.program.set_voices((studio.voices[0], stranger))
    studio.voices[1] = stranger
    before = len(studio.made)
    studio.play([tone(440, 0.6), tone(2000, 0.6)])
    later = [p for made in studio.made[before:] for to, p in made.returns if to is studio.voices[0].source]
    heard = decode_opus(later)[9600:]
    assert power_at(heard, 1000) < 0.002
    assert power_at(heard, 2000) > 0.2


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_voice_that_leaves_while_talking_fades_and_does_not_click(taken_over: bool) -> None:
    studio = Studio(count=1)
    studio.go_on_air()
    studio.play([tone(440, 0.41)])
    stranger = Voice("g9", 0, Hearing(), Inbox(studio.kept.append))
    studio.program.set_voices((stranger,) if taken_over else ())
    studio.voices[0] = stranger
    studio.play([np.zeros(4_800, np.float32)])
    mix = np.concatenate(studio.mixes)
    steepest = 0.25 * 2 * np.pi * 440 / 48_000
    assert np.abs(np.diff(mix[9_600:])).max() < 1.3 * steepest
    assert np.abs(mix[-960:]).max() < 1e-6


def test_beyond_the_loudest_speakers_share_one_packet() -> None:
    studio = Studio(count=14)
    sounds = [tone(300 + 100 * row, 0.6, 0.02) for row in range(12)]
    studio.play([*sounds, np.zeros(28_800, np.float32), np.zeros(28_800, np.float32)])
    last = [packet for _, packet in studio.made[-1].returns]
    assert last[12] == last[13]
    assert len(set(last)) == 13


def test_an_error_while_recording_is_not_swallowed() -> None:
    studio = Studio()
    studio.go_on_air()

    def refuse(chunk: Chunk) -> None:
        raise RuntimeError("no")

    studio.recorded.write_chunk = refuse  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        studio.play([tone(440, 0.2), tone(440, 0.2)])
