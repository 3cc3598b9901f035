"""Random primes. Pure: randomness is passed in.

Theory of operation: odd candidates of the right length are sieved by one gcd with the product of the small
primes, which leaves a sixth of them, and tried by Miller and Rabin's test (Rabin, 1980) with random bases.
For *random* candidates far fewer rounds are needed than the quarter a round of the worst case suggests
(Damgård, Landrock, Pomerance, 1993; Handbook of Applied Cryptography, table 4.4).
"""

from math import gcd, prod
from typing import Protocol

BITS_MIN = 300  # what ROUNDS is right for
ROUNDS = 9  # one composite in 2**80 at 300 bits, fewer above
DRAWS_MAX = 10_000  # one odd number in 244 is prime at 704 bits: this many fail once in 2**59
_SIEVED = 1000


class Random(Protocol):
    """What is needed of a source of randomness; `random.SystemRandom` in earnest, a seeded one in tests."""

    def getrandbits(self, bits: int, /) -> int: ...


def draw_prime(random: Random, bits: int) -> int:
    """A prime of exactly `bits` bits (at least BITS_MIN), its two highest set, so that the product of two
    has all its bits. Milliseconds to some tens of them.

    Raises:
        ArithmeticError: DRAWS_MAX candidates were all composite: the randomness is broken.
    """
    assert bits >= BITS_MIN
    for _ in range(DRAWS_MAX):
        candidate = random.getrandbits(bits) | 3 << bits - 2 | 1
        if gcd(candidate, _SMALL) == 1 and is_probable_prime(candidate, random):
            return candidate
    raise ArithmeticError("no prime among the candidates: the source of randomness is broken")


def is_probable_prime(number: int, random: Random) -> bool:
    """Miller and Rabin's test of an odd `number` over 4 with ROUNDS random bases."""
    odd = number - 1
    twos = (odd & -odd).bit_length() - 1
    odd >>= twos
    bases = (random.getrandbits(number.bit_length()) % (number - 3) + 2 for _ in range(ROUNDS))
    return all(_passes(number, base, odd, twos) for base in bases)


def _passes(number: int, base: int, odd: int, twos: int) -> bool:
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return True
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return True
    return False


_SMALL = prod(n for n in range(3, _SIEVED, 2) if all(n % d for d in range(3, int(n**0.5) + 1, 2)))
