"""Somebody who comes anew, again and again, on this machine only: how long until they are answered."""

import contextlib
import socket
import ssl
import time

from tests.beside import Beside

EVERY_S = 0.5
PATIENCE_S = 10.0
SOURCE = "127.200.0.1"


class Newcomer(Beside):
    """Asks for `path` on a new connection each `EVERY_S`; `waited_s` has how long each first answer took, and
    `PATIENCE_S` for one that did not come."""

    def __init__(self, port: int, path: str, *, secure: bool) -> None:
        super().__init__()
        self.waited_s: list[float] = []
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        self._context = ssl.create_default_context() if secure else None
        if self._context is not None:
            self._context.check_hostname, self._context.verify_mode = False, ssl.CERT_NONE

    def run(self) -> None:
        while not self.stopping.wait(EVERY_S):
            began, answered = time.monotonic(), False
            with contextlib.suppress(OSError):
                answered = self._ask()
            self.waited_s.append(time.monotonic() - began if answered else PATIENCE_S)

    def _ask(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._port), PATIENCE_S, (SOURCE, 0)) as plain:
            speaking = self._context.wrap_socket(plain) if self._context else plain
            speaking.sendall(self._request)
            return speaking.recv(4096).startswith(b"HTTP/1.1 200")
