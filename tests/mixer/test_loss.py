"""3 % of the packets are lost at random."""

import random

from hiwar.mixer.jitter import Conceal, DecodeFec, Silence
from tests.mixer.line import run, steady


def test_at_three_percent_loss_fec_mends_nearly_everything_and_nothing_gets_later() -> None:
    chance = random.Random(11)
    sent = steady(120, lambda _: None if chance.random() < 0.03 else chance.random() * 0.003)
    lost = 6000 - len(sent)
    heard, buffer = run(sent, 120)
    assert heard.count(DecodeFec) > 0.9 * lost
    assert heard.count(Conceal) < 0.1 * lost
    assert heard.count(Silence) <= 2
    assert heard.numbers == sorted(set(heard.numbers))
    assert max(heard.depths) <= 2 * 960
    assert (buffer.target, buffer.counts.late, buffer.counts.dropped) == (2, 0, 0)
