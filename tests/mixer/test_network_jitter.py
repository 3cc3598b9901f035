"""Packets that come up to 60 ms late, and a network that then calms down."""

import random

from hiwar.mixer.jitter import Conceal, Silence
from tests.mixer.line import run, steady


def test_sixty_milliseconds_of_jitter_are_covered_and_given_back_afterwards() -> None:
    chance = random.Random(14)

    def line(k: int) -> float:
        return chance.random() * (0.06 if 500 < k < 3500 else 0.001)

    heard, buffer = run(steady(121, line), 120)
    assert heard.count(Conceal) <= 4
    assert heard.count(Silence) <= 3
    assert buffer.counts.late <= 2
    assert heard.numbers == sorted(set(heard.numbers))
    assert max(heard.depths) <= 6 * 960
    assert sum(heard.depths[1000:3400]) / 2400 < 3 * 960
    assert buffer.counts.stretched >= 2
    assert buffer.counts.merged >= 2
    assert set(heard.depths[-1000:]) == {960}
