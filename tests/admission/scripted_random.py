"""Random numbers that are not: those of a list."""


class Scripted:
    """Gives out `numbers`, each of which must fit into the bits asked for; remembers how many were."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = list(numbers)
        self.asked: list[int] = []

    def getrandbits(self, k: int, /) -> int:
        self.asked.append(k)
        number = self._numbers.pop(0)
        assert number < 1 << k
        return number
