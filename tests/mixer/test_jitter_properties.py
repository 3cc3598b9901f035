"""No sequence of packets and pulls breaks the jitter buffer."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hiwar.mixer.jitter import (
    DEPTH_SAMPLES_MAX,
    PACKETS_MAX,
    Conceal,
    Decode,
    DecodeFec,
    JitterBuffer,
    Merge,
    Silence,
    Stretch,
    Verdict,
)
from tests.mixer.line import number_of, payload_of


class AnySender(RuleBasedStateMachine):
    """Packets with any numbers, durations and times: the bounds hold."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = JitterBuffer()
        self.now = 0.0

    @rule(
        sequence=st.integers(0, 65_535),
        timestamp=st.integers(0, (1 << 32) - 1),
        samples=st.sampled_from([120, 480, 960, 1920, 2880, 5760]),
        body=st.binary(min_size=1, max_size=4),
    )
    def any_packet(self, sequence: int, timestamp: int, samples: int, body: bytes) -> None:
        self.buffer.add(sequence, timestamp, samples, body, self.now)

    @rule(
        start=st.integers(0, 200),
        count=st.integers(1, 80),
        samples=st.sampled_from([480, 960, 2880]),
        skip=st.integers(0, 7000),
    )
    def a_run_of_packets(self, start: int, count: int, samples: int, skip: int) -> None:
        for k in range(start, start + count):
            self.buffer.add(k, k * samples + skip, samples, b"\x08\x40\x00", self.now)

    @rule(count=st.integers(1, 20), quiet=st.booleans())
    def pulls(self, count: int, quiet: bool) -> None:
        for _ in range(count):
            self.now += 0.02
            verdict = self.buffer.pull(self.now, quiet)
            if isinstance(verdict, Conceal | Silence | DecodeFec):
                assert 0 < verdict.samples <= 5760
                assert verdict.samples % 120 == 0 or isinstance(verdict, DecodeFec)
            assert 0 <= self.buffer.depth <= DEPTH_SAMPLES_MAX

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def another_sender(self) -> None:
        self.buffer.reset()

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.buffer) <= PACKETS_MAX
        assert 2 <= self.buffer.target <= 6


class HonestSender(RuleBasedStateMachine):
    """One sender on a bad network: nothing is played twice, out of order or invented."""

    def __init__(self) -> None:
        super().__init__()
        self.buffer = JitterBuffer()
        self.now = 0.0
        self.sent = 65_500
        self.on_the_way: list[int] = []
        self.delivered: set[int] = set()
        self.last = -1

    @rule(lost=st.booleans())
    def twenty_milliseconds(self, lost: bool) -> None:
        self.now += 0.02
        self.sent += 1
        if not lost:
            self.on_the_way.append(self.sent)
        self.pull()

    @rule(which=st.integers(0, 100), twice=st.booleans())
    def one_arrives(self, which: int, twice: bool) -> None:
        if self.on_the_way:
            number = self.on_the_way.pop(which % len(self.on_the_way))
            for _ in range(1 + twice):
                self.deliver(number)

    @rule()
    def all_arrive(self) -> None:
        for number in self.on_the_way:
            self.deliver(number)
        self.on_the_way.clear()

    def deliver(self, number: int) -> None:
        self.delivered.add(number)
        stamp = (number * 960) % (1 << 32)
        self.buffer.add(number % 65_536, stamp, 960, payload_of(number), self.now)

    def pull(self) -> None:
        for number in played(self.buffer.pull(self.now)):
            assert number > self.last
            self.last = number

    def teardown(self) -> None:
        assert self.last <= self.sent


def played(verdict: Verdict) -> list[int]:
    match verdict:
        case Decode(payload) | Stretch(payload):
            return [number_of(payload)]
        case DecodeFec(payload, _):
            return [number_of(payload) - 1]
        case Merge(first, second):
            return [number_of(first), number_of(second)]
        case _:
            return []


TestAnySender = AnySender.TestCase
TestAnySender.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHonestSender = HonestSender.TestCase
TestHonestSender.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
