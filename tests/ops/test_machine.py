"""What is left of the machine, as the system says it."""

import resource

import pytest

from hiwar.ops.machine import DESCRIPTORS_MAX, available_memory, descriptors_max


def test_memory_is_read_from_the_system() -> None:
    assert available_memory() > 1_000_000


@pytest.mark.parametrize(
    ("hard", "expected"),
    [(4096, 4096), (DESCRIPTORS_MAX + 1, DESCRIPTORS_MAX), (resource.RLIM_INFINITY, DESCRIPTORS_MAX)],
)
def test_descriptors_are_bounded_by_the_system_and_by_us(
    hard: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, hard))
    assert descriptors_max() == expected
