"""Speakers without a browser: real WebRTC by aiortc, sent to this machine only.

`python -m tests.whip_speaker` runs some of them until its standard input closes or its time is over,
each with a tone of its own and claps at whole seconds; the sender's clock may run fast or slow by some
parts per million, as a real sound card's does. One line of JSON is printed when all are connected.
"""

import argparse
import asyncio
import contextlib
import fractions
import json
import sys
import threading
import time
from collections.abc import Callable

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole
from numpy.typing import NDArray

from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.stage.opus import Application, OpusEncoder
from tests.running import ask

TIME_BASE = fractions.Fraction(1, SAMPLE_RATE)
CLAP_SECONDS = 0.03
CLAP_EVERY_SECONDS = 5.0

Voice = Callable[[int], NDArray[np.float32]]


def tone_voice(hertz: float, clap_hertz: float, skew: float, origin: float, level: float = 0.1) -> Voice:
    """A steady tone, and a clap at every fifth second of the true clock, heard by a clock that is `skew` off.

    `origin` is the true time (monotonic seconds) of the first sample.
    """

    def frame(number: int) -> NDArray[np.float32]:
        sample = np.arange(number * FRAME_SAMPLES, (number + 1) * FRAME_SAMPLES)
        true = origin + sample / (SAMPLE_RATE * (1 + skew))
        since = np.mod(true, CLAP_EVERY_SECONDS)
        window = np.where(since < CLAP_SECONDS, np.sin(np.pi * since / CLAP_SECONDS) ** 2, 0.0)
        steady = level * np.sin(2 * np.pi * hertz * sample / SAMPLE_RATE)
        return (steady + 0.15 * window * np.sin(2 * np.pi * clap_hertz * since)).astype(np.float32)

    return frame


class PacketTrack(MediaStreamTrack):
    """Encoded packets at the pace of the sender's own clock; aiortc sends them as they are."""

    kind = "audio"

    def __init__(self, voice: Voice, skew: float, origin: float) -> None:
        super().__init__()
        self._voice = voice
        self._frame_seconds = FRAME_SAMPLES / (SAMPLE_RATE * (1 + skew))
        self._origin = origin
        self._number = 0
        self._encoder = OpusEncoder(bitrate=32_000, application=Application.VOIP)

    async def recv(self) -> av.Packet:
        due = self._origin + (self._number + 1) * self._frame_seconds
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        packet = av.Packet(self._encoder.encode(self._voice(self._number)))
        packet.pts, packet.time_base = self._number * FRAME_SAMPLES, TIME_BASE
        self._number += 1
        return packet


async def join(
    port: int, conversation: str, token: str, track: MediaStreamTrack, receive: bool
) -> RTCPeerConnection:
    """One speaker in the room behind `port` of this machine."""
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver(track, direction="sendrecv" if receive else "sendonly")
    ear = MediaBlackhole()  # unheard frames would pile up: 30 MB a second with ten speakers
    connection.on("track", ear.addTrack)
    await connection.setLocalDescription(await connection.createOffer())
    headers = {"authorization": f"Bearer {token}", "content-type": "application/sdp"}
    address = f"http://127.0.0.1:{port}/whip/{conversation}"
    answer = await asyncio.to_thread(ask, "POST", address, connection.localDescription.sdp.encode(), headers)
    if answer.status != 201:
        raise RuntimeError(f"{answer.status} {answer.body[:300]!r}")
    await connection.setRemoteDescription(RTCSessionDescription(answer.body.decode(), "answer"))
    async with asyncio.timeout(20):
        while connection.connectionState != "connected":
            await asyncio.sleep(0.02)
    await ear.start()
    return connection


async def main(options: argparse.Namespace) -> None:
    connections = []
    for number, token in enumerate(options.token):
        skew = options.skew_ppm[number % len(options.skew_ppm)] * 1e-6
        origin = time.monotonic()
        voice = tone_voice(220.0 + 37.0 * number, 900.0 + 450.0 * number, skew, origin)
        track = PacketTrack(voice, skew, origin)
        connections.append(
            await join(options.port, options.conversation, token, track, not options.send_only)
        )
    print(json.dumps({"connected": len(connections)}), flush=True)
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=_wait_for_end, args=(loop, gone), daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(options.seconds):
            await gone.wait()
    for connection in connections:
        await connection.close()


def _wait_for_end(loop: asyncio.AbstractEventLoop, gone: asyncio.Event) -> None:
    sys.stdin.read()
    loop.call_soon_threadsafe(gone.set)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="backstage's port on this machine")
    parser.add_argument("--conversation", required=True)
    parser.add_argument("--token", action="append", required=True, help="one pass a speaker")
    parser.add_argument("--skew-ppm", type=float, action="append", default=[])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--send-only", action="store_true")
    given = parser.parse_args()
    given.skew_ppm = given.skew_ppm or [0.0]
    asyncio.run(main(given))
