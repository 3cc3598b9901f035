"""A network namespace of the bench's own, joined to this machine by a pair of virtual cables.

What runs inside can speak to this machine's end of the cable and to nothing else: there is no other route.
All addresses of `SOURCES` are its own, so that a crowd can come from many networks. It is removed at the end.
A program that cannot choose its address is given one by whom it speaks to: this machine has all of `DOORS`.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

HERE = "10.199.0.1"  # of this machine, inside the pair only
SOURCES = "10.199.128.0/17"
DOORS = "10.199.1.0/24"  # of this machine too
NOBODYS = "10.199.64.{}"  # nobody answers there


@dataclass(frozen=True, slots=True)
class Namespace:
    """`name` for `ip netns exec`; `here` is the address under which it reaches this machine."""

    name: str
    here: str

    def command(self, *arguments: str) -> list[str]:
        """The command line that runs `arguments` inside."""
        return ["ip", "netns", "exec", self.name, *arguments]

    def here_for(self, number: int) -> str:
        """An address of this machine (`number` 0..253) to which what is inside speaks from one of its own, in
        a network of its own."""
        there = DOORS.replace("0/24", str(1 + number))
        _do(f"ip -n {self.name} route replace {there}/32 via {HERE} src {source(number, per_network=1)}")
        return there

    @contextlib.contextmanager
    def vanished(self) -> Iterator[None]:
        """Meanwhile nobody is there who could answer, and nobody says so."""
        _do(f"ip -n {self.name} route del local {SOURCES} dev lo")
        _do(f"ip -n {self.name} route add blackhole {SOURCES}")
        try:
            yield
        finally:
            _do(f"ip -n {self.name} route del blackhole {SOURCES}")
            _do(f"ip -n {self.name} route add local {SOURCES} dev lo")


@contextlib.contextmanager
def namespace() -> Iterator[Namespace | None]:
    """A namespace, or None where there is no right to make one or `ip` is not installed."""
    name, cable = f"hiwar-{os.getpid()}", f"hw{os.getpid() % 100_000}"
    if shutil.which("ip") is None or os.geteuid() != 0:
        yield None
        return
    made = [
        f"ip netns add {name}",
        f"ip link add {cable}a type veth peer name {cable}b netns {name}",
        f"ip addr add {HERE}/16 dev {cable}a",
        f"ip link set {cable}a up",
        f"ip -n {name} addr add 10.199.0.2/16 dev {cable}b",
        f"ip -n {name} link set lo up",
        f"ip -n {name} link set {cable}b up",
        f"ip -n {name} route add local {SOURCES} dev lo",
        f"ip route add {SOURCES} via 10.199.0.2",
        f"ip route add local {DOORS} dev {cable}a",
    ]
    try:
        possible = all(_do(command) for command in made)
        yield Namespace(name, HERE) if possible else None
    finally:
        _do(f"ip link del {cable}a")
        _do(f"ip netns del {name}")


def _do(command: str) -> bool:
    return subprocess.run(command.split(), check=False, capture_output=True).returncode == 0


def source(number: int, per_network: int = 20) -> str:
    """Address `number` of the namespace, so many to a /24."""
    network, host = divmod(number, per_network)
    return f"10.199.{128 + network % 128}.{1 + host}"
