"""Going on after a death: where media time must go on, and the silence up to there. Mostly pure.

Media time is anchored: the journal says which moment of the monotonic clock (of which boot) was media time
0. So the next stage knows how long it really is since then, however long nobody was there, and what was
not heard is silence in every feed, never a jump.

The line of events: `Recorder.open` salvages and says where each feed ends (`Resumption`); `lay_silence`
makes, off the frame clock's thread, silence up to nearly now; the first frame on air computes the exact
media time (`start_media_time`), lays the rest and writes `RESUMED` and the gap into the journal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hiwar.media.timeline import CHUNK_SAMPLES, SAMPLE_RATE, ceil_to
from hiwar.recording.journal import Anchor
from hiwar.stage.lines import OpusLine
from hiwar.stage.slow import Deliver, deliver_in_steps

NEARLY_SECONDS = 0.5  # what the first frame on air may have to lay itself: six chunks, microseconds


@dataclass(frozen=True, slots=True)
class Moment:
    """One reading of the clocks."""

    boot_id: str
    monotonic: float
    wallclock: float


def elapsed_samples(anchor: Anchor, moment: Moment) -> int:
    """Media time of `moment` by the anchor; the wallclock decides only after another boot."""
    return int(anchor.elapsed_seconds(moment.boot_id, moment.monotonic, moment.wallclock) * SAMPLE_RATE)


def start_media_time(anchor: Anchor, moment: Moment, recorded: int) -> int:
    """Where a stage goes on: the chunk border at or after `moment`, never before `recorded`.

    `recorded` is the end of the longest feed on disk: after another boot with a wallclock that went back,
    it is all that is certain.
    """
    return ceil_to(max(elapsed_samples(anchor, moment), recorded), CHUNK_SAMPLES)


def lay_silence(
    line: OpusLine,
    anchor: Anchor,
    read_clocks: Callable[[], Moment],
    deliver: Deliver,
    may_go_on: Callable[[], bool],
) -> None:
    """Bring `line` to less than `NEARLY_SECONDS` before now, in steps; for a thread of its own."""

    def target() -> int:
        nearly = elapsed_samples(anchor, read_clocks()) - int(NEARLY_SECONDS * SAMPLE_RATE)
        return nearly - nearly % CHUNK_SAMPLES

    while line.media_time < (until := target()):
        deliver_in_steps(line.silence(until), deliver, may_go_on)


def outage_fields(until: int) -> dict[str, Any]:
    """The journal's GAP line for the time without a stage."""
    return {"until": until, "reason": "no stage"}
