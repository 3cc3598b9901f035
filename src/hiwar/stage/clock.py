"""The frame clock: calls its work every 20 ms, on a thread of its own, and never drifts.

Theory of operation. Frame `n` is due at `epoch + n * 20 ms` on the monotonic clock: deadlines are absolute,
so being late once makes nothing late for ever. After being held up, frames that are overdue follow each
other without a pause; if more than `CATCH_UP_MAX` are overdue (a stopped process, a suspended machine),
the oldest are passed over and the work sees the jump in the number, which is media time that it must fill
with silence, cheaply. No frame number is ever handed out twice or out of order.

The thread asks for the interpreter by waking: `SWITCH_SECONDS` bounds how long another thread may keep it.
An error in the work is handed to `failed` and ends the clock: a stage without its clock must die and be
replaced, not limp.
"""

import sys
import threading
import time
from collections.abc import Callable

from hiwar.media.timeline import FRAME_SECONDS
from hiwar.ops.clock import monotonic
from hiwar.stage.lateness import Lateness

CATCH_UP_MAX = 50  # frames, one second of sound: beyond it speakers' buffers hold nothing worth decoding
SWITCH_SECONDS = 0.0005  # the interpreter's default, 5 ms, is a quarter of a frame
STOP_SECONDS_MAX = 2.0

Work = Callable[[int, float], None]


def stay() -> None:
    """The thread stays where and as it was started."""


class FrameClock:
    """Runs `work(number, due)` for frames 0, 1, 2... until stopped; `due` is monotonic seconds.

    `place` is called in the clock's thread before the first, and `failed` with what the work raised. `now`
    and `sleep` can be replaced so that tests own the time.
    """

    def __init__(
        self,
        work: Work,
        failed: Callable[[BaseException], None],
        *,
        place: Callable[[], None] = stay,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.lateness = Lateness()
        self.skipped = 0  # frames passed over since the start
        self._work = work
        self._failed = failed
        self._place = place
        self._now = now
        self._sleep = sleep
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="frame-clock", daemon=True)

    def start(self) -> None:
        sys.setswitchinterval(min(SWITCH_SECONDS, sys.getswitchinterval()))
        self._thread.start()

    def stop(self) -> None:
        """Let the frame that runs be the last one, and wait for it."""
        self._stopping = True
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS_MAX)

    def run_until(self, stopping: Callable[[], bool]) -> None:
        """The loop itself, in the calling thread."""
        epoch = self._now()
        number = 0
        while not stopping():
            due = epoch + number * FRAME_SECONDS
            wait = due - self._now()
            if wait > 0:
                self._sleep(wait)
            late = self._now() - due
            self.lateness.add(late)
            passed_over = max(0, int(late / FRAME_SECONDS) - CATCH_UP_MAX)
            self.skipped += passed_over
            number += passed_over
            self._work(number, epoch + number * FRAME_SECONDS)
            number += 1

    def _run(self) -> None:
        try:
            self._place()
            self.run_until(lambda: self._stopping)
        except BaseException as error:  # whatever it is, the loop's thread must know
            self._failed(error)
