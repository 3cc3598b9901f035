"""A simulated network between one sender and one jitter buffer: seeded, without clocks or sleep."""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hiwar.mixer.jitter import Conceal, Decode, DecodeFec, JitterBuffer, Merge, Silence, Stretch, Verdict

FRAME = 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet on its way: `arrives` in seconds."""

    arrives: float
    number: int
    stamp: int
    samples: int = 960


def payload_of(number: int) -> bytes:
    """A payload that says its number and claims to carry FEC (SILK, 20 ms, LBRR flag set)."""
    return b"\x08\x40" + number.to_bytes(8, "big")


def number_of(payload: bytes) -> int:
    return int.from_bytes(payload[2:], "big")


@dataclass(slots=True)
class Heard:
    """What came out: the verdicts, the played numbers in order, the depth after each pull."""

    verdicts: list[Verdict] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)

    def count(self, kind: type[Verdict]) -> int:
        return sum(isinstance(verdict, kind) for verdict in self.verdicts)

    def note(self, verdict: Verdict, depth: int) -> None:
        self.verdicts.append(verdict)
        self.depths.append(depth)
        match verdict:
            case Decode(payload) | Stretch(payload):
                self.numbers.append(number_of(payload))
            case DecodeFec(payload, _):
                self.numbers.append(number_of(payload) - 1)
            case Merge(first, second):
                self.numbers += [number_of(first), number_of(second)]
            case Conceal() | Silence():
                pass

    def longest_run(self, *kinds: type[Verdict]) -> int:
        longest = run = 0
        for verdict in self.verdicts:
            run = run + 1 if isinstance(verdict, kinds) else 0
            longest = max(longest, run)
        return longest


def samples_of(verdict: Verdict) -> int:
    match verdict:
        case DecodeFec(_, samples) | Conceal(samples) | Silence(samples):
            return samples
        case Stretch():
            return 1920
        case Decode() | Merge():
            return 960


def steady(
    seconds: float,
    delay: Callable[[int], float | None],
    skew: float = 0.0,
    start: float = 0.005,
    first_number: int = 65_000,
) -> list[Sent]:
    """20 ms packets; `delay(k)` in seconds or None for a loss; `skew`: the sender's clock is so much slow."""
    sent = []
    for k in range(int(seconds / FRAME)):
        late = delay(k)
        if late is not None:
            sent.append(
                Sent(start + k * FRAME * (1 + skew) + late, first_number + k, k * 960 + 4_294_000_000)
            )
    return sent


def run(
    sent: Iterable[Sent],
    seconds: float,
    buffer: JitterBuffer | None = None,
    quiet: Callable[[float], bool] = lambda now: False,
) -> tuple[Heard, JitterBuffer]:
    """Feed the packets as they arrive and pull each 20 ms."""
    buffer = buffer or JitterBuffer()
    heard = Heard()
    queue = [(packet.arrives, packet.number, packet) for packet in sent]
    heapq.heapify(queue)
    filled = 0
    for frame in range(int(seconds / FRAME)):
        now = frame * FRAME
        while queue and queue[0][0] <= now:
            packet = heapq.heappop(queue)[2]
            buffer.add(
                packet.number % 65_536,
                packet.stamp % (1 << 32),
                packet.samples,
                payload_of(packet.number),
                packet.arrives,
            )
        while filled < 960:
            verdict = buffer.pull(now + filled / 48_000, quiet(now))
            heard.note(verdict, buffer.depth)
            filled += samples_of(verdict)
        filled -= 960
    return heard, buffer
