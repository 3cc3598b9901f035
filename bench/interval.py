"""A change of write interval while somebody listens: 80 to 1280 ms and back, in Chromium on the real page.

A whole Hiwar with one speaker on air, the listening page in its default way (fetch into media source), and
the orders that the machine's owner gives by the worker's control socket. Counted are the page's own stalls,
and apart from them the samples in which the playhead stood still.
"""

import asyncio
import contextlib
import itertools
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from playwright.sync_api import Page, sync_playwright

from bench.harness import Outcome, median
from hiwar.edge.control import set_interval
from hiwar.edge.rhythm import ANNOUNCED_MS, RAMP_MS_PER_SECOND
from tests.running import Hiwar, Opened, command_room, until

SHORT_MS, LONG_MS = 80, 1280
RAMP_SECONDS = ANNOUNCED_MS / 1000 + (LONG_MS - SHORT_MS) / RAMP_MS_PER_SECOND
STEADY_SECONDS = 6.0  # before the change, and at each end
SAMPLE_SECONDS = 0.25
STANDSTILL = 0.02  # seconds of sound in a sample: less is a playhead that stands
PLAYING_SECONDS_MAX = 20.0
FLAGS = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--mute-audio")


def measure_interval(outcome: Outcome) -> None:
    """Stalls on the way there and back, and how far behind the page is at each end."""
    chromium = shutil.which("chromium")
    if chromium is None:
        outcome.at_most("stalls, 80 to 1280 ms and back", None, "stalls", 0, "Chromium is not installed")
        return
    with (
        Hiwar(environment={"HIWAR_WRITE_INTERVAL_MS": str(SHORT_MS)}) as hiwar,
        sync_playwright() as playwright,
    ):
        opened = hiwar.open(guests=1)
        with _speaking(hiwar, opened):
            browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
            try:
                page = browser.new_context(bypass_csp=True).new_page()
                _listen(page, hiwar, opened)
                _judge(outcome, page, hiwar, opened)
            finally:
                browser.close()


@contextlib.contextmanager
def _speaking(hiwar: Hiwar, opened: Opened) -> Iterator[None]:
    """A host with a tone, on air."""
    command = [sys.executable, "-m", "tests.whip_speaker", "--port", str(hiwar.backstage_port)]
    command += ["--conversation", opened.id, "--token", opened.token("h1"), "--seconds", "240", "--send-only"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            if b"connected" not in process.stdout.readline():
                raise RuntimeError("the speaker could not connect")
            command_room(hiwar, opened, kind="open_air")
            until(lambda: hiwar.get(f"/c/{opened.id}/now").json()["phase"] == "live")
            yield
        finally:
            process.kill()


def _listen(page: Page, hiwar: Hiwar, opened: Opened) -> None:
    page.goto(f"{hiwar.edge}/c/{opened.id}")
    page.click("#play")
    page.wait_for_function("window.hiwar.state === 'playing'", timeout=PLAYING_SECONDS_MAX * 1000)


def _judge(outcome: Outcome, page: Page, hiwar: Hiwar, opened: Opened) -> None:
    _watch(page, STEADY_SECONDS)
    before = _watch(page, STEADY_SECONDS)
    up = _change(page, hiwar, opened, LONG_MS)
    there = _watch(page, STEADY_SECONDS)
    down = _change(page, hiwar, opened, SHORT_MS)
    back = _watch(page, STEADY_SECONDS)
    way = [*up, *there, *down, *back]
    last, first = way[-1], before[-1]
    stalls = last["stalls"] - first["stalls"]
    outcome.at_most("stalls, 80 to 1280 ms and back", stalls, "stalls", 0, f"{len(way)} samples")
    stood = sum(two["position"] - one["position"] < STANDSTILL for one, two in itertools.pairwise(way))
    outcome.at_most("samples of it in which the playhead stood", stood, "samples", 0)
    outcome.beside("jumps and reconnections on the way", _count(last) - _count(first), "times")
    for name, seen in (("80 ms, before", before), ("1280 ms", there), ("80 ms, after", back)):
        delay = median([each["delay"] for each in seen if each["delay"] is not None])
        outcome.beside(f"sound ahead of the playhead at {name}", delay, "s", "most after a write")
    rates = [each["rate"] for each in way]
    outcome.beside("slowest playing", min(rates), "x")
    outcome.beside("fastest playing", max(rates), "x")
    outcome.samples["interval_delay"] = [each["delay"] for each in way]
    outcome.samples["interval_stalls"] = [each["stalls"] for each in way]
    outcome.samples["interval_rate"] = [each["rate"] for each in way]
    outcome.samples["interval_buffered"] = [each["buffered"] for each in way]
    outcome.beside("stalls in the seconds before", first["stalls"], "stalls", "no change: the machine's own")


def _change(page: Page, hiwar: Hiwar, opened: Opened, interval_ms: int) -> list[dict[str, Any]]:
    """Order a change, and watch until the announced ramp is over."""
    with ThreadPoolExecutor(1) as thread:  # the browser's driver has a loop in this one
        order = thread.submit(lambda: asyncio.run(set_interval(hiwar.runtime, opened.id, interval_ms)))
    if not order.result():
        raise RuntimeError("no worker took the order")
    return _watch(page, RAMP_SECONDS)


def _watch(page: Page, seconds: float) -> list[dict[str, Any]]:
    """The page's figures, several times a second."""
    seen = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen.append(page.evaluate("({...window.hiwar})"))
        page.wait_for_timeout(SAMPLE_SECONDS * 1000)
    return seen


def _count(figures: dict[str, Any]) -> int:
    return int(figures["jumps"]) + int(figures["reconnects"])
