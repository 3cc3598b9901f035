"""What a worker reads of itself."""

from collections import Counter
from types import SimpleNamespace
from typing import Any

from hiwar.edge.reading import Meter
from hiwar.ops.clock import monotonic


def meter() -> tuple[Meter, Any]:
    door = SimpleNamespace(counts=Counter(), connections=5)
    stages = SimpleNamespace(counts=Counter(), broadcasts={})
    gate = SimpleNamespace(counts=Counter(), beyond_limits=0)
    return Meter(door, stages, gate), SimpleNamespace(door=door, stages=stages, gate=gate)  # type: ignore[arg-type]


def test_who_listens_on_by_playlists_is_neither_an_arrival_nor_a_join() -> None:
    reads, parts = meter()
    parts.gate.counts.update({"seated": 5000, "admit": 10, "wait": 20, "challenge": 30, "refuse": 40})
    reading = reads.read(monotonic() + 1.0)
    assert 95 < reading.arrivals <= 100
    assert 9.5 < reading.joins <= 10
    assert 38 < reading.refused <= 40
    assert set(reading.verdicts) == {"admit", "challenge", "wait", "refuse"}


def test_who_is_beyond_the_limits_of_their_network_or_sends_nonsense_is_nobody_turned_away() -> None:
    """They would look like people who come back, each once a round."""
    reads, parts = meter()
    parts.gate.counts.update({"refuse": 40})
    parts.gate.beyond_limits = 30
    parts.door.counts["refused"] = 5000
    assert 9.5 < reads.read(monotonic() + 1.0).refused <= 10
