"""What the front door says of itself, and what the host wishes of it: the two files of `relay.front`.

Reading is a look at the file's time each tick. Counters of "let more people in" are acted on by their
difference to what was seen before; what is found at the start is where they count from.
"""

import os
from collections import deque

import msgspec
import structlog

from hiwar.admission.house import TICK_S, House, Orders
from hiwar.admission.ladder import Hold
from hiwar.admission.notices import draft_notice
from hiwar.admission.rungs import RUNGS, Rung
from hiwar.admission.seat_rows import State
from hiwar.admission.signals import Health, judge_health
from hiwar.ops.clock import monotonic, wallclock
from hiwar.relay import front
from hiwar.relay.directory import Directory

SMOOTHED = 0.2  # weight of one tick in the rates that people read
MINUTE_S = 60

_log = structlog.get_logger("edge.herald")


class Herald:
    """See the module."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._wishes = front.FrontWishes()
        self._seen: tuple[int, int] | None = None  # of the wishes' file: time (ns) and size
        self._counted: tuple[int, int] | None = None  # `more` and `fewer` that are carried out
        self._notices: deque[front.FrontNotice] = deque(maxlen=front.NOTICES_MAX)
        self._history: deque[front.FrontRow] = deque(maxlen=front.HISTORY_MAX)
        self._wrote_at = self._rowed_at = float("-inf")
        self._rates: dict[str, float] = {}
        self._last: front.FrontState | None = None
        self._asked: deque[tuple[float, float]] = deque()  # arrivals of each tick, a minute of them

    def wishes(self) -> front.FrontWishes:
        """What the host wishes now."""
        try:
            found = os.stat(self._directory.front_wishes_file)
        except OSError:
            return self._wishes
        seen = (found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self._seen = seen
            self._wishes = front.read_front_wishes(self._directory) or self._wishes
        return self._wishes

    def apply(self, wishes: front.FrontWishes, house: House, now: float) -> None:
        """Let the house know: the hold, the host's own number of seats, and steps from where it stands."""
        held = wishes.hold
        house.hold(Hold(held) if held and held is not Rung.RECORD_ONLY else None)
        counted = (wishes.more, wishes.fewer)
        if self._counted is None:
            self._counted = counted
        more, fewer = (new - old for new, old in zip(counted, self._counted, strict=True))
        if more > 0:
            house.let_in(now)
        house.wish_seats(wishes.seats, max(0, more), max(0, fewer), front.seats_step)
        self._counted = counted

    def shown(self, wishes: front.FrontWishes) -> bytes:
        """What the public is told now: the event `front` as JSON, `{}` where there is nothing to tell."""
        notice = front.shown_notice(self._last, wishes, wallclock())
        if notice is None:
            return b"{}"
        words = {"arabic": notice.arabic, "english": notice.english}
        return msgspec.json.encode({"rung": notice.to, "at": notice.at_wallclock, **words})

    def proclaim(self, house: House, orders: Orders, now: float) -> None:
        """Once a tick; what is due is written."""
        self._smooth(house)
        self._asked.append((now, self._rates_now(house)["arrivals"] * TICK_S))
        while self._asked and self._asked[0][0] < now - MINUTE_S:
            self._asked.popleft()
        if orders.moved is not None:
            self._draft(house, orders)
        if now - self._wrote_at < front.WRITE_S and orders.moved is None:
            return
        self._wrote_at = now
        try:
            self._last = self._state(house, orders, now)
            front.write_front_state(self._directory, self._last)
        except OSError as error:
            _log.error("the state of the front door could not be written", reason=str(error))

    def _draft(self, house: House, orders: Orders) -> None:
        assert orders.moved is not None
        notice = draft_notice(
            orders.moved.origin,
            orders.moved.to,
            asked=round(sum(count for _, count in self._asked)),
            seated=house.table.taken,
        )
        self._notices.append(
            front.FrontNotice(
                at_wallclock=wallclock(),
                from_=notice.origin,
                to=notice.to,
                arabic=notice.arabic,
                english=notice.english,
            )
        )

    def _rates_now(self, house: House) -> dict[str, float]:
        signals = house.signals
        if signals is None:
            return {"arrivals": 0.0, "joins": 0.0}
        return {"arrivals": signals.arrivals, "joins": signals.joins, **house.verdicts}

    def _smooth(self, house: House) -> None:
        for name, value in self._rates_now(house).items():
            held = self._rates.get(name, value)
            self._rates[name] = held + SMOOTHED * (value - held)

    def _state(self, house: House, orders: Orders, now: float) -> front.FrontState:
        signals, rates, ladder = house.signals, self._rates, house.ladder
        assert signals is not None
        by_state = house.table.held_by_state
        wall = wallclock()
        if now - self._rowed_at >= front.HISTORY_S:
            self._rowed_at = now
            self._history.append(
                front.FrontRow(
                    wall,
                    RUNGS.index(ladder.rung),
                    house.table.taken,
                    orders.capacity.seats,
                    len(house.room),
                    round(rates["arrivals"], 2),
                    orders.cuts.interval_ms,
                    round(signals.frame_lateness_ms, 2),
                )
            )
        return front.FrontState(
            at_wallclock=wall,
            rung=ladder.rung,
            since_wallclock=wall - (monotonic() - ladder.since),
            held=ladder.hold.rung if ladder.hold else None,
            seats=orders.capacity.seats,
            by=orders.capacity.by,
            taken=house.table.taken,
            away=by_state[State.GRACE] + by_state[State.GIVEN],
            waiting=len(house.room),
            arrivals_per_s=round(rates["arrivals"], 2),
            joins_per_s=round(rates["joins"], 2),
            verdicts_per_s=front.Verdicts(
                **{each: round(rates.get(each, 0.0), 2) for each in ("admit", "challenge", "wait", "refuse")}
            ),
            interval_ms=orders.cuts.interval_ms,
            lighter=orders.cuts.lighter,
            parts=orders.cuts.parts,
            lateness_ms=round(signals.frame_lateness_ms, 2),
            recorder_lag_s=round(signals.recorder_lag_s, 3),
            speakers_well=judge_health(signals) is Health.WELL,
            busy=min(1.0, max(0.0, round(signals.cpu, 3))),
            notices=tuple(self._notices),
            history=tuple(self._history),
        )
