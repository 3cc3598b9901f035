"""What Hiwar is measured against: Icecast from Debian, and a bare epoll writer that does nothing else.

`python -m bench.peers PORT CHUNK_BYTES TICKS` is the bare writer: the physical limit in Python. It writes
one shared block every `TICKS` ticks of 80 ms to each connection, spread over the ticks, as the edge does.
"""

import base64
import contextlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.crowd import chunk_bytes, stream_bytes
from bench.harness import raise_descriptors

TICK_SECONDS = 0.08
ICECAST = """<icecast><limits><clients>12000</clients><sources>2</sources><queue-size>524288</queue-size>
<burst-on-connect>1</burst-on-connect><burst-size>16384</burst-size></limits>
<authentication><source-password>bench</source-password><admin-password>bench</admin-password></authentication>
<hostname>localhost</hostname><listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>{folder}</basedir><logdir>{folder}</logdir><webroot>{folder}</webroot><adminroot>{folder}</adminroot></paths>
<logging><loglevel>1</loglevel></logging><security><chroot>0</chroot>{owner}</security></icecast>
"""
OWNER = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>"


@contextlib.contextmanager
def icecast(port: int, chunk_size: int, ticks: int) -> Iterator[int | None]:
    """Icecast with one mount `/live`, fed `ticks` chunks at once every `ticks` ticks, so that it writes as
    seldom as it can be made to; its pid, or None where it is not installed."""
    program = shutil.which("icecast2")
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        config = Path(folder) / "icecast.xml"
        root = subprocess.run(["id", "-u"], capture_output=True, check=True).stdout.strip() == b"0"
        config.write_text(ICECAST.format(port=port, folder=folder, owner=OWNER if root else ""))
        process = subprocess.Popen(
            [program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        stop = threading.Event()
        feeder = threading.Thread(target=_feed_icecast, args=(port, chunk_size, ticks, stop), daemon=True)
        try:
            feeder.start()
            time.sleep(2.0)
            yield process.pid
        finally:
            stop.set()
            feeder.join()
            process.kill()
            process.wait()


def _feed_icecast(port: int, chunk_size: int, ticks: int, stop: threading.Event) -> None:
    connection = _connect(port)
    password = base64.b64encode(b"source:bench").decode()
    head = f"SOURCE /live HTTP/1.0\r\nAuthorization: Basic {password}\r\nContent-Type: audio/mpeg\r\n\r\n"
    connection.sendall(head.encode())
    due, number = time.monotonic(), 0
    while not stop.is_set():
        connection.sendall(stream_bytes(number, ticks, chunk_size))
        number, due = number + ticks, due + ticks * TICK_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
    connection.close()


def _connect(port: int) -> socket.socket:
    for _ in range(100):
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", port))
        time.sleep(0.05)
    raise RuntimeError("icecast does not listen")


@contextlib.contextmanager
def bare_writer(port: int, chunk_size: int, ticks: int) -> Iterator[int]:
    """The bare epoll writer; its pid."""
    command = [sys.executable, "-m", "bench.peers", str(port), str(chunk_size), str(ticks)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.wait()


def _write_bare(port: int, chunk_size: int, ticks: int) -> None:
    raise_descriptors(12_064)
    listening = socket.create_server(("127.0.0.1", port), backlog=4096)
    listening.setblocking(False)
    poll = select.epoll()
    poll.register(listening.fileno(), select.EPOLLIN)
    arrived: dict[int, socket.socket] = {}
    phases: list[dict[int, socket.socket]] = [{} for _ in range(ticks)]
    block = chunk_bytes(0, chunk_size) * ticks
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nConnection: close\r\n\r\n"
    print("ready", flush=True)
    tick, due = 0, time.monotonic() + TICK_SECONDS
    while True:
        for descriptor, _ in poll.poll(max(0.0, due - time.monotonic())):
            if descriptor == listening.fileno():
                _accept(listening, poll, arrived)
            elif descriptor in arrived:
                _greet(arrived.pop(descriptor), poll, phases[descriptor % ticks], head)
        if time.monotonic() >= due:
            tick, due = tick + 1, due + TICK_SECONDS
            for connection in phases[tick % ticks].values():
                with contextlib.suppress(OSError):
                    connection.send(block)


def _accept(listening: socket.socket, poll: select.epoll, arrived: dict[int, socket.socket]) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            connection, _ = listening.accept()
            connection.setblocking(False)
            arrived[connection.fileno()] = connection
            poll.register(connection.fileno(), select.EPOLLIN)


def _greet(
    connection: socket.socket, poll: select.epoll, phase: dict[int, socket.socket], head: bytes
) -> None:
    connection.recv(4096)
    connection.send(head)
    poll.unregister(connection.fileno())
    phase[connection.fileno()] = connection


if __name__ == "__main__":
    _write_bare(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
