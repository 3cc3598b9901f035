"""How long packets are on their way, relative to each other, and how deep a buffer that takes. Pure.

The clocks of a sender and of this machine have nothing in common, so a packet's *transit* (arrival
minus timestamp, in samples) means something only beside other packets' transits. The least one of the
last seconds is the *base*; by how much others lie above it is the *spread*, the jitter that a buffer has
to cover. A window of some seconds lets both follow a drifting clock and a changed route.
"""

from collections import deque
from math import ceil

from hiwar.media.timeline import FRAME_SAMPLES

TARGET_MIN = 2  # frames: one that plays and one in hand
TARGET_MAX = 6  # frames: beyond 120 ms people begin to talk into each other; loss is the lesser evil
PLAY_SAMPLES = 240  # 5 ms: how far the lead may leave its band before anything is done

_LEAD_MIN = (TARGET_MIN - 1) * FRAME_SAMPLES
_LEAD_MAX = (TARGET_MAX - 1) * FRAME_SAMPLES
_WINDOW_BUCKETS = 8
_BUCKET_SECONDS = 1.0
_GUARD_SAMPLES = 96  # 2 ms: what this machine's own scheduling adds


class WindowPeak:
    """The greatest value of the last eight seconds, in eight buckets, so that memory is bounded."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[float, float]] = deque(maxlen=_WINDOW_BUCKETS)

    def add(self, value: float, now: float) -> float:
        """Add a value; the peak with it."""
        buckets = self._buckets
        while buckets and now - buckets[0][0] >= _WINDOW_BUCKETS * _BUCKET_SECONDS:
            buckets.popleft()
        if buckets and now - buckets[-1][0] < _BUCKET_SECONDS:
            start, peak = buckets[-1]
            buckets[-1] = (start, max(peak, value))
        else:
            buckets.append((now, value))
        return self.peak

    @property
    def peak(self) -> float:
        """The greatest value that has not been forgotten; 0 if there is none."""
        return max((peak for _, peak in self._buckets), default=0.0)

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()


class TransitWindow:
    """Base, spread and what follows from them: up with one late packet, down after eight seconds
    without one.

    `lead`: how many samples before its turn the fastest packet should arrive, one frame at least.
    `target`: the same in packets in hand when one is played, 2..6.
    """

    def __init__(self) -> None:
        self._earliest = WindowPeak()
        self._spread = WindowPeak()
        self.clear()

    def add(self, transit: float, now: float) -> None:
        """Take a packet's transit in samples."""
        self.base = -self._earliest.add(-transit, now)
        spread = self._spread.add(transit - self.base, now)
        self.lead = min(_LEAD_MAX, max(_LEAD_MIN, spread + _GUARD_SAMPLES + PLAY_SAMPLES))
        self.target = ceil(self.lead / FRAME_SAMPLES) + 1

    def rebase(self) -> None:
        """Forget the base, keep the spread: the sender has paused, its clock may have as well."""
        self._earliest.clear()

    def clear(self) -> None:
        """Forget everything: another sender."""
        self._earliest.clear()
        self._spread.clear()
        self.base = 0.0
        self.lead = float(_LEAD_MIN)
        self.target = TARGET_MIN
