"""Counted sentences in both languages."""

import pytest

from hiwar.admission.counted import Arabic, Counted, English, Said, join_sentences

FORMS = Counted(
    Arabic("zero", "one", "two", "few {n}", "many {n}", "other {n}"), English("none", "single", "several {n}")
)


@pytest.mark.parametrize(
    ("count", "arabic", "english"),
    [
        (0, "zero", "none"),
        (1, "one", "single"),
        (2, "two", "several 2"),
        (3, "few 3", "several 3"),
        (10, "few 10", "several 10"),
        (11, "many 11", "several 11"),
        (99, "many 99", "several 99"),
        (100, "other 100", "several 100"),
        (101, "other 101", "several 101"),
        (102, "other 102", "several 102"),
        (103, "few 103", "several 103"),
        (110, "few 110", "several 110"),
        (111, "many 111", "several 111"),
        (1000, "other 1,000", "several 1,000"),
        (1_234_567, "many 1,234,567", "several 1,234,567"),
        (2_000_005, "few 2,000,005", "several 2,000,005"),
    ],
)
def test_the_form_follows_the_number_modulo_a_hundred(count: int, arabic: str, english: str) -> None:
    assert FORMS.say(count) == Said(arabic, english)


def test_sentences_become_a_paragraph_in_each_language() -> None:
    assert join_sentences(Said("أ.", "A."), Said("ب.", "B.")) == Said("أ. ب.", "A. B.")
