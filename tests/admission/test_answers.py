"""What somebody who is not let in yet is told."""

from collections.abc import Callable

import pytest

from hiwar.admission.answers import AGAIN, CLAIM, WAITING, Refusal, tell_challenge, tell_refusal, tell_waiting
from hiwar.admission.counted import Said
from tests.admission.texts import check_text, digits

COUNTS = (0, 1, 2, 3, 10, 11, 99, 100, 101, 103, 1_234_567)
CHANCES = (None, 0.0, 0.004, 0.12, 0.99, 1.0)


def check(said: Said) -> None:
    check_text(said.arabic, said.english)


@pytest.mark.parametrize("tell", [tell_waiting, tell_challenge])
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("chance", CHANCES)
def test_who_waits_reads_the_same_numbers_in_both_languages(
    tell: Callable[..., Said], count: int, chance: float | None
) -> None:
    said = tell(waiting=count, chance=chance, retry_s=count)
    check(said)
    if count > 2:
        assert digits(said.arabic) == digits(said.english)
        assert digits(said.english)[0] == f"{count:,}"
        assert digits(said.english)[-1] == f"{count:,}"


@pytest.mark.parametrize(
    ("chance", "english", "arabic"),
    [
        (None, "cannot be told yet", "لا يمكن بعدُ تقدير"),
        (0.0, "less than 1 in 100", "أقل من 1 من 100"),
        (0.0099, "less than 1 in 100", "أقل من 1 من 100"),
        (0.01, "about 1 in 100", "نحو 1 من 100"),
        (0.456, "about 46 in 100", "نحو 46 من 100"),
        (0.99, "about 99 in 100", "نحو 99 من 100"),
        (0.999, "more than 99 in 100", "أكثر من 99 من 100"),
        (1.0, "more than 99 in 100", "أكثر من 99 من 100"),
    ],
)
def test_odds_are_told_in_a_hundred_and_never_as_certain(
    chance: float | None, english: str, arabic: str
) -> None:
    said = tell_waiting(waiting=9, chance=chance, retry_s=5)
    assert english in said.english
    assert arabic in said.arabic


def test_who_waits_is_counted_in() -> None:
    assert "Only 1 request" in tell_waiting(waiting=0, chance=0.5, retry_s=5).english
    assert WAITING.say(0).english == "No request is waiting now."


def test_who_waits_learns_what_is_being_done_and_when_the_page_asks_again() -> None:
    said = tell_waiting(waiting=40, chance=0.2, retry_s=12)
    assert "drawn" in said.english
    assert "in 12 seconds" in said.english
    assert "القرعة" in said.arabic
    assert "بعد 12 ثانية" in said.arabic


def test_a_challenge_says_that_the_browser_works_by_itself() -> None:
    said = tell_challenge(waiting=40, chance=0.2, retry_s=3)
    assert "solves a small puzzle by itself" in said.english
    assert "لغزًا صغيرًا بنفسه" in said.arabic
    assert "بعد 3 ثوانٍ" in said.arabic


@pytest.mark.parametrize("reason", Refusal)
@pytest.mark.parametrize("retry_s", [0, 1, 2, 5, 30, 100])
def test_each_refusal_has_a_reason_a_time_and_the_claim(reason: Refusal, retry_s: int) -> None:
    said = tell_refusal(reason, retry_s=retry_s)
    check(said)
    assert said.english.endswith(CLAIM.english)
    assert said.arabic.endswith(CLAIM.arabic)
    assert AGAIN.say(retry_s).arabic in said.arabic


def test_a_claim_is_promised_only_where_one_is_given() -> None:
    said = tell_refusal(Refusal.NOT_VALID, retry_s=5, claim=False)
    check(said)
    assert CLAIM.english not in said.english
    assert CLAIM.arabic not in said.arabic


def test_reasons_are_told_apart() -> None:
    assert len({tell_refusal(reason, retry_s=5).english for reason in Refusal}) == len(Refusal)
    assert len({tell_refusal(reason, retry_s=5).arabic for reason in Refusal}) == len(Refusal)


@pytest.mark.parametrize(
    ("count", "waiting", "again"),
    [
        (1, "طلبك هو الطلب الوحيد", "بعد ثانية واحدة"),
        (2, "طلبان، وطلبك أحدهما", "بعد ثانيتين"),
        (3, "3 طلبات، وطلبك منها", "بعد 3 ثوانٍ"),
        (11, "11 طلبًا، وطلبك منها", "بعد 11 ثانية"),
        (100, "100 طلب، وطلبك منها", "بعد 100 ثانية"),
    ],
)
def test_arabic_counts_as_arabic_does(count: int, waiting: str, again: str) -> None:
    assert waiting in WAITING.say(count).arabic
    assert again in AGAIN.say(count).arabic
