"""The speakers: `python -m hiwar.rehearsal.speakers`, a child of the rehearsal; real WebRTC, as from
browsers.

Host and guest of the demonstration speak by the whole way of a browser: an offer to backstage (WHIP), ICE,
DTLS, SRTP over UDP, 50 packets a second; and they hear each other. The dialogue is begun anew when it is
over. The first line of its input says where (`Room`); any further line is answered with what was sent and
heard so far (`SpokenSoFar`).

Rules: backstage's port is checked as every aim (`aim`); of the addresses in its answer only those of this
machine are ever tried.
"""

import asyncio
import fractions
import os
import re
import sys
from collections.abc import Iterable
from typing import Any

import av
import ifaddr
import msgspec
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaBlackhole

from hiwar.demo import VOICE_FILES
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.ops.clock import monotonic
from hiwar.packager.ogg import parse_packets
from hiwar.rehearsal.aim import LOOPBACK, Aim, ask
from hiwar.rehearsal.orders import Room, SpokenSoFar
from hiwar.rehearsal.stdio import become_child

CONNECT_S_MAX = 20.0
TIME_BASE = fractions.Fraction(1, SAMPLE_RATE)
_CANDIDATE = re.compile(r"a=candidate:\S+ \d+ \S+ \d+ (\S+) ")


class Voice(MediaStreamTrack):
    """The packets of a file, over and over, each at its time; aiortc sends them as they are."""

    kind = "audio"

    def __init__(self, packets: list[bytes]) -> None:
        super().__init__()
        self.sent = 0
        self._packets = packets
        self._origin = monotonic()

    async def recv(self) -> Any:
        due = self._origin + (self.sent + 1) * FRAME_SAMPLES / SAMPLE_RATE
        await asyncio.sleep(max(0.0, due - monotonic()))
        packet = av.Packet(self._packets[self.sent % len(self._packets)])
        packet.pts, packet.time_base = self.sent * FRAME_SAMPLES, TIME_BASE
        self.sent += 1
        return packet


class Speaker:
    """One of them, connected. `connection` is aiortc's."""

    def __init__(self, connection: RTCPeerConnection, voice: Voice) -> None:
        self.connection = connection
        self.voice = voice

    async def heard(self) -> tuple[int, int]:
        """Packets received and lost (RFC 3550, A.3) of what the others say."""
        for receiver in self.connection.getReceivers():
            for row in (await receiver.getStats()).values():
                if row.type == "inbound-rtp":
                    return int(row.packetsReceived), max(0, int(row.packetsLost))
        return 0, 0


async def join(room: Room, bearer: str, voice: Voice) -> Speaker:
    """A speaker in the room.

    Raises:
        RuntimeError: backstage said no.
        TimeoutError: there was no connection in time.
    """
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connection.addTransceiver(voice, direction="sendrecv")
    ear = MediaBlackhole()  # what is not taken would pile up
    connection.on("track", ear.addTrack)
    await connection.setLocalDescription(await connection.createOffer())
    answer = await asyncio.to_thread(_offer, room, bearer, connection.localDescription.sdp)
    await connection.setRemoteDescription(
        RTCSessionDescription(near_candidates(answer, own_addresses()), "answer")
    )
    async with asyncio.timeout(CONNECT_S_MAX):
        while connection.connectionState != "connected":  # noqa: ASYNC110 - aiortc has no event to wait for
            await asyncio.sleep(0.02)
    await ear.start()
    return Speaker(connection, voice)


def own_addresses() -> frozenset[str]:
    """Addresses of this machine."""
    found = (ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips)
    return frozenset({LOOPBACK, *(each if isinstance(each, str) else each[0] for each in found)})


def near_candidates(sdp: str, own: Iterable[str]) -> str:
    """An answer without candidates (RFC 8839) that are not on this machine."""
    lines = sdp.splitlines(keepends=True)
    found = [(line, _CANDIDATE.match(line)) for line in lines]
    return "".join(line for line, candidate in found if candidate is None or candidate.group(1) in own)


def _offer(room: Room, bearer: str, sdp: str) -> str:
    headers = {"authorization": f"Bearer {bearer}", "content-type": "application/sdp"}
    aim = Aim(room.port, room.mark, os.getppid())
    status, body = ask(aim, "POST", f"/whip/{room.conversation}", sdp.encode(), headers)
    if status != 201:
        raise RuntimeError(f"backstage answered {status}: {body[:200]!r}")
    return body.decode()


async def speak(room: Room) -> None:
    """Everybody in, and answers to who asks, until the input ends."""
    files = [parse_packets(path.read_bytes()) for path in VOICE_FILES.values()]
    loop = asyncio.get_running_loop()
    asked = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(asked), sys.stdin)
    speakers: list[Speaker] = []
    try:
        for number, bearer in enumerate(room.passes):
            speakers.append(await join(room, bearer, Voice(files[number % len(files)])))
        while True:
            await _tell(speakers)
            if not await asked.readline():
                return
    finally:
        for speaker in speakers:
            await speaker.connection.close()


async def _tell(speakers: list[Speaker]) -> None:
    heard = [await speaker.heard() for speaker in speakers]
    spoken = SpokenSoFar(
        sent=sum(speaker.voice.sent for speaker in speakers),
        heard=sum(received for received, _ in heard),
        lost=sum(lost for _, lost in heard),
        connected=sum(speaker.connection.connectionState == "connected" for speaker in speakers),
    )
    sys.stdout.buffer.write(msgspec.json.encode(spoken) + b"\n")
    sys.stdout.buffer.flush()


def main() -> None:
    become_child(0)
    room = msgspec.json.decode(sys.stdin.buffer.readline(), type=Room)
    asyncio.run(speak(room))


if __name__ == "__main__":
    main()
