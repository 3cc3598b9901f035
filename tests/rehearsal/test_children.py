"""The other children: the attackers' order of things, the control, puzzles solved beside, orders by lines."""

import io
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Any

import msgspec
import pytest

from hiwar.admission.puzzle import Outcome, Puzzles
from hiwar.admission.spent import Spent
from hiwar.admission.timelock import TimeLock, make_trapdoor
from hiwar.rehearsal import attackers as module
from hiwar.rehearsal import solving, stdio
from hiwar.rehearsal.aim import Aim
from hiwar.rehearsal.attackers import Attackers
from hiwar.rehearsal.orders import Attack, Attacked, Begin, End, Living
from hiwar.rehearsal.sleeper import group_niceness
from hiwar.rehearsal.solving import PuzzleSolver
from tests.rehearsal.scripted_poll import ScriptedPoll
from tests.rehearsal.test_crowd import Idle

BEGIN = Begin(port=1, mark="m", secure=False, conversation="abcdef")
FLOOD = Attack(kind="connections", seconds=2.0, per_s=50.0, at_once=10, machines=5, prefixes=5)


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> list[ScriptedPoll]:
    made: list[ScriptedPoll] = []

    def make(aim: Aim, lines: int) -> ScriptedPoll:
        poll = ScriptedPoll()
        poll.run_until = lambda end: poll.pass_time(0.1)  # type: ignore[attr-defined]
        made.append(poll)
        return poll

    monkeypatch.setattr(module, "Poll", make)
    monkeypatch.setattr(module, "PuzzleSolver", Idle)
    monkeypatch.setattr(Aim, "check", lambda self: None)
    return made


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    reports: list[Any] = []
    monkeypatch.setattr(module, "tell", reports.append)
    return reports


def test_an_attack_is_brought_told_at_its_end_and_forgotten(
    polls: list[ScriptedPoll], told: list[Attacked]
) -> None:
    attackers = Attackers(BEGIN, 1, Random(1))
    attackers.step(0.05)
    assert attackers.report() == Attacked(counts={}, open=0)
    attackers.obey(FLOOD)
    assert attackers.busy
    for _ in range(19):
        attackers.step(0.05)
        for line in tuple(polls[0].open):
            line.open()
    assert attackers.report().counts["opened"] > 50
    assert told == []
    for _ in range(3):
        attackers.step(0.05)
    assert [report.over for report in told] == [True]
    assert not attackers.busy
    assert polls[0].open == []


def test_a_new_attack_ends_the_one_before(polls: list[ScriptedPoll], told: list[Attacked]) -> None:
    attackers = Attackers(BEGIN, 1, Random(1))
    attackers.obey(FLOOD)
    attackers.obey(FLOOD)
    assert polls[0].open == []
    assert polls[1].open != []
    attackers.obey(End())
    assert attackers.over
    attackers.close()
    assert polls[1].open == []


def test_a_puzzle_is_solved_in_a_process_of_its_own_and_no_more_than_can_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solving, "PENDING_MAX", 1)
    puzzles = Puzzles(TimeLock(make_trapdoor(Random(7))), b"k" * 32, Spent())
    challenge = puzzles.mint(conversation="abcdef", site=1, effort=1000, nonce=b"n" * 12, now=100.0)
    solver, answers = PuzzleSolver(), []
    try:
        assert solver.solve(challenge, answers.append)
        assert not solver.solve(challenge, answers.append)
        solver.collect()
        solver._pending[0][0].result(60)
        solver.collect()
    finally:
        solver.close()
    judged = puzzles.judge(answers[0], conversation="abcdef", site=1, now=100.0)
    assert judged.outcome is Outcome.SOLVED


@pytest.mark.parametrize(("line", "niceness"), [("/autogroup-745 nice -5\n", "-5"), ("", ""), ("\n", "")])
def test_a_stage_that_belongs_to_no_group_of_processes_has_no_niceness_of_one(
    line: str, niceness: str
) -> None:
    assert group_niceness(line) == niceness


CROWD = """
import time
from hiwar.rehearsal.solving import PuzzleSolver
if __name__ == "__main__":
    solver = PuzzleSolver()
    solver.solve("no challenge", print)
    print(*solver._pool._processes, flush=True)
    time.sleep(60)
"""


def test_a_solver_does_not_outlive_a_crowd_that_was_killed(tmp_path: Path) -> None:
    crowd = tmp_path / "crowd.py"
    crowd.write_text(CROWD, encoding="utf-8")
    with subprocess.Popen([sys.executable, str(crowd)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        solver = Path("/proc", process.stdout.readline().decode("ascii").strip())
        assert solver.exists()
        process.kill()
    end = monotonic() + 20.0
    while _lives(solver) and monotonic() < end:
        sleep(0.05)
    assert not _lives(solver)


def _lives(process: Path) -> bool:
    try:
        return process.joinpath("stat").read_text(encoding="ascii").rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def test_the_control_tells_how_late_it_was_since_it_was_last_asked() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "hiwar.rehearsal.sleeper", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        lines = []
        for _ in range(20):
            process.stdin.write(b"null\n")
            process.stdin.flush()
            lines.append([float(word) for word in process.stdout.readline().split()])
        process.stdin.close()
        assert process.wait(10) == 0
    assert all(value >= 0 for line in lines for value in line)


def test_orders_are_read_by_lines_and_end_with_the_input(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        monkeypatch.setattr(sys, "stdin", source)
        orders = stdio.Orders(msgspec.json.Decoder(Begin | End))
        assert orders.read() == []
        whole = msgspec.json.encode(BEGIN) + b"\n" + msgspec.json.encode(End()) + b"\n"
        sink.write(whole[:30])
        assert orders.read(1.0) == []
        sink.write(whole[30:])
        assert orders.read(1.0) == [BEGIN, End()]
        assert not orders.over
        sink.close()
        assert orders.read(1.0) == []
        assert orders.over
        assert orders.read(1.0) == []


def test_a_report_is_a_line_and_nobody_to_read_it_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": written}))
    living = Living(listening=1, waiting=0, came=0, answered=0, seated=0, longest_gap_s=0.0, thrown_out=0)
    stdio.tell(living)
    assert msgspec.json.decode(written.getvalue().rstrip(b"\n"), type=Living) == living

    class Gone(io.BytesIO):
        def write(self, data: Any) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", type("Out", (), {"buffer": Gone()}))
    with pytest.raises(SystemExit):
        stdio.tell(living)
