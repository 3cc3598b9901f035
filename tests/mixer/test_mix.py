"""The mix against a reference in float64 that sums everybody for everybody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hiwar.mixer.mix import Mixer

Frames = NDArray[np.float32]


def ones(rows: int) -> NDArray[np.float32]:
    return np.ones(rows, np.float32)


def unmuted(rows: int) -> NDArray[np.bool_]:
    return np.zeros(rows, np.bool_)


def settled(rows: int) -> Mixer:
    """A mixer in which everybody's gain has come to 1."""
    mixer = Mixer(64)
    mixer.mix(np.zeros((rows, 960), np.float32), ones(rows), unmuted(rows))
    return mixer


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 50), st.integers(0, 2**32 - 1))
def test_program_and_every_mix_minus_equal_the_reference(rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    frames = (random.uniform(-0.8, 0.8, (rows, 960)) / rows).astype(np.float32)
    gains = random.uniform(0, 1, rows).astype(np.float32)
    muted = random.random(rows) < 0.3
    mixer = Mixer(50)
    mixer.mix(np.zeros_like(frames), gains, muted)
    mixed = mixer.mix(frames, gains, muted)
    voices = frames.astype(np.float64) * np.where(muted, 0, gains)[:, None]
    np.testing.assert_allclose(mixed.program, voices.sum(axis=0), atol=1e-6)
    for row in range(rows):
        others = np.delete(voices, row, axis=0).sum(axis=0)
        np.testing.assert_allclose(mixed.minus[row], others, atol=1e-6)
    np.testing.assert_allclose(mixed.voice_energies, (voices**2).sum(axis=1), rtol=1e-4)


def test_one_alone_hears_nothing() -> None:
    mixed = settled(1).mix(np.full((1, 960), 0.5, np.float32), ones(1), unmuted(1))
    assert np.all(mixed.program == 0.5)
    assert not mixed.minus.any()


def test_nobody_is_silence() -> None:
    mixed = Mixer(4).mix(np.zeros((0, 960), np.float32), ones(0), unmuted(0))
    assert mixed.minus.shape == (0, 960)
    assert not mixed.program.any()


@pytest.mark.parametrize(("gain", "muted"), [(1.0, True), (0.0, False), (2.0, False)])
def test_a_change_of_gain_takes_one_frame_and_does_not_click(gain: float, muted: bool) -> None:
    mixer = settled(1)
    frame = np.full((1, 960), 0.3, np.float32)
    out = [mixer.mix(frame, ones(1), unmuted(1)).program.copy()]
    for _ in range(2):
        out.append(mixer.mix(frame, ones(1) * np.float32(gain), np.array([muted])).program.copy())
    line = np.concatenate(out)
    assert np.abs(np.diff(line)).max() < 0.3 / 900 * max(1.0, gain - 1)
    assert np.allclose(line[1920:], 0.0 if muted else 0.3 * gain)


def test_who_comes_in_fades_in_and_a_vacated_row_does_so_again() -> None:
    mixer = Mixer(2)
    frame = np.full((1, 960), 0.5, np.float32)
    for _ in range(2):
        first = mixer.mix(frame, ones(1), unmuted(1)).program.copy()
        assert first[0] < 0.001
        assert first[-1] == 0.5
        mixer.vacate(0)


def test_everybody_at_once_stays_within_one_in_every_output() -> None:
    mixer = settled(20)
    time = np.arange(960) / 48_000
    frames = np.tile((0.9 * np.sin(2 * np.pi * 300 * time)).astype(np.float32), (20, 1))
    for _ in range(5):
        mixed = mixer.mix(frames, ones(20), unmuted(20))
        assert np.abs(mixed.program).max() <= 1.0
        assert np.abs(mixed.minus).max() <= 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e38])
def test_a_voice_that_is_not_made_of_numbers_is_silent_and_disturbs_nobody(bad: float) -> None:
    mixer = settled(3)
    frames = np.full((3, 960), 0.1, np.float32)
    frames[1, 17] = bad
    with np.errstate(over="ignore"):
        mixed = mixer.mix(frames, ones(3), unmuted(3))
    assert np.allclose(mixed.program, 0.2)
    assert np.allclose(mixed.minus[0], 0.1)
    assert mixed.voice_energies[1] == 0
    again = mixer.mix(np.full((3, 960), 0.1, np.float32), ones(3), unmuted(3))
    assert np.allclose(again.program, 0.3)


def test_the_outputs_are_made_in_place() -> None:
    mixer = settled(2)
    frames = np.full((2, 960), 0.1, np.float32)
    first = mixer.mix(frames, ones(2), unmuted(2))
    assert np.shares_memory(first.program, mixer.mix(frames, ones(2), unmuted(2)).program)
    assert np.all(frames == np.float32(0.1))
