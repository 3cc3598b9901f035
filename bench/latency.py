"""From a mouth to an ear, in real Chromium on the real pages.

One page's microphone is silence with a chirp every few seconds, at times that are known; the other pages'
sound is kept, and the chirps found in it by matched filter. All pages are in one browser process. A moment
on either audio clock is told as the wallclock at which it leaves that clock's loudspeaker, so the browser's
own output latency is on both sides and cancels out; it is given beside.

At 3 % loss, speakers' packets pass a relay that drops them by a seeded generator, each way.
"""

from playwright.sync_api import Browser

from bench.chirps import RATE, find_chirps, on_air
from bench.harness import Outcome, Progress, median, percentile
from tests.e2e.chromium import launch, playwright_running, take
from tests.e2e.lossy import Lossy
from tests.running import Hiwar

TITLE = "From a mouth to an ear, in Chromium on loopback"
SETTLE_SECONDS = 12  # players steer to the live edge
EVERY_SECONDS, CHIRPS = 3.013, 26  # rarer than the longest delay; no multiple of a frame
LOSSY_EVERY_SECONDS, LOSSY_CHIRPS = 1.013, 60
LOSS = 0.03
PAIRED_MS_MIN = 5.0


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    with Hiwar() as hiwar, playwright_running() as playwright:
        browser = launch(playwright)
        progress("speakers and listeners, no loss")
        with on_air(hiwar, browser, ("mse", "hls")) as talk:
            delays, output = measure(talk, EVERY_SECONDS, CHIRPS)
        progress("speakers at 3 % loss")
        lossy = measure_lossy(hiwar, browser)
        browser.close()
    for name, found, limit in (
        ("speaker to speaker", delays["guest"], 120),
        ("speaker to speaker, 3 % loss each way", lossy, 150),
        ("speaker to listener, fetch and MSE", delays["mse"], 500),
        ("speaker to listener, hls.js with parts", delays["hls"], 1_600),
    ):
        note = f"{len(found)} chirps; 95th percentile {percentile(found, 95) or 0:.0f} ms"
        outcome.at_most(f"{name}, median", median(found), "ms", limit, note)
        outcome.samples[f"{name}, ms"] = [round(delay, 1) for delay in found]
    outcome.beside("Chromium's own output latency, to be added", output * 1000, "ms")
    return outcome


def measure(talk, every: float, count: int) -> tuple[dict[str, list[float]], float]:
    """The delays of each ear's chirps in ms, and the browser's output latency in seconds."""
    talk.chirp(every)
    talk.guest.wait_for_timeout(SETTLE_SECONDS * 1000)
    talk.reset()
    talk.guest.wait_for_timeout(count * every * 1000)
    said = talk.said()
    ears = {"guest": talk.guest, **talk.listeners}
    heard = {name: take(page, RATE) for name, page in ears.items()}
    delays = {name: pair(said, find_chirps(line), every) for name, line in heard.items()}
    return delays, heard["guest"].output_latency


def measure_lossy(hiwar: Hiwar, browser: Browser) -> list[float]:
    with Lossy(LOSS, seed=7) as network:
        with on_air(hiwar, browser, (), host_relay=network.port, guest_relay=network.port) as talk:
            delays, _ = measure(talk, LOSSY_EVERY_SECONDS, LOSSY_CHIRPS)
        if not network.dropped:
            raise RuntimeError("nothing was lost: the packets did not pass the relay")
    return delays["guest"]


def pair(said: list[float], heard: list[float], every: float) -> list[float]:
    """For each chirp said, how much later the first one was heard; those that were not heard are left out."""
    delays = []
    for moment in said:
        later = [at - moment for at in heard if PAIRED_MS_MIN < at - moment < every * 1000]
        delays += later[:1]
    return delays
