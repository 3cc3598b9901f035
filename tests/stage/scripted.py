"""Speakers that follow a script: real Opus in real RTP packets, sent in time, and what came to their ears."""

import asyncio
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hiwar.media.packet import SpeakerPacket, parse_rtp, render_rtp
from hiwar.media.timeline import FRAME_SAMPLES, FRAME_SECONDS, SAMPLE_RATE
from hiwar.ops.clock import monotonic
from hiwar.relay.directory import Directory
from hiwar.relay.local import LocalPublisher
from hiwar.relay.messages import Command, CommandKind
from hiwar.relay.records import Person, Role, Specification
from hiwar.stage.live import Live
from hiwar.stage.opus import OpusDecoder, OpusEncoder
from hiwar.stage.sources import SourceEvents, SourceHealth

Pcm = NDArray[np.float32]
ROLES = {"h": Role.HOST, "c": Role.COHOST, "g": Role.GUEST}
CONVERSATION = "abc123"


def tone(hertz: float, seconds: float, amplitude: float = 0.25) -> Pcm:
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


def power_at(pcm: Pcm, hertz: float) -> float:
    """The amplitude of one frequency in `pcm`."""
    times = np.arange(pcm.size) / SAMPLE_RATE
    return float(2 * np.abs(np.mean(pcm * np.exp(-2j * np.pi * hertz * times))))


class ScriptedSource:
    """A source that a test drives: `speak` sends, `heard` is what came back."""

    kind = "webrtc"
    hears = True

    def __init__(self, events: SourceEvents, ssrc: int) -> None:
        self.events = events
        self.sent: list[SpeakerPacket] = []
        self.heard: list[bytes] = []
        self.closed = False
        self._ssrc = ssrc
        self._encoder = OpusEncoder(64_000, 5)

    def send(self, packet: bytes) -> None:
        self.heard.append(packet)

    def health(self) -> SourceHealth:
        return SourceHealth()

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.events.down()

    async def speak(self, pcm: Pcm) -> None:
        """Send `pcm` as packets of 20 ms, in time."""
        begin = monotonic()
        for count, frame in enumerate(pcm.reshape(-1, FRAME_SAMPLES)):
            await asyncio.sleep(begin + count * FRAME_SECONDS - monotonic())
            number = len(self.sent)
            raw = render_rtp(
                payload_type=111,
                sequence=(65_500 + number) % 65_536,
                timestamp=number * FRAME_SAMPLES,
                ssrc=self._ssrc,
                payload=self._encoder.encode(frame),
            )
            packet = parse_rtp(raw, monotonic())
            self.sent.append(packet)
            self.events.received(packet)

    def heard_pcm(self, last: int = 50) -> Pcm:
        """What the last packets sound like."""
        return decode_opus(self.heard)[-last * FRAME_SAMPLES :]


def decode_opus(packets: list[bytes]) -> Pcm:
    decoder, out = OpusDecoder(), np.zeros((len(packets), FRAME_SAMPLES), np.float32)
    for number, packet in enumerate(packets):
        decoder.decode(packet, out[number])
    return out.reshape(-1)


class Stage:
    """A `Live` with a real relay and a real recorder in a temporary folder."""

    def __init__(self, folder: Path, waiting_minutes: float = 1.0, *, lighter: bool = False) -> None:
        self.directory = Directory(folder / "data", folder / "run")
        self.directory.runtime.mkdir(exist_ok=True)
        self.publisher = LocalPublisher()
        self.socket = self.directory.data_socket(CONVERSATION)
        self.ready = asyncio.Event()
        self.notices = 0
        self.live = Live(
            Specification(id=CONVERSATION, title="A test"),
            self.directory,
            self.publisher,
            speakers_max=8,
            waiting_minutes=waiting_minutes,
            notify=self._notified,
            lighter=lighter,
        )
        self._arrivals = 0

    @property
    def recording(self) -> Path:
        return self.directory.recording(CONVERSATION)

    async def run(self) -> None:
        await self.publisher.start(self.socket)
        try:
            await self.live.run(self.ready)
        finally:
            await self.publisher.close()

    def enter(self, who: str, *, resume: bool = False) -> ScriptedSource:
        """Let a person come in with a connection that is up."""
        self._arrivals += 1
        resource = f"{who}-{self._arrivals}"
        person = Person(id=who, name=f"name of {who}", role=ROLES[who[0]])
        self.live.arrive(person, resource, resume=resume)
        source = self.live.cast.take(
            resource, who, lambda events: ScriptedSource(events, ssrc=1000 + self._arrivals), self.live
        )
        source.events.up()
        return source

    def ask(self, actor: str, kind: CommandKind, target: str = "", value: str = "") -> None:
        self.live.command(Command(kind=kind, actor=actor, role=ROLES[actor[0]], target=target, value=value))

    async def open_air(self, actor: str = "h1") -> None:
        self.ask(actor, "open_air")
        async with asyncio.timeout(10):
            while self.live.broadcast.media_time == 0:
                await asyncio.sleep(0.01)

    def _notified(self) -> None:
        self.notices += 1
