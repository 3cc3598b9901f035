"""Speakers as the frame clock sees them: a row in the mix, what came in, how it is decoded.

A `Voice` is made in the loop's thread when a source takes its place, and used by the clock's thread from
the next frame on. Across the threads go only: packets (a bounded deque), and single values that are
replaced whole (`muted`, `gain`). A person who comes back with a new connection gets a new voice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from hiwar.media.packet import SpeakerPacket
from hiwar.stage.decoding import SpeakerDecoder
from hiwar.stage.return_encoder import ReturnEncoder
from hiwar.stage.sources import Source

INBOX_PACKETS_MAX = 512  # ten seconds of packets, should the clock be held up; then the oldest go


class Inbox:
    """Packets on their way from the loop's thread to the clock's; never waits, the oldest go first.

    What is recorded is decided here, at the moment of arrival: `keep` gets every packet that comes while
    its speaker is not muted.
    """

    def __init__(self, keep: Callable[[SpeakerPacket], None]) -> None:
        self.muted = False
        self.overflowed = 0
        self._keep = keep
        self._packets: deque[SpeakerPacket] = deque(maxlen=INBOX_PACKETS_MAX)

    def receive(self, packet: SpeakerPacket) -> None:
        """A packet came from the source. The loop's thread."""
        if not self.muted:
            self._keep(packet)
        self.overflowed += len(self._packets) == INBOX_PACKETS_MAX
        self._packets.append(packet)

    def take(self) -> Iterator[SpeakerPacket]:
        """What came since the last frame. The clock's thread."""
        while self._packets:
            yield self._packets.popleft()


@dataclass(slots=True, eq=False)
class Voice:
    """One source in one person's place. `gain` is a factor; `loudness` (sum of squares a frame, smoothed)
    and `own_mix` are the clock's; `loss_out_percent` is what the speaker's receiver last reported.
    `buffered` (samples) is the clock's reading of its jitter buffer, for the other threads: the buffer
    itself changes under whoever looks into it from there."""

    person: str
    row: int
    source: Source
    inbox: Inbox
    muted: bool = False
    gain: float = 1.0
    decoder: SpeakerDecoder = field(default_factory=SpeakerDecoder)
    encoder: ReturnEncoder = field(default_factory=ReturnEncoder)
    ssrc: int | None = None
    loudness: float = 0.0
    own_mix: bool = True
    buffered: int = 0
    loss_out_percent: float = 0.0

    def decode(self, packet: SpeakerPacket) -> None:
        """Give a packet to the decoder, which starts anew with a new sender (SSRC)."""
        if packet.ssrc != self.ssrc:
            if self.ssrc is not None:
                self.decoder.reset()
            self.ssrc = packet.ssrc
        self.decoder.receive(packet.sequence, packet.timestamp, packet.payload, packet.arrival)


def free_row(voices: Iterable[Voice]) -> int:
    """The lowest row of the mix that nobody has."""
    taken = {voice.row for voice in voices}
    return next(row for row in range(len(taken) + 1) if row not in taken)
