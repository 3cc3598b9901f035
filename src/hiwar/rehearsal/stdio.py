"""A child of the rehearsal: orders come in on its standard input, a line each, and reports go out.

It ends when its input does, when it is told to, or when `LIFE_S_MAX` is over, whichever is first.
"""

import os
import selectors
import sys
from typing import Generic, TypeVar

import msgspec

from hiwar.ops.clock import monotonic
from hiwar.ops.loop import die_with_parent
from hiwar.rehearsal.orders import Order

LIFE_S_MAX = 2 * 3600.0
LINE_BYTES_MAX = 1 << 20
READ_BYTES = 1 << 16

_Said = TypeVar("_Said", bound=Order)
_encode = msgspec.json.Encoder().encode


class Orders(Generic[_Said]):
    """What has come so far; reading never blocks. `over`: the input has ended."""

    def __init__(self, decode: msgspec.json.Decoder[_Said]) -> None:
        self.over = False
        self._decode = decode.decode
        self._held = b""
        self._end = monotonic() + LIFE_S_MAX
        self._ready = selectors.DefaultSelector()
        self._ready.register(sys.stdin.fileno(), selectors.EVENT_READ)

    def read(self, seconds: float = 0.0) -> list[_Said]:
        """Orders that are there, waiting for at most `seconds` for some."""
        self.over = self.over or monotonic() > self._end
        if self.over or not self._ready.select(seconds):
            return []
        data = os.read(sys.stdin.fileno(), READ_BYTES)
        self.over = not data or len(self._held) > LINE_BYTES_MAX
        *lines, self._held = (self._held + data).split(b"\n")
        return [self._decode(line) for line in lines]


def tell(report: Order) -> None:
    """One report, at once; whoever is to read it may be gone."""
    try:
        sys.stdout.buffer.write(_encode(report) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise SystemExit(0) from None


def become_child(niceness: int) -> int:
    """Live no longer than who started this process, behind Hiwar's own by `niceness`; returns their pid."""
    parent = os.getppid()
    die_with_parent(parent)
    os.nice(niceness)
    return parent
