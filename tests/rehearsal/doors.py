"""`python -m tests.rehearsal.doors`: a door in a process of its own, which carries a mark, for sockets of the
rehearsal: it answers, is silent, closes or resets as the path says, until its input ends. `tls`: with TLS."""

import asyncio
import contextlib
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hiwar.rehearsal.aim import LOOPBACK, MARK_VARIABLE, Aim
from hiwar.rehearsal.certificate import make_certificate

MARK = "7e" * 16


@contextlib.contextmanager
def open_door(*arguments: str) -> Iterator[Aim]:
    """The door's aim, as this process may have it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.rehearsal.doors", *arguments],
        env={**os.environ, MARK_VARIABLE: MARK},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Aim(int(process.stdout.readline()), MARK, os.getpid(), "tls" in arguments)
    finally:
        process.communicate("")


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        path = head.split()[1].decode()
        if path == "/hello":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
            await reader.read()
        elif path == "/reset":
            peer = writer.get_extra_info("socket")
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif path == "/count":
            left = 4 << 20
            while left and (piece := await reader.read(65536)):
                left -= len(piece)
            writer.write(f"{(4 << 20) - left}".encode())
            await writer.drain()
        elif path == "/silent":
            await reader.read()
    writer.close()


async def _main(arguments: list[str]) -> None:
    context = None
    if "tls" in arguments:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            context.load_cert_chain(*make_certificate(Path(folder)))
    server = await asyncio.start_server(_serve, LOOPBACK, 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
