"""The frame clock under a time that the test owns, and (reported, not judged) under the real one."""

import threading
import time
from collections.abc import Callable

import pytest

from hiwar.media.timeline import FRAME_SECONDS
from hiwar.stage.clock import CATCH_UP_MAX, FrameClock


class OwnedTime:
    """A clock that moves when somebody sleeps, or when told."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def run_frames(
    count: int, hold: dict[int, float] | None = None
) -> tuple[FrameClock, list[tuple[int, float]]]:
    """Run `count` frames; the work of the n-th call takes `hold[n]` seconds. Numbers with their begin."""
    owned = OwnedTime()
    calls: list[tuple[int, float]] = []

    def work(number: int, due: float) -> None:
        calls.append((number, owned.now() - 100.0))
        owned.seconds += (hold or {}).get(len(calls) - 1, 0.0)

    clock = FrameClock(work, failed=lambda error: None, now=owned.now, sleep=owned.sleep)
    clock.run_until(lambda: len(calls) >= count)
    return clock, calls


def test_frames_begin_at_absolute_deadlines_whatever_the_work_takes() -> None:
    _, calls = run_frames(500, hold=dict.fromkeys(range(500), 0.007))
    assert [number for number, _ in calls] == list(range(500))
    assert calls[-1][1] == pytest.approx(499 * FRAME_SECONDS)


def test_frames_that_are_overdue_follow_without_a_pause_and_none_is_lost() -> None:
    clock, calls = run_frames(100, hold={10: 0.5})
    assert [number for number, _ in calls] == list(range(100))
    assert calls[11][1] == pytest.approx(calls[35][1])
    assert calls[40][1] == pytest.approx(40 * FRAME_SECONDS)
    assert clock.lateness.max_seconds == pytest.approx(0.48)


def test_after_a_very_long_hold_the_number_jumps_and_the_jump_is_counted() -> None:
    clock, calls = run_frames(200, hold={10: 60.01})
    numbers = [number for number, _ in calls]
    assert numbers[11] == 10 + 3000 - CATCH_UP_MAX
    assert numbers[11:] == list(range(numbers[11], numbers[11] + 189))
    assert clock.skipped == numbers[11] - 11


def test_an_error_in_the_work_ends_the_clock_and_is_told() -> None:
    told: list[BaseException] = []
    over = threading.Event()

    def work(number: int, due: float) -> None:
        if number == 2:
            raise RuntimeError("broken")

    def failed(error: BaseException) -> None:
        told.append(error)
        over.set()

    FrameClock(work, failed).start()
    assert over.wait(5)
    assert isinstance(told[0], RuntimeError)


def test_the_clock_stops_within_a_frame_and_counts_what_it_did(
    record_property: Callable[[str, object], None],
) -> None:
    """Also a report: lateness beside a control sleeper's on the same machine at the same time."""
    control: list[float] = []
    stopping = threading.Event()

    def sleeper() -> None:
        epoch = time.monotonic()
        for number in range(1, 10_000):
            if stopping.is_set():
                return
            due = epoch + number * FRAME_SECONDS
            time.sleep(max(0.0, due - time.monotonic()))
            control.append(time.monotonic() - due)

    thread = threading.Thread(target=sleeper)
    clock = FrameClock(lambda number, due: None, failed=lambda error: None)
    thread.start()
    clock.start()
    time.sleep(1.0)
    clock.stop()
    stopping.set()
    thread.join()
    assert clock.lateness.count >= 25
    record_property("frame_p99_ms", clock.lateness.percentile(99) * 1000)
    record_property("control_p99_ms", sorted(control)[int(len(control) * 0.99)] * 1000)


def test_the_clock_is_placed_in_its_own_thread_before_the_first_frame() -> None:
    events: list[tuple[str, int]] = []
    done = threading.Event()

    def work(number: int, due: float) -> None:
        events.append(("frame", threading.get_ident()))
        done.set()

    clock = FrameClock(
        work, failed=lambda error: None, place=lambda: events.append(("placed", threading.get_ident()))
    )
    clock.start()
    assert done.wait(5)
    clock.stop()
    assert [name for name, _ in events[:2]] == ["placed", "frame"]
    assert events[0][1] == events[1][1] != threading.get_ident()
