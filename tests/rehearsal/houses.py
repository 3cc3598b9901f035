"""Two houses side by side, a whole one and one from which layers are taken, and an attack brought to both."""

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hiwar.ops.clock import monotonic
from hiwar.ops.settings import load_settings
from hiwar.rehearsal.family import Relative
from hiwar.rehearsal.figures import percentile
from hiwar.rehearsal.instance import Instance
from hiwar.rehearsal.measures import ask_metrics, parse_counts
from hiwar.rehearsal.orders import Attack, Attacked, Begin, Crowded, Living
from hiwar.rehearsal.troupe import Troupe
from hiwar.relay.front import FrontState, read_front_state
from tests.rehearsal.ablations.sitecustomize import NAMES

ABLATIONS = Path(__file__).parent / "ablations"
LOOK_EVERY_S = 0.25
NOTHING = Attack(kind="connections", seconds=0.0, per_s=0.0, at_once=1, machines=1, prefixes=1)
_OPEN = re.compile(r"^hiwar_edge_connections (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What has come of an attack so far: the attackers' last word; what the door has counted since its
    beginning, and has open; and at the most: connections that web had more, and MiB that the worker took."""

    attacked: Attacked
    door: dict[str, float]
    connections: float
    web: int
    grown_mib: float

    def count(self, *names: str) -> int:
        """Of the attackers'."""
        return sum(self.attacked.counts.get(name, 0) for name in names)


class House:
    """`attackers` and `crowd` (None where nobody listens) are of this house alone."""

    def __init__(
        self,
        instance: Instance,
        attackers: Relative[Attacked],
        crowd: Relative[Living | Crowded] | None = None,
    ) -> None:
        self.instance = instance
        self.attackers = attackers
        self._crowd = crowd
        self._seen = Seen(Attacked(counts={}, open=0), {}, 0.0, 0, 0.0)
        self._before: dict[str, float] = {}
        self._web, self._mib = 0, 0.0

    @property
    def crowd(self) -> Relative[Living | Crowded]:
        assert self._crowd is not None
        return self._crowd

    def begin(self, attack: Attack) -> None:
        self.attackers.hear()
        self._before, self._web, self._mib = self._door(), self._at_web(), self._memory_mib()
        self._seen = Seen(Attacked(counts={}, open=0), {}, 0.0, 0, 0.0)
        self.attackers.tell(attack)

    def look(self) -> Seen:
        """How it stands now."""
        attacked = ([self._seen.attacked] + [said for said in self.attackers.hear() if not said.over])[-1]
        door = {name: count - self._before.get(name, 0.0) for name, count in self._door().items()}
        self._seen = Seen(
            attacked,
            door,
            door.pop("open", 0.0),
            max(self._seen.web, self._at_web() - self._web),
            max(self._seen.grown_mib, self._memory_mib() - self._mib),
        )
        return self._seen

    def end(self) -> None:
        """The attack is over: all its connections are closed."""
        self.attackers.tell(NOTHING)
        end = monotonic() + 10.0
        while not any(said.over for said in self.attackers.hear(0.1)):
            assert monotonic() < end

    def front(self, since_s: float = 0.0) -> FrontState:
        """How the door stands, as it says after `since_s` more seconds."""
        began, end = time.time() + since_s, monotonic() + 20.0  # noqa: TID251 - as the file says it
        while monotonic() < end:
            state = read_front_state(self.instance.directory)
            if state is not None and state.at_wallclock >= began:
                return state
            time.sleep(0.05)
        raise TimeoutError("the front door says nothing")

    def _door(self) -> dict[str, float]:
        (worker,) = self.instance.workers()
        text = ask_metrics(self.instance.directory.runtime / f"metrics-edge-{worker}.sock")
        found = _OPEN.search(text)
        return {**parse_counts(text, "hiwar_edge_door"), "open": float(found[1]) if found else 0.0}

    def _memory_mib(self) -> float:
        (worker,) = self.instance.workers()
        status = Path(f"/proc/{worker}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def _at_web(self) -> int:
        """Connections that web has, by its descriptors."""
        return sum(is_socket(entry) for pid in self.instance.pids("web") for entry in descriptors(pid))


def descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def is_socket(descriptor: Path) -> bool:
    """False also for one that is closed by now."""
    try:
        return os.readlink(descriptor).startswith("socket:")
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Houses:
    """`control` only sleeps to deadlines, with the rank of who attacks."""

    whole: House
    ablated: House
    control: Relative[None]

    def __iter__(self) -> Iterator[House]:
        yield from (self.whole, self.ablated)

    def late_s(self) -> float:
        """By how much the control was late since it was last asked, p95."""
        self.control.tell(None)
        for _ in range(100):
            for line in self.control.hear_lines(0.1):
                return percentile([float(word) for word in line.split()], 95) or 0.0
        raise TimeoutError("the control says nothing")


@contextlib.contextmanager
def two_houses(*, secure: bool = False, on_air: bool = True) -> Iterator[Houses]:
    """`on_air`: with speakers, and a crowd that can come."""
    settings = load_settings({}, Path(os.devnull))
    with contextlib.ExitStack() as stack:
        made = []
        for given in ({}, {"PYTHONPATH": str(ABLATIONS), "ABLATED": ",".join(NAMES)}):
            instance = Instance(settings, secure=secure, given=given)
            if on_air:
                troupe = stack.enter_context(Troupe(settings, instance=instance))
                made.append(House(instance, troupe.attackers, troupe.crowd))
            else:
                made.append(House(stack.enter_context(instance), stack.enter_context(_attackers(instance))))
        rank = str(made[0].attackers.pid)
        control: Relative[None] = Relative("hiwar.rehearsal.sleeper", type(None), rank, alone=True)
        stack.enter_context(control)
        whole, ablated = made
        yield Houses(whole, ablated, control)


def _attackers(instance: Instance) -> Relative[Attacked]:
    made: Relative[Attacked] = Relative("hiwar.rehearsal.attackers", Attacked)
    made.tell(
        Begin(
            port=instance.edge.port,
            mark=instance.mark,
            secure=instance.secure,
            conversation=instance.conversation,
        )
    )
    return made
