"""Everybody of a rehearsal, and the house: the instance, its speakers, the control, the crowd, the attackers.

What is read while an act is played is what costs nobody anything: a file that the front door writes anyway,
and /proc. Only at the borders of an act are processes asked.
"""

import contextlib
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from hiwar.ops.clock import wallclock
from hiwar.ops.settings import Settings
from hiwar.rehearsal.family import Relative
from hiwar.rehearsal.instance import Instance
from hiwar.rehearsal.measures import (
    ProcessReading,
    StageReading,
    ask_metrics,
    parse_counts,
    parse_stage,
    read_process,
)
from hiwar.rehearsal.orders import Attacked, Begin, Crowded, Living, Room, SpokenSoFar
from hiwar.relay.front import STALE_S, FrontState, read_front_state

SPEAK_S_MAX = 40.0
ANSWER_S_MAX = 15.0
ROLES = ("stage", "edge", "web", "backstage", "archive")


class Troupe:
    """`with Troupe(settings) as troupe:` the air is open and the speakers speak."""

    def __init__(self, settings: Settings, *, secure: bool = False, instance: Instance | None = None) -> None:
        self._stack = contextlib.ExitStack()
        self.instance = instance or Instance(settings, secure=secure)
        self.crowd: Relative[Living | Crowded]
        self.attackers: Relative[Attacked]
        self._speakers: Relative[SpokenSoFar]
        self._sleeper: Relative[None]
        self._last_stage = StageReading()

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _begin(self) -> None:
        instance = self._stack.enter_context(self.instance)
        enter = self._stack.enter_context
        self._speakers = enter(Relative("hiwar.rehearsal.speakers", SpokenSoFar, alone=True))
        room = Room(
            port=instance.backstage.port,
            mark=instance.mark,
            conversation=instance.conversation,
            passes=instance.passes,
        )
        self._speakers.tell(room)
        self._speakers.wait_for(SpokenSoFar, SPEAK_S_MAX)
        instance.open_air()
        (stage,) = instance.pids("stage")
        self._sleeper = enter(Relative("hiwar.rehearsal.sleeper", type(None), str(stage), alone=True))
        begin = Begin(
            port=instance.edge.port,
            mark=instance.mark,
            secure=instance.secure,
            conversation=instance.conversation,
        )
        self.crowd = enter(Relative("hiwar.rehearsal.crowd", Living | Crowded))
        self.attackers = enter(Relative("hiwar.rehearsal.attackers", Attacked))
        for each in (self.crowd, self.attackers):
            each.tell(begin)

    def front(self) -> FrontState | None:
        """How the front door stands; None where it has said nothing of late."""
        state = read_front_state(self.instance.directory)
        return state if state is not None and wallclock() - state.at_wallclock < STALE_S else None

    def read_stage(self) -> StageReading:
        """The stage's counts; the last known ones where it does not answer."""
        for pid in self.instance.pids("stage"):
            path = self.instance.directory.runtime / f"metrics-stage-{pid}.sock"
            self._last_stage = parse_stage(ask_metrics(path)) or self._last_stage
        return self._last_stage

    def read_verdicts(self) -> dict[str, float]:
        """The verdicts of all workers that live."""
        total: dict[str, float] = {}
        for pid in self.instance.workers():
            path = self.instance.directory.runtime / f"metrics-edge-{pid}.sock"
            for kind, count in parse_counts(ask_metrics(path), "hiwar_edge_verdicts").items():
                total[kind] = total.get(kind, 0.0) + count
        return total

    def read_control(self) -> list[float]:
        """How late the control was since the last time it was asked, seconds."""
        self._sleeper.tell(None)
        for _ in range(100):
            for line in self._sleeper.hear_lines(0.1):
                return [float(word) for word in line.split()]
        return []

    def read_spoken(self) -> SpokenSoFar:
        self._speakers.tell(None)
        return self._speakers.wait_for(SpokenSoFar, ANSWER_S_MAX)

    def read_processes(self, roles: Iterable[str] = ROLES) -> dict[str, dict[int, ProcessReading]]:
        """What the kernel says of each role's processes."""
        found: dict[str, dict[int, ProcessReading]] = {}
        for role in roles:
            pids = self.instance.pids(role)
            readings = {pid: reading for pid in pids if (reading := read_process(pid)) is not None}
            found[role] = readings
        return found
