"""A seat table whose single writes can be watched."""

from collections.abc import Callable
from typing import Any

from hiwar.admission.seats import SeatTable


class Watched:
    """Memory that tells the number of the word after each write."""

    def __init__(self, memory: "memoryview[Any]", told: Callable[[int], None]) -> None:
        self._memory = memory
        self._told = told

    def __getitem__(self, at: Any) -> Any:
        return self._memory[at]

    def __setitem__(self, at: int, value: Any) -> None:
        self._memory[at] = value
        self._told(at)


def watch(table: SeatTable, told: Callable[[int], None]) -> None:
    """Let `told` be called after each word that the table writes."""
    table._words = Watched(table._words, told)  # type: ignore[assignment]
    table._times = Watched(table._times, told)  # type: ignore[assignment]
