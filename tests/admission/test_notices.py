"""What the public is told at each move."""

import pytest

from hiwar.admission.notices import ASKED, SEATED, UNKNOWN, draft_notice
from hiwar.admission.rungs import LEGAL, RUNGS, IllegalMove, Rung
from tests.admission.texts import check_text, digits

MOVES = [(origin, to) for origin in RUNGS for to in RUNGS if to in LEGAL[origin]]
COUNTS = (0, 1, 2, 3, 10, 11, 99, 100, 101, 102, 103, 1_234_567)


@pytest.mark.parametrize(("origin", "to"), MOVES)
@pytest.mark.parametrize("count", COUNTS)
def test_each_move_is_told_in_both_languages_with_the_same_numbers(
    origin: Rung, to: Rung, count: int
) -> None:
    notice = draft_notice(origin, to, asked=count, seated=count)
    assert (notice.origin, notice.to) == (origin, to)
    check_text(notice.arabic, notice.english)
    if count > 2:
        assert digits(notice.arabic) == digits(notice.english)
        assert set(digits(notice.english)) == {f"{count:,}"}


@pytest.mark.parametrize(("origin", "to"), MOVES)
def test_each_move_tells_how_many_asked_how_many_listen_and_promises_the_recording(
    origin: Rung, to: Rung
) -> None:
    notice = draft_notice(origin, to, asked=8_000_000, seated=1_300_000)
    assert "8,000,000 requests" in notice.english
    assert "8,000,000 طلب للاستماع" in notice.arabic
    listening = "1,300,000 listeners" in notice.english
    assert listening == ("1,300,000 مستمع" in notice.arabic) == (to is not Rung.RECORD_ONLY)
    assert "the whole conversation, unedited" in notice.english.lower()
    assert "كاملًا، دون تعديل" in notice.arabic


def test_moves_are_told_apart() -> None:
    texts = {draft_notice(origin, to, asked=5, seated=5).english for origin, to in MOVES}
    by_meaning = {(to, to.severity > origin.severity) for origin, to in MOVES}
    assert len(texts) == len(by_meaning) == 8


def test_that_the_reason_is_not_known_is_said_where_people_are_shut_out() -> None:
    unsure = {
        (origin, to)
        for origin, to in MOVES
        if UNKNOWN.english in draft_notice(origin, to, asked=5, seated=5).english
    }
    shut = (Rung.SIEGE, Rung.RECORD_ONLY)
    assert unsure == {each for each in MOVES if each[1] in shut and each[1].severity > each[0].severity}


def test_a_move_that_the_ladder_does_not_have_has_no_notice() -> None:
    with pytest.raises(IllegalMove):
        draft_notice(Rung.OPEN, Rung.RECORD_ONLY, asked=1, seated=1)


@pytest.mark.parametrize(
    ("count", "requests", "listeners"),
    [
        (0, "أي طلب", "أحد"),
        (1, "طلب واحد", "مستمع واحد"),
        (2, "طلبان", "مستمعان"),
        (7, "7 طلبات", "7 مستمعين"),
        (11, "11 طلبًا", "11 مستمعًا"),
        (200, "200 طلب ", "200 مستمع."),
        (1003, "1,003 طلبات", "1,003 مستمعين"),
    ],
)
def test_arabic_counts_as_arabic_does(count: int, requests: str, listeners: str) -> None:
    assert requests in ASKED.say(count).arabic
    assert listeners in SEATED.say(count).arabic


def test_english_knows_one_from_many() -> None:
    assert "1 request " in ASKED.say(1).english
    assert "2 requests " in ASKED.say(2).english
    assert "no request" in ASKED.say(0).english
    assert SEATED.say(0).english.startswith("Nobody")
