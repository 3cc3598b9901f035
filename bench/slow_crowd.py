"""Slow clients: `python -m bench.slow_crowd`, in a process of its own.

It speaks to 127.0.0.1 only, or from inside a namespace to the machine's own end of its cable
(`bench.namespaces`); opens at most `CONNECTIONS_MAX` connections, and ends by itself. It comes from very many
networks, a few from each, as people do, so that no limit of a network stands in its way.

`silent` says nothing; `head` begins a request and adds a letter a second to its head; `body` does so with its
body; `begun` begins a head and says no more; `hello` begins a TLS handshake, so that the server does its dear
part, and never answers; `syn` sends the first packet of a connection, from addresses that nobody has.

Two lines of JSON are printed: when all have come, and at the end how long those of each kind were kept, in
seconds from being connected to the close, and how many were kept to the end.
"""

import argparse
import contextlib
import json
import select
import socket
import ssl
import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator

from bench.crowd import IP_BIND_ADDRESS_NO_PORT, source_address
from bench.harness import raise_descriptors
from bench.namespaces import HERE, NOBODYS, source

CONNECTIONS_MAX = 12_000
SECONDS_MAX = 120.0
FIRST = 5_000  # of the addresses: others are the listeners'
DRIP_S = 1.0
EVENTS_MAX = 512
SYNS_A_BATCH = 20
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: slow\r\nX-Slow: "
BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4096\r\n\r\n"


def client_hello() -> bytes:
    """What a client of TLS says first."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing).do_handshake()
    return outgoing.read()


OPENINGS = {"silent": b"", "head": HEAD, "body": BODY, "begun": HEAD, "hello": client_hello()}
DRIPPING = ("head", "body")


class Client:
    """One connection; `began` when it was made."""

    __slots__ = ("began", "connection", "kind")

    def __init__(self, connection: socket.socket, kind: str) -> None:
        self.connection = connection
        self.kind = kind
        self.began = 0.0


class SlowCrowd:
    """All of them on one thread."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.kinds: list[str] = options.kinds.split(",")
        self.kept_s: dict[str, list[float]] = {kind: [] for kind in self.kinds}
        self._poll = select.epoll()
        self._open: dict[int, Client] = {}
        self._connected = 0

    def run(self) -> None:
        began = time.monotonic()
        end, made, dripped = began + self.options.seconds, 0, began
        while (now := time.monotonic()) < end and (made < self.options.count or self._open):
            due = min(self.options.count, int((now - began) * self.options.rate) + 1)
            while made < due:
                self._connect(made)
                made += 1
                if made == self.options.count:
                    _tell({"came": made, "seconds": now - began})
            if now >= dripped + DRIP_S:
                dripped = now
                self._drip()
            self._serve(0.002 if made < self.options.count else 0.05)
        self._tell_end()

    def _connect(self, number: int) -> None:
        connection = socket.socket()
        connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        inside = self.options.inside
        connection.bind((source(number) if inside else source_address(FIRST + number), 0))
        connection.setblocking(False)
        connection.connect_ex((HERE if inside else "127.0.0.1", self.options.port))
        self._open[connection.fileno()] = Client(connection, self.kinds[number % len(self.kinds)])
        self._poll.register(connection.fileno(), select.EPOLLOUT)

    def _serve(self, seconds: float) -> None:
        for descriptor, events in self._poll.poll(seconds, EVENTS_MAX):
            client = self._open[descriptor]
            try:
                if not client.began:
                    client.began = time.monotonic()
                    client.connection.send(OPENINGS[client.kind])
                    self._poll.modify(descriptor, select.EPOLLIN)
                elif events and not client.connection.recv(65536):
                    self._lose(client)
            except BlockingIOError:
                continue
            except OSError:
                self._lose(client)

    def _drip(self) -> None:
        for client in [each for each in self._open.values() if each.kind in DRIPPING and each.began]:
            try:
                client.connection.send(b"x")
            except BlockingIOError:
                continue
            except OSError:
                self._lose(client)

    def _lose(self, client: Client) -> None:
        self.kept_s[client.kind].append(time.monotonic() - client.began)
        descriptor = client.connection.fileno()
        self._poll.unregister(descriptor)
        del self._open[descriptor]
        client.connection.close()

    def _tell_end(self) -> None:
        left = Counter(client.kind for client in self._open.values())
        _tell({kind: {"longest_s": max(kept, default=0.0), "left": left[kind]}
               for kind, kept in self.kept_s.items()})  # fmt: skip


def send_syns(port: int, count: int, rate: float) -> None:
    """The first packets of `count` connections that nobody will go on with."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
        for number, packet in enumerate(syn_packets(port, count)):
            raw.sendto(packet, (HERE, port))
            if number % SYNS_A_BATCH == 0:
                time.sleep(SYNS_A_BATCH / rate)


def syn_packets(port: int, count: int) -> Iterator[bytes]:
    """SYNs of TCP over IPv4 (RFC 9293 section 3.1, RFC 791) from many addresses and ports."""
    there = socket.inet_aton(HERE)
    for number in range(count):
        here = socket.inet_aton(NOBODYS.format(1 + number % 50))
        head = struct.pack("!HHIIBBHHH", 20_000 + number, port, number, 0, 5 << 4, 0x02, 64_240, 0, 0)
        summed = _checksum(here + there + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head)) + head)
        segment = head[:16] + struct.pack("!H", summed) + head[18:]
        packet = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, socket.IPPROTO_TCP, 0)
        yield packet + here + there + segment


def _checksum(octets: bytes) -> int:
    """RFC 1071."""
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _tell(report: object) -> None:
    print(json.dumps(report), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--kinds", required=True, help="one or more, comma separated; `syn` alone")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, default=2000.0, help="connections a second")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--inside", action="store_true", help="of a namespace that the bench made")
    options = parser.parse_args()
    if options.count > CONNECTIONS_MAX or options.seconds > SECONDS_MAX:
        sys.exit(f"at most {CONNECTIONS_MAX} connections for {SECONDS_MAX} s")
    if options.kinds == "syn":
        send_syns(options.port, options.count, options.rate)
        return
    raise_descriptors(options.count + 64)
    SlowCrowd(options).run()


if __name__ == "__main__":
    main()
