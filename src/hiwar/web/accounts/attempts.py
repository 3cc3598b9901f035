"""How often somebody may try to sign in: a small table in memory, bounded, with time as an argument.

Fails open after a restart, and when the table is full it forgets the oldest: sign-ins cost Argon2, and
the edge bounds requests by itself.
"""

from collections import OrderedDict

ATTEMPTS_MAX = 10
WINDOW_SECONDS = 300.0
KEYS_MAX = 10_000


class Attempts:
    """Counts failures per key (an address, a user name) in a sliding window."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def allows(self, key: str, now: float) -> bool:
        """Whether `key` may try once more at `now` (monotonic seconds)."""
        return len(self._recent(key, now)) < ATTEMPTS_MAX

    def failed(self, key: str, now: float) -> None:
        """A wrong password came."""
        self._failures[key] = [*self._recent(key, now), now][-ATTEMPTS_MAX:]
        self._failures.move_to_end(key)
        while now - next(iter(self._failures.values()))[-1] >= WINDOW_SECONDS:
            self._failures.popitem(last=False)  # no address is kept for longer than it is needed
        if len(self._failures) > KEYS_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """The right one came: begin again."""
        self._failures.pop(key, None)

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._failures.get(key, ()) if now - at < WINDOW_SECONDS]
