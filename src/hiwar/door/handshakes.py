"""How many TLS handshakes are begun, and how many are under way. Pure: time is an argument.

Theory of operation: a token bucket kept as one number, the time at which it would be full again (GCRA,
ITU-T I.371), and a count. A handshake is the dearest thing that a stranger can ask for; with a budget a
flood of them costs a known share of the core, and who is over it waits in the kernel's queue.
"""

from math import inf


class HandshakeBudget:
    """`per_s` begun a second, `burst` of them at once, `at_once_max` under way."""

    __slots__ = ("_allowance_s", "_at_once_max", "_full_at", "_step_s", "under_way")

    def __init__(self, per_s: float, burst: int, at_once_max: int) -> None:
        self.under_way = 0
        self._step_s = 1.0 / per_s
        self._allowance_s = (burst - 1) * self._step_s
        self._at_once_max = at_once_max
        self._full_at = -inf

    def wait_s(self, now: float) -> float:
        """Seconds until another may be begun: 0.0 for now, infinity until one has ended."""
        if self.under_way >= self._at_once_max:
            return inf
        return max(0.0, self._full_at - now - self._allowance_s)

    def begin(self, now: float) -> None:
        """One begins; it is the caller's to have asked `wait_s`."""
        self._full_at = max(self._full_at, now) + self._step_s
        self.under_way += 1

    def end(self) -> None:
        """One has ended, however it did."""
        assert self.under_way > 0
        self.under_way -= 1
