"""A program in both renditions, spliced by an edge worker's own channel at random borders, and judged.

What a joint costs is measured where it can be heard: in the frames around it, the decoded sound's difference
from what was said is compared with that of the worse of the two renditions, decoded alone.
"""

import random
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from hiwar.demo import VOICE_FILES
from hiwar.edge.channel import Channel
from hiwar.media.feed import ALL_FEEDS, LIGHTER_FEEDS, Chunk, Feed
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.packager.feeds import init_bytes
from hiwar.relay.messages import Ended, Media
from hiwar.stage.lighter import lighter_lines
from hiwar.stage.lines import END_GRID, opus_line, slow_lines
from tests.needs import need_program

SECONDS = 24
LATE_MAX = 0.1  # seconds by which a lighter chunk comes later than its full sibling, at most

Pcm = NDArray[np.float32]


@cache
def program() -> Pcm:
    """Both voices of the demonstration, as they lie in their files, and the noise of a room."""
    length = SECONDS * SAMPLE_RATE // END_GRID * END_GRID
    mix = np.random.default_rng(3).standard_normal(length).astype(np.float32) * 3e-4
    for path in VOICE_FILES.values():
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        mix += np.concatenate(frames)[:length].astype(np.float32) * 0.7
    return mix


@cache
def encoded() -> dict[str, list[Chunk]]:
    """The chunks of every feed, by the encoders of the stage."""
    made: dict[str, list[Chunk]] = {name: [] for name in ALL_FEEDS}
    for line in (opus_line(), *slow_lines(), *lighter_lines()):
        for frame in program().reshape(-1, FRAME_SAMPLES):
            for chunk in line.sound(frame):
                made[chunk.feed].append(chunk)
        for chunk in line.finish(program().size):
            made[chunk.feed].append(chunk)
    return made


@dataclass(frozen=True, slots=True)
class Spliced:
    """One line of a feed, the channel that gave it, and the media times at which the rendition changes."""

    chunks: list[Chunk]
    channel: Channel
    to_light: list[int]
    to_full: list[int]

    @property
    def joints(self) -> list[int]:
        """Those that lie far enough from the end to be judged."""
        return [at for at in self.to_light + self.to_full if at + SAMPLE_RATE // 5 < program().size]


@cache
def with_holes(seed: int) -> dict[str, list[Chunk]]:
    """The lighter feeds of a thread that is overrun now and then, for up to 0.4 s."""
    rng = random.Random(seed)
    made: dict[str, list[Chunk]] = {name: [] for name in LIGHTER_FEEDS}
    frames = program().reshape(-1, FRAME_SAMPLES)
    lines, reached = lighter_lines(), set(range(len(frames)))
    while len(reached) > 0.9 * len(frames):
        start = rng.randrange(len(frames))
        reached -= set(range(start, start + rng.randrange(1, 20)))
    for place in sorted(reached):
        for line in lines:
            if line.media_time < place * FRAME_SAMPLES:
                assert list(line.silence(place * FRAME_SAMPLES)) == []
            for chunk in line.sound(frames[place]):
                made[chunk.feed].append(chunk)
    return made


def splice(
    feed: Feed, rng: random.Random, light_chunks: list[Chunk] | None = None, wishes: float = 0.15
) -> Spliced:
    """Every chunk through a channel, lighter ones late by chance, and a wish that changes now and then."""
    channel, given = Channel("abcdef1"), list[Chunk]()
    given += channel.use_lighter(not wishes)
    arrivals = [(chunk.end / SAMPLE_RATE, chunk) for chunk in encoded()[feed.name]]
    late, light_chunks = 0.0, light_chunks or encoded()[feed.lighter]
    for chunk in light_chunks:
        late = max(late - feed.chunk_samples / SAMPLE_RATE, rng.uniform(0, LATE_MAX))
        arrivals.append((chunk.end / SAMPLE_RATE + late, chunk))
    for _, chunk in sorted(arrivals, key=lambda each: each[0]):
        given += [each for each in channel.absorb(Media(chunk)) if isinstance(each, Chunk)]
        if rng.random() < wishes:
            given += channel.use_lighter(not channel.lighter)
    given += [each for each in channel.absorb(Ended(program().size)) if isinstance(each, Chunk)]
    line = [chunk for chunk in given if chunk.feed == feed.name]
    payloads = {chunk.number: chunk.payload for chunk in light_chunks}
    light = [chunk.payload == payloads.get(chunk.number) for chunk in line]
    changes = [place for place in range(1, len(line)) if light[place] != light[place - 1]]
    return Spliced(
        line,
        channel,
        [line[place].media_time for place in changes if light[place]],
        [line[place].media_time for place in changes if not light[place]],
    )


def decoded(name: str, payloads: list[bytes], folder: Path) -> Pcm:
    """What ffmpeg makes of it, which must say no word."""
    source = folder / f"sound.{ALL_FEEDS[name].extension}"
    source.write_bytes(init_bytes(name) + b"".join(payloads))
    return decoded_file(source)


def decoded_file(source: Path, *options: str) -> Pcm:
    level = "error" if source.suffix == ".mp3" else "warning"  # as in test_decoders
    command = [need_program("ffmpeg"), "-v", level, *options, "-i", str(source), "-ac", "1", "-ar", "48000"]
    done = subprocess.run([*command, "-f", "f32le", "-"], capture_output=True, timeout=60, check=True)
    assert done.stderr == b""
    return np.frombuffer(done.stdout, np.float32)


def joint_cost(heard: Pcm, alone: list[Pcm], at: int) -> float:
    """How much worse the sound is around a joint at media time `at` than the worse rendition alone: in dB, of
    the energy of what differs from the program, from one frame before to 100 ms after. A floor of -80 dBFS
    keeps silence from being judged. Sound that is late by a few samples differs everywhere."""
    begin, end = at - FRAME_SAMPLES, at + 5 * FRAME_SAMPLES
    said = program()[begin:end]
    floor = said.size * 1e-8

    def differs(sound: Pcm) -> float:
        return float(((sound[begin:end] - said) ** 2).sum()) + floor

    return float(10 * np.log10(differs(heard) / max(differs(each) for each in alone)))


def like(heard: Pcm) -> list[float]:
    """The correlation with the program, of each fifth of a second in which something is said."""
    step, found = SAMPLE_RATE // 5, []
    for begin in range(step, program().size - 2 * step, step):
        said, sound = program()[begin : begin + step], heard[begin : begin + step]
        if np.sqrt(np.mean(said**2)) > 0.01:
            found.append(float(np.corrcoef(said, sound)[0, 1]))
    return found
