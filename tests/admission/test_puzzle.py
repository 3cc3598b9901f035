"""What every kind of work keeps, and what the judge keeps whatever the work is."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.hashcash import Hashcash, solve_by_counting
from hiwar.admission.puzzle import (
    EFFORT_MAX,
    EPOCH_S,
    SLOWEST_SQUARING_US,
    SOLVE_S_MAX,
    TEXT_CHARS_MAX,
    Judgement,
    Outcome,
    Puzzles,
    Work,
    parse_puzzle,
    render_puzzle,
)
from hiwar.admission.spent import Spent
from hiwar.admission.timelock import TimeLock, make_trapdoor, solve_by_squaring

KEY, OTHER = b"k" * 32, b"o" * 32
HERE, ELSEWHERE = 1 << 24 | 0xC63364, 1 << 24 | 0xCB0071
NOW = 1000.0  # the 40 s that are gone of epoch 16 leave 20 of it
TRAPDOOR = make_trapdoor(random.Random(1))
WORKS: dict[str, Work] = {"timelock": TimeLock(TRAPDOOR), "hashcash": Hashcash()}
SOLVERS: dict[str, Callable[[str], str]] = {"timelock": solve_by_squaring, "hashcash": solve_by_counting}


class Desk:
    """A door's puzzles with usual values for what a test does not care about."""

    def __init__(self, work: Work, key: bytes = KEY, entries_max: int = 100) -> None:
        self.spent = Spent(entries_max)
        self.puzzles = Puzzles(work, key, self.spent)
        self._minted = 0

    def mint(self, effort: int = 40, now: float = NOW, site: int = HERE, conversation: str = "abcdef") -> str:
        self._minted += 1
        nonce = self._minted.to_bytes(12, "big")
        return self.puzzles.mint(conversation=conversation, site=site, effort=effort, nonce=nonce, now=now)

    def judge(
        self, answer: str, now: float = NOW, site: int = HERE, conversation: str = "abcdef"
    ) -> Judgement:
        return self.puzzles.judge(answer, conversation=conversation, site=site, now=now)


class PuzzleContract:
    work: ClassVar[Work]

    def desk(self, entries_max: int = 100) -> Desk:
        return Desk(self.work, entries_max=entries_max)

    def solved(self, challenge: str) -> str:
        return SOLVERS[self.work.name](challenge)

    def test_a_solved_puzzle_is_worth_its_effort(self) -> None:
        desk = self.desk()
        for effort in (1, 2, 40, 300):
            challenge = desk.mint(effort)
            judgement = desk.judge(self.solved(challenge))
            assert judgement.outcome is Outcome.SOLVED
            assert (judgement.effort, judgement.epoch) == (effort, 16)
            assert judgement.seed.hex() == parse_puzzle(challenge).seed

    def test_an_answer_is_taken_once(self) -> None:
        desk = self.desk()
        answer = self.solved(desk.mint())
        assert [desk.judge(answer).outcome for _ in range(3)] == [
            Outcome.SOLVED,
            Outcome.SPENT,
            Outcome.SPENT,
        ]

    def test_an_answer_is_good_in_its_epoch_and_the_next_and_never_again_after_that(self) -> None:
        end = (NOW // EPOCH_S + 2) * EPOCH_S
        for now, outcome in (
            (end - 0.01, Outcome.SOLVED),
            (end, Outcome.EXPIRED),
            (NOW - 60, Outcome.EXPIRED),
        ):
            desk = self.desk()
            assert desk.judge(self.solved(desk.mint()), now).outcome is outcome

    def test_an_answer_used_in_its_own_epoch_is_remembered_in_the_next(self) -> None:
        desk = self.desk()
        answer = self.solved(desk.mint())
        assert desk.judge(answer).outcome is Outcome.SOLVED
        assert desk.judge(answer, NOW + EPOCH_S).outcome is Outcome.SPENT
        assert desk.judge(answer, NOW + 2 * EPOCH_S).outcome is Outcome.EXPIRED

    def test_an_answer_is_good_for_its_own_site_conversation_effort_and_key_only(self) -> None:
        desk = self.desk()
        answer = self.solved(desk.mint(2))
        parsed = parse_puzzle(answer)
        assert desk.judge(answer, site=ELSEWHERE).outcome is Outcome.FORGED
        assert desk.judge(answer, conversation="fedcba").outcome is Outcome.FORGED
        assert Desk(self.work, OTHER).judge(answer).outcome is Outcome.FORGED
        for change in ({"effort": 500}, {"epoch": 15}, {"nonce": "0" * 24}, {"seed": "0" * 32}):
            assert desk.judge(render_puzzle(parsed._replace(**change))).outcome is Outcome.FORGED
        assert desk.judge(answer).outcome is Outcome.SOLVED

    def test_a_wrong_answer_uses_nothing_up(self) -> None:
        desk = self.desk()
        challenge = desk.mint(300)
        for guess in ("0", "1", "f" * 256):
            wrong = render_puzzle(parse_puzzle(challenge)._replace(last=guess))
            assert desk.judge(wrong) == Judgement(Outcome.WRONG)
        assert len(desk.spent) == 0
        assert desk.judge(self.solved(challenge)).outcome is Outcome.SOLVED

    def test_when_no_more_can_be_remembered_the_rest_of_the_epoch_is_refused(self) -> None:
        desk = self.desk(entries_max=2)
        answers = [self.solved(desk.mint(1)) for _ in range(3)]
        outcomes = [desk.judge(answer).outcome for answer in [*answers, answers[0]]]
        assert outcomes == [Outcome.SOLVED, Outcome.SOLVED, Outcome.FULL, Outcome.SPENT]
        assert not desk.puzzles.has_room(NOW)
        assert desk.puzzles.has_room(NOW + EPOCH_S)
        assert desk.judge(self.solved(desk.mint(1, NOW + EPOCH_S)), NOW + EPOCH_S).outcome is Outcome.SOLVED
        assert desk.judge(answers[2], NOW + EPOCH_S).outcome is Outcome.FULL

    def test_judgements_are_counted(self) -> None:
        desk = self.desk()
        answer = self.solved(desk.mint())
        for text in (answer, answer, "", "nothing"):
            desk.judge(text)
        assert desk.puzzles.counts == {Outcome.SOLVED: 1, Outcome.SPENT: 1, Outcome.MALFORMED: 2}

    def test_two_challenges_share_no_work(self) -> None:
        desk = self.desk()
        first, second = desk.mint(), desk.mint()
        solution = parse_puzzle(self.solved(first)).last
        assert parse_puzzle(first).seed != parse_puzzle(second).seed
        stolen = render_puzzle(parse_puzzle(second)._replace(last=solution))
        assert desk.judge(stolen).outcome is Outcome.WRONG

    def test_minting_the_same_gives_the_same_for_nothing_is_kept(self) -> None:
        assert self.desk().mint() == self.desk().mint()

    def test_texts_are_short_at_the_hardest(self) -> None:
        challenge = self.desk().mint(EFFORT_MAX, now=1e9)
        assert len(challenge) <= TEXT_CHARS_MAX
        assert render_puzzle(parse_puzzle(challenge)) == challenge

    @pytest.mark.parametrize("effort", [0, -1, EFFORT_MAX + 1])
    def test_no_effort_beyond_the_cap_is_ever_asked(self, effort: int) -> None:
        with pytest.raises(AssertionError):
            self.desk().mint(effort)

    def test_a_solver_refuses_the_other_kind_and_what_is_no_challenge(self) -> None:
        (other,) = (work for name, work in WORKS.items() if name != self.work.name)
        for text in (Desk(other).mint(), "", "timelock.1.1"):
            with pytest.raises(ValueError, match=r"puzzle"):
                self.solved(text)
        assert self.desk().judge(Desk(other).mint()).outcome is Outcome.MALFORMED


class TestTimeLockKeepsIt(PuzzleContract):
    work = WORKS["timelock"]


class TestHashcashKeepsIt(PuzzleContract):
    work = WORKS["hashcash"]


class Counted:
    """A work that says yes and remembers how often it was asked."""

    name = "counted"
    asked = stated = 0

    def statement(self, effort: int) -> str:
        self.stated += 1
        return "1"

    def holds(self, seed: str, effort: int, solution: str) -> bool:
        self.asked += 1
        return True


def test_the_work_is_looked_at_only_when_all_that_is_cheap_has_held() -> None:
    work = Counted()
    desk = Desk(work, entries_max=1)
    first, second = desk.mint(), desk.mint()
    assert work.asked == 0
    assert desk.judge(first).outcome is Outcome.SOLVED
    assert work.asked == 1
    for text, now, site in (
        (first, NOW, HERE),  # spent
        (second, NOW, HERE),  # full
        (second, NOW, ELSEWHERE),  # forged
        (second, NOW + 1000, HERE),  # expired
        ("counted", NOW, HERE),  # malformed
    ):
        assert desk.judge(text, now, site).outcome is not Outcome.SOLVED
    assert work.asked == 1


def test_no_hash_is_made_for_an_answer_whose_time_is_over() -> None:
    work = Counted()
    desk = Desk(work)
    answer = desk.mint()
    stated = work.stated
    for epochs in (-1, 2, 3, 1000):
        assert desk.judge(answer, NOW + epochs * EPOCH_S).outcome is Outcome.EXPIRED
    assert work.stated == stated


def test_an_answer_to_a_key_that_was_made_anew_is_known_without_looking_at_the_work() -> None:
    challenge = Desk(WORKS["timelock"]).mint()
    renewed = Desk(TimeLock(make_trapdoor(random.Random(2))))
    assert renewed.judge(solve_by_squaring(challenge)).outcome is Outcome.FORGED


def test_an_owner_whose_clock_is_ahead_of_the_judge_has_the_last_word() -> None:
    desk = Desk(Counted())
    answer = desk.mint()
    desk.spent.turn(18)
    assert desk.judge(answer).outcome is Outcome.EXPIRED


def test_the_cap_is_what_a_slow_phone_does_in_the_longest_time() -> None:
    assert 0.99 * SOLVE_S_MAX <= EFFORT_MAX * SLOWEST_SQUARING_US / 1e6 <= SOLVE_S_MAX


@given(st.sampled_from(sorted(SOLVERS)), st.data())
def test_an_answer_with_any_letter_changed_is_refused(name: str, change: st.DataObject) -> None:
    desk = Desk(WORKS[name])
    answer = SOLVERS[name](desk.mint(300))
    at = change.draw(st.integers(0, answer.rindex(".")))
    letter = change.draw(st.characters().filter(lambda each: each != answer[at]))
    changed = answer[:at] + letter + answer[at + 1 :]
    assert desk.judge(changed).outcome in (Outcome.MALFORMED, Outcome.EXPIRED, Outcome.FORGED)
    assert desk.judge(answer).outcome is Outcome.SOLVED


GOOD = Desk(WORKS["timelock"]).mint()


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".....",
        GOOD + "\n",
        " " + GOOD,
        GOOD.upper(),
        GOOD[:-257],  # no statement
        GOOD[: GOOD.rindex(".") + 1],
        GOOD + "0",
        GOOD.replace(".16.", ".١٦."),
        GOOD.replace(".16.", ".016."),
        GOOD.replace(".16.", ".+16."),
        GOOD.replace(".16.", ".1_6."),
        GOOD.replace(".40.", ".0."),
        GOOD.replace(".40.", ".٤٠."),
        GOOD.replace(".40.", ".12345678."),
        GOOD.replace(".40.", ".1e3."),
        GOOD[: GOOD.rindex(".") + 1] + "0f",
        GOOD[: GOOD.rindex(".") + 1] + "0x1",
        GOOD[: GOOD.rindex(".") + 1] + "-1",
        "timelocktimelockx" + GOOD[8:],
        GOOD + "." + "a" * 100_000,
    ],
)
def test_what_is_not_of_the_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a puzzle's text"):
        parse_puzzle(text)
    assert Desk(WORKS["timelock"]).judge(text) == Judgement(Outcome.MALFORMED)


@given(
    st.text(max_size=400) | st.from_regex(r"timelock\.1[5-7]\.[0-9]+\.[0-9a-f]{24}\.[0-9a-f]{32}\.[0-9a-f]+")
)
def test_text_that_nobody_minted_is_refused_and_nothing_else_happens(text: str) -> None:
    desk = Desk(WORKS["timelock"])
    judgement = desk.judge(text)
    assert judgement == replace(Judgement(Outcome.SOLVED), outcome=judgement.outcome)
    assert judgement.outcome in (Outcome.MALFORMED, Outcome.EXPIRED, Outcome.FORGED)
    assert len(desk.spent) == 0
