"""One frame's work, fifty times a second: everybody's sound in, everybody's mix out, the program on air.

Rules:
- `frame` runs in the clock's thread and waits for nothing. What it made goes out in one `FrameMade`,
  delivered once (to the loop's thread); chunks are with the recorder before that.
- The other threads change what it works with by replacing a whole value: the tuple of voices, the air.
- Without air there is no program: in the green room speakers hear each other and nothing is kept.
- A muted speaker's packets are decoded (so that unmuting does not click) and not mixed.
- Who leaves while talking is faded out over one frame more, and has their row of the mix as long: who
  takes it over begins a frame later.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hiwar.media.feed import Chunk
from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.mixer.levels import LevelMeter
from hiwar.mixer.mix import Mixed, Mixer
from hiwar.stage.air import Air
from hiwar.stage.returns import Return, Returns
from hiwar.stage.voices import Voice

LEVEL_FRAMES = 12  # levels are told every 240 ms


@dataclass(slots=True)
class FrameMade:
    """What came out of one frame. `levels` (dBFS by person) is None between readings; `ended` is the
    conversation's length, in its last frame on air."""

    returns: list[Return]
    chunks: tuple[Chunk, ...] = ()
    levels: dict[str, int] | None = None
    ended: int | None = None


class Program:
    """See the module. `deliver` is called in the clock's thread, once a frame."""

    def __init__(self, speakers_max: int, deliver: Callable[[FrameMade], None]) -> None:
        self._deliver = deliver
        self._mixer = Mixer(speakers_max)
        self._returns = Returns()
        self._frames = np.zeros((speakers_max, FRAME_SAMPLES), np.float32)
        self._meter = LevelMeter(speakers_max)
        self._metered = 0
        self._wanted: tuple[Voice, ...] = ()
        self._voices: tuple[Voice, ...] = ()
        self._leaving: tuple[Voice, ...] = ()
        self._air: Air | None = None
        self._finished: Callable[[], None] | None = None

    # The loop's thread.

    def set_voices(self, voices: tuple[Voice, ...]) -> None:
        """Who is heard from the next frame on; each has a row of their own below `speakers_max`."""
        self._wanted = voices

    def go_on_air(self, air: Air) -> None:
        """From the next frame on."""
        self._air = air

    def end_air(self, finished: Callable[[], None]) -> None:
        """The next frame is the last on air; `finished` is called, in another thread, when every feed is
        whole."""
        self._finished = finished

    # The clock's thread.

    def frame(self, number: int, due: float) -> None:
        """Frame `number` of the clock, whose nominal time is `due` (monotonic seconds)."""
        self._settle()
        air = self._air
        chunks = air.step_to(number) if air else ()
        for voice in self._voices:
            self._hear(voice, due)
        mixed = self._mix()
        staying = [voice for voice in self._voices if voice not in self._leaving]
        made = FrameMade(self._returns.encode(staying, mixed))
        if air:
            made.chunks = chunks + air.frame(mixed.program)
        made.levels = self._read_levels(mixed)
        if air and self._finished is not None:
            last, made.ended = air.finish(self._finished)
            made.chunks += last
            self._air = self._finished = None
        self._deliver(made)

    def _settle(self) -> None:
        """Take up the wanted voices; forget in the mix who has faded out."""
        wanted = self._wanted
        if wanted is self._voices:
            return
        for voice in self._leaving:
            self._mixer.vacate(voice.row)
            self._frames[voice.row] = 0.0
        self._leaving = tuple(v for v in self._voices if v not in wanted and v not in self._leaving)
        if not self._leaving:
            self._voices = wanted
            return
        rows = {voice.row for voice in self._leaving}
        self._voices = (*(voice for voice in wanted if voice.row not in rows), *self._leaving)

    def _hear(self, voice: Voice, due: float) -> None:
        for packet in voice.inbox.take():
            voice.decode(packet)
        voice.decoder.frame(due, self._frames[voice.row])

    def _mix(self) -> Mixed:
        rows = max((voice.row for voice in self._voices), default=-1) + 1
        gains = np.zeros(rows, np.float32)
        muted = np.ones(rows, np.bool_)
        for voice in self._voices:
            gains[voice.row] = voice.gain
            muted[voice.row] = voice.muted or voice in self._leaving
        return self._mixer.mix(self._frames[:rows], gains, muted)

    def _read_levels(self, mixed: Mixed) -> dict[str, int] | None:
        self._meter.add(mixed.voice_energies, FRAME_SAMPLES)
        self._metered += 1
        if self._metered < LEVEL_FRAMES:
            return None
        self._metered = 0
        self._returns.choose(self._voices, mixed)
        levels = self._meter.take(mixed.voice_energies.size)
        for voice in self._voices:
            voice.buffered = voice.decoder.buffer.depth
        return {voice.person: levels[voice.row] for voice in self._voices}
