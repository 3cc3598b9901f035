"""Which answers were used. Pure.

Rules
- An answer is free once. It is remembered as long as it would be good: in its own epoch and the next.
- When an epoch has `entries_max` of them, every further one of that epoch is refused and counted: the memory
  is bounded and forgets nothing early, so that no answer is ever taken twice. The next epoch starts empty.
- One owner: two of these know nothing of each other's. Where several processes judge, the one that gives out
  the seats must take each answer again in its own.

Theory of operation: one set for each of the two epochs whose answers are good; a turn of the epoch drops
whole sets. Nothing in it expires by itself and nothing is searched.
"""

from enum import Enum, auto

SPENT_MAX = 2**17  # for each epoch of 60 s: 2,184 answers a second, 11 MB; 40 times what is seated


class Standing(Enum):
    FREE = auto()
    SPENT = auto()
    FULL = auto()  # it may be free or not; there is no room to remember it
    OVER = auto()  # of an epoch that is forgotten, or has not begun


class Spent:
    """At most `entries_max` answers (16 bytes each) of the current epoch, and as many of the one before."""

    def __init__(self, entries_max: int = SPENT_MAX) -> None:
        self.overflows = 0  # answers refused for want of room
        self._entries_max = entries_max
        self._current = 0
        self._before: set[bytes] = set()
        self._now: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._before) + len(self._now)

    def turn(self, epoch: int) -> None:
        """It is `epoch` now. Does nothing if it is so already; an earlier one is ignored."""
        if epoch <= self._current:
            return
        self._before = self._now if epoch == self._current + 1 else set()
        self._now = set()
        self._current = epoch

    def is_full(self, epoch: int) -> bool:
        """Whether no further answer of `epoch` can be taken."""
        taken = self._of(epoch)
        return taken is None or len(taken) >= self._entries_max

    def look(self, answer: bytes, epoch: int) -> Standing:
        """How it stands with an answer to a challenge of `epoch`, cheaply; takes nothing."""
        taken = self._of(epoch)
        if taken is None:
            return Standing.OVER
        if answer in taken:
            return Standing.SPENT
        if len(taken) >= self._entries_max:
            self.overflows += 1
            return Standing.FULL
        return Standing.FREE

    def take(self, answer: bytes, epoch: int) -> Standing:
        """The standing it had; if that was FREE it is spent from now on."""
        standing = self.look(answer, epoch)
        taken = self._of(epoch)
        if standing is Standing.FREE and taken is not None:
            taken.add(answer)
        return standing

    def _of(self, epoch: int) -> set[bytes] | None:
        if epoch == self._current:
            return self._now
        return self._before if epoch == self._current - 1 else None
