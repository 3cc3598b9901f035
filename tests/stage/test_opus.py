"""libopus by ctypes: what goes in comes out, losses are mended, nothing breaks on wrong input."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hiwar.media import opus_packet
from hiwar.stage import opus
from hiwar.stage.opus import Application, OpusDecoder, OpusEncoder, OpusError

Pcm = NDArray[np.float32]


def tone(samples: int, hertz: float = 440.0) -> Pcm:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(samples) / 48_000)).astype(np.float32)


def voice(samples: int) -> Pcm:
    """A glottal-like pulse train: what the speech modes of Opus take for a voice."""
    time = np.arange(samples) / 48_000
    harmonics = sum(np.sin(2 * np.pi * 140 * k * time) / k for k in range(1, 20))
    return (0.15 * harmonics * (1.2 + np.sin(2 * np.pi * 3 * time))).astype(np.float32)


def packets(encoder: OpusEncoder, pcm: Pcm) -> list[bytes]:
    return [encoder.encode(frame) for frame in pcm.reshape(-1, 960)]


def test_a_tone_survives_encoding() -> None:
    out = np.zeros(960, np.float32)
    with OpusEncoder(48_000) as encoder, OpusDecoder() as decoder:
        heard = []
        for packet in packets(encoder, tone(96_000)):
            assert decoder.decode(packet, out) == 960
            heard.append(out.copy())
        late = encoder.lookahead
    source, got = tone(96_000)[4800:48_000], np.concatenate(heard)[4800 + late : 48_000 + late]
    assert np.corrcoef(source, got)[0, 1] > 0.99


def test_the_program_keeps_to_its_bit_rate() -> None:
    noise = (np.random.default_rng(1).standard_normal(480_000) * 0.1).astype(np.float32)
    with OpusEncoder(48_000, application=Application.AUDIO) as encoder:
        total = sum(map(len, packets(encoder, noise)))
    assert 44_000 < total * 8 / 10 < 52_000


def test_a_lost_packet_is_taken_from_the_fec_of_the_next() -> None:
    source = voice(96_000)
    out = np.zeros(960, np.float32)
    with OpusEncoder(32_000, 5, Application.VOIP, fec=True, loss_percent=10) as encoder:
        sent = packets(encoder, source)
        late = encoder.lookahead
    assert any(map(opus.has_fec, sent))
    lost = next(k for k in range(30, 90) if opus.has_fec(sent[k + 1]))
    with OpusDecoder() as decoder:
        for packet in sent[:lost]:
            decoder.decode(packet, out)
        decoder.decode_fec(sent[lost + 1], out)
    expected = source[lost * 960 - late : (lost + 1) * 960 - late]
    assert np.corrcoef(expected, out)[0, 1] > 0.7


def test_concealment_goes_on_and_then_fades() -> None:
    out = np.zeros(960, np.float32)
    with OpusEncoder(48_000) as encoder, OpusDecoder() as decoder:
        for packet in packets(encoder, tone(48_000)):
            decoder.decode(packet, out)
        decoder.conceal(out)
        assert np.abs(out).max() > 0.1
        for _ in range(100):
            decoder.conceal(out)
        assert np.abs(out).max() < 0.1


def test_concealment_ahead_is_what_concealment_would_be_and_moves_nothing() -> None:
    out, expected, ahead = np.zeros(960, np.float32), np.zeros(960, np.float32), np.zeros(480, np.float32)
    with OpusEncoder(48_000) as encoder, OpusDecoder() as straight, OpusDecoder() as looking:
        for packet in packets(encoder, tone(9600)):
            straight.decode(packet, expected)
            looking.decode(packet, out)
            looking.conceal_ahead(ahead)
            assert (out == expected).all()
        straight.conceal(expected[:480])
        assert ahead.any()
        assert (ahead == expected[:480]).all()


def test_the_pure_fec_flag_is_what_libopus_says() -> None:
    for bitrate in (16_000, 24_000, 32_000):
        with OpusEncoder(bitrate, 5, Application.VOIP, fec=True, loss_percent=20) as encoder:
            sent = packets(encoder, voice(96_000))
        assert [opus_packet.carries_fec(p) for p in sent] == [opus.has_fec(p) for p in sent]


def test_the_silent_packet_is_twenty_milliseconds_of_silence() -> None:
    out = np.ones(960, np.float32)
    assert opus_packet.packet_samples(opus.silent_packet()) == 960
    with OpusDecoder() as decoder:
        assert decoder.decode(opus.silent_packet(), out) == 960
    assert np.abs(out).max() < 1e-9


def test_a_reset_codec_starts_from_silence() -> None:
    out = np.zeros(960, np.float32)
    with OpusEncoder() as encoder, OpusDecoder() as decoder:
        for packet in packets(encoder, tone(9600)):
            decoder.decode(packet, out)
        encoder.reset()
        decoder.reset()
        decoder.conceal(out)
    assert not out.any()


@given(st.binary(max_size=1500))
def test_no_payload_breaks_the_decoder(payload: bytes) -> None:
    out = np.zeros(5760, np.float32)
    with OpusDecoder() as decoder:
        try:
            samples = decoder.decode(payload, out)
        except OpusError:
            pass
        else:
            assert samples == opus_packet.packet_samples(payload)
        with contextlib.suppress(OpusError):
            decoder.decode_fec(payload, out[:960])
    assert isinstance(opus.has_fec(payload), bool)


@pytest.mark.parametrize(
    "pcm",
    [
        np.zeros(961, np.float32),
        np.zeros(960),
        np.zeros((1, 960), np.float32),
        np.zeros(1920, np.float32)[::2],
    ],
)
def test_what_is_no_frame_is_refused(pcm: Pcm) -> None:
    with OpusEncoder() as encoder, pytest.raises(OpusError):
        encoder.encode(pcm)


@pytest.mark.parametrize("samples", [0, 100, 5880])
def test_concealment_of_an_impossible_length_is_refused(samples: int) -> None:
    with OpusDecoder() as decoder, pytest.raises(OpusError, match="multiples"):
        decoder.conceal(np.zeros(samples, np.float32))


def test_wrong_settings_are_refused_with_their_reason() -> None:
    with pytest.raises(OpusError, match="invalid argument"):
        OpusEncoder(complexity=11)
    with pytest.raises(OpusError, match="invalid argument"):
        OpusEncoder(loss_percent=101)


def test_a_closed_codec_says_so() -> None:
    encoder, decoder = OpusEncoder(), OpusDecoder()
    for codec in (encoder, decoder):
        codec.close()
        codec.close()
    with pytest.raises(OpusError, match="closed"):
        encoder.encode(np.zeros(960, np.float32))
    with pytest.raises(OpusError, match="closed"):
        decoder.conceal(np.zeros(960, np.float32))


def test_a_payload_or_an_array_that_is_none_is_refused() -> None:
    with OpusDecoder() as decoder:
        with pytest.raises(OpusError, match="empty"):
            decoder.decode(b"", np.zeros(960, np.float32))
        with pytest.raises(OpusError, match="empty"):
            decoder.decode_fec(b"", np.zeros(960, np.float32))
        with pytest.raises(OpusError, match="contiguous"):
            decoder.conceal(np.zeros(1920, np.float32)[::2])


def test_the_library_says_its_version() -> None:
    assert opus.version().startswith("libopus 1.")


def test_without_any_libopus_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opus, "_candidates", lambda: iter(["/nonexistent/libopus.so"]))
    opus._library.cache_clear()
    try:
        with pytest.raises(OpusError, match=r"reinstall av.*/nonexistent/libopus\.so"):
            opus.version()
    finally:
        opus._library.cache_clear()


def test_the_systems_library_is_the_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda name: f"lib{name}.so.0")
    candidates = list(opus._candidates())
    assert "av.libs" in candidates[0]
    assert candidates[-1] == "libopus.so.0"
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    assert list(opus._candidates()) == candidates[:-1]
