"""15 % of the packets are lost, in bursts of up to five."""

import random

from hiwar.mixer.jitter import Conceal, Silence
from tests.mixer.line import run, steady


def test_at_fifteen_percent_burst_loss_every_packet_that_came_is_played_on_time() -> None:
    chance = random.Random(12)
    left = 0

    def line(_: int) -> float | None:
        nonlocal left
        if left == 0 and chance.random() < 0.055:
            left = chance.randint(1, 5)
        left = max(0, left - 1) if left else 0
        return None if left else chance.random() * 0.004

    sent = steady(300, line)
    heard, buffer = run(sent, 300)
    assert 0.08 < 1 - len(sent) / 15_000 < 0.2
    arrived = {packet.number for packet in sent}
    assert len(arrived & set(heard.numbers)) > 0.998 * len(arrived)
    assert heard.numbers == sorted(set(heard.numbers))
    assert heard.count(Silence) <= 3
    assert heard.longest_run(Conceal) <= 5
    assert max(heard.depths) <= 3 * 960
    assert buffer.counts.dropped == 0
