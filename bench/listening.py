"""Listeners for benches: they read and judge what arrives, on this machine only."""

import selectors
import socket
import time

from bench.crowd import source_address
from tests.beside import Beside


class SteadyListener(Beside):
    """Some listeners of one address in a thread of their own; knows the longest silence any of them saw."""

    def __init__(self, port: int, path: str, count: int) -> None:
        super().__init__()
        self._port, self._path, self._count = port, path, count
        self.longest_gap = 0.0
        self.closed = 0
        self.received = 0

    def run(self) -> None:
        selector = selectors.DefaultSelector()
        heard: dict[int, float] = {}
        for number in range(self._count):
            source = (source_address(number), 0)
            connection = socket.create_connection(("127.0.0.1", self._port), 10, source)
            connection.sendall(f"GET {self._path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            selector.register(connection, selectors.EVENT_READ)
            heard[connection.fileno()] = time.monotonic()
        while not self.stopping.is_set():
            for key, _ in selector.select(0.2):
                self._read(selector, key, heard)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]

    def _read(
        self, selector: selectors.BaseSelector, key: selectors.SelectorKey, heard: dict[int, float]
    ) -> None:
        connection = key.fileobj
        assert isinstance(connection, socket.socket)
        data = connection.recv(65536)
        now = time.monotonic()
        self.longest_gap = max(self.longest_gap, now - heard[key.fd])
        heard[key.fd] = now
        self.received += len(data)
        if not data:
            self.closed += 1
            selector.unregister(connection)
            connection.close()
