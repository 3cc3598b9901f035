"""Puzzles solved for a crowd: by processes of their own, behind everything else, as many as there is time
for.

A real crowd brings its own processors; this one shares the machine with the door that it visits. So at most
`PENDING_MAX` puzzles wait here, one is solved at a time, and what is beyond counts as a device too slow.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

from hiwar.admission.timelock import solve_by_squaring
from hiwar.ops.loop import die_with_parent

PENDING_MAX = 16
NICENESS = 19


class PuzzleSolver:
    """See the module; a `people.Solver`. `collect` is called from the poll's thread, now and then."""

    def __init__(self, processes: int = 1) -> None:
        # spawned: a fork would hold the crowd's connections open after the crowd has closed them
        self._pool = ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=_stand_behind, initargs=(os.getpid(),)
        )
        self._pending: list[tuple[Future[str], Callable[[str], None]]] = []

    def solve(self, challenge: str, done: Callable[[str], None]) -> bool:
        if len(self._pending) >= PENDING_MAX:
            return False
        self._pending.append((self._pool.submit(solve_by_squaring, challenge), done))
        return True

    def collect(self) -> None:
        """Give out the answers that are there."""
        ready = [each for each in self._pending if each[0].done()]
        self._pending = [each for each in self._pending if not each[0].done()]
        for future, done in ready:
            done(future.result())

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _stand_behind(crowd: int) -> None:
    """A solver ends with its crowd, however that ends, and comes after everybody else."""
    die_with_parent(crowd)
    os.nice(NICENESS)
