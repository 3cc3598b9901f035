"""What there is only while the air is open: media time, the program's lines, and what is recorded.

`Air` belongs to the frame clock's thread: one call of `frame` for each frame number. Media time follows
the numbers, so a number that jumps (a process that was stopped) becomes silence of that length. `finish`
is the last call: silence to the end of every feed's last chunk.

Chunks go to the recorder at once, in this thread, and are returned for the publisher.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from hiwar.media.feed import RECORDED_FEEDS, Chunk
from hiwar.media.timeline import CHUNK_SAMPLES, FRAME_SAMPLES, ceil_to
from hiwar.packager.fmp4 import render_event
from hiwar.stage.lines import END_GRID, OpusLine, Pcm
from hiwar.stage.slow import SlowLines

EVENTS_MAX = 32  # rendered events that wait for a frame; more of them are older news
_RECORDED = frozenset(feed.name for feed in RECORDED_FEEDS)


class ChunkKeeper(Protocol):
    """The recorder, as far as chunks go."""

    def write_chunk(self, chunk: Chunk) -> None: ...


def record_chunks(recorder: ChunkKeeper, chunks: Iterable[Chunk]) -> None:
    """Hand the recorded feeds' chunks over (Ogg is made again from the fMP4 when it is asked for)."""
    for chunk in chunks:
        if chunk.feed in _RECORDED:
            recorder.write_chunk(chunk)


class Air:
    """One stage's time on air.

    `begin` is called once, at the first frame, and says its media time (0, or where an earlier stage's
    line goes on, a multiple of CHUNK_SAMPLES). `lighter` has the lighter renditions, where they are made.
    """

    def __init__(
        self,
        recorder: ChunkKeeper,
        line: OpusLine,
        slow: SlowLines,
        begin: Callable[[], int],
        lighter: SlowLines | None = None,
    ) -> None:
        self._recorder = recorder
        self.media_time = line.media_time  # of the next frame
        self._line = line
        self._slow = slow
        self._lighter = lighter
        self._begin: Callable[[], int] | None = begin
        self._last_number = -1
        self._events: deque[tuple[str, bytes]] = deque(maxlen=EVENTS_MAX)

    def announce(self, kind: str, body: bytes) -> None:
        """Put an event into the fMP4 feed's next chunk. Any thread."""
        self._events.append((kind, body))

    def step_to(self, number: int) -> tuple[Chunk, ...]:
        """Make `media_time` that of frame `number`; silence is laid where frames were passed over."""
        if self._begin is not None:
            self.media_time, self._begin = self._begin(), None
        else:
            self.media_time += (number - self._last_number) * FRAME_SAMPLES
        self._last_number = number
        if self._line.media_time == self.media_time:
            return ()
        return self._recorded(self._line.silence(self.media_time))

    def frame(self, pcm: Pcm) -> tuple[Chunk, ...]:
        """The program's sound (960,) at `media_time`; the chunks that became whole."""
        events = self._take_events()
        self._slow.push(self.media_time, pcm)
        if self._lighter is not None:
            self._lighter.push(self.media_time, pcm, events)
        return self._recorded(self._line.sound(pcm, events))

    def finish(self, finished: Callable[[], None]) -> tuple[tuple[Chunk, ...], int]:
        """Fill up; the last Opus chunks, and the conversation's length. `finished` is called, in another
        thread, when the slower feeds are whole too; the lighter ones are waited for by nobody."""
        end = max(END_GRID, ceil_to(ceil_to(self._line.media_time, CHUNK_SAMPLES), END_GRID))
        events = self._take_events()
        self._slow.finish(end, finished)
        if self._lighter is not None:
            self._lighter.finish(end, lambda: None, events)
        return self._recorded(self._line.finish(end, events)), end

    def _take_events(self) -> list[bytes]:
        rendered = []
        while self._events:
            kind, body = self._events.popleft()
            rendered.append(render_event(kind, body, media_time=self._line.media_time))
        return rendered

    def _recorded(self, chunks: Iterable[Chunk]) -> tuple[Chunk, ...]:
        made = tuple(chunks)
        record_chunks(self._recorder, made)
        return made
