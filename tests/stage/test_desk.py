"""Two speakers by real WebRTC at the desk of a stage: each hears the other, and both are recorded."""

import asyncio
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

from hiwar.media.packet import parse_rtp
from hiwar.recording.tracks import read_records
from hiwar.relay.control import ControlPeer
from hiwar.relay.messages import Answer, Done, Leave, Offer, Trickle
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Person, Phase, Role
from hiwar.stage.desk import Desk
from hiwar.stage.webrtc.options import RtcOptions
from tests.stage.scripted import ROLES, Stage, decode_opus, power_at
from tests.stage.test_live import running
from tests.whip_speaker import PacketTrack, Voice

NOBODY = cast(ControlPeer, None)  # only `Watch` looks at its peer


def steady(hertz: float) -> Voice:
    def frame(number: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        times = np.arange(number * 960, (number + 1) * 960) / 48_000
        return (0.2 * np.sin(2 * np.pi * hertz * times)).astype(np.float32)

    return frame


class Caller:
    """A browser's part, by aiortc."""

    def __init__(self, desk: Desk, who: str, hertz: float) -> None:
        self.desk = desk
        self.person = Person(id=who, name=who, role=ROLES[who[0]])
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.track = PacketTrack(steady(hertz), 0.0, asyncio.get_running_loop().time())
        self.resource = ""

    async def call(self, *, resume: bool = False) -> None:
        self.peer.addTransceiver(self.track, direction="sendrecv")
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = Offer(person=self.person, sdp=self.peer.localDescription.sdp, resume=resume)
        answer = await self.desk.answer(offer, NOBODY)
        assert isinstance(answer, Answer)
        self.resource = answer.resource
        await self.peer.setRemoteDescription(RTCSessionDescription(answer.sdp, "answer"))

    async def hear(self, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        track = self.peer.getReceivers()[0].track
        frames = [await track.recv() for _ in range(int(seconds * 50))]
        whole = np.concatenate([cast(AudioFrame, frame).to_ndarray().reshape(-1)[::2] for frame in frames])
        return (whole / 32_768).astype(np.float32)


async def test_two_callers_hear_each_other_and_are_recorded_and_leave(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    desk = Desk(RtcOptions(addresses=("127.0.0.1",)))
    desk.live = stage.live
    async with running(stage):
        host, guest = Caller(desk, "h1", 440), Caller(desk, "g1", 1000)
        await asyncio.gather(host.call(), guest.call())
        async with asyncio.timeout(20):
            while sum(speaker.person.connected for speaker in stage.live.describe().speakers) < 2:
                await asyncio.sleep(0.05)
        assert stage.live.room.phase is Phase.GREEN_ROOM
        await stage.open_air()
        async with asyncio.timeout(30):
            by_host, by_guest = await asyncio.gather(host.hear(3), guest.hear(3))
        assert power_at(by_host[-48_000:], 1000) > 0.1 > 10 * power_at(by_host[-48_000:], 440)
        assert power_at(by_guest[-48_000:], 440) > 0.1 > 10 * power_at(by_guest[-48_000:], 1000)
        assert isinstance(await desk.answer(Leave(resource=guest.resource), NOBODY), Done)
        assert [s.person.connected for s in stage.live.describe().speakers] == [True, False]
        with pytest.raises(RequestFailed) as refused:
            await desk.answer(Trickle(resource=guest.resource, fragment=""), NOBODY)
        assert refused.value.status == 404
        stage.ask("h1", "end")
        async with asyncio.timeout(10):
            while not stage.live.broadcast.length:
                await asyncio.sleep(0.05)
        await host.peer.close()
        await guest.peer.close()
    records = read_records((stage.recording / "tracks" / "g1.track").read_bytes())
    said = decode_opus([parse_rtp(record.raw, 0.0).payload for record in records])
    assert power_at(said[-48_000:], 1000) > 0.1


async def test_a_second_caller_with_one_pass_is_refused_and_with_a_resume_token_takes_over(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    desk = Desk(RtcOptions(addresses=("127.0.0.1",)))
    desk.live = stage.live
    async with running(stage):
        first, second = Caller(desk, "h1", 440), Caller(desk, "h1", 550)
        await first.call()
        with pytest.raises(RequestFailed) as refused:
            await second.call()
        assert refused.value.status == 409
        await second.peer.close()
        again = Caller(desk, "h1", 550)
        await again.call(resume=True)
        async with asyncio.timeout(20):
            while not stage.live.describe().speakers[0].person.connected:
                await asyncio.sleep(0.05)
        assert stage.live.cast.find(first.resource) is None
        assert stage.live.room.places["h1"].role is Role.HOST
        await first.peer.close()
        await again.peer.close()
