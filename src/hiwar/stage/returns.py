"""What each speaker hears: everybody but themselves, encoded and ready to send.

Rules: up to `OWN_MIXES_MAX` speakers have an encoder of their own for their mix-minus. Beyond that, only
the loudest have; the others share one packet of the whole program, which costs half: for who is muted or
silent the program *is* their mix-minus. Who starts to talk is among the loudest at the next choice, some
240 ms later.
"""

from collections.abc import Sequence

from hiwar.mixer.mix import Mixed
from hiwar.stage.return_encoder import ReturnEncoder
from hiwar.stage.sources import Source
from hiwar.stage.voices import Voice

OWN_MIXES_MAX = 12
_SMOOTHING = 0.5

Return = tuple[Source, bytes]


class Returns:
    """The shared encoder, and the choice of who needs their own. Belongs to the clock's thread."""

    def __init__(self, own_max: int = OWN_MIXES_MAX) -> None:
        self._own_max = own_max
        self._shared = ReturnEncoder()

    def choose(self, voices: Sequence[Voice], mixed: Mixed) -> None:
        """Decide anew who has their own mix; some times a second."""
        for voice in voices:
            fresh = float(mixed.voice_energies[voice.row])
            voice.loudness += (fresh - voice.loudness) * _SMOOTHING
        loudest = sorted(voices, key=lambda voice: voice.loudness, reverse=True)
        for place, voice in enumerate(loudest):
            voice.own_mix = place < self._own_max

    def encode(self, voices: Sequence[Voice], mixed: Mixed) -> list[Return]:
        """One packet for each source that hears."""
        listening = [voice for voice in voices if voice.source.hears]
        sharing = [voice.loss_out_percent for voice in listening if not voice.own_mix]
        shared = self._shared.encode(mixed.program, max(sharing)) if sharing else b""
        return [(voice.source, _own(voice, mixed) if voice.own_mix else shared) for voice in listening]


def _own(voice: Voice, mixed: Mixed) -> bytes:
    return voice.encoder.encode(mixed.minus[voice.row], voice.loss_out_percent)
