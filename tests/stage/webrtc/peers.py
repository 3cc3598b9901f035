"""A speaker for tests: aiortc as a client that sends RTP packets exactly as they are given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from hiwar.media.packet import SpeakerPacket, render_audio_level, render_extension, render_rtp
from hiwar.stage.webrtc.options import RtcOptions
from hiwar.stage.webrtc.patches import RtcCapabilities
from hiwar.stage.webrtc.session import WebRtcSession

LOOPBACK = RtcOptions(addresses=("127.0.0.1",))
WAIT_SECONDS = 10


@dataclass
class Talk:
    """A connected pair: the session under test and the speaker who called it."""

    session: WebRtcSession
    client: RTCPeerConnection
    answer: str
    received: list[SpeakerPacket] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    async def say(self, raw: bytes) -> None:
        await self.client.getTransceivers()[0].sender.transport._send_rtp(raw)

    async def wait_for(self, condition) -> None:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)


@asynccontextmanager
async def talking(
    options: RtcOptions = LOOPBACK, capabilities: RtcCapabilities | None = None, track=None
) -> AsyncIterator[Talk]:
    """A session and a speaker, connected, and closed at the end."""
    received: list[SpeakerPacket] = []
    states: list[str] = []
    session = WebRtcSession(options, received.append, states.append, capabilities)
    client = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    if track is None:
        client.addTransceiver("audio")
    else:
        client.addTrack(track)
    try:
        await client.setLocalDescription(await client.createOffer())
        answer = await session.accept(client.localDescription.sdp)
        talk = Talk(session, client, answer, received, states)
        await client.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await talk.wait_for(lambda: states and client.connectionState == "connected")
        yield talk
    finally:
        await client.close()
        await session.close()


def scripted_packet(number: int, payload: bytes = b"", payload_type: int = 96) -> bytes:
    """The packet of 20 ms number `number`: an extension, a marker at the start, a payload of its own."""
    return render_rtp(
        payload_type=payload_type,
        sequence=(65_500 + number) % 65_536,
        timestamp=(4_294_900_000 + 960 * number) % (1 << 32),
        ssrc=0x5EA1,
        payload=payload or f"packet {number}".encode(),
        marker=number == 0,
        extension=render_extension([(2, render_audio_level(-(number % 128)))]),
    )
