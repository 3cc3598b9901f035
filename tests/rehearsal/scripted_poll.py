"""A poll without sockets and without a clock: tests say what connects, what comes, and what time it is."""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec


class ScriptedLine:
    """A line as its owner sees it. `sent`: all that was sent; `reset`: how it was closed, None while open."""

    def __init__(self, poll: "ScriptedPoll", source: str, owner: Any) -> None:
        self.source = source
        self.owner = owner
        self.began = poll.now
        self.opened_at: float | None = None
        self.sent = bytearray()
        self.reset: bool | None = None
        self.reading = True
        self.was_shut = False
        self.unsent = 0
        self._poll = poll

    @property
    def closed(self) -> bool:
        return self.reset is not None

    def send(self, data: bytes) -> None:
        self.sent += data

    def stop_reading(self) -> None:
        self.reading = False

    def shut(self) -> None:
        self.was_shut = True

    def close(self, *, reset: bool = False) -> None:
        if self.reset is None:
            self.reset = reset
            self._poll.open.remove(self)

    # What the other side does.

    def open(self) -> None:
        self.opened_at = self._poll.now
        self.owner.opened(self)

    def say(self, data: bytes) -> None:
        if not self.closed:
            self.owner.received(self, data)

    def answer(self, status: int, body: object = None, **headers: str) -> None:
        """A whole answer, JSON if there is a body; opens the line first where it is not."""
        if self.opened_at is None:
            self.open()
        content = msgspec.json.encode(body) if body is not None else b""
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(content)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.say("\r\n".join([*lines, "", ""]).encode() + content)

    def lose(self) -> None:
        if not self.closed:
            self.close()
            self.owner.lost(self)


class ScriptedPoll:
    """`lines`: all that were ever begun; `open`: those that are open. `full`: nothing can be begun."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.lines: list[ScriptedLine] = []
        self.open: list[ScriptedLine] = []
        self.counts: Counter[str] = Counter()
        self.context: object | None = None
        self.full = False
        self.inattentive_s = 0.0
        self.lost_s = 0.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self.open)

    def call_at(self, when: float, act: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, act))

    def dial(self, source: str, owner: Any, *, receive_buffer: int = 0) -> ScriptedLine | None:
        if self.full:
            self.counts["not_begun"] += 1
            return None
        line = ScriptedLine(self, source, owner)
        self.lines.append(line)
        self.open.append(line)
        return line

    def inattention_s(self, since: float) -> float:
        return self.lost_s

    def close(self) -> None:
        for line in tuple(self.open):
            line.close(reset=True)

    def pass_time(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        """Let time pass, do what falls due, and `each` after every timer."""
        end = self.now + seconds
        while self._timers and self._timers[0][0] <= end:
            when, _, act = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            act()
            each()
        self.now = end

    @property
    def last(self) -> ScriptedLine:
        return self.lines[-1]
