"""When a stage that died is started again. Pure.

The first death is answered at once: people are on air. A stage that dies again and again would take
the whole machine, so each further death within `QUIET_SECONDS` of life doubles the pause.
"""

PAUSE_FIRST = 0.25
PAUSE_MAX = 15.0
QUIET_SECONDS = 60.0


class Restarts:
    """The deaths of one conversation's stages. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._deaths = 0
        self._last = float("-inf")

    def pause(self, now: float) -> float:
        """A stage died, or could not be had, at `now`: the seconds to wait before the next one."""
        if now - self._last > QUIET_SECONDS:
            self._deaths = 0
        self._last = now
        self._deaths += 1
        return 0.0 if self._deaths == 1 else min(PAUSE_MAX, PAUSE_FIRST * 2.0 ** min(self._deaths - 2, 16))
