"""The one module that reads the clocks. Everything else takes time as an argument.

`monotonic` never steps and orders events on this machine; `wallclock` is UTC and may step at any time,
so it is shown to people and written into files, and never subtracted to measure anything.
"""

import time
from datetime import UTC, datetime


def monotonic() -> float:
    """Seconds since some fixed point; the same for all processes of this boot."""
    return time.monotonic()


def wallclock() -> float:
    """UTC seconds since the epoch."""
    return time.time()  # noqa: TID251 - this is the module that owns it


def utc(wallclock_seconds: float) -> datetime:
    """The same moment as an aware datetime."""
    return datetime.fromtimestamp(wallclock_seconds, UTC)
