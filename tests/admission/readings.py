"""Readings of a machine at ease, from which tests change what they are about."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hiwar.admission.capacity import Bound, Capacity
from hiwar.admission.signals import Health, Signals

AT_EASE = Signals(
    frame_lateness_ms=0.5,
    frames_late=0.0,
    recorder_lag_s=1.0,
    cpu=0.03,
    writes=400.0,  # too few to learn a cost from
    write_lateness_s=0.0,
    listeners=1000,
    egress_bits=64e6,
    descriptors=1100,
    descriptors_max=65_536,
    memory_available_bytes=4 * 1024**3,
    listener_bytes=8_000,
    requests=10.0,
    arrivals=2.0,
    joins=2.0,
    refused=0.0,
    waiting=0,
    seats_taken=1000,
)

STRAINED: dict[str, Any] = {"frame_lateness_ms": 9.0, "frames_late": 4.0}
FAILING: dict[str, Any] = {"frame_lateness_ms": 30.0, "frames_late": 20.0}


def signals(**changes: Any) -> Signals:
    return replace(AT_EASE, **changes)


def capacity(
    seats: int = 5000, *, joins: float = 50.0, health: Health = Health.WELL, egress_bits: float = float("inf")
) -> Capacity:
    return Capacity(
        seats, Bound.SETTING, MappingProxyType({Bound.SETTING: seats}), joins, health, egress_bits
    )
