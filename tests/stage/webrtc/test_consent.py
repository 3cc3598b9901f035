"""What a silence means, and when it is noticed."""

import pytest

from hiwar.stage.webrtc.consent import judge_silence


@pytest.mark.parametrize(
    ("silent_seconds", "state"),
    [(0.0, "connected"), (2.4, "connected"), (2.5, "disconnected"), (11.9, "disconnected"), (12.0, "failed")],
)
def test_a_silence_is_judged_by_its_length(silent_seconds: float, state: str) -> None:
    assert judge_silence(silent_seconds) == state
