"""What a write costs this machine, learned while it works. Feeds capacity, pace and ladder.

Theory of operation: a worker's load is its writes times the cost of one, and what the door costs (judging,
answering, joining). The two cannot be told apart from one sum, so the cost of a write is learned only in
ticks in which the door is nearly idle, slowly, and within bounds: a flood of requests cannot teach that
writes are dear. Until then a stated prior holds.
"""

from hiwar.admission.signals import Limits, Signals

WRITE_US = 22.0  # prior: measured on a slow 2-core machine; quick ones need 5 to 8
WRITE_US_MIN, WRITE_US_MAX = 2.0, 200.0  # beyond either something else was measured
REQUEST_US = 22.0  # reading, judging, a short answer (15.6 measured for read, 503, close; 6 for the gate)
IDLE_LOAD = 0.02  # a worker that serves nobody: timers, and the chunks it receives

LEARNING = 0.02  # weight of one tick: at four a second the memory is 12 s
LEARNING_WRITES_MIN = 500  # a second; fewer drown in what is not writing
LEARNING_CPU = (0.05, 0.9)  # below it is noise, above it a full core says nothing about cost
# The door's modelled part of the load, beyond which nothing is learned: a request may cost twenty times the
# prior before it passes for writes.
LEARNING_DOOR_MAX = 0.05


class CostModel:
    """`write_s` is the processor time of one write, seconds."""

    def __init__(self, write_us: float = WRITE_US) -> None:
        self.write_s = write_us / 1e6

    def learn(self, signals: Signals, limits: Limits) -> None:
        """Take one tick's readings into account, if they say something about writes."""
        if not self._tells(signals, limits):
            return
        seen = (signals.cpu - IDLE_LOAD - door_modelled(signals, limits)) / signals.writes
        bounded = min(max(seen, WRITE_US_MIN / 1e6), WRITE_US_MAX / 1e6)
        self.write_s += LEARNING * (bounded - self.write_s)

    def fan_out(self, signals: Signals) -> float:
        """The busiest worker's load by the writes it makes now, 0..1."""
        return min(signals.cpu, signals.writes * self.write_s)

    def door(self, signals: Signals) -> float:
        """The busiest worker's load by everything that is not writing, 0..1."""
        return max(0.0, signals.cpu - self.fan_out(signals) - IDLE_LOAD)

    def fan_out_of(self, listeners: float, interval_ms: float) -> float:
        """The load that `listeners` of one worker will be at a write interval; may pass 1."""
        return listeners * self.write_s * 1000 / interval_ms

    @staticmethod
    def _tells(signals: Signals, limits: Limits) -> bool:
        low, high = LEARNING_CPU
        busy_enough = signals.writes >= LEARNING_WRITES_MIN and low <= signals.cpu <= high
        return busy_enough and door_modelled(signals, limits) <= LEARNING_DOOR_MAX * signals.cpu


def door_modelled(signals: Signals, limits: Limits) -> float:
    """What the door should cost one worker by the priors: joins, and all other requests."""
    others = max(0.0, signals.requests - signals.joins)
    return (signals.joins * limits.join_us + others * REQUEST_US) / 1e6 / limits.workers
