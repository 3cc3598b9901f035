"""What a check of `hiwar doctor` finds."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`level`: "ok", "warn" (works, but), "bad" (does not work). `mend` says what to do."""

    check: str
    level: str
    found: str
    mend: str = ""
