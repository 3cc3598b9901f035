"""A speaker's packets, as a network would bring them, to sound: judged by the sound."""

import random
from collections.abc import Callable

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from hiwar.media.opus_packet import packet_samples
from hiwar.stage.decoding import SpeakerDecoder
from hiwar.stage.opus import Application, OpusEncoder, silent_packet

Pcm = NDArray[np.float32]
Delay = Callable[[int], float | None]


def tone(seconds: float, hertz: float = 440.0) -> Pcm:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * 48_000)) / 48_000)).astype(np.float32)


def chirp(seconds: float) -> Pcm:
    time = np.arange(int(seconds * 48_000)) / 48_000
    return (0.3 * np.sin(2 * np.pi * (300 * time + 100 * time**2))).astype(np.float32)


def encoded(pcm: Pcm, samples: int = 960, application: Application = Application.VOIP) -> list[bytes]:
    with OpusEncoder(32_000, 5, application, fec=True, loss_percent=10) as encoder:
        return [encoder.encode(frame) for frame in pcm[: pcm.size // samples * samples].reshape(-1, samples)]


def on_time(_: int) -> float | None:
    return 0.0


def heard(
    packets: list[bytes], delay: Delay = on_time, skew: float = 0.0, speaker: SpeakerDecoder | None = None
) -> Pcm:
    """All frames that come out while the packets come in."""
    speaker = speaker or SpeakerDecoder()
    size = packet_samples(packets[0]) / 48_000
    arrivals = sorted(
        (0.005 + k * size * (1 + skew) + late, k)
        for k in range(len(packets))
        if (late := delay(k)) is not None
    )
    frames = int(len(packets) * size * (1 + skew) / 0.02)
    out = np.zeros((frames, 960), np.float32)
    for frame in range(frames):
        now = frame * 0.02
        while arrivals and arrivals[0][0] <= now:
            when, k = arrivals.pop(0)
            speaker.receive(k % 65_536, round(k * size * 48_000), packets[k], when)
        speaker.frame(now, out[frame])
    return out.ravel()


def lag_and_likeness(source: Pcm, sound: Pcm) -> tuple[int, float]:
    size = 1 << (2 * max(source.size, sound.size) - 1).bit_length()
    product = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(source, size)), size)
    power = np.sqrt(np.dot(source, source) * np.dot(sound, sound))
    return int(product.argmax()), float(product.max() / power)


def test_on_a_good_network_the_sound_is_whole_and_at_most_two_frames_late() -> None:
    source = chirp(4)
    speaker = SpeakerDecoder()
    lag, likeness = lag_and_likeness(source, heard(encoded(source), speaker=speaker))
    assert 960 < lag <= 2 * 960 + 400  # two packets and the codec's own 6.5 ms
    assert likeness > 0.97
    counts = speaker.buffer.counts
    assert (counts.concealed, counts.fec, counts.merged, counts.stretched) == (0, 0, 0, 0)


@pytest.mark.parametrize("samples", [480, 1920, 2880])
def test_packets_of_every_duration_give_the_same_sound(samples: int) -> None:
    source = chirp(4)
    lag, likeness = lag_and_likeness(source, heard(encoded(source, samples)))
    assert lag <= 3 * 960 + samples
    assert likeness > 0.9


def test_stereo_packets_become_mono() -> None:
    source = chirp(4)
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = 48_000, "stereo", "flt", 64_000
    packets = []
    for part in source.reshape(-1, 960):
        frame = av.AudioFrame.from_ndarray(np.repeat(part, 2)[None], format="flt", layout="stereo")
        frame.sample_rate = 48_000
        packets += [bytes(packet) for packet in context.encode(frame)]
    assert packets[50][0] & 4
    assert lag_and_likeness(source, heard(packets))[1] > 0.97


def test_at_three_percent_loss_the_sound_is_nearly_whole() -> None:
    chance = random.Random(21)
    source = chirp(6)
    speaker = SpeakerDecoder()
    sound = heard(encoded(source), lambda _: None if chance.random() < 0.03 else 0.0, speaker=speaker)
    lag, likeness = lag_and_likeness(source, sound)
    assert lag <= 2 * 960 + 400
    assert likeness > 0.93
    assert speaker.buffer.counts.concealed + speaker.buffer.counts.fec >= 5


@pytest.mark.parametrize("application", [Application.VOIP, Application.AUDIO])
@pytest.mark.parametrize("hertz", [210, 440, 997])
@pytest.mark.parametrize("skew", [5e-3, -5e-3])
def test_a_correction_of_drift_does_not_click(application: Application, hertz: int, skew: float) -> None:
    speaker = SpeakerDecoder()
    packets = encoded(tone(18, hertz), application=application)
    sound = heard(packets, skew=skew, speaker=speaker)
    counts = speaker.buffer.counts
    assert counts.merged + counts.stretched >= 3
    assert counts.concealed == 0
    undisturbed = np.abs(np.diff(heard(packets)[48_000:], 2)).max()
    assert np.abs(np.diff(sound[48_000:], 2)).max() <= 1.1 * undisturbed


def test_a_speaker_who_is_gone_fades_out_and_comes_back_without_a_click() -> None:
    packets = encoded(tone(6, 300), application=Application.AUDIO)
    sound = heard(packets, lambda k: None if 100 <= k < 200 else 0.0)
    assert not sound[120 * 960 : 195 * 960].any()
    assert np.abs(sound[210 * 960 :]).max() > 0.45
    undisturbed = np.abs(np.diff(sound[50 * 960 : 90 * 960], 2)).max()
    assert np.abs(np.diff(sound[95 * 960 : 120 * 960], 2)).max() < 3 * undisturbed
    assert np.abs(np.diff(sound[195 * 960 :], 2)).max() < 3 * undisturbed


@pytest.mark.parametrize("pause", [0.04, 0.06, 0.08, 0.1, 0.12, 0.14, 0.2])
def test_a_sender_held_up_for_a_moment_goes_on_without_a_click(pause: float) -> None:
    packets = encoded(tone(6, 220))
    undisturbed = high_bursts(heard(packets)).max()
    for first in range(100, 112):  # at every phase of the tone
        speaker = SpeakerDecoder()
        sound = heard(packets, held_up(first, pause), speaker=speaker)
        assert speaker.buffer.counts.stretched + speaker.buffer.counts.concealed > 0
        assert high_bursts(sound).max() < 3 * undisturbed


def test_after_a_packet_that_is_none_the_sound_goes_on_without_a_click() -> None:
    packets = encoded(tone(6, 220))
    undisturbed = high_bursts(heard(packets)).max()
    for first in range(100, 112):
        broken = packets.copy()
        broken[first] = b"\x08\x40" + bytes(1300)  # longer than a frame can be
        speaker = SpeakerDecoder()
        assert high_bursts(heard(broken, speaker=speaker)).max() < 3 * undisturbed
        assert speaker.malformed == 1


def held_up(first: int, pause: float) -> Delay:
    """Packets from `first` on, of a `pause` in seconds, come at its end, all at once."""
    return lambda k: max(0.0, pause - (k - first) * 0.02) if k >= first else 0.0


def high_bursts(pcm: Pcm) -> NDArray[np.float64]:
    """Root mean square above 6 kHz of each 5 ms, the beginning left out: a tone leaves nothing there."""
    high = sosfilt(butter(6, 6000, "highpass", fs=48_000, output="sos"), pcm)[48_000:]
    return np.asarray(np.sqrt(np.mean(high.reshape(-1, 240) ** 2, axis=1)))


def test_another_sender_is_heard_after_a_reset() -> None:
    speaker = SpeakerDecoder()
    source = chirp(3)
    heard(encoded(source), speaker=speaker)
    speaker.reset()
    assert lag_and_likeness(source, heard(encoded(source), speaker=speaker))[1] > 0.9
    speaker.close()


def test_silence_is_digital_silence() -> None:
    assert np.abs(heard([silent_packet()] * 50)).max() < 1e-9
    out = np.ones(960, np.float32)
    SpeakerDecoder().frame(1.0, out)
    assert not out.any()


def test_what_is_no_packet_is_counted_and_changes_nothing() -> None:
    speaker = SpeakerDecoder()
    for payload in (b"", b"\xfb", b"\xfb\x00"):
        speaker.receive(1, 960, payload, 0.0)
    assert speaker.malformed == 3
    assert speaker.buffer.counts.received == 0


def test_a_packet_that_libopus_refuses_is_concealed() -> None:
    speaker = SpeakerDecoder()
    packets = encoded(tone(1))
    packets[20] = b"\xfb\x83\xff\xff"  # three frames, whose lengths are missing
    packets[31] = b"\x08\x40" + bytes(1300)  # longer than a frame can be; it claims to carry FEC
    sound = heard(packets, lambda k: None if k == 30 else 0.0, speaker=speaker)
    assert speaker.malformed == 2
    assert np.isfinite(sound).all()
    assert np.abs(sound[-960:]).max() > 0.3


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=40), st.integers(0, 2**32 - 1))
def test_no_payload_breaks_the_sound(payloads: list[bytes], seed: int) -> None:
    chance = random.Random(seed)
    speaker = SpeakerDecoder()
    out = np.zeros(960, np.float32)
    for k, payload in enumerate(payloads):
        size = chance.choice((120, 960, 2880))
        speaker.receive(k + chance.randint(0, 2), k * size, payload, k * 0.02)
        speaker.frame(k * 0.02, out)
        assert np.isfinite(out).all()
    speaker.close()
