"""When they come: how many of a population in which tick. Pure, numpy."""

from dataclasses import dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from hiwar.admission.house import TICK_S
from hiwar.sim.addresses import Ints

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Arrivals that rise for `up_s` seconds from `begins_s` on, hold for `hold_s` and fall for `down_s`: the
    flash crowd of Ari, Hong, Miller, Brandt and Long ("Managing flash crowds on the Internet", MASCOTS 2003).
    With all three 0 everybody comes at once.

    Raises:
        ValueError: a negative time.
    """

    begins_s: float = 0.0
    up_s: float = 0.0
    hold_s: float = 0.0
    down_s: float = 0.0

    def __post_init__(self) -> None:
        if min(self.begins_s, self.up_s, self.hold_s, self.down_s) < 0:
            raise ValueError("no time of a curve is below 0")

    @property
    def ends_s(self) -> float:
        """When the last have come."""
        return self.begins_s + self.up_s + self.hold_s + self.down_s

    @property
    def steepest_per_s(self) -> float:
        """Which part of all comes in a second, at most; infinite where all come at once."""
        area = self.up_s / 2 + self.hold_s + self.down_s / 2
        return 1 / area if area else inf

    def come_by(self, seconds: Floats) -> Floats:
        """The part of all that has come by then, 0..1."""
        up, hold, down = self.up_s, self.hold_s, self.down_s
        area = up / 2 + hold + down / 2
        if not area:
            return (seconds > self.begins_s).astype(np.float64)
        passed = seconds - self.begins_s
        rising = np.clip(passed, 0, up)
        falling = np.clip(passed - up - hold, 0, down)
        come = np.clip(passed - up, 0.0, hold).astype(np.float64)
        come += rising**2 / (2 * up) if up else 0.0
        come += falling - falling**2 / (2 * down) if down else 0.0
        return np.asarray(come / area, dtype=np.float64)

    def counts(self, people: int, ticks: int, random: np.random.Generator) -> Ints:
        """How many of `people` come in each of `ticks` ticks; who would come later does not come at all."""
        by = self.come_by(np.arange(ticks + 1, dtype=np.float64) * TICK_S)
        shares = np.append(np.diff(by), 1 - by[-1]).clip(0)
        return np.asarray(random.multinomial(people, shares / shares.sum())[:ticks], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Wave:
    """From `begins_s` to `ends_s`, for the first half of each `period_s` (0: without a break)."""

    begins_s: float = 0.0
    ends_s: float = inf
    period_s: float = 0.0

    def is_on(self, seconds: float) -> bool:
        if not self.begins_s <= seconds < self.ends_s:
            return False
        return not self.period_s or (seconds - self.begins_s) % self.period_s < self.period_s / 2
