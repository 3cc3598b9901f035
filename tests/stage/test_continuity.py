"""Where media time goes on, under clocks that the test owns."""

from collections.abc import Iterator

import pytest

from hiwar.media.feed import Chunk
from hiwar.media.timeline import CHUNK_SAMPLES, SAMPLE_RATE
from hiwar.recording.journal import Anchor
from hiwar.stage.continuity import Moment, elapsed_samples, lay_silence, start_media_time
from hiwar.stage.lines import opus_line

ANCHOR = Anchor(boot_id="this", monotonic=1000.0, wallclock=5000.0)


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        (Moment("this", 1010.0, 5010.0), 10.0),
        (Moment("this", 1010.0, 99.0), 10.0),  # the wallclock stepped: it does not count
        (Moment("other", 3.0, 5060.0), 60.0),  # another boot: nothing else counts
        (Moment("other", 3.0, 4000.0), 0.0),
    ],
)
def test_the_monotonic_clock_counts_within_a_boot_and_the_wallclock_after_another(
    moment: Moment, seconds: float
) -> None:
    assert elapsed_samples(ANCHOR, moment) == seconds * SAMPLE_RATE


def test_a_stage_goes_on_at_the_next_border_of_a_chunk() -> None:
    start = start_media_time(ANCHOR, Moment("this", 1010.001, 0.0), recorded=0)
    assert start % CHUNK_SAMPLES == 0
    assert 0 <= start - 480_048 < CHUNK_SAMPLES


def test_a_clock_that_went_back_never_overwrites_what_is_recorded() -> None:
    recorded = 100 * CHUNK_SAMPLES + 960
    assert start_media_time(ANCHOR, Moment("other", 0.0, 4000.0), recorded) == 101 * CHUNK_SAMPLES


def test_hours_of_silence_are_laid_nearly_up_to_a_now_that_moves_on() -> None:
    def moments() -> Iterator[Moment]:
        for seconds in (600.0, 601.0, 601.2):
            yield Moment("this", 1000.0 + seconds, 0.0)
        while True:
            yield Moment("this", 1601.2, 0.0)

    clock, made = moments(), list[Chunk]()
    line = opus_line()
    lay_silence(line, ANCHOR, lambda: next(clock), made.extend, lambda: True)
    missing = 601.2 * SAMPLE_RATE - line.media_time
    assert 0.5 * SAMPLE_RATE <= missing < 0.5 * SAMPLE_RATE + CHUNK_SAMPLES
    numbers = [chunk.number for chunk in made if chunk.feed == "opus"]
    assert numbers == list(range(line.media_time // CHUNK_SAMPLES))
