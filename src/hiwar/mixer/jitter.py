"""The jitter buffer of one speaker: packets in as the network brings them, verdicts out on the clock.

Rules: pure (it never decodes; the stage does what the verdicts say). No packet is played twice or out
of order. At most `PACKETS_MAX` are kept, and no more sound than `DEPTH_SAMPLES_MAX` after any pull.
Whatever numbers a sender makes up, it can hurt only its own sound.

Theory of operation. Playing follows *timestamps*; sequence numbers only tell a loss from a pause of the
sender (DTX). What matters is the *lead*: how much earlier than its turn the fastest packet arrives. The
lead is kept in a band one frame wide (with a quarter of a frame of play on either side), above what the
jitter asks for (`transit`). Below the band a frame is inserted, above it one packet is merged away; both
wait for a quiet moment, but not for ever. A sender's clock that is fast or slow walks the lead slowly
out of the band and is corrected by the same two moves: 50 ppm are one move in seven minutes.

An empty buffer can mean a late packet or a lost one. It is concealed without moving on; when the next
packet shows that there was a loss, the concealed time counts as the lost packets'. After
`UNDERRUNS_MAX` frames the buffer goes back to waiting, in silence, and starts anew with the target lead.
"""

from dataclasses import dataclass, fields

from hiwar.media.opus_packet import DTX_BYTES_MAX, carries_fec
from hiwar.media.serial import extend_sequence, extend_timestamp
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.mixer.transit import PLAY_SAMPLES, TARGET_MAX, TransitWindow

PACKETS_MAX = 50  # a second of 20 ms packets: what a stalled network may hand over at once
SKIP_FRAMES = 6  # so many frames above the target are too much to be merged away one by one
DEPTH_SAMPLES_MAX = (TARGET_MAX + SKIP_FRAMES) * FRAME_SAMPLES
UNDERRUNS_MAX = 5  # frames: libopus has faded to noise by then
SEQUENCE_JUMP_MAX = 3000  # RFC 3550, appendix A.1: MAX_DROPOUT
REORDER_MAX = 100  # RFC 3550, appendix A.1: MAX_MISORDER

_GRID = 120  # 2.5 ms: the grain of concealment
_GAP_MAX = TARGET_MAX * FRAME_SAMPLES  # a longer hole is jumped: nobody waits that long for a word
_STRETCH_PATIENCE = (10, 3)  # pulls: usually, in a quiet moment
_MERGE_PATIENCE = (100, 25)  # likewise: 2 s, 0.5 s
_SEEN_MASK = (1 << (REORDER_MAX + 1)) - 1


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode the packet: its own duration of sound."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class DecodeFec:
    """Decode `samples` of the packet before `payload`, which carries them as in-band FEC."""

    payload: bytes
    samples: int


@dataclass(frozen=True, slots=True)
class Conceal:
    """Make up `samples` (a multiple of 120, at most a frame) from what was heard before."""

    samples: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nobody speaks: `samples` (a multiple of 120, at most a frame) of silence."""

    samples: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Decode both and cross-fade from the first to the second, lined up at their heads: the sound is
    as long as the second, time is saved."""

    first: bytes
    second: bytes


@dataclass(frozen=True, slots=True)
class Stretch:
    """Decode the packet and put a frame before it that begins as the packet does and ends, cross-faded,
    as what was heard last: up to a frame more of sound, time is gained. The mirror of `Merge`."""

    payload: bytes


Verdict = Decode | DecodeFec | Conceal | Silence | Merge | Stretch


@dataclass(slots=True)
class JitterCounts:
    """What happened since the speaker came (over restarts of the sender): packets and verdicts."""

    received: int = 0
    late: int = 0
    duplicate: int = 0
    rejected: int = 0  # numbers that cannot be
    dropped: int = 0  # thrown away unheard: too many, or too much sound
    concealed: int = 0
    fec: int = 0
    merged: int = 0
    stretched: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by their names, for metrics and the page."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, slots=True)
class _Packet:
    number: int  # extended sequence number
    stamp: int  # extended timestamp
    samples: int
    payload: bytes

    @property
    def end(self) -> int:
        return self.stamp + self.samples


class JitterBuffer:
    """See the module. `now` is in monotonic seconds; the clock of `add` and of `pull` is the same."""

    def __init__(self) -> None:
        self.counts = JitterCounts()
        self._transit = TransitWindow()
        self._packets: dict[int, _Packet] = {}
        self._forget()

    def reset(self) -> None:
        """Another sender (a new SSRC): start anew, keep the counts."""
        self._transit.clear()
        self._packets.clear()
        self._forget()

    def _forget(self) -> None:
        self._newest: tuple[int, int] | None = None  # number and stamp of the newest packet
        self._seen = 0  # bit k: the packet k before the newest has come
        self._suspect: int | None = None
        self._played: int | None = None  # number of the last packet played
        self._next: int | None = None  # stamp of the next sample to play; None while waiting
        self._silent_end = False  # the last packet played was a DTX one
        self._tentative = 0  # samples concealed of which it is open what they stand for
        self._pressure = 0  # pulls for which the lead has been too small (negative) or too great

    @property
    def depth(self) -> int:
        """Samples from the next one to play to the end of the newest packet in hand, gaps included."""
        if not self._packets:
            return 0
        start = self._packets[min(self._packets)].stamp if self._next is None else self._next
        return self._packets[max(self._packets)].end - start

    @property
    def target(self) -> int:
        """The depth in frames that the network asks for, 2..6."""
        return self._transit.target

    def __len__(self) -> int:
        return len(self._packets)

    def add(self, sequence: int, timestamp: int, samples: int, payload: bytes, now: float) -> None:
        """Take a packet as received: 16-bit `sequence`, 32-bit `timestamp`, `samples` its duration at
        48 kHz (120..5760; see `opus_packet.packet_samples`)."""
        self.counts.received += 1
        packet = self._numbered(sequence, timestamp, samples, payload)
        if packet is None:
            self.counts.rejected += 1
        elif self._is_repeated(packet.number):
            self.counts.duplicate += 1
        else:
            self._keep(packet, now)

    def pull(self, now: float, quiet: bool = False) -> Verdict:
        """What to play from `now` on, the moment at which the verdict's first sample is due.

        `quiet`: what was played last was so silent that a correction would not be heard.
        """
        if self._next is None:
            if not self._is_ready(now):
                return Silence(FRAME_SAMPLES)
            self._next = self._head().stamp
        self._drop_overtaken(self._next)
        if not self._packets:
            return self._underrun()
        if self._is_overfull():
            return self._skip()
        return self._play(self._next, now, quiet)

    # Arrivals

    def _numbered(self, sequence: int, timestamp: int, samples: int, payload: bytes) -> _Packet | None:
        if self._newest is None:
            self._newest = (sequence, timestamp)
        number = extend_sequence(sequence, self._newest[0])
        stamp = extend_timestamp(timestamp, self._newest[1])
        if self._is_absurd(number - self._newest[0], stamp - self._newest[1]):
            if self._suspect != sequence:
                self._suspect = (sequence + 1) % (1 << 16)  # RFC 3550, A.1: two in a row are a restart
                return None
            self.reset()
            self._newest = number, stamp = sequence, timestamp
        self._suspect = None
        return _Packet(number, stamp, samples, payload)

    @staticmethod
    def _is_absurd(numbers: int, samples: int) -> bool:
        if not -REORDER_MAX <= numbers <= SEQUENCE_JUMP_MAX:
            return True
        return (numbers > 0) != (samples > 0) if numbers else samples != 0

    def _is_repeated(self, number: int) -> bool:
        assert self._newest is not None
        ahead = number - self._newest[0]
        if ahead > 0:
            self._seen = (self._seen << ahead) & _SEEN_MASK
        bit = 1 << max(0, -ahead)
        repeated = bool(self._seen & bit)
        self._seen |= bit
        return repeated

    def _keep(self, packet: _Packet, now: float) -> None:
        assert self._newest is not None
        self._measure(packet, now)
        if packet.number > self._newest[0]:
            self._newest = (packet.number, packet.stamp)
        if self._is_late(packet):
            self.counts.late += 1
            return
        self._packets[packet.number] = packet
        if len(self._packets) > PACKETS_MAX:
            self._packets.pop(min(self._packets))
            self.counts.dropped += 1

    def _measure(self, packet: _Packet, now: float) -> None:
        assert self._newest is not None
        if self._next is None and not self._packets:
            self._transit.rebase()
        overtaken = packet.number < self._newest[0]
        if overtaken and self._lead(packet.stamp, now) > TARGET_MAX * FRAME_SAMPLES:
            return  # sent again after a long round trip: no buffer of ours could wait for it
        self._transit.add(now * SAMPLE_RATE - packet.stamp, now)

    def _is_late(self, packet: _Packet) -> bool:
        if self._next is not None and packet.stamp < self._next:
            return True
        return self._played is not None and packet.number <= self._played

    # Playing

    def _head(self) -> _Packet:
        return self._packets[min(self._packets)]

    def _lead(self, stamp: int, now: float) -> float:
        return now * SAMPLE_RATE - stamp - self._transit.base

    def _is_ready(self, now: float) -> bool:
        return bool(self._packets) and self._lead(self._head().stamp, now) >= self._transit.lead

    def _drop_overtaken(self, due: int) -> None:
        while self._packets and self._head().stamp < due:
            self._packets.pop(min(self._packets))
            self.counts.dropped += 1

    def _take_head(self) -> _Packet:
        packet = self._packets.pop(min(self._packets))
        self._played = packet.number
        self._next = packet.end
        self._silent_end = len(packet.payload) <= DTX_BYTES_MAX
        return packet

    def _underrun(self) -> Verdict:
        if self._silent_end or self._tentative >= UNDERRUNS_MAX * FRAME_SAMPLES:
            self.counts.concealed += self._tentative // FRAME_SAMPLES
            self._tentative = 0
            self._pressure = 0
            self._next = None
            return Silence(FRAME_SAMPLES)
        self._tentative += FRAME_SAMPLES
        return Conceal(FRAME_SAMPLES)

    def _is_overfull(self) -> bool:
        return len(self._packets) > 1 and self.depth > (self.target + SKIP_FRAMES) * FRAME_SAMPLES

    def _skip(self) -> Verdict:
        first = self._take_head()
        while len(self._packets) > 1 and self.depth > self.target * FRAME_SAMPLES:
            self._next = self._packets.pop(min(self._packets)).end
            self.counts.dropped += 1
        self._settle_tentative(lost=0)
        self._pressure = 0
        self.counts.merged += 1
        return Merge(first.payload, self._take_head().payload)

    def _play(self, due: int, now: float, quiet: bool) -> Verdict:
        head = self._head()
        lost = self._played is not None and head.number > self._played + 1
        gap = head.stamp - due
        gap -= self._settle_tentative(gap if lost else 0)
        if gap > _GAP_MAX or gap < _GRID:
            self._next = head.stamp
            return self._correction(head, now, quiet) or Decode(self._take_head().payload)
        self._next = head.stamp - gap
        return self._bridge(head, gap, lost)

    def _settle_tentative(self, lost: int) -> int:
        """Say what the concealed time stood for: up to `lost` samples of lost packets, else late ones."""
        used = min(self._tentative, lost)
        self.counts.concealed += used // FRAME_SAMPLES
        self.counts.stretched += (self._tentative - used) // FRAME_SAMPLES
        self._tentative = 0
        return used

    def _bridge(self, head: _Packet, gap: int, lost: bool) -> Verdict:
        assert self._next is not None
        if lost and gap == head.samples and carries_fec(head.payload):
            self._next += gap
            self.counts.fec += 1
            return DecodeFec(head.payload, gap)
        before_fec = gap - head.samples if lost and gap > head.samples else gap
        samples = max(_GRID, min(FRAME_SAMPLES, before_fec) // _GRID * _GRID)
        self._next += samples
        if not lost:
            return Silence(samples)
        self.counts.concealed += 1
        return Conceal(samples)

    def _correction(self, head: _Packet, now: float, quiet: bool) -> Verdict | None:
        """Stretch or merge, if the lead has been out of its band for long enough."""
        lowest = self._transit.lead - PLAY_SAMPLES
        band = max(FRAME_SAMPLES, head.samples) + 2 * PLAY_SAMPLES
        excess = self._lead(head.stamp, now) - lowest
        if 0 <= excess <= band:
            self._pressure = 0
        elif excess < 0:
            self._pressure = min(0, self._pressure) - 1
            if -self._pressure >= _STRETCH_PATIENCE[quiet]:
                return self._stretch()
        else:
            self._pressure = max(0, self._pressure) + 1
            hurry = quiet or excess > band + 2 * FRAME_SAMPLES
            if self._pressure >= _MERGE_PATIENCE[hurry]:
                return self._merge(head)
        return None

    def _stretch(self) -> Verdict:
        self._pressure = 0
        self.counts.stretched += 1
        return Stretch(self._take_head().payload)

    def _merge(self, head: _Packet) -> Verdict | None:
        second = self._packets.get(head.number + 1)
        if second is None or second.stamp != head.end or second.samples != head.samples:
            return None
        self._pressure = 0
        self.counts.merged += 1
        return Merge(self._take_head().payload, self._take_head().payload)
