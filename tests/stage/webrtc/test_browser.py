"""Sound both ways between a real Chromium and a session, judged by its frequency."""

import asyncio
import fractions
import re
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.async_api import Page, async_playwright

from hiwar.media.packet import SpeakerPacket
from hiwar.stage.opus import silent_packet
from hiwar.stage.webrtc.options import RtcOptions
from hiwar.stage.webrtc.session import WebRtcSession
from tests.needs import need_program

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATE = 48_000
SPOKEN_HZ = 440
HEARD_HZ = 1_000
SECONDS = 4

OFFER = """async () => {
  window.mic = await navigator.mediaDevices.getUserMedia({audio: {
    echoCancellation: false, noiseSuppression: false, autoGainControl: false}});
  window.pc = new RTCPeerConnection();
  pc.addTrack(mic.getAudioTracks()[0], mic);
  window.remote = new Promise(resolve => { pc.ontrack = event => resolve(event.track); });
  await pc.setLocalDescription(await pc.createOffer());
  await new Promise(resolve => {
    const check = () => pc.iceGatheringState === 'complete' && resolve();
    pc.onicegatheringstatechange = check; check(); setTimeout(resolve, 1500); });
  return pc.localDescription.sdp; }"""

LISTEN = """async (answer) => {
  await pc.setRemoteDescription({type: 'answer', sdp: answer});
  const stream = new MediaStream([await remote]);
  window.player = new Audio(); player.muted = true; player.srcObject = stream; player.play();
  window.context = new AudioContext({sampleRate: 48000});
  window.analyser = context.createAnalyser(); analyser.fftSize = 8192;
  context.createMediaStreamSource(stream).connect(analyser);
  await context.resume(); }"""

PEAK = """() => {
  const bins = new Float32Array(analyser.frequencyBinCount); analyser.getFloatFrequencyData(bins);
  let best = 0; for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
  return [best * context.sampleRate / analyser.fftSize, bins[best], pc.connectionState]; }"""


def tone(frequency: int, seconds: float) -> np.ndarray:
    return (8_000 * np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


def write_wav(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


def opus_packets(samples: np.ndarray) -> list[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "s16"
    encoder.time_base = fractions.Fraction(1, RATE)
    packets = []
    for start in range(0, len(samples) - 959, 960):
        frame = av.AudioFrame.from_ndarray(samples[start : start + 960].reshape(1, -1), "s16", "mono")
        frame.sample_rate = RATE
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return packets


def loudest_frequency(packets: Sequence[SpeakerPacket]) -> float:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout = RATE, "mono"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.payload))]
    sound = np.concatenate([frame.to_ndarray().astype(np.float64)[0] for frame in frames])
    return float(np.argmax(np.abs(np.fft.rfft(sound))) * RATE / len(sound))


@asynccontextmanager
async def browser_page(wav: Path) -> AsyncIterator[Page]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=need_program("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={wav}",
                "--autoplay-policy=no-user-gesture-required",
                "--disable-background-networking",
            ],
        )
        page = await browser.new_page()
        await page.route("**/*", lambda route: route.fulfill(body="<html></html>", content_type="text/html"))
        await page.goto("https://speaker.invalid/")
        yield page
        await browser.close()


def hide_addresses(sdp: str) -> str:
    """As a browser does that hides its addresses: names that only multicast DNS could tell."""
    name = "0c4b32b8-6f43-4b38-8d5b-5a3b8a9d8f11.local"
    return re.sub(r"(a=candidate:\S+ 1 udp \d+ )\S+( \d+ typ host)", rf"\g<1>{name}\g<2>", sdp)


async def until_round_trip_is_known(session: WebRtcSession) -> None:
    """A round trip is known once a report of ours was answered: both sides report some seconds apart."""
    async with asyncio.timeout(20):
        while session.stats().rtt_ms is None:
            session.send(silent_packet())
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("hidden", [False, True], ids=["addresses told", "addresses hidden"])
@pytest.mark.parametrize("recovery", ["fec", "nack"])
async def test_a_tone_spoken_in_chromium_arrives_and_another_one_is_heard_there(
    tmp_path: Path, hidden: bool, recovery: str
) -> None:
    wav = tmp_path / "tone.wav"
    write_wav(wav, tone(SPOKEN_HZ, 10))
    received: list[SpeakerPacket] = []
    states: list[str] = []
    session = WebRtcSession(RtcOptions(recovery=recovery), received.append, states.append)
    async with browser_page(wav) as page:
        offer = await page.evaluate(OFFER)
        try:
            answer = await session.accept(hide_addresses(offer) if hidden else offer)
            await page.evaluate(LISTEN, answer)
            packets = opus_packets(tone(HEARD_HZ, SECONDS))
            start = asyncio.get_running_loop().time()
            for number, packet in enumerate(packets):
                session.send(packet)
                await asyncio.sleep(max(0.0, start + 0.02 * number - asyncio.get_running_loop().time()))
            frequency, level, state = await page.evaluate(PEAK)
            await until_round_trip_is_known(session)
            stats = session.stats()
        finally:
            await session.close()
    assert states == ["connected", "closed"]
    assert state == "connected"
    assert abs(frequency - HEARD_HZ) < 20, level
    assert abs(loudest_frequency(received[-100:]) - SPOKEN_HZ) < 5
    assert len(received) > 45 * SECONDS * 0.8
    assert all(packet.audio_level is not None for packet in received)
    assert stats.packets_sent > 45 * SECONDS * 0.8
    assert stats.rtt_ms is not None
    assert stats.rtt_ms < 1_000
    assert stats.foreign == 0
