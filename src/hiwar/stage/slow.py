"""A thread of slower encoders: AAC and MP3, or the lighter renditions. They never hold up the frame clock.

Sound comes over a bounded queue. `push` never waits: when the thread is so far behind that the queue is
full (`frames_max`), the frame is dropped and counted, and the lines lay silence over the hole, so media time
stays one line. The same silence fills the time between an older stage's last chunk and the first sound here.

An error in here ends the thread and is handed to `failed`: a stage that cannot make all that it records must
be replaced.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from hiwar.media.feed import Chunk
from hiwar.stage.lines import Line, Pcm

QUEUE_FRAMES_MAX = 250  # five seconds of sound, about 1 MB
STOP_SECONDS_MAX = 2.0  # what waits, five seconds of sound, is encoded in a fraction of that
BREATH_CHUNKS = 512  # after so many chunks of silence (some 8 ms) the interpreter is given to the others
BREATH_SECONDS = 0.001

Deliver = Callable[[Sequence[Chunk]], None]


@dataclass(frozen=True, slots=True)
class _Sound:
    media_time: int
    pcm: Pcm
    events: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Finish:
    end: int
    events: tuple[bytes, ...]
    finished: Callable[[], None]


class SlowLines:
    """Owns `lines`. `deliver` gets the chunks and `failed` an error, both in this thread. `may_go_on` says
    whether more of a long silence may be delivered now; at most `frames_max` frames wait."""

    def __init__(
        self,
        lines: Iterable[Line],
        deliver: Deliver,
        failed: Callable[[BaseException], None],
        may_go_on: Callable[[], bool] = lambda: True,
        *,
        name: str = "slow-encoders",
        frames_max: int = QUEUE_FRAMES_MAX,
    ) -> None:
        self.frames_dropped = 0
        self._frames_max = frames_max
        self._lines = tuple(lines)
        self._deliver = deliver
        self._failed = failed
        self._may_go_on = may_go_on
        self._queue: SimpleQueue[_Sound | _Finish | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def behind(self) -> int:
        """Frames that wait."""
        return self._queue.qsize()

    def push(self, media_time: int, pcm: Pcm, events: Sequence[bytes] = ()) -> None:
        """20 ms of sound, copied, and the events at its media time. Any thread; never waits."""
        if self._queue.qsize() >= self._frames_max:
            self.frames_dropped += 1
            return
        self._queue.put(_Sound(media_time, pcm.copy(), tuple(events)))

    def finish(self, end: int, finished: Callable[[], None], events: Sequence[bytes] = ()) -> None:
        """After what waits: fill every feed to `end`, then call `finished` (in this thread) and stop."""
        self._queue.put(_Finish(end, tuple(events), finished))

    def stop(self) -> None:
        """Stop after what waits, without an end: the next stage goes on. Waits for that, but not for long."""
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, _Finish):
                    self._finish(item)
                    return
                for line in self._lines:
                    self._sound(line, item)
        except BaseException as error:  # the loop's thread must know, whatever it is
            self._failed(error)

    def _sound(self, line: Line, item: _Sound) -> None:
        if item.media_time > line.media_time:
            deliver_in_steps(line.silence(item.media_time), self._deliver, self._may_go_on)
        chunks = tuple(line.sound(item.pcm, item.events))
        if chunks:
            self._deliver(chunks)

    def _finish(self, item: _Finish) -> None:
        for line in self._lines:
            self._deliver(tuple(line.finish(item.end, item.events)))
        item.finished()


def deliver_in_steps(
    chunks: Iterable[Chunk],
    deliver: Deliver,
    may_go_on: Callable[[], bool] = lambda: True,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Deliver many chunks without keeping the interpreter, and while `may_go_on` (the recorder's backlog)."""
    step: list[Chunk] = []
    for chunk in chunks:
        step.append(chunk)
        if len(step) >= BREATH_CHUNKS:
            deliver(tuple(step))
            step.clear()
            sleep(BREATH_SECONDS)
            while not may_go_on():
                sleep(BREATH_SECONDS)
    if step:
        deliver(tuple(step))
