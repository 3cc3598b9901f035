"""Work that cannot be divided: repeated squaring (Rivest, Shamir, Wagner: "Time-lock puzzles and
timed-release crypto", MIT/LCS/TR-684, 1996).

Rules
- The solver squares a number that follows from the seed `effort` times modulo N and returns the last.
- Each squaring needs the one before it, so one puzzle is no faster on many cores or a GPU. Many *different*
  puzzles can be solved side by side on any hardware; caps per prefix, not this, are the answer to that.
- Native code is ahead of a browser on the same core by a factor of 7 (0.15 against 1.1 µs a squaring), not by
  orders of magnitude: at the cap one such core gives 11 answers a second.
- The key lives as long as the process, a day at most; it is never written down.

Theory of operation: who knows a prime factor p of N raises to 2**effort mod (p - 1) instead. The answer is
checked modulo p alone, as Shamir's unbalanced RSA does (CryptoBytes 1/3, 1995), not modulo both factors: an
answer that is right modulo p but not modulo N gives its sender p by one gcd with the right one, so to find
such answers is to factor N. The judge tells right from wrong and nothing else of what it computes, and
anybody can already test by a gcd whether p divides a number of their choice; so it gives nothing away.
That lets p be short: the check costs what p costs, the squarings what N costs.

Sizes: p of 320 bits (97 digits) is well beyond the largest factor ever found by elliptic curves (83 digits,
2013), N of 1024 bits beyond any sieve. Whoever did factor N would have answers for nothing until the key is
made anew, and nothing else: no ticket, pass or page depends on it. A longer N would make fewer squarings of
the same seconds, and longer texts, and nothing safer that matters.
"""

from dataclasses import dataclass, field
from hashlib import sha256

from hiwar.admission.primes import Random, draw_prime
from hiwar.admission.puzzle import parse_puzzle, render_puzzle

PRIME_BITS = 320
MODULUS_BITS = 1024
NAME = "timelock"


@dataclass(frozen=True, slots=True)
class Trapdoor:
    """N, of MODULUS_BITS, and the factor of PRIME_BITS that only the door knows."""

    modulus: int
    prime: int = field(repr=False)


def make_trapdoor(random: Random) -> Trapdoor:
    """A fresh key; takes some tens of milliseconds. `random` must be one that nobody can guess."""
    prime = draw_prime(random, PRIME_BITS)
    return Trapdoor(prime * draw_prime(random, MODULUS_BITS - PRIME_BITS), prime)


class TimeLock:
    """The port's adapter (`puzzle.Work`) with the trapdoor."""

    name = NAME

    def __init__(self, trapdoor: Trapdoor) -> None:
        self._trapdoor = trapdoor
        self._modulus = f"{trapdoor.modulus:x}"

    def statement(self, effort: int) -> str:
        """The modulus, whatever the effort."""
        return self._modulus

    def holds(self, seed: str, effort: int, solution: str) -> bool:
        """The exponent is made anew each time: a table of them would save a thirtieth, and need a bound."""
        answer, prime = int(solution, 16), self._trapdoor.prime
        if answer >= self._trapdoor.modulus:
            return False
        return pow(_base(seed), pow(2, effort, prime - 1), prime) == answer % prime


def solve_by_squaring(challenge: str) -> str:
    """The answer, by the long way that every visitor goes: for tests, rehearsals and simulations. Takes
    about 2 µs a squaring.

    Raises:
        ValueError: not a challenge of this work.
    """
    puzzle = parse_puzzle(challenge)
    if puzzle.work != NAME:
        raise ValueError("another kind of puzzle")
    modulus = int(puzzle.last, 16)
    value = _base(puzzle.seed) % modulus
    for _ in range(puzzle.effort):
        value = value * value % modulus
    return render_puzzle(puzzle._replace(last=f"{value:x}"))


def _base(seed: str) -> int:
    """MODULUS_BITS from a seed: SHA-256 over the seed's text and a counter, big-endian."""
    blocks = (sha256(f"{seed}.{number}".encode()).digest() for number in range(MODULUS_BITS // 256))
    return int.from_bytes(b"".join(blocks), "big")
