"""Every process killed while a conversation is on air: what the people in it notice.

The host's microphone chirps four times a second; the guest's page (WebRTC) and a listener's page (fetch and
MSE, the real page that comes back by itself) keep what they hear. `kill -9` comes at a known moment; what is
told is the longest silence beyond the usual pause between chirps, and when chirps are heard again. What the
stage had received is known from a relay that the guest's packets pass; the track on disk is compared with it,
packet by packet.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from itertools import pairwise

from bench.chirps import RATE, Talk, find_chirps, on_air
from bench.harness import Outcome, Progress
from bench.scripted import children
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.recording.reader import RecordingReader
from hiwar.recording.tracks import read_records
from tests.e2e.chromium import figures, launch, playwright_running, take
from tests.e2e.lossy import HEAD_BYTES, Lossy
from tests.running import Hiwar, until

TITLE = "kill -9 at every process while on air"
EVERY_SECONDS = 0.25
BEFORE_SECONDS, AFTER_SECONDS = 3.0, 10.0
SETTLE_SECONDS = 8.0
UNNOTICED_MS = 300.0  # beyond the usual pause: one chirp may fall to concealment, two are noticed
SERVE_AFTER_SECONDS = 8.0
RTP_PAYLOAD_TYPES = range(96, 128)


def run(progress: Progress) -> Outcome:
    outcome = Outcome()
    with Hiwar() as hiwar, playwright_running() as playwright, Lossy() as network:
        browser = launch(playwright)
        with on_air(hiwar, browser, ("mse",), guest_relay=network.port) as talk:
            talk.chirp(EVERY_SECONDS)
            talk.guest.wait_for_timeout(SETTLE_SECONDS * 1000)
            for role in ("backstage", "web", "archive"):
                progress(f"kill -9 of {role}")
                unnoticed(outcome, talk, role)
            progress("kill -9 of an edge worker")
            edge_worker(outcome, talk)
            progress("kill -9 of serve")
            serve(outcome, talk)
            progress("kill -9 of the stage")
            stage(outcome, talk, network)
            progress("the recording")
            recording(outcome, talk)
        browser.close()
    return outcome


class Watched:
    """What both pages heard around a kill; `killed` and the chirps are wallclock in ms."""

    def __init__(self, talk: Talk, kill: Callable[[], None], after: float) -> None:
        self._talk = talk
        before = figures(talk.listeners["mse"])["reconnects"]
        peers = talk.guest.evaluate("peers.length")
        talk.reset()
        talk.guest.wait_for_timeout(BEFORE_SECONDS * 1000)
        self.killed = wallclock_ms()
        kill()
        talk.guest.wait_for_timeout(after * 1000)
        self.listener = find_chirps(take(talk.listeners["mse"], RATE))
        self.guest = find_chirps(take(talk.guest, RATE))
        self.reconnects = figures(talk.listeners["mse"])["reconnects"] - before
        self.connections = talk.guest.evaluate("peers.length") - peers

    def gap(self, heard: list[float]) -> float:
        """The longest silence in ms, beyond the usual pause between two chirps."""
        return (
            max((later - earlier for earlier, later in pairwise(heard)), default=1e6) - EVERY_SECONDS * 1000
        )

    def back(self, heard: list[float], since: float) -> float | None:
        """Seconds from the wallclock `since` to the first chirp after the longest silence that ends after the
        kill; None where nothing was heard any more."""
        silences = [two for two in pairwise(heard) if two[1] > self.killed]
        if not silences:
            return None
        return (max(silences, key=lambda two: two[1] - two[0])[1] - since) / 1000


def unnoticed(outcome: Outcome, talk: Talk, role: str) -> None:
    """A process whose death nobody on air may notice."""
    (pid,) = talk.hiwar.pids(role)
    watched = Watched(talk, lambda: os.kill(pid, signal.SIGKILL), AFTER_SECONDS)
    note = f"listener: {watched.reconnects} new connections, guest: {watched.connections}"
    for who, heard in (("listener's", watched.listener), ("guest's", watched.guest)):
        name = f"{role} killed: longest gap in a {who} sound"
        outcome.at_most(name, round(watched.gap(heard)), "ms", UNNOTICED_MS, note)
    keep(outcome, f"{role} killed", watched)
    until(lambda: [one for one in talk.hiwar.pids(role) if one != pid], 60)


def edge_worker(outcome: Outcome, talk: Talk) -> None:
    parent = next(pid for pid in children(talk.hiwar.serve.pid) if b"edge" in command_line(pid))
    worker = children(parent)[0]
    watched = Watched(talk, lambda: os.kill(worker, signal.SIGKILL), AFTER_SECONDS)
    heard_again = watched.back(watched.listener, watched.killed)
    outcome.at_most(
        "edge worker killed: its listener hears on after", heard_again, "s", 3.0, "since the kill"
    )
    outcome.at_most(
        "edge worker killed: longest gap in a guest's sound",
        round(watched.gap(watched.guest)),
        "ms",
        UNNOTICED_MS,
    )
    keep(outcome, "edge worker killed", watched)


def serve(outcome: Outcome, talk: Talk) -> None:
    """`hiwar serve` dies with all its children, stages apart, and is started again."""
    there: list[float] = []

    def kill_and_start() -> None:
        talk.hiwar.serve.kill()
        talk.hiwar.serve.wait()
        until(lambda: not edge_answers(talk), 20, 0.005)
        starter = threading.Thread(target=talk.hiwar.start)
        starter.start()
        until(lambda: edge_answers(talk), 60, 0.02)
        there.append(wallclock_ms())
        starter.join()

    watched = Watched(talk, kill_and_start, SERVE_AFTER_SECONDS)
    heard_again = watched.back(watched.listener, there[0])
    down = (there[0] - watched.killed) / 1000
    note = f"the front door was away for {down:.1f} s"
    outcome.at_most("serve killed: its listener hears on after", heard_again, "s", 3.0, note)
    outcome.at_most(
        "serve killed: longest gap in a guest's sound", round(watched.gap(watched.guest)), "ms", UNNOTICED_MS
    )
    keep(outcome, "serve killed", watched)


def stage(outcome: Outcome, talk: Talk, network: Lossy) -> None:
    pid = int((talk.hiwar.runtime / f"{talk.opened.id}.pid").read_text())
    at: list[float] = []

    def kill() -> None:
        at.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)

    watched = Watched(talk, kill, AFTER_SECONDS)
    for who, heard in (("a listener", watched.listener), ("the guest", watched.guest)):
        heard_again = watched.back(heard, watched.killed)
        outcome.at_most(f"stage killed: speech is heard again by {who} after", heard_again, "s", 3.0)
    outcome.at_most("stage killed: new connections of the listener", watched.reconnects, "", 0)
    outcome.at_most(
        "stage killed: of what it had received, missing in the track", missing(talk, network, at[0]), "s", 1.0
    )
    keep(outcome, "stage killed", watched)


def missing(talk: Talk, network: Lossy, killed: float) -> float:
    """Seconds of the guest's sound that reached the stage before its death and are not in the track."""
    folder = talk.hiwar.data / "conversations" / talk.opened.id / "recording"
    track = RecordingReader(folder).track_path("g1").read_bytes()
    recorded = {record.raw[2:HEAD_BYTES] for record in read_records(track)}
    sent = [
        head[2:]
        for moment, head in list(network.seen)
        if moment < killed and len(head) == HEAD_BYTES and head[1] & 0x7F in RTP_PAYLOAD_TYPES
    ]
    opened = next((number for number, head in enumerate(sent) if head in recorded), len(sent))
    sent = sent[opened:]
    if not sent:
        raise RuntimeError("the relay saw no sound of the guest")
    return sum(head not in recorded for head in sent) * FRAME_SAMPLES / SAMPLE_RATE


def recording(outcome: Outcome, talk: Talk) -> None:
    """One recording, one media time: as long as the wallclock says, and found sound."""
    talk.host.click("#end")
    talk.host.click("dialog .actions .button:last-child")
    folder = talk.hiwar.data / "conversations" / talk.opened.id / "recording"
    until(lambda: json.loads((folder.parent / "standing.json").read_text()).get("ended_wallclock"), 30)
    reader = RecordingReader(folder)
    standing = json.loads((folder.parent / "standing.json").read_text())
    lasted = standing["ended_wallclock"] - standing["opened_wallclock"]
    outcome.at_most(
        "recording and wallclock differ by",
        abs(reader.duration / SAMPLE_RATE - lasted),
        "s",
        1.0,
        "one media time",
    )
    found = json.loads(talk.hiwar.command("recordings", "verify", talk.opened.id, "--json"))[talk.opened.id]
    outcome.at_most("findings of recordings verify", len(found), "", 0, "; ".join(map(str, found))[:200])
    outcome.beside("gaps in the journal", len(reader.summary.gaps), "")


def keep(outcome: Outcome, name: str, watched: Watched) -> None:
    """Raw samples: when each chirp was heard, ms since the kill."""
    for who, heard in (("listener", watched.listener), ("guest", watched.guest)):
        outcome.samples[f"{name}, {who}"] = [round(at - watched.killed, 1) for at in heard]


def edge_answers(talk: Talk) -> bool:
    try:
        return talk.hiwar.get(f"/c/{talk.opened.id}/now").status == 200
    except OSError:
        return False


def command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def wallclock_ms() -> float:
    return time.time() * 1000  # noqa: TID251 - compared with a browser's clock
