"""The thread of the slower encoders, and the delivery of much silence in steps."""

import threading
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from hiwar.media.feed import LIGHTER_FEEDS, Chunk
from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.packager.fmp4 import parse_fragment, render_event
from hiwar.stage.lighter import lighter_lines
from hiwar.stage.lines import END_GRID, Pcm, slow_lines
from hiwar.stage.slow import BREATH_CHUNKS, QUEUE_FRAMES_MAX, SlowLines, deliver_in_steps

QUIET = np.zeros(FRAME_SAMPLES, np.float32)


class Stuck:
    """A line that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.began = threading.Event()
        self.media_time = 0
        self.calls: list[tuple[str, int]] = []

    def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> Sequence[Chunk]:
        self.began.set()
        self.go.wait(10)
        self.calls.append(("sound", self.media_time))
        self.media_time += pcm.size
        return ()

    def silence(self, until: int) -> Iterator[Chunk]:
        self.calls.append(("silence", until))
        self.media_time = until
        yield from ()

    def finish(self, end: int, events: Iterable[bytes] = ()) -> Iterator[Chunk]:
        self.calls.append(("finish", end))
        yield from ()


def test_a_push_never_waits_and_what_does_not_fit_is_counted_and_becomes_silence() -> None:
    line, over = Stuck(), threading.Event()
    slow = SlowLines((line,), lambda chunks: None, lambda error: None)
    slow.start()
    slow.push(0, QUIET)
    line.began.wait(10)
    for number in range(1, QUEUE_FRAMES_MAX + 11):
        slow.push(number * FRAME_SAMPLES, QUIET)
    assert slow.frames_dropped == 10
    assert slow.behind == QUEUE_FRAMES_MAX
    line.go.set()
    while slow.behind:
        threading.Event().wait(0.01)
    slow.push((QUEUE_FRAMES_MAX + 11) * FRAME_SAMPLES, QUIET)
    slow.finish(END_GRID, over.set)
    assert over.wait(10)
    assert ("silence", (QUEUE_FRAMES_MAX + 11) * FRAME_SAMPLES) in line.calls
    assert line.calls[-1] == ("finish", END_GRID)


def test_a_queue_may_be_shorter() -> None:
    slow = SlowLines((), lambda chunks: None, lambda error: None, frames_max=3)
    for number in range(5):
        slow.push(number * FRAME_SAMPLES, QUIET)
    assert (slow.behind, slow.frames_dropped) == (3, 2)


def test_events_go_with_their_sound_and_with_the_end() -> None:
    made, over = list[Chunk](), threading.Event()
    slow = SlowLines(lighter_lines(), made.extend, lambda error: None)
    slow.start()
    boxes = [render_event("state", b"%d" % number, media_time=0) for number in range(2)]
    slow.push(0, QUIET)
    slow.push(FRAME_SAMPLES, QUIET, boxes[:1])
    slow.finish(END_GRID, over.set, boxes[1:])
    assert over.wait(10)
    events = [
        e.body for chunk in made if chunk.feed == "opus_light" for e in parse_fragment(chunk.payload).events
    ]
    assert events == [b"0", b"1"]
    assert {chunk.feed for chunk in made if chunk.end == END_GRID} == set(LIGHTER_FEEDS)


def test_all_feeds_are_whole_when_finished_is_called() -> None:
    made: list[Chunk] = []
    over = threading.Event()
    slow = SlowLines(slow_lines(), made.extend, lambda error: None)
    slow.start()
    for number in range(10):
        slow.push(number * FRAME_SAMPLES, QUIET)
    slow.finish(END_GRID, over.set)
    assert over.wait(10)
    assert {chunk.feed for chunk in made if chunk.end == END_GRID} == {"aac", "mp3"}


def test_the_silence_of_a_long_outage_waits_for_the_recorder() -> None:
    allowed, asked, made = threading.Event(), threading.Event(), list[Chunk]()

    def may_go_on() -> bool:
        asked.set()
        return allowed.is_set()

    slow = SlowLines(slow_lines(), made.extend, lambda error: None, may_go_on)
    slow.start()
    slow.push(300 * 48_000, QUIET)
    assert asked.wait(10)
    assert len(made) == BREATH_CHUNKS
    allowed.set()
    slow.stop()
    assert {chunk.feed: chunk.end for chunk in made}["mp3"] > 299 * 48_000


def test_an_error_is_told() -> None:
    told: list[BaseException] = []
    over = threading.Event()

    def refuse(chunks: Sequence[Chunk]) -> None:
        raise OSError("no")

    def failed(error: BaseException) -> None:
        told.append(error)
        over.set()

    slow = SlowLines(slow_lines(), refuse, failed)
    slow.start()
    slow.finish(END_GRID, lambda: None)
    assert over.wait(10)
    assert isinstance(told[0], OSError)


def test_a_stop_lets_what_waits_be_encoded_and_makes_no_end() -> None:
    line = Stuck()
    line.go.set()
    slow = SlowLines((line,), lambda chunks: None, lambda error: None)
    slow.push(0, QUIET)
    slow.stop()
    slow.start()
    slow._thread.join(10)
    assert line.calls == [("sound", 0)]


def test_much_silence_is_delivered_in_steps_and_waits_for_the_recorder() -> None:
    steps: list[int] = []
    allowed = [False, False, True]
    naps: list[float] = []
    chunks = [Chunk("opus", number, b"") for number in range(2 * BREATH_CHUNKS + 5)]
    deliver_in_steps(
        chunks,
        lambda step: steps.append(len(step)),
        lambda: allowed.pop(0) if allowed else True,
        naps.append,
    )
    assert steps == [BREATH_CHUNKS, BREATH_CHUNKS, 5]
    assert len(naps) == 4
