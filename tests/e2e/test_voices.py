"""Two people speak in two browsers, others listen: who hears whom, and what is recorded.

The tests are one story and run in this order; the last one ends the conversation.
"""

import json

import av
import numpy as np
import pytest

from hiwar.media.packet import parse_rtp
from hiwar.recording.tracks import read_records, track_name
from tests.e2e.chromium import figures, hear, listen, new_page
from tests.e2e.conftest import Studio
from tests.e2e.hearing import assert_absent, assert_present, hear_until_present, read_for
from tests.e2e.sound import Samples, decode
from tests.running import until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HEAR_SECONDS = 8.0


def test_a_listener_in_the_browser_hears_both_voices(studio: Studio) -> None:
    heard = hear(studio.listener, HEAR_SECONDS)
    assert figures(studio.listener)["mode"] == "mse"
    assert_present(heard.samples, heard.rate, *(voice.samples for voice in studio.voices), steered=True)


def test_each_speaker_hears_the_other_and_never_themselves(studio: Studio) -> None:
    pages = {studio.host: (studio.arabic, studio.english), studio.guest: (studio.english, studio.arabic)}
    for page, (own, other) in pages.items():
        heard = hear(page, HEAR_SECONDS)
        assert_present(heard.samples, heard.rate, other.samples)
        assert_absent(heard.samples, heard.rate, own.samples)


@pytest.mark.parametrize("name", ["live.ogg", "live.mp3", "live.mp4", "live.m4a"])
def test_whoever_takes_the_plain_response_hears_both_voices(studio: Studio, name: str) -> None:
    content = read_for(studio.hiwar, f"/c/{studio.opened.id}/{name}", HEAR_SECONDS)
    assert_present(decode(content), 16_000, *(voice.samples for voice in studio.voices))


def test_hls_js_plays_live_with_parts(studio: Studio) -> None:
    page = new_page(studio.spare)
    listen(page, studio.hiwar, studio.opened, "hls")
    heard = hear(page, HEAR_SECONDS)
    shown = figures(page)
    page.context.close()
    assert shown["mode"] == "hls"
    assert shown["delay"] < 8
    assert_present(heard.samples, heard.rate, *(voice.samples for voice in studio.voices), steered=True)


def test_hls_js_plays_from_the_beginning_while_it_goes_on(studio: Studio) -> None:
    page = new_page(studio.spare)
    listen(page, studio.hiwar, studio.opened, "hls")
    page.click("#from-start")
    page.wait_for_function("window.hiwar.shifted && window.hiwar.state === 'playing'")
    page.wait_for_function("window.hiwar.position > 1")
    heard = hear(page, HEAR_SECONDS)
    place = figures(page)["position"]
    page.context.close()
    assert 1 < place < HEAR_SECONDS + 20
    assert_present(heard.samples, heard.rate, *(voice.samples for voice in studio.voices), steered=True)


def test_a_speaker_cut_off_by_the_network_is_back_in_the_same_place_and_track(studio: Studio) -> None:
    tracks = studio.hiwar.data / "conversations" / studio.opened.id / "recording" / "tracks"
    track = tracks / track_name("g1")
    before = track.stat().st_ino
    connections = studio.guest.evaluate("peers.length")
    studio.network.cut()
    studio.guest.wait_for_function("document.documentElement.dataset.state === 'reconnecting'")
    studio.guest.wait_for_function("document.documentElement.dataset.state === 'live'", timeout=60_000)
    assert studio.guest.evaluate("peers.length") > connections
    hear_until_present(studio.listener, tuple(voice.samples for voice in studio.voices), 20)
    heard = hear(studio.guest, HEAR_SECONDS)
    assert_present(heard.samples, heard.rate, studio.arabic.samples)
    assert track.stat().st_ino == before
    assert sorted(path.name for path in tracks.iterdir()) == ["g1.track", "h1.track"]


def test_the_host_ends_it_and_the_replay_plays_at_the_same_address(studio: Studio) -> None:
    studio.host.click("#end")
    studio.host.click("dialog .actions .button:last-child")
    page = studio.listener
    page.wait_for_function("performance.getEntriesByType('navigation')[0].type === 'reload'", timeout=45_000)
    page.wait_for_selector("#play")
    page.evaluate("instruments.tap('#audio')")
    page.click("#play")
    page.wait_for_function("window.hiwar.state === 'playing' && window.hiwar.position > 0.2")
    heard = hear(page, HEAR_SECONDS)
    shown = figures(page)
    assert page.url.startswith(f"{studio.hiwar.edge}/c/{studio.opened.id}")
    assert shown["mode"] == "hls"
    assert_present(heard.samples, heard.rate, *(voice.samples for voice in studio.voices), steered=True)


@pytest.mark.parametrize("name", ["opus.mp4", "aac.m4a", "mp3.mp3"])
def test_both_voices_are_in_every_file_of_the_recording(studio: Studio, name: str) -> None:
    path = studio.hiwar.data / "conversations" / studio.opened.id / "recording" / name
    sound = decode(path)[16_000 * 2 : 16_000 * 14]
    assert_present(sound, 16_000, *(voice.samples for voice in studio.voices))


def test_each_track_is_one_persons_own_voice(studio: Studio) -> None:
    for person, own, other in (("h1", studio.arabic, studio.english), ("g1", studio.english, studio.arabic)):
        sound = decode_track(studio, person)[: 16_000 * 12]
        assert_present(sound, 16_000, own.samples)
        assert_absent(sound, 16_000, other.samples)


def test_the_recording_is_found_sound(studio: Studio) -> None:
    def findings() -> list[object] | None:
        try:
            told = json.loads(studio.hiwar.command("recordings", "verify", studio.opened.id, "--json"))
        except RuntimeError:
            return None
        found: list[object] = told[studio.opened.id]
        return found

    assert until(lambda: findings() == [], 20)


def decode_track(studio: Studio, person: str) -> Samples:
    """A track as sound at 16 kHz, packet after packet."""
    folder = studio.hiwar.data / "conversations" / studio.opened.id / "recording" / "tracks"
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    frames = []
    for record in read_records((folder / track_name(person)).read_bytes()):
        payload = parse_rtp(record.raw, 0.0).payload
        if payload:
            frames += [frame.to_ndarray() for frame in decoder.decode(av.Packet(payload))]
    sound = np.concatenate([frame.reshape(-1) for frame in frames]).astype(np.float32)
    return sound[::3] / 32768 if np.abs(sound).max() > 2 else sound[::3]
