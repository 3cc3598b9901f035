"""A soft limiter for many outputs at once. Pure, numpy.

Rules: nothing leaves it beyond ±1; what is below the ceiling with the gain at rest leaves it untouched;
the gain is a continuous line from frame to frame, so that it never clicks.

Theory of operation. A frame is cut into blocks of 2.5 ms. A block's peak says which gain it can bear.
The gain at a border between two blocks is at most what either bears, and between borders it is a
straight line, so no block exceeds the ceiling: the attack looks back over one block. Only the first
block of a frame has its left border given by the frame before; what may still stick out there (for
2.5 ms, when a voice sets in hard) is bent by a smooth curve (tanh) that approaches 1. The release rises
by a fixed share of a block.

It costs nothing while nobody is loud: rows at rest are found by one look at their peaks.
"""

import numpy as np
from numpy.typing import NDArray

from hiwar.media.timeline import FRAME_SAMPLES

CEILING = 0.89  # -1 dBFS: headroom for the encoders' overshoot

_BLOCK = 120
_BLOCKS = FRAME_SAMPLES // _BLOCK
_RELEASE_STEP = 0.01  # of full gain per block: from silence to full in a quarter of a second
_KNEE = 1.0 - CEILING
_RISE = ((np.arange(_BLOCK, dtype=np.float32) + 1) / _BLOCK).astype(np.float32)

Frames = NDArray[np.float32]


class Limiter:
    """One limiter for each row; the gains (0..1, 1 at rest) are kept from frame to frame."""

    def __init__(self, rows_max: int) -> None:
        self._gains = np.ones(rows_max, np.float32)
        self._magnitudes = np.zeros((rows_max, FRAME_SAMPLES), np.float32)

    @property
    def gains(self) -> NDArray[np.float32]:
        """The present gain of every row."""
        return self._gains

    def release(self, row: int) -> None:
        """Put a row at rest: somebody else has taken the place."""
        self._gains[row] = 1.0

    def limit(self, frames: Frames) -> None:
        """Limit (n, 960) in place, n up to `rows_max`."""
        rows = frames.shape[0]
        magnitudes = np.abs(frames, out=self._magnitudes[:rows])
        restless = (magnitudes.max(axis=1) > CEILING) | (self._gains[:rows] < 1.0)
        if restless.any():
            busy = np.flatnonzero(restless)
            frames[busy] = self._limited(frames[busy], magnitudes[busy], busy)

    def _limited(self, frames: Frames, magnitudes: Frames, rows: NDArray[np.intp]) -> Frames:
        peaks = magnitudes.reshape(len(rows), _BLOCKS, _BLOCK).max(axis=2)
        bearable = np.minimum(1.0, CEILING / np.maximum(peaks, CEILING)).astype(np.float32)
        gains = self._gain_lines(bearable, self._gains[rows])
        self._gains[rows] = gains[:, -1]
        return _bent(frames * gains)

    @staticmethod
    def _gain_lines(bearable: Frames, start: NDArray[np.float32]) -> Frames:
        lines = np.empty((len(start), _BLOCKS, _BLOCK), np.float32)
        left = start
        for block in range(_BLOCKS):
            right = np.minimum(left + _RELEASE_STEP, bearable[:, block])
            if block + 1 < _BLOCKS:
                right = np.minimum(right, bearable[:, block + 1])
            lines[:, block] = left[:, None] + (right - left)[:, None] * _RISE
            left = right
        return lines.reshape(len(start), FRAME_SAMPLES)


def _bent(frames: Frames) -> Frames:
    """Identity up to the ceiling, from there a smooth curve to 1."""
    over = np.abs(frames) > CEILING
    if over.any():
        beyond = frames[over]
        frames[over] = np.sign(beyond) * (CEILING + _KNEE * np.tanh((np.abs(beyond) - CEILING) / _KNEE))
    return frames
