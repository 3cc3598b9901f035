from hashlib import sha256

import pytest

from hiwar.admission import hashcash
from hiwar.admission.hashcash import Hashcash, solve_by_counting
from hiwar.admission.puzzle import EFFORT_MAX, PuzzleText, parse_puzzle, render_puzzle

SEED = "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    ("effort", "bits"), [(1, 1), (2, 1), (3, 1), (4, 2), (255, 7), (256, 8), (EFFORT_MAX, 19)]
)
def test_no_more_hashes_are_to_be_expected_than_squarings_were_asked_for(effort: int, bits: int) -> None:
    assert int(Hashcash().statement(effort), 16) == bits
    assert effort < 4 or effort / 2 < 2**bits <= effort


def test_a_counter_holds_exactly_when_its_hash_begins_with_the_zeros() -> None:
    for counter in range(2000):
        first = sha256(f"{SEED}.{counter:x}".encode()).digest()[0]
        assert Hashcash().holds(SEED, 256, f"{counter:x}") is (first == 0)


def test_a_counter_longer_than_a_browser_counts_is_refused() -> None:
    long = next(f"{n:x}" for n in range(16**13, 16**13 + 100) if Hashcash().holds(SEED, 2, f"{n:x}"[:13]))
    assert len(long) == 14
    assert not any(Hashcash().holds(SEED, 2, f"{16**13 + n:x}") for n in range(64))


def test_the_solver_counts_up_and_finds_the_first() -> None:
    challenge = render_puzzle(PuzzleText("hashcash", 0, 64, "0" * 24, SEED, "6"))
    found = int(parse_puzzle(solve_by_counting(challenge)).last, 16)
    held = [counter for counter in range(found + 1) if Hashcash().holds(SEED, 64, f"{counter:x}")]
    assert held == [found]


def test_the_solver_refuses_another_work() -> None:
    with pytest.raises(ValueError, match="another kind"):
        solve_by_counting(render_puzzle(PuzzleText("timelock", 0, 1, "0" * 24, SEED, "f")))


def test_the_solver_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashcash, "COUNTS_MAX", 10)
    challenge = render_puzzle(PuzzleText("hashcash", 0, 64, "0" * 24, SEED, "ff"))
    with pytest.raises(ValueError, match="not solved"):
        solve_by_counting(challenge)
