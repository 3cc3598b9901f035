"""What holds of every text that the public reads."""

import re

ARABIC_LETTER, LATIN_LETTER = re.compile("[\u0621-\u064a]"), re.compile("[A-Za-z]")
OTHER_DIGITS = re.compile("[\u0660-\u0669\u06f0-\u06f9]")
NAMED = re.compile("attack|attacker|hack|bots?\\b|ddos|هجوم|مهاجم|اختراق|قرصن", re.IGNORECASE)


def check_text(arabic: str, english: str) -> None:
    """Each in its own language, in digits 0-9, in whole sentences, naming no cause."""
    assert ARABIC_LETTER.search(arabic)
    assert not LATIN_LETTER.search(arabic)
    assert LATIN_LETTER.search(english)
    assert not ARABIC_LETTER.search(english)
    for text in (arabic, english):
        assert not OTHER_DIGITS.search(text)
        assert not NAMED.search(text)
        assert not re.search(r"[{}]|  |\.\.|\s$|^\s", text)
        assert text.endswith(".")


def digits(text: str) -> list[str]:
    """The numbers in a text, as they are written."""
    return re.findall(r"[0-9][0-9,]*", text)
