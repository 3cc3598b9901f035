"""One speaker's packets to one speaker's sound: jitter buffer, decoder, and what is left over.

Rules: every `frame` writes exactly 960 samples, whatever the network does. Packets of 2.5 to 120 ms,
mono or stereo. All calls of one speaker come from one thread (or are kept apart by its owner). Nothing
that comes over the wire raises: what is no Opus is counted and concealed.
"""

from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from hiwar.media.opus_packet import PACKET_SAMPLES_MAX, packet_samples
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.mixer.jitter import Conceal, Decode, DecodeFec, JitterBuffer, Merge, Silence, Stretch, Verdict
from hiwar.stage.opus import OpusDecoder, OpusError

_HEARD = FRAME_SAMPLES  # so much of what was heard last stays before what is still to be heard
_RESUME = (
    FRAME_SAMPLES // 2
)  # 10 ms: a shorter fade from what was made up to what was said is heard as a click

QUIET_POWER = 1e-5  # -50 dBFS: between words; a correction is not heard there

Pcm = NDArray[np.float32]


class SpeakerDecoder:
    """The receiving end of one speaker. `buffer.counts`, `.depth` and `.target` tell how it goes;
    only the counts may be read from another thread."""

    def __init__(self) -> None:
        self.buffer = JitterBuffer()
        self.malformed = 0  # packets that were no Opus
        self._decoder = OpusDecoder()
        self._pcm = np.zeros(_HEARD + 2 * FRAME_SAMPLES + PACKET_SAMPLES_MAX, np.float32)
        self._other = np.zeros(PACKET_SAMPLES_MAX, np.float32)
        self._filled = 0
        self._quiet = True
        self._sounding = False
        self._made_up = False  # what was rendered last was concealment
        self._ahead = np.zeros(_RESUME, np.float32)

    def receive(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        """Take an RTP packet's 16-bit sequence number, 32-bit timestamp and payload, at `now` (s)."""
        try:
            samples = packet_samples(payload)
        except ValueError:
            self.malformed += 1
            return
        self.buffer.add(sequence, timestamp, samples, payload, now)

    def frame(self, now: float, out: Pcm) -> None:
        """Write the 960 samples that are due at `now`, the frame's nominal time, to `out` (960,)."""
        while self._filled < FRAME_SAMPLES:  # each verdict is 120 samples or more: eight rounds at most
            due = now + self._filled / SAMPLE_RATE
            self._filled += self._render(self.buffer.pull(due, self._quiet), _HEARD + self._filled)
        out[:] = self._pcm[_HEARD : _HEARD + FRAME_SAMPLES]
        kept = self._pcm[FRAME_SAMPLES : _HEARD + self._filled].copy()
        self._pcm[: kept.size] = kept
        self._filled -= FRAME_SAMPLES
        self._quiet = float(np.dot(out, out)) < QUIET_POWER * FRAME_SAMPLES

    def reset(self) -> None:
        """The sender has a new SSRC: start anew, keep the counts."""
        self.buffer.reset()

    def close(self) -> None:
        """Free the decoder."""
        self._decoder.close()

    def _render(self, verdict: Verdict, at: int) -> int:
        """Write the verdict's sound from index `at` of the store on; how many samples it is."""
        if isinstance(verdict, Silence):
            return self._silence(self._pcm[at : at + verdict.samples])
        resumed = self._made_up and not isinstance(verdict, Conceal)
        self._sounding, self._made_up = True, isinstance(verdict, Conceal)
        if resumed:
            self._decoder.conceal_ahead(self._ahead)
        samples = self._sound(verdict, at)
        if resumed:
            self._fade_from(self._ahead, self._pcm[at : at + min(samples, _RESUME)])
        return samples

    def _sound(self, verdict: Decode | DecodeFec | Conceal | Merge | Stretch, at: int) -> int:
        out = self._pcm[at:]
        match verdict:
            case Decode(payload):
                return self._decode(payload, out)
            case DecodeFec(payload, samples):
                return self._decode_fec(payload, out[:samples])
            case Conceal(samples):
                self._decoder.conceal(out[:samples])
                return samples
            case Merge(first, second):
                return self._merge(first, second, out)
            case Stretch(payload):
                return self._stretch(payload, at)
            case _:
                assert_never(verdict)

    def _decode(self, payload: bytes, out: Pcm) -> int:
        try:
            return self._decoder.decode(payload, out[:PACKET_SAMPLES_MAX])
        except OpusError:
            self.malformed += 1
            samples = packet_samples(payload)
            self._decoder.conceal(out[:samples])
            self._made_up = True
            return samples

    def _decode_fec(self, payload: bytes, out: Pcm) -> int:
        try:
            self._decoder.decode_fec(payload, out)
        except OpusError:
            self._decoder.conceal(out)
            self._made_up = True
        return out.size

    def _merge(self, first: bytes, second: bytes, out: Pcm) -> int:
        faded = self._decode(first, self._other)
        samples = self._decode(second, out)
        self._fade_from(self._other, out[: min(faded, samples)])
        return samples

    def _stretch(self, payload: bytes, at: int) -> int:
        samples = self._decode(payload, self._other)
        length = min(FRAME_SAMPLES, samples)
        rise = _rise(length)
        bridge = self._other[:length] * (1.0 - rise) + self._pcm[at - length : at] * rise
        self._pcm[at : at + length] = bridge
        self._pcm[at + length : at + length + samples] = self._other[:samples]
        return length + samples

    @staticmethod
    def _fade_from(first: Pcm, out: Pcm) -> None:
        """Begin `out` as `first`, and end it as it is."""
        rise = _rise(out.size)
        out[:] = first[: out.size] * (1.0 - rise) + out * rise

    def _silence(self, out: Pcm) -> int:
        """Silence; the first of it is what was heard before, fading away, so that nothing clicks."""
        if self._sounding:
            self._decoder.conceal(out)
            out *= 1.0 - _rise(out.size)
            self._decoder.reset()
            self._sounding = self._made_up = False
        else:
            out[:] = 0.0
        return out.size


def _rise(samples: int) -> Pcm:
    """From just above 0 to 1 along half a cosine."""
    angle = np.pi * (np.arange(samples, dtype=np.float32) + 1) / samples
    rise: Pcm = (0.5 - 0.5 * np.cos(angle)).astype(np.float32)
    return rise
