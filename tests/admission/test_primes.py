import random

import pytest

from hiwar.admission.primes import DRAWS_MAX, draw_prime, is_probable_prime

PRIMES = [5, 7, 11, 101, 7919, 2**61 - 1, 2**89 - 1, 2**127 - 1, 2**521 - 1, 2**255 - 19, 10**18 + 9]
COMPOSITES = [
    9,
    15,
    561,  # Carmichael
    3215031751,  # strong pseudoprime to 2, 3, 5 and 7
    3825123056546413051,  # and to the first nine primes
    318665857834031151167461,  # and to the first twelve
    (2**61 - 1) * (2**89 - 1),
    (2**127 - 1) ** 2,
    2**257 - 1,
    2**129 + 1,
]


@pytest.mark.parametrize("number", PRIMES)
def test_a_prime_passes_whatever_the_bases(number: int) -> None:
    assert all(is_probable_prime(number, random.Random(seed)) for seed in range(20))


@pytest.mark.parametrize("number", COMPOSITES)
def test_a_composite_is_found_out_also_one_made_to_pass(number: int) -> None:
    assert not any(is_probable_prime(number, random.Random(seed)) for seed in range(20))


@pytest.mark.parametrize("bits", [300, 320, 704])
def test_a_drawn_prime_has_its_length_and_two_highest_bits(bits: int) -> None:
    drawn = {draw_prime(random.Random(seed), bits) for seed in range(4)}
    assert len(drawn) == 4
    for prime in drawn:
        assert prime >> bits - 2 == 3
        assert is_probable_prime(prime, random.Random(99))


def test_the_same_randomness_draws_the_same_prime() -> None:
    assert draw_prime(random.Random(3), 320) == draw_prime(random.Random(3), 320)


def test_broken_randomness_is_an_error_and_no_endless_loop() -> None:
    class Stuck:
        calls = 0

        def getrandbits(self, bits: int, /) -> int:
            self.calls += 1
            return 0

    stuck = Stuck()
    with pytest.raises(ArithmeticError, match="randomness is broken"):
        draw_prime(stuck, 321)
    assert stuck.calls <= DRAWS_MAX * 10
