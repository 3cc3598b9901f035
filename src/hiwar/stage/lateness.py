"""How late frames began: a histogram of fixed size that one thread writes and others read.

Bins are 50 µs wide up to 20 ms and one holds everything above, so a percentile is exact to 50 µs where it
matters. Memory is the same after a minute and after a week; nothing is allocated while counting.
"""

from array import array
from collections import deque

BIN_SECONDS = 50e-6
BINS = 400  # up to 20 ms, one frame; the last bin, one more, holds whatever is later
RECENT_FRAMES = 50  # a second
LATE_SECONDS = 0.005  # a frame that began later than this after its deadline counts as late


class Lateness:
    """Counts of lateness in seconds. One writer; readers may see a sample a moment late."""

    def __init__(self) -> None:
        self._bins = array("Q", bytes(8 * (BINS + 1)))
        self.count = 0
        self.max_seconds = 0.0
        self.sum_seconds = 0.0
        self._recent: deque[float] = deque(maxlen=RECENT_FRAMES)

    def add(self, lateness_seconds: float) -> None:
        """Count one frame; a frame that began early counts as punctual."""
        late = max(0.0, lateness_seconds)
        self._bins[min(BINS, int(late / BIN_SECONDS))] += 1
        self.count += 1
        self._recent.append(late)
        self.sum_seconds += late
        self.max_seconds = max(self.max_seconds, late)

    def percentile(self, percent: float) -> float:
        """The lateness (seconds) that `percent` of frames did not exceed; 0 when nothing was counted."""
        wanted = self.count * percent / 100
        seen = 0
        for number, held in enumerate(self._bins):
            seen += held
            if held and seen >= wanted:
                return (
                    self.max_seconds if number == BINS else min(self.max_seconds, (number + 1) * BIN_SECONDS)
                )
        return self.max_seconds

    def over(self, seconds: float) -> int:
        """How many frames began more than `seconds` (at most 20 ms) late, exact to a bin."""
        return sum(self._bins[min(BINS, int(seconds / BIN_SECONDS)) :])

    def recent(self, seconds: float) -> tuple[float, int]:
        """Of the last second's frames: the latest (seconds), and how many were more than `seconds` late."""
        frames = tuple(self._recent)
        return max(frames, default=0.0), sum(late > seconds for late in frames)
