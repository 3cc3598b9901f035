"""Many client connections on one thread: an epoll, a heap of timers, and how attentive this process was.

Rules
- Connections are begun by `aim` alone; a `Poll` is made for one aim, and looks at it again while it runs.
- At most `lines_max` connections are open and `TIMERS_MAX` timers set; what is beyond is not begun, and
  counted.
- A crowd on the same machine as its door has to wait for the processor too. What it did not look is no
  silence of the door: `inattention_s` says how much of a stretch of time this process was waiting for a core
  or busy with something else, and a gap is certain only beyond that.

Theory of operation: level-triggered epoll; a line's owner is told of three things (see `Owner`). Time spent
waiting for a core is the kernel's own count (proc(5), schedstat: `run_delay`).
"""

import contextlib
import heapq
import os
import select
import socket
import ssl
import struct
from collections import Counter, deque
from collections.abc import Callable
from typing import Protocol

from hiwar.ops.clock import monotonic
from hiwar.rehearsal.aim import CHECK_EVERY_S, Aim, begin_connection

EVENTS_MAX = 256  # looked at before timers are
RECEIVE_BYTES = 16_384
UNSENT_BYTES_MAX = 1 << 20  # of one line; an attack with large bodies sends them piece by piece
TIMERS_MAX = 400_000
SAMPLE_EVERY_S = 0.05
SAMPLES_MAX = 400  # twenty seconds of attention
BUSY_S = 0.02  # a turn that took longer is time in which this process did not look
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds
_WANTS = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Owner(Protocol):
    """Whose line it is. Called in the poll's thread; nothing is called after `lost`."""

    def opened(self, line: "Line") -> None:
        """It is connected, with TLS where it is spoken."""

    def received(self, line: "Line", data: bytes) -> None: ...

    def lost(self, line: "Line") -> None:
        """The other side closed it, refused it or reset it; not called where this side closes."""


class Line:
    """One connection. `began` and `opened_at` in monotonic seconds (None: not connected yet)."""

    __slots__ = ("_handshaking", "_poll", "_unsent", "began", "opened_at", "owner", "reading", "socket")

    def __init__(self, poll: "Poll", connection: socket.socket, owner: Owner, now: float) -> None:
        self.socket = connection
        self.owner = owner
        self.began = now
        self.opened_at: float | None = None
        self.reading = True
        self._poll = poll
        self._unsent = b""
        self._handshaking = False

    @property
    def unsent(self) -> int:
        return len(self._unsent)

    @property
    def closed(self) -> bool:
        return self.socket.fileno() < 0

    def send(self, data: bytes) -> None:
        """Send, or keep until it can be; what is beyond UNSENT_BYTES_MAX is left out."""
        if self.closed:
            return
        if not self._unsent:
            try:
                data = data[self.socket.send(data) :]
            except (BlockingIOError, *_WANTS):
                pass
            except OSError:
                return  # the poll will hear of it
        if data:
            self._unsent = (self._unsent + data)[:UNSENT_BYTES_MAX]
            self._poll.watch(self)

    def stop_reading(self) -> None:
        """From now on what comes stays in the kernel."""
        self.reading = False
        self._poll.watch(self)

    def shut(self) -> None:
        """Say that nothing more is sent, and go on reading."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def close(self, *, reset: bool = False) -> None:
        """Close it; `reset`: at once, with RST, which leaves no state in the kernel."""
        if self.closed:
            return
        if reset:
            with contextlib.suppress(OSError):
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._poll.forget(self)
        self.socket.close()

    # What the poll calls.

    @property
    def events(self) -> int:
        wanted = select.EPOLLIN if self.reading else 0
        if self.opened_at is None or self._unsent:
            wanted |= select.EPOLLOUT
        return wanted

    def ready(self, events: int) -> None:
        if self.opened_at is None:
            self._open()
            return
        if events & select.EPOLLOUT and self._unsent:
            self._flush()
        if not self.closed and events & ~select.EPOLLOUT:
            self._read()

    def _open(self) -> None:
        try:
            if not self._handshaking:
                code = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code:
                    raise OSError(code, os.strerror(code))
                self._begin_handshake()
            if isinstance(self.socket, ssl.SSLSocket):
                self.socket.do_handshake()
        except _WANTS as wanted:
            self._poll.watch_only(self, write=isinstance(wanted, ssl.SSLWantWriteError))
            return
        except OSError:
            self._lose()
            return
        self.opened_at = self._poll.now
        self._poll.watch(self)
        self.owner.opened(self)

    def _begin_handshake(self) -> None:
        self._handshaking = True
        context = self._poll.context
        if context is not None:
            self._poll.forget(self)
            self.socket = context.wrap_socket(self.socket, do_handshake_on_connect=False)
            self._poll.remember(self)

    def _flush(self) -> None:
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except (BlockingIOError, *_WANTS):
            return
        except OSError:
            self._lose()
            return
        self._poll.watch(self)

    def _read(self) -> None:
        try:
            data = self.socket.recv(RECEIVE_BYTES)
        except (BlockingIOError, *_WANTS):
            return
        except OSError:
            data = b""
        if data:
            self.owner.received(self, data)
        else:
            self._lose()

    def _lose(self) -> None:
        self.close()
        self.owner.lost(self)


class Poll:
    """See the module. `now` is when it last looked. `counts`: `begun`, `not_begun` (a bound, no descriptor,
    or a kernel queue that is full), `timers_dropped`."""

    def __init__(self, aim: Aim, lines_max: int, *, secure: bool | None = None) -> None:
        """`secure`: whether lines speak TLS (default: as the aim does)."""
        aim.check()
        self.now = monotonic()
        self.counts: Counter[str] = Counter()
        self.context = _trusting() if (aim.secure if secure is None else secure) else None
        self._aim = aim
        self._lines_max = lines_max
        self._epoll = select.epoll()
        self._lines: dict[int, Line] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._checked_at = self.now
        self._attention = Attention(self.now)

    def __len__(self) -> int:
        """Lines open, or being opened."""
        return len(self._lines)

    def call_at(self, when: float, act: Callable[[], None]) -> None:
        """Call `act` once, at `when` (monotonic seconds) or as soon after as can be."""
        if len(self._timers) >= TIMERS_MAX:
            self.counts["timers_dropped"] += 1
            return
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, act))

    def dial(self, source: str, owner: Owner, *, receive_buffer: int = 0) -> Line | None:
        """Begin a connection from `source`; None where it cannot be begun. `receive_buffer` in bytes: what
        the kernel takes in for a reader who does not read (0: as it likes)."""
        if len(self._lines) >= self._lines_max:
            self.counts["not_begun"] += 1
            return None
        try:
            connection = begin_connection(self._aim, source)
        except OSError:
            self.counts["not_begun"] += 1
            return None
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.counts["begun"] += 1
        line = Line(self, connection, owner, self.now)
        self.remember(line)
        return line

    def step(self, seconds: float) -> None:
        """Look once, waiting for at most `seconds`, and do what is due.

        Raises:
            NotOurs: the door is not this rehearsal's any more.
        """
        due = self._timers[0][0] if self._timers else self.now + seconds
        before = monotonic()
        ready = self._epoll.poll(min(max(0.0, due - before), seconds), EVENTS_MAX)
        now = monotonic()
        self._attention.look(self.now, before, now)
        self.now = now
        for descriptor, events in ready:
            line = self._lines.get(descriptor)
            if line is not None:
                line.ready(events)
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()
        if now - self._checked_at >= CHECK_EVERY_S:
            self._checked_at = now
            self._aim.check()

    def run_until(self, end: float) -> None:
        """Step until `end`, monotonic seconds.

        Raises:
            NotOurs
        """
        while (left := end - monotonic()) > 0:
            self.step(min(left, 0.1))

    def inattention_s(self, since: float) -> float:
        """How much of the time from `since` to now this process did not look."""
        return self._attention.since(since, self.now)

    @property
    def inattentive_s(self) -> float:
        """For how long this process has not looked, since the start."""
        return self._attention.lost_s

    def close(self) -> None:
        """Close every line, with RST."""
        for line in tuple(self._lines.values()):
            line.close(reset=True)
        self._timers.clear()
        self._epoll.close()

    # What lines call.

    def remember(self, line: Line) -> None:
        self._lines[line.socket.fileno()] = line
        self._epoll.register(line.socket.fileno(), select.EPOLLOUT)

    def forget(self, line: Line) -> None:
        descriptor = line.socket.fileno()
        if self._lines.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError, ValueError):
                self._epoll.unregister(descriptor)

    def watch(self, line: Line) -> None:
        """Follow what a line wants to know of."""
        if not line.closed:
            self._epoll.modify(line.socket.fileno(), line.events)

    def watch_only(self, line: Line, *, write: bool) -> None:
        self._epoll.modify(line.socket.fileno(), select.EPOLLOUT if write else select.EPOLLIN)


class Attention:
    """When this process was not looking: busy in a turn, or waiting for a core."""

    def __init__(self, now: float) -> None:
        self.lost_s = 0.0
        self._delay_s = run_delay_s()
        self._busy_s = 0.0
        self._samples: deque[tuple[float, float]] = deque([(now, 0.0)], maxlen=SAMPLES_MAX)

    def look(self, last: float, before: float, now: float) -> None:
        """It looked at `now`, after having waited since `before`; the last time was `last`."""
        if before - last > BUSY_S:
            self._busy_s += before - last
        if now - self._samples[-1][0] >= SAMPLE_EVERY_S:
            self.lost_s += self._unsampled_s()
            self._delay_s, self._busy_s = run_delay_s(), 0.0
            self._samples.append((now, self.lost_s))

    def _unsampled_s(self) -> float:
        """Since the last sample: who waits for a core in the middle of a long turn is not away twice."""
        return max(self._busy_s, run_delay_s() - self._delay_s)

    def since(self, start: float, now: float) -> float:
        """Seconds not looked since `start`; by what is known at the samples around it, so never too few."""
        lost_s = self.lost_s + self._unsampled_s()
        for at, then_s in reversed(self._samples):
            if at <= start:
                return min(now - start, lost_s - then_s)
        return min(now - start, lost_s)


def run_delay_s() -> float:
    """How long this thread has waited for a core so far (proc(5), schedstat); 0 where it is not told."""
    try:
        with open("/proc/self/schedstat", encoding="ascii") as file:
            return int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def _trusting() -> ssl.SSLContext:
    """The instance's certificate is thrown away with it: nobody signed it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
