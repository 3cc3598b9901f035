"""Where a rehearsal connects to: the doors of the instance that it started, and nowhere else.

Rules
- There is no host to choose: every connection goes to `LOOPBACK`, a constant of this module.
- A port is believed only where /proc shows that the socket listening on it is held by a descendant of the
  process that this one belongs to, and that this descendant carries the mark which the rehearsal drew and
  gave to its instance alone. Whatever else listens on this machine, a real Hiwar too, is refused.
- It is looked at again every `CHECK_EVERY_S`; where it is not so any more, the process is to end.
- Fails closed: what cannot be read is not ours.

Theory of operation: loopback is 127.0.0.0/8, so a client can come from any of 16 million addresses without a
network of its own: each honest listener and each machine of a botnet has one, and 65,536 networks (/24) hold
them. What the doors see is what they would see of so many strangers.
"""

import errno
import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
MARK_VARIABLE = "REHEARSAL_OF_HIWAR"  # in the environment of each process of the instance
MARK_CHARS = 32
CHECK_EVERY_S = 1.0
ASK_S_MAX = 20.0
ANSWER_BYTES_MAX = 1 << 20
DESCENDANTS_MAX = 512  # an instance has some ten processes, with 64 workers some seventy
_LISTEN = "0A"  # proc(5), net/tcp: the state of a listening socket
_IP_BIND_ADDRESS_NO_PORT = 24  # Linux, ip(7): the port is chosen at connect; Python has no name for it
_UNDER_WAY = {0, errno.EINPROGRESS}


class NotOurs(RuntimeError):
    """The port is not, or not any more, one of the instance that this rehearsal started."""


@dataclass(frozen=True, slots=True)
class Aim:
    """A port of the instance. `ancestor`: the process whose descendant the instance is; `mark`: what its
    processes carry; `secure`: TLS is spoken there."""

    port: int
    mark: str
    ancestor: int
    secure: bool = False

    def check(self) -> None:
        """Return if the port is ours now.

        Raises:
            NotOurs: it is not, or it cannot be told.
        """
        if len(self.mark) != MARK_CHARS or not self.mark.isalnum():
            raise NotOurs("a rehearsal draws its mark itself")
        inode = _listening_inode(self.port)
        if inode is None:
            raise NotOurs(f"nobody listens on port {self.port} of {LOOPBACK}")
        wanted = f"{MARK_VARIABLE}={self.mark}".encode()
        if not any(_holds(pid, inode) and wanted in _environment(pid) for pid in descendants(self.ancestor)):
            raise NotOurs(f"port {self.port} does not belong to the instance of this rehearsal")


def begin_connection(aim: Aim, source: str) -> socket.socket:
    """A socket that is connecting to the door from `source`, an address of 127.0.0.0/8; it does not block.

    Raises:
        ValueError: the source is no loopback address.
        OSError: there is no descriptor, no port, or nobody who would be asked.
    """
    if not is_loopback(source):
        raise ValueError(f"{source} is not an address of 127.0.0.0/8")
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((source, 0))
        code = connection.connect_ex((LOOPBACK, aim.port))
        if code not in _UNDER_WAY:
            raise OSError(code, "the connection could not be begun")
    except BaseException:
        connection.close()
        raise
    return connection


def is_loopback(address: str) -> bool:
    """Whether text is an address of 127.0.0.0/8, in its usual form."""
    try:
        return socket.inet_aton(address)[0] == 127 and address.count(".") == 3
    except OSError:
        return False


def descendants(ancestor: int) -> list[int]:
    """The living processes below `ancestor`, at most DESCENDANTS_MAX, nearest first (proc(5), children)."""
    found: list[int] = []
    queue = [ancestor]
    while queue and len(found) < DESCENDANTS_MAX:
        for pid in _children(queue.pop(0)):
            found.append(pid)
            queue.append(pid)
    return found


def _children(pid: int) -> list[int]:
    pids: list[int] = []
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            pids += map(int, (task / "children").read_text(encoding="ascii").split())
    except OSError:  # it has just ended
        return pids
    return pids


def _listening_inode(port: int) -> str | None:
    """The inode of the socket that listens on `port` of LOOPBACK, and of no other address."""
    address = f"{int.from_bytes(socket.inet_aton(LOOPBACK), 'little'):08X}:{port:04X}"
    for line in Path("/proc/self/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == address and fields[3] == _LISTEN:
            return fields[9]
    return None


def _holds(pid: int, inode: str) -> bool:
    wanted = f"socket:[{inode}]"
    try:
        return any(_target(link) == wanted for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # another user's, or it has just ended
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed meanwhile
        return ""


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


def ask(
    aim: Aim, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[int, bytes]:
    """One request, from this machine's own address, and its answer: status and body.

    Raises:
        NotOurs: the port is not the instance's.
        OSError, http.client.HTTPException: it did not answer.
    """
    aim.check()
    connection = http.client.HTTPConnection(LOOPBACK, aim.port, timeout=ASK_S_MAX)
    try:
        connection.request(method, path, body or None, dict(headers or {}))
        response = connection.getresponse()
        return response.status, response.read(ANSWER_BYTES_MAX)
    finally:
        connection.close()
