"""A front door at ease, as it tells the others of itself; tests change what they are about."""

from typing import Any

import msgspec

from hiwar.relay.front import Bound, FrontNotice, FrontState, Rung, Verdicts

AT_EASE = FrontState(
    at_wallclock=1000.5,
    rung=Rung.OPEN,
    since_wallclock=900.0,
    seats=12_000,
    by=Bound.PROCESSOR,
    taken=310,
    away=2,
    waiting=0,
    arrivals_per_s=1.5,
    joins_per_s=1.5,
    verdicts_per_s=Verdicts(admit=1.5),
    interval_ms=80,
    lighter=False,
    parts=True,
    lateness_ms=0.4,
    recorder_lag_s=0.02,
    speakers_well=True,
    busy=0.06,
)


def state(**changes: Any) -> FrontState:
    return msgspec.structs.replace(AT_EASE, **changes)


def notice(at: float = 950.0, arabic: str = "نص", english: str = "text") -> FrontNotice:
    return FrontNotice(at_wallclock=at, from_=Rung.OPEN, to=Rung.BUSY, arabic=arabic, english=english)
