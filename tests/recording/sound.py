"""Real sound for the tests of recordings: a tone, encoded once as a stage would, and decoded back."""

from functools import cache
from pathlib import Path
from typing import Any

import av
import numpy as np

from hiwar.media.feed import FEEDS, Chunk, Codec
from hiwar.media.packet import SpeakerPacket, parse_rtp, render_rtp
from hiwar.packager.feeds import init_bytes, render_chunk
from hiwar.recording.recorder import Recorder

TONE_SECONDS = 6
INITS = {name: init_bytes(name) for name in ("opus", "aac", "mp3")}
_ENCODERS = {
    Codec.OPUS: ("libopus", {"frame_duration": "20"}),
    Codec.AAC: ("aac", {"aac_coder": "fast"}),
    Codec.MP3: ("libmp3lame", {"reservoir": "0"}),
}


@cache
def tone_frames(feed_name: str) -> tuple[bytes, ...]:
    """Encoded frames of a rising tone."""
    feed = FEEDS[feed_name]
    name, options = _ENCODERS[feed.rendition.codec]
    coder: Any = av.CodecContext.create(name, "w")
    coder.sample_rate, coder.layout, coder.bit_rate = 48_000, "mono", feed.rendition.bitrate
    coder.format = "s16p" if feed.rendition.codec is Codec.MP3 else "fltp" if name == "aac" else "flt"
    coder.options = options
    size = feed.rendition.frame_samples
    at = np.arange(TONE_SECONDS * 48_000) / 48_000
    wave = (0.3 * np.sin(2 * np.pi * (200 + 60 * at) * at)).astype(np.float32)
    packets = []
    for start in range(0, len(wave) - size + 1, size):
        block = wave[start : start + size][None, :]
        block = (block * 32767).astype(np.int16) if coder.format.name == "s16p" else block
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), coder.format.name, "mono")
        frame.sample_rate, frame.pts = 48_000, start
        packets += [bytes(packet) for packet in coder.encode(frame)]
    return tuple(packets[1:] if feed.rendition.codec is Codec.AAC else packets)


@cache
def tone_chunks(feed_name: str, count: int) -> tuple[Chunk, ...]:
    """Chunks 0 to `count`; the tone is repeated as often as it takes."""
    feed, frames = FEEDS[feed_name], tone_frames(feed_name)
    size = feed.frames_per_chunk
    whole = len(frames) // size
    return tuple(
        render_chunk(feed, number, frames[number % whole * size : (number % whole + 1) * size])
        for number in range(count)
    )


def decoded_samples(path: Path) -> int:
    """How many samples a decoder gets out of a file; raises if it stumbles anywhere."""
    total = 0
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            if packet.size:
                total += sum(frame.samples for frame in packet.decode())
    return total


def write_recording(folder: Path, counts: dict[str, int], *, ended: bool = False) -> None:
    """A recording of tones with a host and a muted guest, written by a recorder."""
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    recorder.write_journal("joined", 0, person="h1", name="Host", role="host")
    recorder.write_journal("joined", 960, person="g1", name="Guest", role="guest")
    recorder.write_journal("muted", 1920, person="g1")
    for name, count in counts.items():
        for chunk in tone_chunks(name, count):
            recorder.write_chunk(chunk)
    for number in range(30):
        recorder.write_packet("h1", rtp_packet(number), number * 960)
    if ended:
        recorder.write_journal("ended", max(n * FEEDS[name].chunk_samples for name, n in counts.items()))
    assert recorder.close()


def rtp_packet(number: int) -> SpeakerPacket:
    """A packet as a speaker's browser sends it."""
    raw = render_rtp(
        payload_type=111, sequence=number % 65536, timestamp=number * 960, ssrc=7, payload=bytes(range(80))
    )
    return parse_rtp(raw, number * 0.02)
