"""How long a server keeps its connections, seen from outside: by the kernel's own table of them (ss(8)).

A connection counts as held while a process has it open: it has an inode then. What the kernel alone has,
because it was not accepted yet or is closed and not forgotten, has none. Looking takes some milliseconds (to
read proc(5), net/tcp, takes seconds while connections come), so it is done each `LOOK_S`, and a connection's
time is reckoned from the last look at which it was not there yet to the first at which it was gone: never too
short, and at most two looks too long.
"""

import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.beside import Beside

LOOK_S = 0.2
STATES = [word for state in ("established", "syn-recv", "fin-wait-1", "fin-wait-2", "close-wait", "last-ack")
          for word in ("state", state)]  # fmt: skip
INODE = re.compile(r" ino:([0-9]+)")
_PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024


@dataclass(frozen=True, slots=True)
class Look:
    """At `at` (monotonic seconds): connections held, half open ones that the kernel keeps, descriptors of the
    process, and its resident memory in KiB."""

    at: float
    held: int
    half_open: int
    descriptors: int
    memory_kib: int


class Watch(Beside):
    """Looks from a thread of its own at connections to `port` and at the process `pid`, until the end of the
    `with`. Connections that are there at its beginning are not counted."""

    def __init__(self, port: int, pid: int) -> None:
        super().__init__()
        self.looks: list[Look] = []
        self.came = 0
        self.longest_s = 0.0  # of those that are gone
        self._port, self._pid = port, pid
        self._since: dict[str, float] = {}
        self._before = {name for name, _ in _connections(port)}
        self._looked = time.monotonic()

    def __enter__(self) -> Self:
        self._look()
        return super().__enter__()

    @property
    def held(self) -> int:
        """How many are held by the last look."""
        return self.looks[-1].held

    @property
    def oldest_s(self) -> float:
        """For how long the oldest that is still held is."""
        return time.monotonic() - min(self._since.values(), default=time.monotonic())

    def run(self) -> None:
        while not self.stopping.wait(LOOK_S):
            self._look()

    def _look(self) -> None:
        now, held, half_open = time.monotonic(), set[str](), 0
        for name, inode in _connections(self._port):
            half_open += inode < 0
            if inode > 0 and name not in self._before:
                held.add(name)
        for name in held - self._since.keys():
            self._since[name] = self._looked
            self.came += 1
        for name in self._since.keys() - held:
            self.longest_s = max(self.longest_s, now - self._since.pop(name))
        self._looked = now
        self.looks.append(Look(now, len(held), half_open, descriptors(self._pid), memory_kib(self._pid)))


def _connections(port: int) -> list[tuple[str, int]]:
    """The far end of each connection to `port`, and the inode of this end; -1 for one that is half open."""
    command = ["ss", "-Htne", *STATES, "sport", "=", f":{port}"]
    found = []
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        state, _, _, _, far = line.split(maxsplit=5)[:5]
        inode = INODE.search(line)
        found.append((far, -1 if state == "SYN-RECV" else int(inode[1]) if inode else 0))
    return found


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def memory_kib(pid: int) -> int:
    """Resident memory of a process in KiB (proc(5), statm)."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_KIB
