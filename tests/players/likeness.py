"""Whether what a player made is what was said: pieces of its sound are found again in the source.

The first piece is searched in the whole source, every later one where it must follow. So a hole, a
repetition or a jump of more than `STRAY_SECONDS` makes everything behind it unlike the source, and a codec's
noise does not. Pieces in which hardly anything is said are passed over.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

RATE = 16_000
PIECE_SECONDS = 1.0
STRAY_SECONDS = 0.3  # a jitter buffer that adapts moves by less
LEAD_SECONDS = 1.0  # of silence before the source: the air opens before the first word
QUIET = 0.01  # root mean square below which a piece is passed over

Pcm = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A piece: where it is in what was heard and in the source (seconds), and how like (1 is the same)."""

    heard_at: float
    source_at: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Judged:
    """Everything that a player made, judged. `seconds` is its length."""

    seconds: float
    found: list[Found]

    @property
    def likeness(self) -> float:
        """The typical one, 0 where nothing was found."""
        return float(np.median([one.likeness for one in self.found])) if self.found else 0.0

    @property
    def alike(self) -> float:
        """The share of pieces that are clearly the source's."""
        return sum(one.likeness > 0.7 for one in self.found) / max(1, len(self.found))

    @property
    def wander(self) -> float:
        """How far the delay moved from first to last, in seconds, among the clear ones."""
        delays = [one.heard_at - one.source_at for one in self.found if one.likeness > 0.7]
        return max(delays) - min(delays) if delays else 0.0


def read_pcm(path: Path | str) -> Pcm:
    """The sound of a file, mono at `RATE`."""
    resampler = av.AudioResampler("flt", "mono", RATE)
    with av.open(str(path)) as container:
        frames = [made for frame in container.decode(audio=0) for made in resampler.resample(frame)]
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames] or [np.zeros(0, np.float32)])


def mixed(paths: Iterable[Path]) -> Pcm:
    """What is heard when these files speak at once."""
    voices = [read_pcm(path) for path in paths]
    length = max(map(len, voices))
    return np.sum([np.pad(voice, (0, length - len(voice))) for voice in voices], axis=0, dtype=np.float32)


def judge(heard: Pcm, source: Pcm) -> Judged:
    """Find what was heard in the source, piece by piece."""
    size = int(PIECE_SECONDS * RATE)
    source = np.pad(source, (int(LEAD_SECONDS * RATE), size))
    found: list[Found] = []
    for start in range(0, len(heard) - size + 1, size):
        piece = heard[start : start + size]
        if np.sqrt(np.mean(piece**2)) < QUIET:
            continue
        low, high = _where(found, start, len(source))
        place, likeness = _search(piece, source[low:high])
        found.append(Found(start / RATE, (low + place) / RATE - LEAD_SECONDS, likeness))
    return Judged(len(heard) / RATE, found)


def _where(found: list[Found], start: int, length: int) -> tuple[int, int]:
    clear = [one for one in found if one.likeness > 0.7]
    if not clear:
        return 0, length
    ahead = clear[-1].source_at - clear[-1].heard_at + LEAD_SECONDS
    expected = start + int(ahead * RATE)
    stray = int(STRAY_SECONDS * RATE)
    return max(0, expected - stray), min(length, expected + int(PIECE_SECONDS * RATE) + stray)


def _search(piece: Pcm, among: Pcm) -> tuple[int, float]:
    """The best place of `piece` and the normalised correlation there."""
    if len(among) < len(piece):
        return 0, 0.0
    products = fftconvolve(among, piece[::-1], "valid")
    sums = np.concatenate([[0.0], np.cumsum(among.astype(np.float64) ** 2)])
    energy = np.sqrt(np.maximum(sums[len(piece) :] - sums[: -len(piece)], 1e-3) * float(np.sum(piece**2)))
    likeness = np.abs(products) / energy
    best = int(np.argmax(likeness))
    return best, float(likeness[best])
