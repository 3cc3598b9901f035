"""Work for what cannot do big integers: a hash with leading zero bits (Back: "Hashcash", 2002).

Rules
- The solver looks for a counter so that SHA-256 of `seed "." counter` (both in hexadecimal, as text) starts
  with as many zero bits as the statement says.
- Effort is turned into bits so that as many hashes are to be expected as squarings were asked for, or fewer
  by up to half. A browser makes two or three hashes in the time of a squaring, which leaves room for luck:
  one solver in 20 needs 3 times, one in 100 needs 4.6 times what is to be expected.
- It divides into as many parts as there are cores, so graphics cards are orders of magnitude ahead of a
  phone: the other work is to be preferred wherever it runs.
"""

from hashlib import sha256

from hiwar.admission.puzzle import parse_puzzle, render_puzzle

NAME = "hashcash"
COUNTER_CHARS_MAX = 13  # 52 bits: what a browser counts exactly, and one block of SHA-256
COUNTS_MAX = 2**28  # of the reference solver: 500 times what the hardest puzzle needs


class Hashcash:
    """The port's adapter (`puzzle.Work`); it needs no key of its own."""

    name = NAME

    def statement(self, effort: int) -> str:
        """The number of zero bits."""
        return f"{_bits(effort):x}"

    def holds(self, seed: str, effort: int, solution: str) -> bool:
        return len(solution) <= COUNTER_CHARS_MAX and _zero_bits(seed, solution) >= _bits(effort)


def solve_by_counting(challenge: str) -> str:
    """The answer, by counting up from 0: for tests, rehearsals and simulations. Takes about 1 µs a hash.

    Raises:
        ValueError: not a challenge of this work, or one that was not solved in COUNTS_MAX hashes.
    """
    puzzle = parse_puzzle(challenge)
    if puzzle.work != NAME:
        raise ValueError("another kind of puzzle")
    bits = int(puzzle.last, 16)
    for counter in range(COUNTS_MAX):
        if _zero_bits(puzzle.seed, f"{counter:x}") >= bits:
            return render_puzzle(puzzle._replace(last=f"{counter:x}"))
    raise ValueError("not solved")


def _bits(effort: int) -> int:
    return max(1, effort.bit_length() - 1)


def _zero_bits(seed: str, counter: str) -> int:
    digest = sha256(f"{seed}.{counter}".encode()).digest()
    return 256 - int.from_bytes(digest, "big").bit_length()
