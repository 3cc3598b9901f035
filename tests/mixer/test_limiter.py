"""The limiter: never beyond ±1, never a click, untouched below the ceiling."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hiwar.mixer.limiter import CEILING, Limiter

Frames = NDArray[np.float32]


def tone(amplitude: float, frames: int, hertz: float = 200.0) -> Frames:
    time = np.arange(frames * 960) / 48_000
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32).reshape(frames, 1, 960)


def limited(frames: Frames) -> Frames:
    limiter = Limiter(1)
    out = frames.copy()
    for frame in out:
        limiter.limit(frame)
    return out.ravel()


def test_below_the_ceiling_nothing_is_touched() -> None:
    frames = tone(CEILING - 0.001, 20)
    assert np.array_equal(limited(frames), frames.ravel())


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e6), st.integers(1, 5))
def test_nothing_leaves_beyond_one(seed: int, amplitude: float, rows: int) -> None:
    random = np.random.default_rng(seed)
    limiter = Limiter(rows)
    for _ in range(4):
        frames = (random.standard_normal((rows, 960)) * amplitude).astype(np.float32)
        frames *= random.random((rows, 1)) < 0.7
        limiter.limit(frames)
        assert np.abs(frames).max() <= 1.0
        assert (limiter.gains > 0).all()
        assert (limiter.gains <= 1).all()


def test_a_loud_tone_settles_below_the_ceiling_with_a_smooth_gain() -> None:
    out = limited(np.concatenate([tone(0.5, 10), tone(3.0, 20), tone(0.5, 30)]))
    assert np.abs(out[12 * 960 : 29 * 960]).max() <= CEILING + 1e-6
    loudest_step = 3.0 * (2 * np.pi * 200 / 48_000) ** 2
    onset = np.abs(np.diff(out[: 15 * 960], 2)).max()
    later = np.abs(np.diff(out[12 * 960 : 29 * 960], 2)).max()
    after = np.abs(np.diff(out[30 * 960 + 2 :], 2)).max()
    assert later < loudest_step
    assert onset < 0.1
    assert after < 0.01


def test_the_gain_comes_back_in_a_quarter_of_a_second() -> None:
    limiter = Limiter(2)
    limiter.limit(np.full((2, 960), 8.9, np.float32))
    assert limiter.gains[0] < 0.12
    for _ in range(13):
        limiter.limit(np.zeros((2, 960), np.float32))
    assert limiter.gains.tolist() == [1.0, 1.0]


def test_every_row_is_limited_by_itself_and_can_be_released() -> None:
    limiter = Limiter(2)
    frames = np.full((2, 960), 0.5, np.float32)
    frames[0] = 5.0
    limiter.limit(frames)
    assert np.all(frames[1] == 0.5)
    assert limiter.gains[0] < 0.2
    limiter.release(0)
    assert limiter.gains.tolist() == [1.0, 1.0]
