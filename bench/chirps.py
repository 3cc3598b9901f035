"""Chirps as a measure of time: made in one page, found again in what another one heard."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page
from scipy.signal import fftconvolve

from tests.e2e.chromium import Heard, enter_backstage, listen, new_page, open_air, take
from tests.running import Hiwar, Opened

RATE = 48_000
CHIRP_SECONDS, CHIRP_FROM, CHIRP_TO = 0.04, 700.0, 2_700.0  # as in tests/e2e/instruments.js
LIKENESS = 0.55  # of a stretch of sound with the chirp; speech codecs leave 0.9, concealment 0.5
LOUD = 0.01
APART_SECONDS = 0.12


def chirp() -> NDArray[np.float64]:
    t = np.arange(round(CHIRP_SECONDS * RATE)) / RATE
    slope = (CHIRP_TO - CHIRP_FROM) / CHIRP_SECONDS
    return np.sin(np.pi * t / CHIRP_SECONDS) ** 2 * np.sin(2 * np.pi * (CHIRP_FROM + slope * t / 2) * t)


def find_chirps(heard: Heard) -> list[float]:
    """Where chirps begin, as wallclock in ms."""
    sound, template = heard.samples.astype(np.float64), chirp()
    if len(sound) < 2 * len(template):
        return []
    norm = float(np.linalg.norm(template))
    products = fftconvolve(sound, template[::-1], "valid") / norm
    total = np.concatenate([[0.0], np.cumsum(sound**2)])
    level = np.sqrt(np.maximum(total[len(template) :] - total[: -len(template)], 1e-12))
    score = np.where(level > LOUD * np.sqrt(len(template)), np.abs(products) / level, 0.0)
    found, apart = [], int(APART_SECONDS * RATE)
    for at in np.flatnonzero(score > LIKENESS):
        if not found or at - found[-1] > apart:
            found.append(int(at))
        elif score[at] > score[found[-1]]:
            found[-1] = int(at)
    return [heard.wallclock(at / RATE) for at in found]


@dataclass
class Talk:
    """A conversation on air: the host chirps, the guest hears it, listeners hear it."""

    hiwar: Hiwar
    opened: Opened
    host: Page
    guest: Page
    listeners: dict[str, Page]
    first: float = 0.0
    every: float = 0.0

    def chirp(self, every: float) -> None:
        self.every = every
        self.first = float(self.host.evaluate(f"instruments.beep({every})"))

    def reset(self) -> None:
        for page in (self.host, self.guest, *self.listeners.values()):
            page.evaluate("instruments.reset()")

    def said(self) -> list[float]:
        """When the host's chirps began, since the last reset, as wallclock in ms."""
        taken = take(self.host, RATE)
        numbers = range(int((taken.start - self.first) / self.every) + 1, 1_000_000)
        end = taken.start + taken.seconds
        times = [
            self.first + number * self.every for number in numbers[: int(taken.seconds / self.every) + 2]
        ]
        return [taken.wallclock(at - taken.start) for at in times if at < end]


@contextlib.contextmanager
def on_air(
    hiwar: Hiwar, browser: Browser, modes: Sequence[str], *, host_relay: int = 0, guest_relay: int = 0
) -> Iterator[Talk]:
    """A host, a guest, and one listener for each of `modes` (mse, hls), all in one browser process, so that
    their clocks agree."""
    opened = hiwar.open(guests=1)
    host = new_page(browser, rate=RATE, relay=host_relay, beeper=True)
    guest = new_page(browser, rate=RATE, relay=guest_relay, beeper=True)
    pages = {mode: new_page(browser, rate=RATE) for mode in modes}
    try:
        enter_backstage(host, hiwar, opened, "h1")
        open_air(host)
        enter_backstage(guest, hiwar, opened, "g1")
        for mode, page in pages.items():
            listen(page, hiwar, opened, mode)
        yield Talk(hiwar, opened, host, guest, pages)
    finally:
        for page in (host, guest, *pages.values()):
            page.context.close()
