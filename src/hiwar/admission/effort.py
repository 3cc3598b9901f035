"""How much work a puzzle asks for, at any time. Pure.

Rules
- Nobody who is served at once works: 0 while the wait is under `WAKE_S`.
- Nobody works longer than `WORK_SHARE` of the time that they would have to wait anyway, and never beyond
  EFFORT_MAX, whatever is queued.
- Up quickly (doubled in a second), down slowly: held for HOLD_S, then halved in HALVING_S.

Theory of operation: the wait is what is queued by what is served a second, as Tor's onion services let effort
follow their queue (hspow-spec, "updating effort estimation"). What they also do, taking over the effort that
clients offer, is how they were made to price out everybody but the attacker ("Onions Got Puzzled", USENIX
Security 2025; Tor's proposal 362). Here nobody offers: a client's work enters nothing, so that solving many
puzzles, or hard ones, changes the effort only by the queue it makes. Whoever makes the queue long can
raise it to the cap and hold it there; that is all, and why there is a cap. Whoever comes and goes cannot make
it swing: it stays at what the worst moment of the last HOLD_S wanted. So it is an upper envelope of a
quantity that does not depend on itself but by the people it keeps away, and has no loop gain to oscillate.

`queued` should count as the lottery weighs, with what one prefix can hold capped; then a single network
cannot raise it at all.
"""

from math import exp, inf

from hiwar.admission.puzzle import EFFORT_MAX, SLOWEST_SQUARING_US

WAKE_S = 2.0  # two epochs of the lottery: whoever is seated by then has not really waited
WORK_SHARE = 1 / 12  # 5 s of work for a minute of waiting
DOUBLING_S = 1.0
HOLD_S = 30.0
HALVING_S = 20.0
SERVED_OVER_S = 4.0  # time constant of the average of what is served
SQUARINGS_PER_S = 1e6 / SLOWEST_SQUARING_US
EFFORT_MIN = round(WAKE_S * WORK_SHARE * SQUARINGS_PER_S)  # less is not worth a round trip
_STEP_S_MAX = 600.0  # longer silences count as this, at which everything has settled


class Effort:
    """Follows queue and service; `now` in monotonic seconds."""

    def __init__(self, now: float) -> None:
        self._at = now
        self._served = 0
        self._per_s = 0.0
        self._effort = 0.0
        self._held_until = now

    @property
    def effort(self) -> int:
        """Squarings to ask for: 0 (no puzzle), or about half of EFFORT_MIN .. EFFORT_MAX."""
        return round(self._effort)

    def observe(self, *, queued: int, served: int, now: float) -> int:
        """Take in how many wait now and how many were served since the last call; the effort to ask for
        from now on. How often it is called changes nothing; about once a second is enough."""
        self._served += served
        elapsed = min(now - self._at, _STEP_S_MAX)
        if elapsed > 0:
            self._at = now
            self._average(elapsed, queued)
            self._move(decide_effort(self._wait(queued)), elapsed, now)
        return self.effort

    def _average(self, elapsed: float, queued: int) -> None:
        """While nobody waits, few are served because few come; that says nothing of how many could be."""
        per_s, self._served = self._served / elapsed, 0
        if not self._per_s:
            self._per_s = per_s
        elif queued or per_s > self._per_s:
            self._per_s += (1 - exp(-elapsed / SERVED_OVER_S)) * (per_s - self._per_s)

    def _wait(self, queued: int) -> float:
        if not queued:
            return 0.0
        return queued / self._per_s if self._per_s else inf

    def _move(self, wanted: float, elapsed: float, now: float) -> None:
        if wanted >= self._effort:
            self._held_until = now + HOLD_S
            self._effort = min(wanted, max(self._effort, EFFORT_MIN) * 2 ** (elapsed / DOUBLING_S))
            return
        falling = min(elapsed, now - self._held_until)
        if falling <= 0:
            return
        fallen = max(wanted, self._effort * 0.5 ** (falling / HALVING_S))
        # From half of the least it goes out, not from the least, or it would go on and off around it.
        self._effort = fallen if fallen >= EFFORT_MIN / 2 else 0.0


def decide_effort(wait_s: float) -> float:
    """Squarings that are fair for a wait of so many seconds: 0, or EFFORT_MIN .. EFFORT_MAX."""
    if wait_s < WAKE_S:
        return 0.0
    return min(EFFORT_MAX, max(EFFORT_MIN, wait_s * WORK_SHARE * SQUARINGS_PER_S))
