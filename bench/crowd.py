"""A crowd of listeners on this machine: `python -m bench.crowd`, in a process of its own.

It connects to 127.0.0.1 only, at most `CONNECTIONS_MAX`, at a stated rate, for a stated time, and ends by
itself. Every byte is compared with what was sent: the sender's stream is known (`stream_bytes`), so a
listener is a place in it, and anything lost, repeated or changed is seen. One line of JSON is printed a
second while it joins, and one at the end.
"""

import argparse
import json
import selectors
import socket
import ssl
import sys
import time
from hashlib import shake_128

from bench.harness import percentile, raise_descriptors

CONNECTIONS_MAX = 12_000
PER_ADDRESS = 4_000  # connections from one loopback address: its ports are not endless
RECEIVE_BYTES = 262_144


def chunk_bytes(number: int, size: int) -> bytes:
    """The payload of chunk `number` of the known stream: `size` bytes that say which they are."""
    return number.to_bytes(8, "big") + shake_128(number.to_bytes(8, "big")).digest(size - 8)


def stream_bytes(first: int, count: int, size: int) -> bytes:
    """Chunks `first` to `first + count - 1`, one after the other."""
    return b"".join(chunk_bytes(number, size) for number in range(first, first + count))


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
        self.refused = self.closed = 0
        self.first_byte: list[float] = []
        self._selector = selectors.DefaultSelector()
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
        while len(self.members) < self.options.count:
            due = min(self.options.count, int((time.monotonic() - began) * self.options.rate) + 1)
            while len(self.members) < due:
                self._join()
            self._serve(0.002)
        joined = time.monotonic() - began
        print(json.dumps({"joined": len(self.members), "seconds": joined}), flush=True)
        self._listen_until(time.monotonic() + self.options.settle)
        for member in self.members:
            member.gap = 0.0
        print(json.dumps({"steady": True}), flush=True)
        self._listen_until(time.monotonic() + self.options.seconds)
        print(json.dumps(self.report(time.monotonic())), flush=True)

    def report(self, now: float) -> dict[str, float | int]:
        served = [member for member in self.members if member.received]
        gaps = [max(member.gap, now - member.heard) for member in served]
        return {
            "served": len(served),
            "refused": self.refused,
            "closed": self.closed,
            "wrong": sum(member.wrong for member in self.members),
            "longest_gap": max(gaps, default=0.0),
            "median_gap": percentile(gaps, 50) or 0.0,
            "bytes": sum(member.received for member in served),
            "first_byte_p50": percentile(self.first_byte, 50) or 0.0,
            "first_byte_p99": percentile(self.first_byte, 99) or 0.0,
        }

    def _listen_until(self, end: float) -> None:
        while (left := end - time.monotonic()) > 0:
            self._serve(min(left, 0.05))

    def _join(self) -> None:
        connection = socket.socket()
        connection.bind((f"127.0.0.{2 + len(self.members) // PER_ADDRESS}", 0))
        if self._context:  # a blocking handshake keeps this simple; the rate is what it allows
            connection.connect(("127.0.0.1", self.options.port))
            connection = self._context.wrap_socket(connection)
            connection.setblocking(False)
        else:
            connection.setblocking(False)
            connection.connect_ex(("127.0.0.1", self.options.port))
        member = Member(connection, time.monotonic())
        self.members.append(member)
        self._selector.register(connection, selectors.EVENT_WRITE, member)

    def _serve(self, seconds: float) -> None:
        for key, events in self._selector.select(seconds):
            member: Member = key.data
            try:
                if events & selectors.EVENT_WRITE:
                    member.connection.send(self._request)
                    self._selector.modify(member.connection, selectors.EVENT_READ, member)
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
        if not member.received:
            self.first_byte.append(now - member.started)
        else:
            member.gap = max(member.gap, now - member.heard)
        member.heard = now
        member.received += len(data)
        if self._expected:
            self._compare(member, data)

    def _compare(self, member: Member, data: bytes) -> None:
        if member.place < 0:
            member.waiting += data
            if not member.waiting.startswith(b"HTTP/1.1 200"):
                member.wrong = True
            data = self._find_start(member)
        end = member.place + len(data)
        if member.place >= 0 and data:
            member.wrong |= self._expected[member.place : end] != data
            member.place = end

    def _find_start(self, member: Member) -> bytes:
        """Skip the head of the answer and the feed's header; the rest begins with a chunk's number."""
        head, _, body = member.waiting.partition(b"\r\n\r\n")
        body = body[self.options.init_bytes :]
        if len(body) < 8 or not head:
            return b""
        member.place = int.from_bytes(body[:8], "big") * self.options.chunk_bytes
        member.waiting = b""
        return body

    def _lose(self, member: Member) -> None:
        if member.received:
            self.closed += 1
        else:
            self.refused += 1
        self._selector.unregister(member.connection)
        member.connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, default=2000.0, help="connections a second")
    parser.add_argument("--settle", type=float, default=4.0, help="seconds before the measurement")
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
