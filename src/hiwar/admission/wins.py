"""Who has won a seat lately: how much of a head start in the lottery is used up. Pure.

Rules
- One win is forgiven each `FORGIVEN_S`; no more than `WINS_COUNTED_MAX` are counted, so that after
  `FORGIVEN_S * WINS_COUNTED_MAX` without a win nothing is left of any past.
- The memory is bounded. On overflow the key whose last win is longest ago is forgotten, and counted.

Theory of operation: a leaky bucket kept as one number for each key, the time when all its wins will be
forgiven (the virtual scheduling form of ITU-T I.371, annex A). An entry costs a seat that was won, so the
memory cannot be filled by asking. If it is full nevertheless (more than `REMEMBERED_MAX` winners within
fifteen minutes) it forgets sooner, and the lottery falls back to equal weights: a head start is had more
often, but its bound stays.
"""

from collections import OrderedDict
from math import ceil

FORGIVEN_S = 150.0  # who wins oftener stays at the base; two early wins are forgotten within five minutes
WINS_COUNTED_MAX = 6  # twice the head start, so that chance does not bring back whoever wins all the time
REMEMBERED_MAX = 65_536  # fifteen minutes of 72 winners a second; about 10 MB

_ROUNDING = 1e-6  # of a win; what the subtraction of two times may add


class Wins:
    """Wins of many keys, decaying. `now` in monotonic seconds; `forgotten` counts overflows."""

    def __init__(self, remembered_max: int = REMEMBERED_MAX) -> None:
        assert remembered_max >= 1
        self.forgotten = 0
        self._remembered_max = remembered_max
        self._forgiven_at: OrderedDict[int | str, float] = OrderedDict()  # in the order of the last win

    def __len__(self) -> int:
        return len(self._forgiven_at)

    def recent(self, key: int | str, now: float) -> int:
        """Wins of `key` that are not forgiven yet, 0..WINS_COUNTED_MAX; a part of one counts as one."""
        forgiven_at = self._forgiven_at.get(key)
        if forgiven_at is None or forgiven_at <= now:
            return 0
        return ceil((forgiven_at - now) / FORGIVEN_S - _ROUNDING)

    def add(self, key: int | str, now: float) -> None:
        """`key` has won a seat."""
        former = self._forgiven_at.get(key, now)
        forgiven_at = (former if former > now else now) + FORGIVEN_S
        self._forgiven_at[key] = min(forgiven_at, now + FORGIVEN_S * WINS_COUNTED_MAX)
        self._forgiven_at.move_to_end(key)
        if len(self._forgiven_at) > self._remembered_max:
            self._forgiven_at.popitem(last=False)
            self.forgotten += 1
