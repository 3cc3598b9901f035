"""Levels in whole dBFS."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hiwar.mixer.levels import LevelMeter, energies


def levels(frames: NDArray[np.float32]) -> list[int]:
    """The levels of one reading of the meter."""
    meter = LevelMeter(4)
    meter.add(energies(frames), frames.shape[1])
    return meter.take(len(frames))


@pytest.mark.parametrize(
    ("amplitude", "level"), [(0.0, -127), (1e-9, -127), (1.0, 0), (2.0, 0), (0.1, -20), (0.01, -40)]
)
def test_a_square_wave_has_the_level_of_its_amplitude(amplitude: float, level: int) -> None:
    assert levels(np.full((1, 960), amplitude, np.float32)) == [level]


def test_a_full_sine_is_at_minus_three() -> None:
    sine = np.sin(2 * np.pi * np.arange(960) / 48).astype(np.float32)
    assert levels(sine[None]) == [-3]


def test_no_speakers_have_no_levels() -> None:
    assert levels(np.zeros((0, 960), np.float32)) == []
    assert LevelMeter(4).take(0) == []


def test_a_meter_averages_the_power_of_its_frames_and_begins_anew() -> None:
    meter = LevelMeter(3)
    loud = np.full((2, 960), 0.1, np.float32)
    loud[1] = 0.0
    meter.add(energies(loud), 960)
    meter.add(energies(np.zeros((2, 960), np.float32)), 960)
    assert meter.take(3) == [-23, -127, -127]
    assert meter.take(1) == [-127]
