"""What the machine says of itself."""

from typing import Any

import pytest

from hiwar.admission.signals import Health, Limits, answerable, judge_health
from tests.admission.readings import FAILING, signals


@pytest.mark.parametrize(
    ("readings", "health"),
    [
        ({}, Health.WELL),
        ({"frame_lateness_ms": 25.0, "frames_late": 1.0}, Health.WELL),  # a hiccup
        ({"frame_lateness_ms": 4.9, "frames_late": 9.0}, Health.WELL),  # many, but hardly late
        ({"frame_lateness_ms": 5.0, "frames_late": 2.0}, Health.UNEASY),
        ({"recorder_lag_s": 1.8}, Health.UNEASY),
        ({"frame_lateness_ms": 8.0, "frames_late": 3.0}, Health.STRAINED),
        ({"recorder_lag_s": 2.5}, Health.STRAINED),
        ({"frame_lateness_ms": 15.0, "frames_late": 5.9}, Health.STRAINED),
        ({"frame_lateness_ms": 15.0, "frames_late": 6.0}, Health.FAILING),
        ({"recorder_lag_s": 5.0}, Health.FAILING),
        ({"cpu": 1.0, "write_lateness_s": 9.0, "waiting": 10**6, "arrivals": 1e6}, Health.WELL),
    ],
)
def test_health_is_judged_from_the_speakers_side_only(readings: dict[str, Any], health: Health) -> None:
    assert judge_health(signals(**readings)) is health


def test_of_a_known_line_the_speakers_share_is_kept() -> None:
    assert Limits(egress_mbit=100).egress_bits == pytest.approx(80e6)
    assert Limits(egress_mbit=100, speakers_share=0.5).egress_bits == pytest.approx(50e6)
    assert Limits().egress_bits == float("inf")


@pytest.mark.parametrize(
    ("cpu", "egress_bits", "answers"),
    [(0.02, 1e6, False), (0.3, 1e6, True), (0.02, 80e6, True), (0.1, 0.0, True)],
)
def test_what_the_front_door_cannot_have_caused_it_does_not_answer(
    cpu: float, egress_bits: float, answers: bool
) -> None:
    late = signals(cpu=cpu, egress_bits=egress_bits, write_lateness_s=0.5, **FAILING)
    led = answerable(late)
    assert (judge_health(led) is Health.FAILING) is answers
    assert (led.write_lateness_s > 0) is answers
    assert led.seats_taken == late.seats_taken
