"""A crowd of listeners on this machine: `python -m bench.crowd`, in a process of its own.

It connects to 127.0.0.1 only, at most `CONNECTIONS_MAX`, at a stated rate, for a stated time, and ends by
itself. Every byte is compared with what was sent: the sender's stream is known (`stream_bytes`), so a
listener is a place in it, and anything lost, repeated or changed is seen.

Three lines of JSON are printed: when the last one has been let go, when everybody is served (or
`SETTLE_SECONDS_MAX` have passed), and at the end. Silences are measured from each listener's first byte on,
those while others still join apart from those afterwards. `blind` is the longest time in which the crowd
itself did not look: a silence shorter than twice that may be its own.
"""

import argparse
import json
import select
import socket
import ssl
import sys
import time
from hashlib import shake_128

from bench.harness import percentile, raise_descriptors

CONNECTIONS_MAX = 12_000
PER_NETWORK = 20  # listeners of one /24: what a household or an office has, far below what one may hold
RECEIVE_BYTES = 16_384  # one TLS record; and no allocation that goes to the system
SETTLE_SECONDS_MAX = 30.0
JOIN_SECONDS_MAX = 60.0
HANDSHAKE_SECONDS_MAX = 10.0
EVENTS_MAX = 256  # looked at before more are let in
IP_BIND_ADDRESS_NO_PORT = 24  # Linux: the port is chosen at connect (ip(7)); Python has no name for it


def chunk_bytes(number: int, size: int) -> bytes:
    """The payload of chunk `number` of the known stream: `size` bytes that say which they are."""
    return number.to_bytes(8, "big") + shake_128(number.to_bytes(8, "big")).digest(size - 8)


def stream_bytes(first: int, count: int, size: int) -> bytes:
    """Chunks `first` to `first + count - 1`, one after the other."""
    return b"".join(chunk_bytes(number, size) for number in range(first, first + count))


def source_address(number: int) -> str:
    """The loopback address of listener `number`: networks of `PER_NETWORK`, as a crowd has them."""
    network, host = divmod(number, PER_NETWORK)
    return f"127.{64 + network // 256}.{network % 256}.{1 + host}"


class Member:
    """One listener: still connecting, waiting for the head of the answer, or listening."""

    __slots__ = ("connection", "gap", "heard", "place", "received", "started", "waiting", "wrong")

    def __init__(self, connection: socket.socket, started: float) -> None:
        self.connection = connection
        self.started = started
        self.heard = 0.0
        self.gap = 0.0
        self.received = 0
        self.place = -1
        self.waiting = b""
        self.wrong = False


class Crowd:
    """All of them on one thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.members: list[Member] = []
        self.served = self.refused = self.closed = 0
        self.join_gap = self.blind = 0.0
        self.first_byte: list[float] = []
        self._looked = time.monotonic()
        self._poll = select.epoll()
        self._open: dict[int, Member] = {}
        self._expected = stream_bytes(0, options.chunks, options.chunk_bytes) if options.chunks else b""
        self._context = ssl.create_default_context() if options.tls else None
        if self._context:
            self._context.check_hostname = False
            self._context.verify_mode = ssl.CERT_NONE
        self._request = (
            f"GET {options.path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: crowd\r\n\r\n".encode()
        )

    def run(self) -> None:
        began = time.monotonic()
        last = began + JOIN_SECONDS_MAX
        while len(self.members) < self.options.count and time.monotonic() < last:
            waiting = len(self.members) - self.served - self.refused
            due = int((time.monotonic() - began) * self.options.rate) + 1
            due = min(due, self.options.count, len(self.members) - waiting + self.options.pending)
            if len(self.members) < due:
                self._join()
            self._serve(0.0 if len(self.members) < due else 0.001)
        self._tell({"joined": len(self.members), "seconds": time.monotonic() - began})
        self._settle()
        self._tell({"steady": self.served})
        self._listen_until(time.monotonic() + self.options.seconds)
        self._tell(self.report(time.monotonic()))

    def _settle(self) -> None:
        """Until everybody has been served, and `settle` seconds more; what was seen so far is put aside."""
        last = time.monotonic() + SETTLE_SECONDS_MAX
        while self.served + self.refused < self.options.count and time.monotonic() < last:
            self._serve(0.05)
        self._listen_until(time.monotonic() + self.options.settle)
        self.join_gap = max((member.gap for member in self._open.values()), default=0.0)
        for member in self._open.values():
            member.gap = 0.0

    @staticmethod
    def _tell(report: dict[str, float]) -> None:
        print(json.dumps(report), flush=True)

    def report(self, now: float) -> dict[str, float]:
        """What was seen; a listener whose connection has ended is `closed`, and no longer `served`."""
        gaps = [max(member.gap, now - member.heard) for member in self._open.values() if member.received]
        return {
            "served": len(gaps),
            "refused": self.refused,
            "closed": self.closed,
            "wrong": sum(member.wrong for member in self.members),
            "join_gap": self.join_gap,
            "longest_gap": max(gaps, default=0.0),
            "median_gap": percentile(gaps, 50) or 0.0,
            "blind": self.blind,
            "bytes": sum(member.received for member in self.members),
            "first_byte_p50": percentile(self.first_byte, 50) or 0.0,
            "first_byte_p99": percentile(self.first_byte, 99) or 0.0,
        }

    def _listen_until(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            self._serve(min(left, 0.05))

    def _join(self) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((source_address(len(self.members)), 0))
        member = Member(connection, time.monotonic())
        self.members.append(member)
        if self._context:  # a blocking handshake keeps this simple; the rate is what it allows
            connection.settimeout(HANDSHAKE_SECONDS_MAX)
            try:
                connection.connect(("127.0.0.1", self.options.port))
                member.connection = connection = self._context.wrap_socket(connection)
            except OSError:
                self.refused += 1
                connection.close()
                return
        connection.setblocking(False)
        if not self._context:
            connection.connect_ex(("127.0.0.1", self.options.port))
        self._open[connection.fileno()] = member
        self._poll.register(connection.fileno(), select.EPOLLOUT)

    def _serve(self, seconds: float) -> None:
        self.blind = max(self.blind, time.monotonic() - self._looked)
        ready = self._poll.poll(seconds, EVENTS_MAX)
        self._looked = time.monotonic()
        for descriptor, events in ready:
            member = self._open[descriptor]
            try:
                if events & select.EPOLLOUT:
                    member.connection.send(self._request)
                    self._poll.modify(descriptor, select.EPOLLIN)
                else:
                    self._read(member)
            except (ssl.SSLWantReadError, BlockingIOError):
                continue
            except OSError:
                self._lose(member)

    def _read(self, member: Member) -> None:
        data = member.connection.recv(RECEIVE_BYTES)
        now = time.monotonic()
        if not data:
            self._lose(member)
            return
        if member.received:
            member.gap = max(member.gap, now - member.heard)
        elif data.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            self.served += 1
            self.first_byte.append(now - member.started)
        else:
            self._lose(member)
            return
        member.heard = now
        member.received += len(data)
        if self._expected:
            self._compare(member, data)

    def _compare(self, member: Member, data: bytes) -> None:
        if member.place < 0:
            member.waiting += data
            data = self._find_start(member)
        end = member.place + len(data)
        if member.place >= 0 and data:
            member.wrong |= self._expected[member.place : end] != data
            member.place = end

    def _find_start(self, member: Member) -> bytes:
        """Skip the head of the answer and the feed's header; the rest begins with a chunk's number."""
        _, _, body = member.waiting.partition(b"\r\n\r\n")
        body = body[self.options.init_bytes :]
        if len(body) < 8:
            return b""
        member.place = int.from_bytes(body[:8], "big") * self.options.chunk_bytes
        member.waiting = b""
        return body

    def _lose(self, member: Member) -> None:
        if member.received:
            self.closed += 1
        else:
            self.refused += 1
        descriptor = member.connection.fileno()
        self._poll.unregister(descriptor)
        del self._open[descriptor]
        member.connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, default=2000.0, help="connections a second")
    parser.add_argument("--pending", type=int, default=CONNECTIONS_MAX, help="at most so many not yet served")
    parser.add_argument("--settle", type=float, default=2.0, help="seconds after the last is served")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument(
        "--chunks", type=int, default=0, help="how many chunks the known stream has; 0: unknown"
    )
    parser.add_argument("--chunk-bytes", type=int, default=0)
    parser.add_argument("--init-bytes", type=int, default=0)
    options = parser.parse_args()
    if options.count > CONNECTIONS_MAX or options.seconds > 300:
        sys.exit(f"at most {CONNECTIONS_MAX} connections for 300 s")
    raise_descriptors(options.count + 64)
    Crowd(options).run()


if __name__ == "__main__":
    main()
