"""Who is let in: refused before a byte is read, the PROXY header, the budget of TLS handshakes."""

import asyncio
import contextlib
import errno
import socket
import ssl
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from hiwar.door import accept
from hiwar.door.accept import ACCEPTS_PER_TURN, Acceptor
from hiwar.door.connection import DoorConnection
from hiwar.door.http import Request, Response
from tests.door.sockets import GET, QUICK, connect, exchange, open_door, status_of, until

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"


def proxied(address: str, tail: bytes = b"", command: int = 0x21) -> bytes:
    """A PROXY header that names a client (none for '')."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    packed = socket.inet_pton(family, address) if address else b""
    rest = (packed + packed + b"\x00\x01\x00\x02" if packed else b"") + tail
    kind = 0x00 if not address else 0x21 if ":" in address else 0x11
    return SIGNATURE + bytes([command, kind]) + len(rest).to_bytes(2, "big") + rest


class Bounds:
    """A bouncer that lets in so many of each peer."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.open: Counter[str] = Counter()
        self.asked: list[str] = []

    def opened(self, peer: str) -> bool:
        self.asked.append(peer)
        if self.open[peer] >= self.most:
            return False
        self.open[peer] += 1
        return True

    def closed(self, peer: str) -> None:
        self.open[peer] -= 1
        assert self.open[peer] >= 0


async def show(request: Request) -> Response:
    return Response(200, {}, f"{request.client} {'secure' if request.secure else 'plain'}".encode())


def is_reset(client: socket.socket) -> bool:
    try:
        client.recv(1)
    except ConnectionResetError:
        return True
    return False


@pytest.mark.parametrize("tls", [False, True])
async def test_who_is_refused_is_reset_before_anything_is_said(context: ssl.SSLContext, tls: bool) -> None:
    bounds = Bounds(0)
    async with open_door(show, context=context if tls else None, bouncer=bounds) as (door, port):
        client = connect(port)
        client.sendall(GET)
        await until(lambda: door.counts["bounced"] == 1)
        assert is_reset(client)
        assert bounds.asked == ["127.0.0.1"]
        assert (door.connections, door.counts["connections"], door.handshakes.under_way) == (0, 0, 0)
        client.close()


async def test_the_bouncer_is_told_of_each_end_once() -> None:
    bounds = Bounds(2)
    async with open_door(show, bouncer=bounds) as (door, port):
        for _ in range(3):
            assert status_of(await exchange(port, LAST + b"\r\n")) == 200
        await until(lambda: bounds.open["127.0.0.1"] == 0)
        held = [connect(port) for _ in range(3)]
        await until(lambda: door.counts["bounced"] == 1)
        assert bounds.open["127.0.0.1"] == 2
        for client in held:
            client.close()
        await until(lambda: bounds.open["127.0.0.1"] == 0)
    assert bounds.open["127.0.0.1"] == 0


async def test_who_did_not_shake_hands_is_given_back_too(context: ssl.SSLContext) -> None:
    bounds = Bounds(9)
    async with open_door(show, context=context, bouncer=bounds) as (door, port):
        clients = [connect(port) for _ in range(3)]
        clients[0].sendall(b"not TLS at all, but long enough to be seen as such\r\n\r\n")
        clients[1].close()
        await until(lambda: door.counts["unmade"] == 3)
        assert (bounds.open["127.0.0.1"], door.handshakes.under_way, door.connections) == (0, 0, 0)


async def test_beyond_the_table_nobody_is_asked_about() -> None:
    bounds = Bounds(9)
    async with open_door(show, replace(QUICK, connections_max=1), bouncer=bounds) as (door, port):
        first, second = connect(port), connect(port)
        await until(lambda: door.counts["full"] == 1)
        assert is_reset(second)
        assert len(bounds.asked) == 1
        first.close()


async def test_a_mistake_of_the_bouncer_costs_the_connection_it_was_asked_about() -> None:
    class Mistaken(Bounds):
        def opened(self, peer: str) -> bool:
            if not self.asked:
                self.asked.append(peer)
                raise RuntimeError("a mistake of ours")
            return super().opened(peer)

    async with open_door(show, bouncer=Mistaken(9)) as (door, port):
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        assert await exchange(port, GET) == b""
        assert status_of(await exchange(port, LAST + b"\r\n")) == 200
        assert door.counts["connections"] == 1


async def test_in_one_turn_of_the_loop_only_so_many_are_accepted() -> None:
    async with open_door(show, bouncer=Bounds(0)) as (door, port):
        clients = [connect(port) for _ in range(2 * ACCEPTS_PER_TURN + 1)]  # the loop stands still meanwhile
        seen = [0]
        while door.counts["bounced"] < len(clients):
            await asyncio.sleep(0)
            seen.append(door.counts["bounced"])
        assert max(after - before for before, after in pairwise(seen)) == ACCEPTS_PER_TURN
        for client in clients:
            client.close()


async def test_a_shortage_of_descriptors_lets_the_queue_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accept, "SHORTAGE_S", 0.05)
    failures = [OSError(errno.EMFILE, "too many"), ConnectionAbortedError(), BlockingIOError()]

    class Scarce(socket.socket):
        def _accept(self) -> tuple[int, tuple[str, int]]:
            if failures:
                raise failures.pop(0)
            return super()._accept()

    bound = Scarce(socket.AF_INET, socket.SOCK_STREAM)
    bound.bind(("127.0.0.1", 0))
    bound.listen(8)
    bound.setblocking(False)
    monkeypatch.setattr("tests.door.sockets.bind_tcp", lambda host, port: bound)
    async with open_door(show) as (door, port):
        assert status_of(await exchange(port, LAST + b"\r\n")) == 200
        assert (door.counts["short"], failures) == (1, [])


# The PROXY protocol.

PROXY = {"trusted": "127.0.0.0/8, 10.0.0.0/8", "proxy_protocol": True}


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (proxied("203.0.113.7") + LAST + b"\r\n", b"203.0.113.7 plain"),
        (proxied("2001:db8::7") + LAST + b"\r\n", b"2001:db8::7 plain"),
        (proxied("203.0.113.7", b"\x20\x00\x05\x01\0\0\0\0") + LAST + b"\r\n", b"203.0.113.7 secure"),
        (proxied("203.0.113.7") + LAST + b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\r\n",
         b"203.0.113.7 plain"),
        (proxied("10.0.0.9") + LAST + b"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\r\n",
         b"6.6.6.6 secure"),
        (proxied("", command=0x20) + LAST + b"X-Forwarded-For: 6.6.6.6\r\n\r\n", b"127.0.0.1 plain"),
        (proxied("") + LAST + b"X-Forwarded-For: 6.6.6.6\r\n\r\n", b"127.0.0.1 plain"),
    ],
)  # fmt: skip
async def test_a_trusted_proxy_names_its_client_and_wins_over_the_headers(sent: bytes, answer: bytes) -> None:
    async with open_door(show, **PROXY) as (_, port):
        assert (await exchange(port, sent)).endswith(answer)
        assert (await exchange(port, *[sent[at : at + 1] for at in range(40)], sent[40:])).endswith(answer)


@pytest.mark.parametrize(
    "sent",
    [GET, b"PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n" + GET, SIGNATURE + b"\x21\x11\xff\xff" + b"a" * 4000,
     proxied("1.2.3.4", b"\x20\x00\xff"), SIGNATURE + b"\x21\x11\x00\x0cabc", SIGNATURE[:5], b""],
)  # fmt: skip
async def test_a_trusted_proxy_without_a_whole_header_is_closed_in_time(sent: bytes) -> None:
    async with open_door(show, **PROXY) as (door, port):
        assert await exchange(port, sent, *[b"\0"] * 3, pause=0.09, most=1.0) == b""
        await until(lambda: door.connections == 0)
        assert (door.counts["unmade"], door.counts["requests"]) == (1, 0)


async def test_a_proxy_that_leaves_in_its_header_is_forgotten() -> None:
    async with open_door(show, **PROXY) as (door, port):
        client = connect(port)
        client.sendall(SIGNATURE)
        await until(lambda: door.connections == 1)
        client.close()
        await until(lambda: door.connections == 0, 0.15)
        assert door.counts["unintroduced"] == 1


async def test_a_mistake_in_making_a_connection_costs_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    bounds = Bounds(9)
    async with open_door(show, bouncer=bounds) as (door, port):
        with monkeypatch.context() as patched:
            patched.setattr(Acceptor, "_timeouts", lambda self: {"nonsense": 1})
            assert await exchange(port, GET) == b""
        await until(lambda: not +bounds.open)
        assert (door.connections, door.counts["unmade"]) == (0, 1)
        assert status_of(await exchange(port, LAST + b"\r\n")) == 200


@pytest.mark.parametrize("hooks", [{"proxy_protocol": True}, {"trusted": "127.0.0.1"}, {}])
async def test_from_anybody_else_a_header_is_garbage(hooks: dict[str, object]) -> None:
    async with open_door(show, **hooks) as (_, port):
        assert status_of(await exchange(port, proxied("203.0.113.7") + GET)) == 400


async def test_the_bouncer_is_asked_about_whom_a_proxy_names_and_not_about_the_proxy() -> None:
    bounds = Bounds(1)
    async with open_door(show, bouncer=bounds, **PROXY) as (door, port):
        first = connect(port)
        first.sendall(proxied("203.0.113.7") + GET)
        await until(lambda: door.counts["requests"] == 1)
        assert await exchange(port, proxied("203.0.113.7") + GET) == b""
        assert door.counts["bounced"] == 1
        assert (await exchange(port, proxied("203.0.113.8") + LAST + b"\r\n")).endswith(b"203.0.113.8 plain")
        assert (await exchange(port, proxied("10.1.1.1") + LAST + b"\r\n")).endswith(b"10.1.1.1 plain")
        assert bounds.asked == ["203.0.113.7", "203.0.113.7", "203.0.113.8"]
        first.close()
        await until(lambda: not +bounds.open)


async def test_tls_follows_the_header(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    async with open_door(show, context=context, **PROXY) as (_, port):
        client = connect(port)
        client.sendall(proxied("203.0.113.7"))
        client.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=client, ssl=trusting, server_hostname="localhost")
        writer.write(LAST + b"\r\n")
        assert (await reader.read()).endswith(b"203.0.113.7 secure")
        writer.close()


# The budget of TLS handshakes.


async def test_beyond_the_budget_connections_wait_and_all_get_in(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    limits = replace(QUICK, handshakes_per_s=40.0, handshakes_burst=2, handshake_s=2.0)
    async with open_door(show, limits, context) as (door, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        answers = await asyncio.gather(*(exchange(port, LAST + b"\r\n", tls=trusting) for _ in range(12)))
        assert [status_of(answer) for answer in answers] == [200] * 12
        assert loop.time() - began > 10 / 40
        assert door.counts["waits"] > 0
        assert door.counts["connections"] == 12


async def test_who_is_refused_costs_no_handshake(context: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    bounds = Bounds(0)
    limits = replace(QUICK, handshakes_per_s=0.1, handshakes_burst=1)
    async with open_door(show, limits, context, bouncer=bounds) as (door, port):
        for _ in range(20):
            connect(port).close()
        await until(lambda: door.counts["bounced"] == 20)
        bounds.most = 1
        assert status_of(await exchange(port, LAST + b"\r\n", tls=trusting)) == 200


async def test_silent_ones_do_not_keep_the_places_of_who_speaks(
    context: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    limits = replace(QUICK, handshakes_max=3, handshake_crowded_s=0.05, handshake_s=3.0)
    async with open_door(show, limits, context) as (door, port):
        silent = [connect(port) for _ in range(6)]
        async with asyncio.timeout(1.5):
            assert status_of(await exchange(port, LAST + b"\r\n", tls=trusting)) == 200
        assert door.counts["unmade"] >= 3
        assert door.handshakes.under_way <= 3
        for client in silent:
            client.close()


async def test_a_handshake_that_drips_is_closed_at_its_deadline(context: ssl.SSLContext) -> None:
    hello = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    hello.check_hostname = False
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        hello.wrap_bio(incoming, outgoing).do_handshake()
    record = outgoing.read()
    async with open_door(show, context=context) as (door, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        assert await exchange(port, *[record[at : at + 1] for at in range(200)], pause=0.02) == b""
        assert QUICK.handshake_s * 0.8 < loop.time() - began < QUICK.handshake_s + 1.0
        await until(lambda: door.counts["unmade"] == 1)


@pytest.mark.parametrize("sent", [b"", SIGNATURE])
async def test_closing_drops_at_once_who_has_not_arrived(context: ssl.SSLContext, sent: bytes) -> None:
    limits = replace(QUICK, handshake_s=5.0, head_s=5.0, close_grace_s=3.0)
    hooks = PROXY if sent else {}
    loop = asyncio.get_running_loop()
    async with open_door(show, limits, context, **hooks) as (door, port):
        held = connect(port)
        held.sendall(sent)
        await until(lambda: door.connections == 1)
        began = loop.time()
    assert loop.time() - began < 1.0
    assert (door.connections, door.counts["unmade"], door.handshakes.under_way) == (0, 1, 0)
    held.close()


async def test_who_arrives_while_the_door_closes_is_closed() -> None:
    class Transport(asyncio.Transport):
        aborted = False

        def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None: ...
        def abort(self) -> None:
            self.aborted = True

    async with open_door(show) as (door, _):
        connection, transport = DoorConnection(door, "1.2.3.4", secure=False, trusted=True), Transport()
        connection.close_gracefully()
        connection.connection_made(transport)
        assert transport.aborted


async def test_who_is_let_in_is_not_reset_at_the_end() -> None:
    """Closing with what they sent still unread would be: the answer and the end come through nevertheless."""
    async with open_door(show) as (door, port):
        for _ in range(3):
            received = await exchange(port, LAST + b"\r\n")
            assert received.endswith(b"127.0.0.1 plain")
        client = connect(port)
        client.sendall(LAST + b"\r\n")
        await until(lambda: door.connections == 1)
        await until(lambda: door.connections == 0)
        assert client.recv(65536).endswith(b"127.0.0.1 plain")
        assert client.recv(1) == b""
        client.close()
