"""What a receiver counts about one RTP source (RFC 3550 sections 6.4.1, A.1, A.3, A.8). Pure."""

from dataclasses import dataclass, field

from hiwar.media.serial import extend_sequence, sequence_distance, timestamp_distance

CLOCK_RATE = 48_000
RESTART_DISTANCE = 3_000  # one minute: a jump this far is a new line of numbers (RFC 3550, MAX_DROPOUT)
MISSING_MAX = 16  # 320 ms: what is older comes too late to be played


@dataclass(frozen=True, slots=True)
class ReceptionReport:
    """The figures of a report block. `fraction_lost` in 1/256, `jitter` in timestamp units."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int


@dataclass(slots=True)
class Reception:
    """Counts for one SSRC. `add` says which sequence numbers are newly known to be missing."""

    ssrc: int
    received: int = 0
    _base: int = 0
    _highest: int = 0  # extended
    _jitter: float = 0.0
    _arrival: float = 0.0
    _timestamp: int = 0
    _expected_before: int = 0
    _received_before: int = 0
    _missing: set[int] = field(default_factory=set)  # extended

    def add(self, sequence: int, timestamp: int, arrival: float) -> list[int]:
        """One packet came at `arrival` (monotonic seconds). Returns the missing numbers to ask for
        (0..65535, oldest first) when a new gap opened, else nothing."""
        if not self.received or abs(sequence_distance(sequence, self._highest % 65536)) > RESTART_DISTANCE:
            self._restart(sequence)
        self.received += 1
        extended = extend_sequence(sequence, self._highest)
        ahead = extended - self._highest
        self._missing.discard(extended)
        if ahead <= 0 and self.received > 1:
            return []
        self._measure_jitter(timestamp, arrival)
        self._highest = extended
        return self._open_gap(extended, ahead) if ahead > 1 else []

    @property
    def jitter_ms(self) -> float:
        return self._jitter * 1000 / CLOCK_RATE

    def report(self) -> ReceptionReport:
        """The figures since the last call, and in all."""
        expected = self._highest - self._base + 1 if self.received else 0
        fresh, came = expected - self._expected_before, self.received - self._received_before
        self._expected_before, self._received_before = expected, self.received
        lost = max(0, fresh - came)
        return ReceptionReport(
            self.ssrc,
            min(255, lost * 256 // fresh) if fresh > 0 else 0,
            max(-(1 << 23), min(expected - self.received, (1 << 23) - 1)),
            self._highest % (1 << 32),
            int(self._jitter) % (1 << 32),
        )

    def _restart(self, sequence: int) -> None:
        self.received = self._expected_before = self._received_before = 0
        self._base = self._highest = sequence
        self._missing.clear()

    def _measure_jitter(self, timestamp: int, arrival: float) -> None:
        if self.received > 1:
            transit = (arrival - self._arrival) * CLOCK_RATE - timestamp_distance(timestamp, self._timestamp)
            self._jitter += (min(abs(transit), CLOCK_RATE) - self._jitter) / 16
        self._arrival, self._timestamp = arrival, timestamp

    def _open_gap(self, highest: int, ahead: int) -> list[int]:
        oldest = highest - MISSING_MAX
        self._missing.update(range(max(highest - ahead + 1, oldest), highest))
        self._missing = {number for number in self._missing if number >= oldest}
        return [number % 65536 for number in sorted(self._missing)]
