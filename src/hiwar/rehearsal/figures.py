"""Small sums that crowds, directors and benches share."""

import resource
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float | None:
    """The value below which `percent` of the samples lie (nearest rank), or None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(len(ordered) * percent / 100 + 0.5) - 1))]


def raise_descriptors(wanted: int) -> int:
    """Raise this process's descriptor limit (inherited by children); returns what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = max(soft, min(wanted, hard) if hard != resource.RLIM_INFINITY else wanted)
    if target > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    return target
