"""Real Chromium on the real pages: speakers in backstage, listeners at the front door.

A speaker's microphone is a sound file (one browser process a file: Chromium takes one for all its pages),
or a line of chirps made in the page. What a page hears is kept by instruments.js and taken as samples.
"""

import base64
import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.needs import need_program
from tests.running import Hiwar, Opened

INSTRUMENTS = Path(__file__).with_name("instruments.js").read_text(encoding="utf-8")
HEARD_RATE = 16_000  # samples a second that pages keep for correlation
PATIENCE_MS = 45_000  # bound of every wait in a page: the machine may be busy
FLAGS = (
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-gpu",
)


@dataclass(frozen=True)
class Heard:
    """A line of sound from a page. `stamps` are pairs of the page's audio clock (seconds) and the wallclock
    (ms) at which that moment left its output; `start` is the first sample's place on the audio clock."""

    samples: NDArray[np.float32]
    rate: int
    start: float
    stamps: list[tuple[float, float]]
    output_latency: float

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def wallclock(self, position: float) -> float:
        """When the sample `position` seconds into the line was to be heard, in wallclock ms."""
        return wallclock_of(self.start + position, self.stamps)


def wallclock_of(context_seconds: float, stamps: list[tuple[float, float]]) -> float:
    """The wallclock (ms) of a moment on an audio clock, by the median of its stamps around it."""
    near = sorted(stamps, key=lambda stamp: abs(stamp[0] - context_seconds))[:41]
    return context_seconds * 1000 + float(np.median([wall - at * 1000 for at, wall in near]))


@contextlib.contextmanager
def playwright_running() -> Iterator[Playwright]:
    need_program("chromium")
    with sync_playwright() as playwright:
        yield playwright


def launch(playwright: Playwright, microphone: Path | None = None) -> Browser:
    """A browser process whose microphone plays `microphone` again and again."""
    own = [f"--use-file-for-fake-audio-capture={microphone}"] if microphone else []
    return playwright.chromium.launch(executable_path=need_program("chromium"), args=[*FLAGS, *own])


def new_page(browser: Browser, *, rate: int = HEARD_RATE, relay: int = 0, beeper: bool = False) -> Page:
    """A page with the instruments, in a context of its own."""
    context = browser.new_context(bypass_csp=True, locale="en-GB", viewport={"width": 400, "height": 600})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    options = json.dumps(
        {"rate": rate, "relay": relay, "beeper": beeper, "steady": not beeper and rate == HEARD_RATE}
    )
    page.add_init_script(f"window.INSTRUMENTS = {options};\n{INSTRUMENTS}")
    return page


def take(page: Page, rate: int = HEARD_RATE) -> Heard:
    """What the page has heard since the last call."""
    taken: dict[str, Any] = page.evaluate("instruments.take()")
    samples = np.frombuffer(base64.b64decode(taken["samples"]), np.int16).astype(np.float32) / 32768
    stamps = [(float(at), float(wall)) for at, wall in taken["stamps"]]
    return Heard(samples, rate, taken["frame"] / rate, stamps, float(taken["latency"] or 0))


def hear(page: Page, seconds: float) -> Heard:
    """What the page hears from now on, for so long."""
    page.evaluate("instruments.reset()")
    page.wait_for_timeout(seconds * 1000)
    return take(page)


def enter_backstage(page: Page, hiwar: Hiwar, opened: Opened, serial: str) -> None:
    """Go in as the person of a link, as a person does: name, agreement, button; wait until connected."""
    address, _, fragment = opened.links[serial].partition("#")
    page.goto(f"{address}?raw=1#{fragment}")
    page.wait_for_selector("#device")
    page.fill("#name", serial)
    page.check("#agree")
    page.click("#enter")
    wait_state(page, "green_room", "live")
    page.evaluate("instruments.tap('remote')")


def wait_state(page: Page, *states: str) -> None:
    """Wait until the speakers' page shows one of its states."""
    wanted = json.dumps(states)
    page.wait_for_function(f"{wanted}.includes(document.documentElement.dataset.state)")


def open_air(page: Page) -> None:
    page.click("#open-air")
    wait_state(page, "live")


def listen(page: Page, hiwar: Hiwar, opened: Opened, mode: str = "") -> None:
    """Open the conversation's page, in its own way of listening or a forced one, and press play; wait until
    it says that it plays."""
    page.goto(f"{hiwar.edge}/c/{opened.id}" + (f"#mode={mode}" if mode else ""))
    page.wait_for_selector("#play")
    page.evaluate("instruments.tap('#audio')")
    page.click("#play")
    page.wait_for_function("window.hiwar.state === 'playing'")


def figures(page: Page) -> dict[str, Any]:
    """The listening page's own figures."""
    shown: dict[str, Any] = page.evaluate("({...window.hiwar})")
    return shown
