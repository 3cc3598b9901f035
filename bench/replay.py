"""The host presses end, and the replay plays at the same address: of a conversation of three hours.

The three hours are made quickly and honestly: the recorder itself writes chunks of all three feeds, as many
as three hours have, with an anchor that lies three hours back. A real stage then takes that recording up,
goes on air with a voice, and the host ends it. From there the clock runs: until the playlist says that it is
whole and its first bytes come, and until a real Chromium plays the page.
"""

import contextlib
import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.harness import Outcome, Progress
from hiwar.media.feed import RECORDED_FEEDS
from hiwar.media.timeline import SAMPLE_RATE, floor_to
from hiwar.packager.feeds import init_bytes, render_chunk
from hiwar.recording.journal import JournalKind
from hiwar.recording.recorder import Clock, Recorder
from hiwar.stage.lines import END_GRID
from tests.recording.sound import tone_frames
from tests.running import Hiwar, Opened, ask, command_room, until

TITLE = "From the host's end to the replay of three hours"
HOURS_SECONDS = 3 * 3600
SEEK_SECONDS = HOURS_SECONDS - 60
ON_AIR_SECONDS = 8.0
BACKLOG_BYTES = 4 * 1024 * 1024
CHROMIUM = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
SEEK = """to => { const audio = document.querySelector('audio'); audio.currentTime = to; }"""
PLAYS = """from => { const audio = document.querySelector('audio');
  return audio && !audio.paused && !audio.seeking && audio.currentTime > from + 0.05; }"""


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    with Hiwar() as hiwar, browser_page() as page:
        opened = hiwar.open("three hours", guests=0, cohosts=0)
        progress("writing three hours")
        outcome.beside("writing three hours", write_hours(hiwar, opened), "s", "not part of the goal")
        progress("on air")
        began = time.monotonic()
        go_on_air(hiwar, opened)
        outcome.beside("from the order to the resumed air", time.monotonic() - began, "s")
        if page is not None:
            page.goto(f"{hiwar.edge}/c/{opened.id}")
        time.sleep(ON_AIR_SECONDS)
        progress("the host ends it")
        press_end(outcome, hiwar, opened, page)
    return outcome


def write_hours(hiwar: Hiwar, opened: Opened) -> float:
    """Three hours less a little, as the stage's recorder writes them; returns the seconds it took."""
    began = time.monotonic()
    folder = hiwar.data / "conversations" / opened.id / "recording"
    inits = {feed.name: init_bytes(feed.name) for feed in RECORDED_FEEDS}
    back = Clock(
        monotonic=lambda: time.monotonic() - HOURS_SECONDS,
        wallclock=lambda: time.time() - HOURS_SECONDS,  # noqa: TID251 - the anchor lies three hours back
    )
    recorder, _ = Recorder.open(folder, inits=inits, clock=back)
    recorder.write_journal(JournalKind.OPENED, 0)
    recorder.write_journal(JournalKind.JOINED, 0, person="h1", name="host", role="host")
    end = floor_to(HOURS_SECONDS * SAMPLE_RATE, END_GRID)
    for at in range(0, end, END_GRID):
        for feed in RECORDED_FEEDS:
            for number in range(at // feed.chunk_samples, (at + END_GRID) // feed.chunk_samples):
                recorder.write_chunk(render_chunk(feed, number, _frames(feed.name, number)))
        while recorder.backlog_bytes > BACKLOG_BYTES:
            time.sleep(0.01)
    recorder.close()
    return time.monotonic() - began


def _frames(feed: str, number: int) -> tuple[bytes, ...]:
    size = next(one.frames_per_chunk for one in RECORDED_FEEDS if one.name == feed)
    frames = tone_frames(feed)
    start = number % (len(frames) // size) * size
    return frames[start : start + size]


def go_on_air(hiwar: Hiwar, opened: Opened) -> None:
    """A voice in the host's place, and the air open, hours after it was first opened."""
    headers = {"authorization": f"Bearer {opened.token('h1')}", "content-type": "application/json"}
    body = json.dumps({"serial": "h1", "name": "host", "file": "host.opus"}).encode()
    done = ask("POST", f"{hiwar.backstage}/b/{opened.id}/sources", body, headers, 60)
    if done.status != 201 or command_room(hiwar, opened, kind="open_air").status != 200:
        raise RuntimeError(f"not on air: {done.body[:300]!r}")
    until(lambda: hiwar.get(f"/c/{opened.id}/now").json()["phase"] == "live", 60)


def press_end(outcome: Outcome, hiwar: Hiwar, opened: Opened, page: Any) -> None:
    """Measure from the press; then look for the moment 2:59:00."""
    base = f"/c/{opened.id}"
    began = time.monotonic()
    command_room(hiwar, opened, kind="end")
    until(lambda: "#EXT-X-ENDLIST" in _text(hiwar, f"{base}/archive/aac.m3u8"), 60, 0.01)
    first = hiwar.get(f"{base}/archive/aac.m4a", {"range": "bytes=0-65535"})
    outcome.at_most("until the whole playlist and first bytes", time.monotonic() - began, "s", 2.0)
    if first.status != 206:
        raise RuntimeError(f"the recording answers {first.status}")
    _play(outcome, page, f"{hiwar.edge}{base}", began)
    length = sum(map(float, re.findall(r"#EXTINF:([0-9.]+)", _text(hiwar, f"{base}/archive/aac.m3u8"))))
    outcome.at_least("length of the replay", length, "s", HOURS_SECONDS)


def _play(outcome: Outcome, page: Any, address: str, began: float) -> None:
    if page is None:
        outcome.at_most("until Chromium plays the replay", None, "s", 2.0, "Chromium is not installed")
        return
    until(lambda: _shows_replay(page, address), 30, 0.05)
    page.click("#play")
    page.wait_for_function(PLAYS, arg=0)
    outcome.at_most("until Chromium plays the replay", time.monotonic() - began, "s", 2.0)
    sought = time.monotonic()
    page.evaluate(SEEK, SEEK_SECONDS)
    page.wait_for_function(PLAYS, arg=SEEK_SECONDS)
    outcome.at_most("from a seek to 2:59:00 to sound there", time.monotonic() - sought, "s", 2.0)


def _shows_replay(page: Any, address: str) -> bool:
    """Whether the page is the replay; loaded anew where it is not yet."""
    page.goto(address, wait_until="domcontentloaded")
    return bool(page.query_selector('article[data-phase="ended"]'))


def _text(hiwar: Hiwar, path: str) -> str:
    return hiwar.get(path).body.decode()


@contextlib.contextmanager
def browser_page() -> Iterator[Any]:
    """A page of Debian's Chromium, or None where it is not installed."""
    program = shutil.which("chromium")
    if program is None:
        yield None
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(Path(program)), args=CHROMIUM)
        page = browser.new_page()
        page.goto("about:blank")
        yield page
        browser.close()
