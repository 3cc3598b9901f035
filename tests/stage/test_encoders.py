"""AAC and MP3: what a decoder gets out lies where it was put in, to the sample."""

from typing import Any

import av
import numpy as np
import pytest
from scipy.signal import butter, correlate, sosfilt  # type: ignore[import-untyped]

from hiwar.media.feed import AAC_LIGHT, MP3_LIGHT, Rendition
from hiwar.stage.encoders import AacEncoder, Mp3Encoder

ENCODERS = pytest.mark.parametrize("kind", [AacEncoder, Mp3Encoder])
Kind = type[AacEncoder] | type[Mp3Encoder]


def noise(samples: int) -> Any:
    raw = np.random.default_rng(7).standard_normal(samples) * 0.1
    return sosfilt(butter(4, 4000, fs=48_000, output="sos"), raw).astype(np.float32)


def decoded(kind: Kind, frames: list[bytes]) -> Any:
    decoder: Any = av.CodecContext.create("aac" if kind is AacEncoder else "mp3float", "r")
    if kind is AacEncoder:
        decoder.extradata = AacEncoder().audio_specific_config
    out = [f.to_ndarray()[0] for frame in frames for f in decoder.decode(av.Packet(frame))]
    return np.concatenate(out)


def offset_and_likeness(source: Any, heard: Any) -> tuple[int, float]:
    n = min(len(source), len(heard))
    product = correlate(heard[:n], source[:n], method="fft")
    power = np.sqrt((heard[:n] ** 2).sum() * (source[:n] ** 2).sum())
    return int(product.argmax()) - (n - 1), float(product.max() / power)


@ENCODERS
def test_the_decoded_sound_has_no_offset(kind: Kind) -> None:
    source = noise(96_000)
    offset, likeness = offset_and_likeness(source, decoded(kind, kind().push(source)))
    assert offset == 0
    assert likeness > 0.96


@ENCODERS
def test_the_length_of_the_pieces_does_not_matter(kind: Kind) -> None:
    source = noise(48_000)
    at_once, in_pieces = kind(), kind()
    pieces = np.split(source, np.cumsum(np.random.default_rng(3).integers(0, 2500, 35)))
    assert at_once.push(source) == [frame for piece in pieces for frame in in_pieces.push(piece)]
    assert at_once.next_frame == in_pieces.next_frame


@ENCODERS
@pytest.mark.parametrize("position", [960, 3 * 960, 184_320, 184_321])
def test_one_that_starts_in_mid_timeline_keeps_to_the_grid(kind: Kind, position: int) -> None:
    source = noise(position + 96_000)
    encoder = kind(position)
    first = encoder.next_frame
    size = encoder.rendition.frame_samples
    assert position <= first * size < position + size
    frames = encoder.push(source[position:])
    assert encoder.next_frame == first + len(frames)
    assert offset_and_likeness(source[first * size :], decoded(kind, frames))[0] == 0


@ENCODERS
def test_a_silent_frame_is_silence_before_and_after_sound(kind: Kind) -> None:
    silent = kind.silent_frame()
    assert silent is kind.silent_frame()
    size = kind().rendition.frame_samples
    sound = kind().push(noise(48_000))
    heard = decoded(kind, [silent] * 4 + sound[4:14] + [silent] * 6)
    assert np.abs(heard[: 3 * size]).max() < 1e-4
    assert np.abs(heard[17 * size : 19 * size]).max() < 1e-4
    assert np.abs(heard[5 * size : 12 * size]).max() > 0.05


def test_frames_have_the_promised_rate() -> None:
    mp3, aac = Mp3Encoder().push(noise(96_000)), AacEncoder().push(noise(96_000))
    assert {len(frame) for frame in mp3} == {192}
    assert 40_000 < sum(map(len, aac)) / len(aac) * 8 * 48_000 / 1024 < 68_000
    assert AacEncoder().audio_specific_config[:2] == bytes.fromhex("1188")


@pytest.mark.parametrize(("kind", "rendition"), [(AacEncoder, AAC_LIGHT), (Mp3Encoder, MP3_LIGHT)])
@pytest.mark.parametrize("position", [0, 184_321])
def test_a_lighter_rendition_lies_on_the_same_grid_with_the_same_configuration(
    kind: Kind, rendition: Rendition, position: int
) -> None:
    source = noise(position + 96_000)
    full, light = kind(position), kind(position, rendition)
    assert light.next_frame == full.next_frame
    begin = light.next_frame * rendition.frame_samples
    frames = [light.push(source[position:]), full.push(source[position:])]
    assert len(frames[0]) == len(frames[1])
    assert offset_and_likeness(source[begin:], decoded(kind, frames[0]))[0] == 0
    assert sum(map(len, frames[0])) < 0.6 * sum(map(len, frames[1]))
    if kind is AacEncoder:
        assert AacEncoder(0, rendition).audio_specific_config == AacEncoder().audio_specific_config
    else:
        assert {len(frame) for frame in frames[0]} == {96}


def test_a_negative_position_is_refused() -> None:
    with pytest.raises(ValueError, match="starts at 0"):
        AacEncoder(-1)
