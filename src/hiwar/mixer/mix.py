"""The mix: everybody's sound in, the program and everybody's mix-minus out. Pure, numpy.

Rules: one row is one speaker's place for as long as they are in the room (`vacate` it when they leave).
What goes out belongs to the mixer and is valid until the next call of `mix`.

Theory of operation. The program is the sum of all voices; what one speaker hears is the program minus
their own voice: O(n) for n speakers, where n sums would be O(n^2). The difference is taken before the
limiter, since only linear sums can be subtracted; each output then has a limiter row of its own (the
program has the first). A gain moves to its new value over one frame in a straight line.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.mixer.levels import energies
from hiwar.mixer.limiter import Limiter

SPEAKERS_MAX = 200  # 1.4 % of a core for the sums; the network of one machine ends before that

_RAMP = ((np.arange(FRAME_SAMPLES, dtype=np.float32) + 1) / FRAME_SAMPLES).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Mixed:
    """One frame. `program` (960,), `minus` (n, 960): row k is what speaker k hears; within ±1.

    `voice_energies` (n,): sum of squares of each voice after gain and mute, for the levels.
    """

    program: NDArray[np.float32]
    minus: NDArray[np.float32]
    voice_energies: NDArray[np.float32]


class Mixer:
    """The mixer of one room. `speakers_max` rows are allocated once (960 x 12 bytes each)."""

    def __init__(self, speakers_max: int = SPEAKERS_MAX) -> None:
        self._voices = np.zeros((speakers_max, FRAME_SAMPLES), np.float32)
        self._outputs = np.zeros((speakers_max + 1, FRAME_SAMPLES), np.float32)
        self._gains = np.zeros(speakers_max, np.float32)
        self._limiter = Limiter(speakers_max + 1)

    def mix(self, frames: NDArray[np.float32], gains: NDArray[np.float32], muted: NDArray[np.bool_]) -> Mixed:
        """Mix one frame of (n, 960) with `gains` (n,) >= 0 and `muted` (n,).

        A voice that is not made of finite numbers is silent in this frame and disturbs nobody.
        """
        rows = frames.shape[0]
        voices = self._voices[:rows]
        self._apply_gains(frames, np.where(muted, 0.0, gains).astype(np.float32), voices)
        voice_energies = energies(voices)
        if not np.isfinite(voice_energies).all():
            voices[~np.isfinite(voice_energies)] = 0.0
            voice_energies = energies(voices)
        outputs = self._outputs[: rows + 1]
        np.sum(voices, axis=0, out=outputs[0])
        np.subtract(outputs[0], voices, out=outputs[1:])
        self._limiter.limit(outputs)
        return Mixed(outputs[0], outputs[1:], voice_energies)

    def vacate(self, row: int) -> None:
        """Forget who had this row: the next one's sound fades in over one frame, their limiter rests."""
        self._gains[row] = 0.0
        self._limiter.release(row + 1)

    def _apply_gains(
        self, frames: NDArray[np.float32], wanted: NDArray[np.float32], voices: NDArray[np.float32]
    ) -> None:
        present = self._gains[: wanted.size]
        np.multiply(frames, present[:, None], out=voices)
        moving = np.flatnonzero(present != wanted)
        if moving.size:
            change = (wanted[moving] - present[moving])[:, None]
            voices[moving] = frames[moving] * (present[moving, None] + change * _RAMP)
            present[:] = wanted
