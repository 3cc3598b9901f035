"""What one speaker hears, encoded as their line needs it.

On a line that loses nothing the packets carry no FEC: Opus then codes the frame by transform (CELT), which
costs a third of what speech coding with FEC costs. As soon as the speaker's receiver reports loss, an
encoder with FEC takes over (RFC 6716 section 2.1.7), and stays until the line was clean for
`CLEAN_FRAMES`. The new encoder hears the frame before first, so that it does not begin from silence.
"""

import numpy as np

from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.stage.opus import Application, OpusEncoder, Pcm

BITRATE = 32_000  # speech to one speaker's ear
COMPLEXITY = 5
LOSS_PERCENT_MIN = 1.0  # reported loss from which FEC is worth its price
LOSS_PERCENT_EXPECTED = 10  # at 5 and 32 kbit/s libopus finds no room for FEC
CLEAN_FRAMES = 1500  # half a minute


class ReturnEncoder:
    """One speaker's return. Belongs to the clock's thread."""

    def __init__(self) -> None:
        self._last: Pcm = np.zeros(FRAME_SAMPLES, np.float32)
        self._clean_for = CLEAN_FRAMES
        self._encoder = _make(protected=False)

    @property
    def protected(self) -> bool:
        """Whether packets carry FEC now."""
        return self._clean_for < CLEAN_FRAMES

    def encode(self, pcm: Pcm, loss_percent: float = 0.0) -> bytes:
        """The packet of one frame (960,); `loss_percent` is what the receiver last reported."""
        was_protected = self.protected
        self._clean_for = 0 if loss_percent >= LOSS_PERCENT_MIN else min(self._clean_for + 1, CLEAN_FRAMES)
        if self.protected != was_protected:
            self._encoder.close()
            self._encoder = _make(protected=self.protected)
            self._encoder.encode(self._last)
        np.copyto(self._last, pcm)
        return self._encoder.encode(pcm)


def _make(*, protected: bool) -> OpusEncoder:
    if protected:
        return OpusEncoder(
            BITRATE, COMPLEXITY, Application.VOIP, fec=True, loss_percent=LOSS_PERCENT_EXPECTED
        )
    return OpusEncoder(BITRATE, COMPLEXITY, Application.AUDIO)
