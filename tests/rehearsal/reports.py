"""Reports of acts that never were, for tests."""

from typing import Any

from hiwar.rehearsal.orders import GroupFigures, Kept
from hiwar.rehearsal.records import ActReport, ProcessFigures, Report, Row, SeatsAt, Spoken


def group(**changed: Any) -> GroupFigures:
    """A group of whom all came, were answered at once, were seated, and heard everything."""
    plain: dict[str, Any] = {
        "came": 100, "answered": 100, "present": 100, "listening": 100, "first_answer_p50_s": 0.01,
        "first_answer_p95_s": 0.05, "seated": 100, "seated_p50_s": 0.02, "sound_p50_s": 0.03, "waited": 0,
        "refused": 0, "unanswered": 0, "soon": Kept(), "minute": Kept(), "solved": 0,
        "unsolved": 0, "effort": 0, "dropped": 0, "thrown_out": 0, "back_s": None, "gap_s": 0.17,
        "gap_seen_s": 0.2, "gap_intervals": 1.1, "gaps_over": 0,
    }  # fmt: skip
    return GroupFigures(**(plain | changed))


def act(name: str = "pages", **changed: Any) -> ActReport:
    """An act in which nothing went wrong."""
    plain: dict[str, Any] = {
        "name": name, "began_s": 10.0, "seconds": 15.0, "frames": 750, "skipped": 0, "late_p50_ms": 0.5,
        "late_p999_ms": 1.0, "control_p50_ms": 0.1, "control_p999_ms": 0.8, "recorder_lag_s": 0.3,
        "recorder_dropped": 0, "spoken": Spoken(sent=1500, received=1500, heard=1500, lost=0),
        "groups": {"seated": group(), "newcomers": group()}, "verdicts": {"admit": 100},
        "attack": {"200": 1234}, "kept_p50_s": None, "kept_max_s": None, "rungs": {"open": 15.0},
        "seats": 1000, "taken_max": 300, "waiting_max": 0, "interval_ms_max": 160,
        "processes": {"stage": ProcessFigures(cpu_percent=8.0, descriptors=30, own_mib=50.0, grown_mib=0.0)},
        "inattention": 0.05,
    }  # fmt: skip
    return ActReport(**(plain | changed))


def report(*acts: ActReport, **changed: Any) -> Report:
    """A rehearsal of these acts."""
    seats = SeatsAt(interval_ms=160, listeners=300, micros=40.0, bounds={}, seats=14_000, by="processor")
    rows = [Row(float(at), at // 20 % 3, 100 + at, 1000, at, 5.0, 160, 0.5, 90) for at in range(60)]
    plain: dict[str, Any] = {
        "version": "0.1.0", "at_wallclock": 1_790_000_000.0, "seconds": 600.0,
        "machine": {"processor": "A <processor>", "cores": 2, "memory_gib": 23.5},
        "settings": {"edge_workers": "1"}, "listeners": 100, "act_seconds": 15.0, "force": 1.0,
        "quick": False, "seats": [seats],
        "acts": list(acts), "rows": rows,
    }  # fmt: skip
    return Report(**(plain | changed))
