"""A sender whose clock is fast or slow: the depth stays bounded, for hours."""

import random

import pytest

from hiwar.mixer.jitter import Conceal, Merge, Silence, Stretch
from tests.mixer.line import run, steady


def play(seconds: float, skew: float) -> None:
    chance = random.Random(13)
    sent = steady(seconds + 1, lambda _: chance.random() * 0.002, skew)
    heard, buffer = run(sent, seconds)
    moves = abs(skew) * seconds / 0.02
    assert abs(heard.count(Merge) + heard.count(Stretch) - moves) <= 2
    assert heard.count(Merge if skew > 0 else Stretch) == 0
    assert heard.count(Conceal) == 0
    assert heard.count(Silence) <= 3
    assert heard.numbers == list(range(65_000, 65_000 + len(heard.numbers)))
    assert max(heard.depths) <= 2 * 960
    assert (buffer.target, buffer.counts.late, buffer.counts.dropped) == (2, 0, 0)


@pytest.mark.parametrize("skew", [500e-6, -500e-6])
def test_five_hundred_parts_per_million_over_ten_minutes(skew: float) -> None:
    play(600, skew)


@pytest.mark.slow
@pytest.mark.parametrize("skew", [50e-6, -50e-6])
def test_fifty_parts_per_million_over_two_hours(skew: float) -> None:
    play(7200, skew)
