"""Which cores a process keeps to and how it ranks: the recording and the speakers before everybody else.

Rules
- One core in four, one at least, is the speakers': the front door's workers, the archive and the pages keep
  to the others (`Plan`). Where there is one core, or less than two cores' time, there are ranks only.
- A stage's frame clock is a real-time thread on the speakers' cores. The rest of a stage may run anywhere,
  before everybody else: bound to one core, several conversations would queue for it while another is idle.
- The core with the network's interrupts is the front door's, where there is a choice: a flood is handled
  there, before any process, whatever its rank.
- Nothing of the machine outside is changed. Where a right is missing the others step back instead.

Theory of operation. Frames are made by one thread, 2 to 10 % of a core. Under SCHED_FIFO it starts when it is
due, whatever ordinary threads do, also the soft interrupts that a flood has pushed into their thread. A
niceness is only a share, and is not even that against another session's processes (autogroups). What such a
thread could do wrong is not to sleep: then RLIMIT_RTTIME ends the stage, the spare takes over within a
second, and until then the kernel keeps a twentieth for the others (sched(7)). The loop that receives and
sends stays an ordinary thread: whoever floods its ports could else take a core. What the clock has to wait
for is the interpreter's lock, which each of its threads gives up within half a millisecond (`stage.clock`).

Affinity is inherited, so only processes that start no other of ours are bound: the door's workers and not
their parent, never backstage, which starts the stages.
"""

import contextlib
import os
import resource
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from hiwar.ops.cores import Machine, Rights, raise_soft, read_machine, try_rights

STAGE, EDGE_WORKER = "stage", "edge worker"
STAGE_NICENESS = -11  # what a desktop's sound server takes
CLOCK_PRIORITY = 1  # the least of real time: before all ordinary threads, behind the kernel's own
CLOCK_BURST_US = 1_000_000  # without a sleep: four times what catching up a second of frames takes
ONE_IN = 4  # cores


@dataclass(frozen=True, slots=True)
class Post:
    """What a role gets: its `niceness` where the stage ranks before it by right, and where not (None: as it
    was started); `front`: it keeps off the speakers' cores."""

    niceness: int | None
    niceness_without: int | None
    front: bool


POSTS: Mapping[str, Post] = MappingProxyType(
    {
        STAGE: Post(STAGE_NICENESS, None, front=False),
        "backstage": Post(None, None, front=False),
        "edge": Post(None, 5, front=False),
        EDGE_WORKER: Post(None, 5, front=True),
        "archive": Post(5, 10, front=True),
        "web": Post(10, 15, front=True),
        "demonstrate": Post(10, 15, front=True),
    }
)
"""In the order of sacrifice. Any other role stays as it is started."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The speakers' cores and the front's; the same, all of them, where they cannot be kept `apart`."""

    speakers: frozenset[int]
    front: frozenset[int]

    @property
    def apart(self) -> bool:
        return not self.speakers & self.front


def decide_plan(machine: Machine) -> Plan:
    """Who gets which cores. With a quota the front never has so many that it could use all of it up alone."""
    cores = machine.cores
    usable = len(cores) if machine.quota is None else min(len(cores), int(machine.quota))
    if usable < 2:
        return Plan(frozenset(cores), frozenset(cores))
    wanted = max(1, usable // ONE_IN)
    quiet_first = sorted(cores, key=lambda core: (core in machine.receiving, -core))
    speakers, others = quiet_first[:wanted], quiet_first[: wanted - 1 : -1]
    return Plan(frozenset(speakers), frozenset(others[: usable - wanted]))


@cache
def own_plan() -> Plan:
    """The plan by the machine as this process found it."""
    return decide_plan(read_machine())


@cache
def own_rights() -> Rights:
    return try_rights(STAGE_NICENESS, CLOCK_PRIORITY)


def place(role: str, wish: str) -> None:
    """Put this process where its role belongs; `wish` is the setting. Its threads to come inherit it."""
    post = POSTS.get(role)
    if wish == "off" or post is None:
        return
    plan, rights = own_plan(), own_rights()
    niceness = post.niceness if rights.come_first else post.niceness_without
    if role == STAGE and niceness is not None:
        _come_first(niceness)
    elif niceness is not None:
        _step_back(niceness)
    if post.front and plan.apart:
        for thread in own_threads():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(thread, plan.front)


def place_clock(wish: str) -> None:
    """Put the calling thread, a frame clock's, where it belongs: as far as the machine allows."""
    if wish == "off":
        return
    plan = own_plan()
    with contextlib.suppress(OSError):
        if plan.apart:
            os.sched_setaffinity(0, plan.speakers)
    with contextlib.suppress(OSError, ValueError):
        bound_bursts()
        raise_soft(resource.RLIMIT_RTPRIO, CLOCK_PRIORITY)
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(0, policy, os.sched_param(CLOCK_PRIORITY))


def bound_bursts() -> None:
    """A real-time thread of this process that does not sleep ends it (SIGXCPU; getrlimit(2)).

    Raises:
        OSError, ValueError: it cannot be bounded, and should not become one.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_RTTIME)
    bounds = [each for each in (soft, hard, CLOCK_BURST_US) if each != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_RTTIME, (min(bounds), hard))


def own_threads() -> Iterable[int]:
    """The threads of this process."""
    return [int(entry.name) for entry in Path("/proc/self/task").iterdir()]


def _come_first(niceness: int) -> None:
    """Rank before others, also before other sessions' processes (sched(7), autogroups)."""
    raise_soft(resource.RLIMIT_NICE, 20 - niceness)
    for thread in own_threads():
        _rank(thread, min(niceness, os.getpriority(os.PRIO_PROCESS, thread)))
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def _step_back(niceness: int) -> None:
    """Rank behind others; never further to the front than we were started."""
    for thread in own_threads():
        _rank(thread, max(niceness, os.getpriority(os.PRIO_PROCESS, thread)))


def _rank(thread: int, niceness: int) -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
