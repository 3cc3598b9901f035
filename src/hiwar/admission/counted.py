"""Sentences with a count in them, in Arabic and English. Pure.

Arabic counts in six ways (CLDR plural rules for `ar`): none, one, two, 3..10 (plural), 11..99 (singular,
accusative), and whole hundreds with 0..2 over (singular, genitive); what decides is the number modulo 100.
One and two are said by the noun itself, without a digit. Digits are 0-9 in both languages, thousands
are parted by commas.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arabic:
    """One sentence in its six forms; `{n}` is the count."""

    zero: str
    one: str
    two: str
    few: str
    many: str
    other: str

    def say(self, count: int) -> str:
        """The sentence for `count`, 0 or more."""
        return self._form(count).format(n=f"{count:,}")

    def _form(self, count: int) -> str:
        small = {0: self.zero, 1: self.one, 2: self.two}.get(count)
        if small is not None:
            return small
        if 3 <= count % 100 <= 10:
            return self.few
        return self.many if count % 100 >= 11 else self.other


@dataclass(frozen=True, slots=True)
class English:
    """One sentence in its forms; `{n}` is the count."""

    zero: str
    one: str
    other: str

    def say(self, count: int) -> str:
        """The sentence for `count`, 0 or more."""
        return {0: self.zero, 1: self.one}.get(count, self.other).format(n=f"{count:,}")


@dataclass(frozen=True, slots=True)
class Said:
    """The same in both languages."""

    arabic: str
    english: str


@dataclass(frozen=True, slots=True)
class Counted:
    """One sentence with a count, in both languages."""

    arabic: Arabic
    english: English

    def say(self, count: int) -> Said:
        return Said(self.arabic.say(count), self.english.say(count))


def join_sentences(*parts: Said) -> Said:
    """One paragraph of several sentences."""
    return Said(" ".join(each.arabic for each in parts), " ".join(each.english for each in parts))
