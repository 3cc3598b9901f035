"""What every attack has: a figure of what it does each second, its machines, and its end.

Rules
- Bounded in count (`at_once` connections, `per_s` acts a second) and in time; it ends by itself.
- It keeps no promise of a good client: it asks as often as it likes and obeys nothing that is said to it.
- It counts what it did and what became of it, by name; nothing else comes out of it.
"""

from collections import Counter, deque
from dataclasses import dataclass
from random import Random

from hiwar.rehearsal.exchange import HOST, Answered, Exchange
from hiwar.rehearsal.orders import Attack
from hiwar.rehearsal.sites import attacking_source
from hiwar.rehearsal.sockets import Line, Poll
from hiwar.rehearsal.solving import PuzzleSolver

TURN_S = 0.01  # how often what is due is done
PER_TURN_MAX = 500  # what could not be done in its turn is left out: an attacker too has one processor
PATIENCE_S = 5.0
KEPT_SAMPLES_MAX = 20_000


@dataclass(slots=True)
class Scene:
    """What attackers know: their poll, the conversation's address, a source of chance, and a processor."""

    poll: Poll
    conversation: str
    random: Random
    solver: PuzzleSolver

    @property
    def base(self) -> str:
        return f"/c/{self.conversation}"


class Assault:
    """One attack under way. A kind of attack says what is done in `strike`, once for each of `per_s`."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        self.scene = scene
        self.order = order
        self.counts: Counter[str] = Counter()
        self.kept_s: deque[float] = deque(maxlen=KEPT_SAMPLES_MAX)  # how long slow connections were kept
        self._struck = 0
        self._began = scene.poll.now
        self._end = scene.poll.now + order.seconds

    @property
    def over(self) -> bool:
        return self.scene.poll.now >= self._end

    def begin(self) -> None:
        """Prepare and strike from now on."""
        self._turn()

    def strike(self, number: int) -> None:
        """Do it once more, for the `number`th time."""
        raise NotImplementedError

    def source(self, number: int) -> str:
        """The address of the machine that strikes for the `number`th time."""
        return attacking_source(number % self.order.machines, self.order.prefixes)

    def ask(self, source: str, request: bytes) -> None:
        """One request on a connection of its own; what is answered is counted."""
        if len(self.scene.poll) < self.order.at_once:
            Exchange(self.scene.poll, source, request, self.answered, patience_s=PATIENCE_S)
        else:
            self.counts["held back"] += 1

    def answered(self, answer: Answered) -> None:
        self.counts[str(answer.status) if answer.status else "nothing"] += 1

    def _turn(self) -> None:
        if self.over:
            return
        now = self.scene.poll.now
        due = int((now - self._began) * self.order.per_s) + 1
        for _ in range(min(due - self._struck, PER_TURN_MAX)):
            self.strike(self._struck)
            self._struck += 1
        if due > self._struck:
            self.counts["not in time"] += due - self._struck
            self._struck = due
        self.scene.poll.call_at(now + TURN_S, self._turn)


class Holder:
    """An owner of lines that does nothing with what it hears; it notes how long each was kept."""

    def __init__(self, assault: Assault) -> None:
        self.assault = assault

    def opened(self, line: Line) -> None:
        self.assault.counts["opened"] += 1

    def received(self, line: Line, data: bytes) -> None:
        self.assault.counts["bytes"] += len(data)

    def lost(self, line: Line) -> None:
        counts = self.assault.counts
        if line.opened_at is None:
            counts["refused"] += 1
            return
        counts["closed"] += 1
        self.assault.kept_s.append(self.assault.scene.poll.now - line.opened_at)


def render_part(method: str, target: str, *headers: str) -> bytes:
    """A request head without its end."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", f"Host: {HOST}", *headers, ""]).encode()
