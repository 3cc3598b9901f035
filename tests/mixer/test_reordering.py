"""Packets that overtake one another."""

from tests.mixer.line import run, steady


def test_overtaken_packets_are_put_in_order() -> None:
    heard, buffer = run(steady(61, lambda k: 0.025 if k % 7 == 3 else 0.0), 60)
    settled = heard.numbers[heard.numbers.index(65_030) :]
    assert settled == list(range(65_030, 65_030 + len(settled)))
    assert buffer.counts.late <= 1
    assert buffer.counts.concealed + buffer.counts.fec <= 1
    assert buffer.target == 3
