"""The front door as a host's page is told of it, in every state: the event `front`, of the real records."""

from math import exp, sin
from typing import Any

import msgspec

from hiwar.relay.front import (
    HISTORY_MAX,
    HISTORY_S,
    RUNGS,
    Bound,
    FrontNotice,
    FrontRow,
    FrontState,
    FrontWishes,
    Rung,
    Verdicts,
    seats_step,
)
from tests.relay.fronts import state as at_ease

NOW = 1_767_225_600.0
_TEXTS = (
    "يريد الاستماع الآن عدد أكبر مما يحتمله الخادم. "
    "تُوزَّع المقاعد بالقرعة، ومن لا يجد مقعدًا يصله التسجيل كاملًا.",
    "More people want to listen than the server can carry. "
    "Seats are given by lottery, and whoever finds none gets the whole recording.",
)
_CHANGES: dict[str, dict[str, Any]] = {
    "calm": {"history": [(0, 600)]},
    "busy": {
        "rung": Rung.BUSY,
        "taken": 9420,
        "arrivals_per_s": 84.0,
        "joins_per_s": 79.5,
        "verdicts_per_s": Verdicts(admit=79.5, wait=4.5),
        "interval_ms": 320,
        "busy": 0.61,
        "since_wallclock": NOW - 150,
        "history": [(0, 450), (1, 150)],
    },
    "limited": {
        "rung": Rung.LIMITED,
        "taken": 12_000,
        "away": 126,
        "waiting": 12_000,
        "arrivals_per_s": 843.0,
        "joins_per_s": 50.0,
        "verdicts_per_s": Verdicts(admit=50.0, challenge=311.0, wait=402.0, refuse=80.0),
        "interval_ms": 1280,
        "lighter": True,
        "lateness_ms": 1.9,
        "busy": 0.82,
        "since_wallclock": NOW - 200,
        "history": [(0, 280), (1, 120), (2, 200)],
    },
    "siege": {
        "rung": Rung.SIEGE,
        "held": Rung.SIEGE,
        "seats": 9000,
        "by": Bound.HOST,
        "taken": 9000,
        "away": 210,
        "waiting": 31_400,
        "arrivals_per_s": 9210.0,
        "joins_per_s": 3.2,
        "verdicts_per_s": Verdicts(admit=3.2, wait=1200.0, refuse=8006.8),
        "interval_ms": 1920,
        "lighter": True,
        "parts": False,
        "lateness_ms": 3.4,
        "busy": 0.97,
        "since_wallclock": NOW - 95,
        "history": [(0, 150), (1, 90), (2, 265), (3, 95)],
    },
    "record-only": {
        "rung": Rung.RECORD_ONLY,
        "seats": 0,
        "taken": 0,
        "away": 0,
        "waiting": 40_300,
        "arrivals_per_s": 12_400.0,
        "joins_per_s": 0.0,
        "verdicts_per_s": Verdicts(refuse=12_400.0),
        "interval_ms": 1920,
        "lighter": True,
        "parts": False,
        "lateness_ms": 41.7,
        "recorder_lag_s": 1.24,
        "speakers_well": False,
        "busy": 1.0,
        "since_wallclock": NOW - 12,
        "history": [(0, 60), (1, 60), (2, 200), (3, 268), (4, 12)],
    },
}


def front_door(name: str | None, **wishes: Any) -> dict[str, Any]:
    """The event's content: the state of this name (None: the door does not report) and `wishes`."""
    state = None if name is None else _state(name)
    wished = FrontWishes(**{**wishes, "hold": Rung(wishes["hold"]) if "hold" in wishes else None})
    content: dict[str, Any] = msgspec.to_builtins(
        {
            "state": state,
            "age_s": None if state is None else 0.3,
            "wishes": wished,
            "step": None if state is None else seats_step(state.seats),
        }
    )
    return content


def _state(name: str) -> FrontState:
    changes = dict(_CHANGES[name])
    rungs = [rung for rung, seconds in changes.pop("history") for _ in range(int(seconds / HISTORY_S))]
    state = at_ease(**{"at_wallclock": NOW, "since_wallclock": NOW - 2400, **changes})
    return msgspec.structs.replace(state, history=_history(rungs, state), notices=_notices(state))


def _history(rungs: list[int], state: FrontState) -> tuple[FrontRow, ...]:
    """Ten minutes that end where `state` is: a crowd that swells where the rungs rise."""
    rows = []
    for place, rung in enumerate(rungs[-HISTORY_MAX:]):
        left = len(rungs) - 1 - place
        grown = exp(-left / 28) * (1 + 0.08 * sin(place / 2.3))
        rows.append(
            FrontRow(
                at_wallclock=NOW - left * HISTORY_S,
                rung=rung,
                taken=int(state.taken * grown),
                seats=state.seats,
                waiting=int(state.waiting * grown) if rung > 1 else 0,
                arrivals_per_s=round(state.arrivals_per_s * grown, 1),
                interval_ms=state.interval_ms,
                lateness_ms=state.lateness_ms,
            )
        )
    return tuple(rows)


def _notices(state: FrontState) -> tuple[FrontNotice, ...]:
    if state.rung is Rung.OPEN:
        return ()
    before = RUNGS[RUNGS.index(state.rung) - 1]
    arabic, english = _TEXTS
    return (
        FrontNotice(
            at_wallclock=state.since_wallclock, from_=before, to=state.rung, arabic=arabic, english=english
        ),
    )
