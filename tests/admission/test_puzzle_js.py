"""The browser's solver, run by node against challenges that the door mints; the door judges its answers."""

import json
import random
from hashlib import sha256
from pathlib import Path

from hiwar.admission.hashcash import Hashcash
from hiwar.admission.puzzle import Outcome, Puzzles, Work
from hiwar.admission.spent import Spent
from hiwar.admission.timelock import TimeLock, make_trapdoor
from tests.node import run_node

HERE = Path(__file__).parent
EFFORTS = (1, 2, 3, 100, 511, 512, 513, 5000)
HARD = 300_000  # squarings: some tenths of a second in node


def test_the_browsers_solver_answers_what_the_door_mints(tmp_path: Path) -> None:
    works: tuple[Work, ...] = (TimeLock(make_trapdoor(random.Random(5))), Hashcash())
    doors = [Puzzles(work, b"k" * 32, Spent()) for work in works]
    challenges = [mint(door, effort) for door in doors for effort in EFFORTS]
    vectors, answers = tmp_path / "vectors.json", tmp_path / "answers.json"
    texts = ["a1.f"[at % 4 :] * 14 for at in range(4)]
    hashes = {text[:n]: sha256(text[:n].encode()).hexdigest() for text in texts for n in range(42)}
    hashes |= {"z" * n: sha256(b"z" * n).hexdigest() for n in range(56)}
    hard = [mint(doors[0], HARD), mint(doors[1], 1000)]
    vectors.write_text(json.dumps({"challenges": challenges, "hashes": hashes, "hard": hard}))
    run_node(HERE / "puzzle.test.mjs", {"VECTORS": str(vectors), "ANSWERS": str(answers)})
    solved = json.loads(answers.read_text())
    assert len(solved) == len(challenges)
    for number, answer in enumerate(solved):
        door = doors[number // len(EFFORTS)]
        judgement = door.judge(answer, conversation="abcdef", site=1 << 24, now=100.0)
        assert (judgement.outcome, judgement.effort) == (Outcome.SOLVED, EFFORTS[number % len(EFFORTS)])


def mint(door: Puzzles, effort: int) -> str:
    nonce = effort.to_bytes(12, "big")
    return door.mint(conversation="abcdef", site=1 << 24, effort=effort, nonce=nonce, now=100.0)
