"""What the system says about its cores and about what this process may: read, never changed.

Theory of operation: every file may be missing or closed to us (containers, other systems); then the answer
is the one that leads to doing less. Rights are found out by trying, in a thread of its own: on Linux niceness
and scheduling policy belong to a thread, so that what was tried ends with it.
"""

import contextlib
import os
import re
import resource
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

RECEIVING_SHARE = 0.1  # of the network's interrupts: a core with less of them serves no flood
_NOT_RECEIVING = re.compile(r"output|config|-tx")  # virtio and most drivers name their lines so


@dataclass(frozen=True, slots=True)
class Machine:
    """`cores` that this process may use; `quota`: how many cores' time its group gets (None: all of it);
    `receiving`: the cores that take the network's packets in, as far as is known."""

    cores: tuple[int, ...]
    quota: float | None = None
    receiving: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Rights:
    """Whether this process may rank before others (a niceness below 0), and have a real-time thread."""

    come_first: bool
    real_time: bool


def read_machine() -> Machine:
    return Machine(tuple(sorted(os.sched_getaffinity(0))), read_quota(), read_receiving())


def try_rights(niceness: int, priority: int) -> Rights:
    """Whether the niceness and the real-time priority can be had."""
    return Rights(
        _works(lambda: os.setpriority(os.PRIO_PROCESS, 0, niceness), resource.RLIMIT_NICE, 20 - niceness),
        _works(
            lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority)),
            resource.RLIMIT_RTPRIO,
            priority,
        ),
    )


def raise_soft(limit: int, wanted: int) -> None:
    """Raise a soft limit of this process to `wanted`, as far as the hard one lets it."""
    soft, hard = resource.getrlimit(limit)
    if resource.RLIM_INFINITY in (soft, hard) or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(limit, (min(wanted, hard), hard))


def _works(act: Callable[[], None], limit: int, wanted: int) -> bool:
    done = []

    def attempt() -> None:
        raise_soft(limit, wanted)
        with contextlib.suppress(OSError):
            act()
            done.append(True)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    return bool(done)


# How much time there is.


def read_quota(memberships: str | None = None, root: Path = Path("/sys/fs/cgroup")) -> float | None:
    """How many cores' time our control groups give (cgroups(7), both versions); None: no bound is known."""
    text = _text(Path("/proc/self/cgroup")) if memberships is None else memberships
    quotas: list[float] = []
    for line in text.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            quotas += _quotas_over(root, path, _quota_of_version_2)
        elif "cpu" in controllers.split(","):
            quotas += _quotas_over(root / "cpu", path, _quota_of_version_1)
    return min(quotas, default=None)


def _quotas_over(root: Path, path: str, quota: Callable[[Path], float | None]) -> list[float]:
    """The quotas of a group and of all above it, which bind too."""
    folder = root / path.strip("/")
    groups = (each for each in (folder, *folder.parents) if each.is_relative_to(root))
    return [found for each in groups if (found := quota(each)) is not None]


def _quota_of_version_2(folder: Path) -> float | None:
    quota, _, period = _text(folder / "cpu.max").strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _quota_of_version_1(folder: Path) -> float | None:
    quota, period = (_text(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None  # -1: no bound


# Where packets come in.


def read_receiving(
    interfaces: Path = Path("/sys/class/net"), interrupts: Path = Path("/proc/interrupts")
) -> frozenset[int]:
    """The cores on which the network's packets arrive: by the interrupts so far, and by RPS."""
    lines, spread = set[str](), set[int]()
    for interface in _entries(interfaces):
        device = interface / "device"
        if device.exists():
            for folder in (device / "msi_irqs", device.resolve().parent / "msi_irqs"):
                lines.update(entry.name for entry in _entries(folder))
            for queue in _entries(interface / "queues"):
                spread |= parse_mask(_text(queue / "rps_cpus"))
    counts = parse_interrupts(_text(interrupts), lines)
    total = sum(counts.values())
    return frozenset(core for core, count in counts.items() if count > total * RECEIVING_SHARE) | spread


def parse_interrupts(text: str, lines: Collection[str]) -> dict[int, int]:
    """Interrupts of each core (proc(5), interrupts) over those of `lines` (their numbers) that receive."""
    head, *rows = text.splitlines() or [""]
    cores = [int(word[3:]) for word in head.split() if word.startswith("CPU")]
    counts = dict.fromkeys(cores, 0)
    for row in rows:
        number, _, rest = row.partition(":")
        words = rest.split()
        if number.strip() not in lines or _NOT_RECEIVING.search(" ".join(words[len(cores) :])):
            continue
        for core, word in zip(cores, words, strict=False):
            counts[core] += int(word)
    return counts


def parse_mask(text: str) -> set[int]:
    """The cores of a mask as sysfs writes it, such as `3` or `ff,00000001`."""
    bits = int(text.strip().replace(",", "") or "0", 16)
    return {core for core in range(bits.bit_length()) if bits >> core & 1}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
