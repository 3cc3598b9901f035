"""Two network namespaces with a wire between them, for tests that need real kernels' rules.

Nothing in them reaches the machine's own network. A socket belongs for ever to the namespace in which it
was made, so a thread goes there, makes it, and ends.
"""

import contextlib
import ctypes
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_hex

from tests.running import until

_CLONE_NEWNET = 0x40000000
PORT = 8000
SERVER4, SERVER6 = "10.66.0.1", "fd66::1"
SYN = 0x02


@dataclass(frozen=True)
class Wire:
    """The names of both namespaces. The client's holds 10.66.1.1 to .9, fd66:1::1 and fd66:2::1."""

    server: str
    client: str


@contextlib.contextmanager
def wire() -> Iterator[Wire]:
    mark = token_hex(3)
    made = Wire(f"hws{mark}", f"hwc{mark}")
    try:
        for name in (made.server, made.client):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", made.server, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", made.client)
        _settle(made.server, [f"{SERVER4}/16", f"{SERVER6}/16"])
        sources = [f"10.66.1.{host}/16" for host in range(1, 10)]
        _settle(made.client, [*sources, "fd66:1::1/16", "fd66:2::1/16"])
        for name in (made.server, made.client):
            until(lambda name=name: "state UP" in _ip("-n", name, "link", "show", "wire"), every=0.02)
        yield made
    finally:
        for name in (made.server, made.client):
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("netns", "del", name)


def socket_in(namespace: str, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> socket.socket:
    """A socket of that namespace."""
    made: list[socket.socket] = []

    def make() -> None:
        descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            protocol = socket.IPPROTO_RAW if kind == socket.SOCK_RAW else 0
            made.append(socket.socket(family, kind, protocol))
        finally:
            os.close(descriptor)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return made[0]


def spoof(client: str, source: str, times: int) -> None:
    """Send SYNs to the door's port as if they came from `source` (RFC 9293, section 3.1)."""
    with socket_in(client, kind=socket.SOCK_RAW) as raw:
        for number in range(times):
            raw.sendto(_syn(source, 1024 + number % 60000), (SERVER4, 0))


def nft(namespace: str, *arguments: str) -> str:
    """What `nft` says there."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, "nft", *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout


def _syn(source: str, port: int) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(SERVER4)
    bare = struct.pack("!HHIIBBHHH", port, PORT, 1, 0, 5 << 4, SYN, 65535, 0, 0)
    total = sum(struct.unpack("!16H", ends + struct.pack("!HH", socket.IPPROTO_TCP, len(bare)) + bare))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    segment = bare[:16] + struct.pack("!H", ~total & 0xFFFF) + bare[18:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0)
    return head + ends + segment


def _settle(namespace: str, addresses: list[str]) -> None:
    _ip("-n", namespace, "link", "set", "wire", "addrgenmode", "none")  # its check takes a second
    for address in addresses:
        extra = ["nodad"] if ":" in address else []
        _ip("-n", namespace, "address", "add", address, "dev", "wire", *extra)
    _ip("-n", namespace, "link", "set", "wire", "up")


def _ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
