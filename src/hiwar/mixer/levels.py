"""How loud each speaker is: whole dBFS of the RMS, -127 (silence) to 0. Pure.

0 dBFS is a full-scale square wave, so a full-scale sine is -3 (as in RFC 6465, section 3).
"""

import numpy as np
from numpy.typing import NDArray

LEVEL_MIN = -127

_POWER_MIN = 10.0 ** (LEVEL_MIN / 10)


def energies(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum of squares of each row of (n, samples)."""
    result: NDArray[np.float32] = np.einsum("ij,ij->i", frames, frames)
    return result


class LevelMeter:
    """Levels over several frames: `add` the energies of each, `take` the levels and begin anew."""

    def __init__(self, rows_max: int) -> None:
        self._energy = np.zeros(rows_max, np.float64)
        self._samples = 0

    def add(self, row_energies: NDArray[np.float32], frame_samples: int) -> None:
        """Add one frame of `frame_samples`; rows that are not given count as silent."""
        self._energy[: row_energies.size] += row_energies
        self._samples += frame_samples

    def take(self, rows: int) -> list[int]:
        """The levels of the first `rows` since the last call, in dBFS, -127..0."""
        result = _to_dbfs(self._energy[:rows] / max(1, self._samples))
        self._energy[:] = 0.0
        self._samples = 0
        return result


def _to_dbfs(power: NDArray[np.float64]) -> list[int]:
    decibels = 10.0 * np.log10(np.maximum(power, _POWER_MIN))
    whole: list[int] = np.clip(np.rint(decibels), LEVEL_MIN, 0).astype(int).tolist()
    return whole
