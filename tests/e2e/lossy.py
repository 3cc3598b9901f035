"""A piece of network that can lose packets, or be cut: a UDP relay on loopback.

A page is told the relay's port instead of the stage's (tests/e2e/instruments.js asks at the relay's desk,
a small HTTP address: `GET /<the stage's address>/<port>` answers with the port to use). Packets are
dropped by a seeded generator, so that every run loses alike.
"""

import random
import selectors
import socket
import time
from collections import deque
from types import TracebackType

from tests.beside import Beside

DATAGRAM_BYTES_MAX = 65_536
REQUEST_BYTES_MAX = 4_096
LEGS_MAX = 64  # connections a test or bench makes in all
SEEN_MAX = 200_000  # datagrams kept by their first bytes: more than an hour of one speaker
HEAD_BYTES = 12  # of RTP (RFC 3550 section 5.1), which SRTP leaves readable


class Lossy(Beside):
    """`loss` is the share of datagrams dropped, each way; `cut` ends all there is by now;
    `seen` has the time (monotonic) and the first bytes of what was passed on to the stage."""

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        super().__init__()
        self.loss = loss
        self.dropped = self.passed = 0
        self.seen: deque[tuple[float, bytes]] = deque(maxlen=SEEN_MAX)
        self._random = random.Random(seed)
        self._selector = selectors.DefaultSelector()
        self._desk = socket.create_server(("127.0.0.1", 0))
        self._selector.register(self._desk, selectors.EVENT_READ, self._answer)
        self._legs: list[_Leg] = []

    @property
    def port(self) -> int:
        """The desk's port."""
        return int(self._desk.getsockname()[1])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def cut(self) -> None:
        """Every connection made so far goes nowhere from now on; new ones work."""
        for leg in self._legs:
            leg.cut = True

    def run(self) -> None:
        while not self.stopping.is_set():
            for key, _ in self._selector.select(0.1):
                key.data()

    def _answer(self) -> None:
        connection, _ = self._desk.accept()
        with connection:
            connection.settimeout(2)
            words = connection.recv(REQUEST_BYTES_MAX).split(b" ", 2)
            address, _, number = words[1].decode("ascii").lstrip("/").partition("/")
            port = self._new_leg((address, int(number)))
            head = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n"
            connection.sendall(f"{head}{port}".encode())

    def _new_leg(self, stage: tuple[str, int]) -> int:
        if len(self._legs) >= LEGS_MAX:
            raise RuntimeError("more connections through the relay than any test makes")
        leg = _Leg(self, stage)
        self._legs.append(leg)
        self._selector.register(leg.near, selectors.EVENT_READ, leg.from_page)
        self._selector.register(leg.far, selectors.EVENT_READ, leg.from_stage)
        return int(leg.near.getsockname()[1])

    def takes(self) -> bool:
        """Whether the next datagram passes."""
        kept = self._random.random() >= self.loss
        self.passed += kept
        self.dropped += not kept
        return kept


class _Leg:
    """One connection: a socket that the page sees, one that the stage sees."""

    def __init__(self, relay: Lossy, stage: tuple[str, int]) -> None:
        self._relay = relay
        self._page: tuple[str, int] | None = None
        self.cut = False
        self.near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.near.bind(("127.0.0.1", 0))
        self.far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far.connect(stage)
        self.near.setblocking(False)
        self.far.setblocking(False)

    def from_page(self) -> None:
        try:
            datagram, self._page = self.near.recvfrom(DATAGRAM_BYTES_MAX)
        except BlockingIOError:  # the checksum was wrong after all
            return
        if not self.cut and self._relay.takes():
            self._relay.seen.append((time.monotonic(), datagram[:HEAD_BYTES]))
            self._send(self.far, datagram)

    def from_stage(self) -> None:
        try:
            datagram = self.far.recv(DATAGRAM_BYTES_MAX)
        except (ConnectionError, BlockingIOError):  # the stage's port is closed
            return
        if self._page is not None and not self.cut and self._relay.takes():
            self.near.sendto(datagram, self._page)

    @staticmethod
    def _send(to: socket.socket, datagram: bytes) -> None:
        try:
            to.send(datagram)
        except (ConnectionError, BlockingIOError):  # likewise
            return
