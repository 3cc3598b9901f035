"""kill -9 at each process while two people speak and one listens, in real browsers.

Bounds are wide here, machines being busy; the bench `recovery` has the figures.
"""

import json
import os
import signal
from collections.abc import Callable

import pytest

from bench.scripted import children
from tests.e2e.chromium import figures, hear, take
from tests.e2e.conftest import Studio
from tests.e2e.hearing import assert_present, hear_until_present
from tests.e2e.sound import Samples
from tests.running import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEARD_AGAIN_SECONDS_MAX = 20.0
AROUND_SECONDS = 4.0


def both(studio: Studio) -> tuple[Samples, ...]:
    return tuple(voice.samples for voice in studio.voices)


def kill_amid_speech(studio: Studio, pid: int) -> None:
    """Keep what everybody hears from some seconds before the kill to some seconds after it."""
    for page in (studio.listener, studio.host, studio.guest):
        page.evaluate("instruments.reset()")
    studio.listener.wait_for_timeout(AROUND_SECONDS * 1000)
    os.kill(pid, signal.SIGKILL)
    studio.listener.wait_for_timeout(AROUND_SECONDS * 1000)


@pytest.mark.parametrize("role", ["backstage", "web", "archive"])
def test_nobody_on_air_notices_the_death_of(studio: Studio, role: str) -> None:
    connections = studio.host.evaluate("peers.length"), studio.guest.evaluate("peers.length")
    before = figures(studio.listener)["reconnects"]
    (pid,) = studio.hiwar.pids(role)
    kill_amid_speech(studio, pid)
    heard, host, guest = take(studio.listener), take(studio.host), take(studio.guest)
    assert_present(heard.samples, heard.rate, *both(studio), steered=True)
    assert_present(host.samples, host.rate, studio.english.samples)
    assert_present(guest.samples, guest.rate, studio.arabic.samples)
    assert figures(studio.listener)["reconnects"] == before
    assert (studio.host.evaluate("peers.length"), studio.guest.evaluate("peers.length")) == connections
    until(lambda: [one for one in studio.hiwar.pids(role) if one != pid], 60)


def test_listeners_of_a_killed_edge_worker_hear_on_by_themselves(studio: Studio) -> None:
    parent = next(pid for pid in children(studio.hiwar.serve.pid) if is_edge(pid))
    kill_amid_speech(studio, children(parent)[0])
    guest = take(studio.guest)
    hear_until_present(studio.listener, both(studio), HEARD_AGAIN_SECONDS_MAX)
    assert_present(guest.samples, guest.rate, studio.arabic.samples)


def test_speakers_talk_on_without_serve_and_listeners_are_back_when_it_is(studio: Studio) -> None:
    connections = studio.host.evaluate("peers.length"), studio.guest.evaluate("peers.length")
    studio.hiwar.serve.kill()
    studio.hiwar.serve.wait()
    heard = hear(studio.guest, 5)
    assert_present(heard.samples, heard.rate, studio.arabic.samples)
    studio.hiwar.start()
    hear_until_present(studio.listener, both(studio), HEARD_AGAIN_SECONDS_MAX)
    assert (studio.host.evaluate("peers.length"), studio.guest.evaluate("peers.length")) == connections


def test_a_killed_stage_is_followed_by_another_in_the_same_recording(studio: Studio) -> None:
    connections = figures(studio.listener)["reconnects"]
    file = studio.hiwar.runtime / f"{studio.opened.id}.pid"
    pid = int(file.read_text())
    os.kill(pid, signal.SIGKILL)
    hear_until_present(studio.listener, both(studio), HEARD_AGAIN_SECONDS_MAX)
    heard = hear(studio.guest, AROUND_SECONDS)
    assert_present(heard.samples, heard.rate, studio.arabic.samples)
    assert figures(studio.listener)["reconnects"] == connections
    assert int(file.read_text()) != pid
    recordings = studio.hiwar.data / "conversations" / studio.opened.id
    assert len(list(recordings.rglob("opus.mp4"))) == 1
    assert len(list((recordings / "recording" / "tracks").iterdir())) == 2


def test_after_all_of_it_the_recording_is_sound_and_of_one_media_time(studio: Studio) -> None:
    studio.host.click("#end")
    studio.host.click("dialog .actions .button:last-child")
    folder = studio.hiwar.data / "conversations" / studio.opened.id
    until(settled(studio), 30)
    standing = json.loads((folder / "standing.json").read_text())
    lasted = standing["ended_wallclock"] - standing["opened_wallclock"]
    assert abs(standing["duration"] / 48_000 - lasted) < 2.0


def settled(studio: Studio) -> Callable[[], bool]:
    def findings() -> bool:
        try:
            told = json.loads(studio.hiwar.command("recordings", "verify", studio.opened.id, "--json"))
        except RuntimeError:
            return False
        return told[studio.opened.id] == []

    return findings


def is_edge(pid: int) -> bool:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return b"edge" in file.read().split(b"\0")
