import random
from math import gcd

import pytest

from hiwar.admission.primes import is_probable_prime
from hiwar.admission.puzzle import PuzzleText, parse_puzzle, render_puzzle
from hiwar.admission.timelock import (
    MODULUS_BITS,
    PRIME_BITS,
    TimeLock,
    make_trapdoor,
    solve_by_squaring,
)

TRAPDOOR = make_trapdoor(random.Random(7))
SEED = "00112233445566778899aabbccddeeff"


def solution(effort: int, seed: str = SEED) -> int:
    challenge = render_puzzle(
        PuzzleText("timelock", 0, effort, "0" * 24, seed, TimeLock(TRAPDOOR).statement(1))
    )
    return int(parse_puzzle(solve_by_squaring(challenge)).last, 16)


def holds(effort: int, answer: int, seed: str = SEED) -> bool:
    return TimeLock(TRAPDOOR).holds(seed, effort, f"{answer:x}")


def test_the_key_is_two_primes_of_their_sizes_and_the_short_one_stays_hidden() -> None:
    for seed in range(5):
        key = make_trapdoor(random.Random(seed))
        other, rest = divmod(key.modulus, key.prime)
        assert rest == 0
        assert key.modulus.bit_length() == MODULUS_BITS
        assert key.prime.bit_length() == PRIME_BITS
        assert is_probable_prime(key.prime, random.Random(1))
        assert is_probable_prime(other, random.Random(1))
        assert str(key.prime) not in repr(key)


def test_the_trapdoor_and_the_long_way_agree() -> None:
    for effort in (1, 2, 3, 64, 1000):
        for seed in (SEED, "0" * 32, "f" * 32):
            assert holds(effort, solution(effort, seed), seed)


def test_one_squaring_fewer_or_more_is_wrong() -> None:
    right = solution(100)
    assert not holds(99, right)
    assert not holds(101, right)


def test_numbers_near_the_answer_are_wrong() -> None:
    right, modulus = solution(100), TRAPDOOR.modulus
    for near in (0, 1, right - 1, right + 1, modulus - right, right ^ 1 << 700):
        assert not holds(100, near)


def test_there_is_one_way_to_write_an_answer() -> None:
    right = solution(1)
    assert not holds(1, right + TRAPDOOR.modulus)
    assert not holds(1, TRAPDOOR.modulus)


def test_an_answer_that_is_right_for_the_short_prime_only_betrays_it() -> None:
    """Why checking modulo one prime is enough: see the module."""
    right = solution(100)
    other = (right + 5 * TRAPDOOR.prime) % TRAPDOOR.modulus
    assert holds(100, other)
    assert gcd(abs(right - other), TRAPDOOR.modulus) == TRAPDOOR.prime


def test_the_solver_refuses_another_work() -> None:
    with pytest.raises(ValueError, match="another kind"):
        solve_by_squaring(render_puzzle(PuzzleText("hashcash", 0, 1, "0" * 24, SEED, "1")))


@pytest.mark.parametrize("effort", [1, 17])
def test_the_solver_really_goes_the_long_way(effort: int) -> None:
    """The same number from the definition: the base to the power of 2**effort, modulo N."""
    base = solution(1)
    expected = pow(base, 2 ** (effort - 1), TRAPDOOR.modulus)
    assert solution(effort) == expected
