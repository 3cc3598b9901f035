"""Slow clients: every deadline is absolute, and who does not read is let go."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from hiwar.door.http import Request, Response
from hiwar.door.server import UNSENT_BYTES
from tests.door.sockets import GET, LAST, QUICK, connect, exchange, open_door, small, status_of, until

POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize(
    "pieces",
    [
        [LAST[at : at + 1] for at in range(30)],
        [b"GET / HTTP/1.1\r\n", *[b"X: y\r\n"] * 30],
        [POST + b"Content-Length: 50\r\n\r\n", *[b"x"] * 30],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * 30],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n3;", *[b"a"] * 30],
        [POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", *[b"a"] * 30],
        [GET, *[LAST[at : at + 1] for at in range(30)]],
    ],
)
async def test_a_drip_moves_no_deadline(
    context: ssl.SSLContext, trusting: ssl.SSLContext, pieces: list[bytes], tls: bool
) -> None:
    async with open_door(small, context=context if tls else None) as (door, port):
        loop = asyncio.get_running_loop()
        began = loop.time()
        received = await exchange(port, *pieces, pause=0.04, tls=trusting if tls else None)
        assert b"HTTP/1.1 408 " in received
        assert 0.15 < loop.time() - began < 1.2
        await until(lambda: door.connections == 0)


async def test_an_empty_line_makes_no_idle_connection_of_a_new_one() -> None:
    async with open_door(small, replace(QUICK, idle_s=5.0)) as (door, port):
        client = connect(port)
        client.sendall(b"\r\n")
        await until(lambda: door.connections == 1)
        await until(lambda: door.connections == 0, 1.5)
        client.close()


async def test_a_connection_serves_so_many_requests() -> None:
    async with open_door(small, replace(QUICK, requests_max=3)) as (door, port):
        received = await exchange(port, GET * 5)
        assert received.count(b"200 OK") == 3
        assert received.count(b"Connection: close") == 1
        assert door.counts["requests"] == 3


async def test_what_is_sent_ahead_is_read_only_to_a_bound() -> None:
    answering = asyncio.Event()

    async def handler(request: Request) -> Response:
        await answering.wait()
        return Response(200, {}, b"ok")

    limits = replace(QUICK, pipeline_bytes_max=4096, write_stall_s=5.0)
    async with open_door(handler, limits) as (_, port):
        client = connect(port)
        client.setblocking(False)
        loop, sent = asyncio.get_running_loop(), 0
        try:
            async with asyncio.timeout(0.5):
                while True:
                    await loop.sock_sendall(client, GET * 1000)
                    sent += len(GET) * 1000
        except TimeoutError:
            assert sent < 16 * 1024 * 1024  # the kernel's buffers, and nothing of ours
        answering.set()
        client.close()


def endless(taken: list[int]) -> AsyncIterator[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            taken.append(16384)
            yield b"x" * 16384

    return pieces()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("bite", [0, 1])
async def test_who_takes_a_byte_now_and_then_is_let_go_and_nothing_is_kept_for_them(
    context: ssl.SSLContext, tls: bool, bite: int
) -> None:
    """Bites of the raw stream: over TLS the handshake is made first."""
    taken: list[int] = []

    async def handler(request: Request) -> Response:
        return Response(200, {}, endless(taken))

    async with open_door(handler, context=context if tls else None) as (door, port):
        loop, client = asyncio.get_running_loop(), connect(port, receive_bytes=4096)
        client.setblocking(False)
        speaking = Speaker(client) if tls else client
        if isinstance(speaking, Speaker):
            await speaking.shake_hands()
            await speaking.send(GET)
        else:
            await loop.sock_sendall(client, GET)
        await until(lambda: door.counts["requests"] == 1)
        began = loop.time()
        while not door.counts["stalled"]:
            assert loop.time() - began < 2.0
            if bite:
                await loop.sock_recv(client, bite)
            await asyncio.sleep(0.03)
        assert loop.time() - began > QUICK.write_stall_s * 0.8
        assert sum(taken) < UNSENT_BYTES + 3 * QUICK.write_buffer_bytes + 256 * 1024
        await until(lambda: door.connections == 0)
        client.setblocking(True)
        with pytest.raises(ConnectionResetError):
            read_all(client)
        client.close()


async def test_who_leaves_in_the_middle_of_an_answer_stops_it() -> None:
    taken: list[int] = []

    async def handler(request: Request) -> Response:
        return Response(200, {}, endless(taken))

    async with open_door(handler, replace(QUICK, write_stall_s=5.0)) as (door, port):
        client = connect(port, receive_bytes=4096)
        client.sendall(GET)
        await until(lambda: sum(taken) > UNSENT_BYTES)
        await asyncio.sleep(0.02)
        client.close()
        await until(lambda: door.connections == 0, 1.0)
        assert door.counts["failed"] == 0


def read_all(client: socket.socket) -> None:
    while client.recv(65536):
        pass


class Speaker:
    """The client's side of TLS over a socket that is read by hand."""

    def __init__(self, client: socket.socket) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._client = client
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing)

    async def shake_hands(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await loop.sock_sendall(self._client, self._outgoing.read())
                self._incoming.write(await loop.sock_recv(self._client, 65536))
            else:
                await loop.sock_sendall(self._client, self._outgoing.read())
                return

    async def send(self, piece: bytes) -> None:
        self._tls.write(piece)
        await asyncio.get_running_loop().sock_sendall(self._client, self._outgoing.read())


async def ask_last(client: socket.socket, *, tls: bool) -> None:
    """The one request, on a socket that is read by hand from now on."""
    client.setblocking(False)
    if tls:
        speaker = Speaker(client)
        await speaker.shake_hands()
        await speaker.send(LAST)
    else:
        await asyncio.get_running_loop().sock_sendall(client, LAST)


@pytest.mark.parametrize("beyond", [24 * 1024, 400 * 1024])
@pytest.mark.parametrize("tls", [False, True])
async def test_the_end_of_an_answer_waits_for_who_reads_slowly(
    context: ssl.SSLContext, tls: bool, beyond: int
) -> None:
    """Raw bytes: by how many they are more than the body, nobody can say. `beyond` what the kernel takes."""
    body = bytes(UNSENT_BYTES + beyond)

    async def handler(request: Request) -> Response:
        return Response(200, {}, body)

    limits = replace(QUICK, write_stall_s=4.0, linger_s=0.1)
    async with open_door(handler, limits, context if tls else None) as (door, port):
        loop, client, received = asyncio.get_running_loop(), connect(port, receive_bytes=4096), 0
        await ask_last(client, tls=tls)
        await until(lambda: door.counts["requests"] == 1)
        await asyncio.sleep(1.2 if tls else 0.4)  # long after `linger_s`; TLS is elsewhere given a second
        while piece := await loop.sock_recv(client, 65536):
            received += len(piece)
        assert received > len(body)
        client.close()


@pytest.mark.parametrize("tls", [False, True])
async def test_who_was_answered_and_does_not_close_is_closed(context: ssl.SSLContext, tls: bool) -> None:
    limits = replace(QUICK, write_stall_s=5.0)
    async with open_door(small, limits, context if tls else None) as (door, port):
        client = connect(port)
        await ask_last(client, tls=tls)
        await until(lambda: door.counts["requests"] == 1)
        await until(lambda: door.connections == 0, 1.5)
        client.close()


async def test_half_a_connection_is_none() -> None:
    """Who shuts their sending side in the middle of a request holds nothing."""
    async with open_door(small) as (door, port):
        client = connect(port)
        client.sendall(b"GET / HTTP/1.1\r\n")
        await until(lambda: door.connections == 1)
        client.shutdown(socket.SHUT_WR)
        await until(lambda: door.connections == 0, 1.0)
        assert client.recv(100) == b""
        client.close()


async def test_others_go_on_while_many_drip() -> None:
    async with open_door(small, replace(QUICK, head_s=1.0)) as (door, port):
        held = [connect(port) for _ in range(150)]
        for client in held:
            client.sendall(b"GET / HT")
        await until(lambda: door.connections == 150)
        answers = [status_of(await exchange(port, LAST)) for _ in range(10)]
        assert answers == [200] * 10
        await until(lambda: door.connections == 0)
        for client in held:
            client.close()
