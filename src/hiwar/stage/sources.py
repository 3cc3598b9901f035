"""The port by which something takes a speaker's place, and its kinds: a browser's connection, a file.

A source delivers RTP packets as they come and tells when it is up and when it is gone; it may hear (get
the mix-minus back) or not. Everything runs in the loop's thread. To the rest of the stage all kinds are
the same: a file's packets go through the same buffer, mix and recording as a browser's.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from hiwar.media.opus_packet import packet_samples
from hiwar.media.packet import SpeakerPacket, parse_rtp, render_rtp
from hiwar.media.timeline import SAMPLE_RATE
from hiwar.ops.clock import monotonic
from hiwar.packager.boxes import BadMedia
from hiwar.packager.ogg import parse_packets
from hiwar.stage.orders import Refused
from hiwar.stage.webrtc.options import OfferRefused, RtcOptions, SessionState
from hiwar.stage.webrtc.session import WebRtcSession

FILE_BYTES_MAX = 64 * 1024 * 1024  # two hours and more of speech
FILE_PAYLOAD_TYPE = 96


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """Connection quality. `loss_percent` on the way here, `loss_out_percent` on the way to the speaker."""

    loss_percent: float = 0.0
    jitter_ms: float = 0.0
    loss_out_percent: float = 0.0


class Source(Protocol):
    """`kind` as in `Speaker.source`; `hears` whether `send` leads anywhere."""

    kind: str
    hears: bool

    def send(self, packet: bytes) -> None:
        """The next 20 ms of what the speaker hears, as an Opus packet."""
        ...

    def health(self) -> SourceHealth: ...

    async def close(self) -> None:
        """End it; `down` follows, or came before. Harmless when repeated."""
        ...


@dataclass(frozen=True, slots=True)
class SourceEvents:
    """What a source tells: packets; that sound flows (again), that it fell silent, that it is over (once)."""

    received: Callable[[SpeakerPacket], None]
    up: Callable[[], None]
    silent: Callable[[], None]
    down: Callable[[], None]


class WebRtcSource:
    """A browser or an outside encoder. Its owner comes back from a lost network with a new connection."""

    kind = "webrtc"

    def __init__(self, options: RtcOptions, events: SourceEvents) -> None:
        self.hears = True
        self._events = events
        self._session = WebRtcSession(options, events.received, self._changed)
        self._over = False

    async def accept(self, offer: str) -> str:
        """The SDP answer.

        Raises:
            Refused: the offer cannot be taken.
        """
        try:
            return await self._session.accept(offer)
        except OfferRefused as error:
            raise Refused(error.status, error.reason) from error

    async def add_candidates(self, fragment: str) -> None:
        """More addresses of the speaker.

        Raises:
            Refused: the fragment is none, or asks for what is not there.
        """
        try:
            await self._session.add_candidates(fragment)
        except OfferRefused as error:
            raise Refused(error.status, error.reason) from error

    def send(self, packet: bytes) -> None:
        self._session.send(packet)

    def health(self) -> SourceHealth:
        stats = self._session.stats()
        return SourceHealth(stats.loss_in_percent, stats.jitter_ms, stats.loss_out_percent)

    async def close(self) -> None:
        await self._session.close()

    def _changed(self, state: SessionState) -> None:
        if state == "connected":
            self._events.up()
        elif state == "disconnected":
            self._events.silent()
        elif state in ("failed", "closed") and not self._over:
            self._over = True
            self._events.down()


class FileSource:
    """An Ogg/Opus file, once, from its start, at its own pace. It waits until `go` (the air is open)."""

    kind = "file"
    hears = False

    def __init__(self, packets: list[bytes], events: SourceEvents, go: asyncio.Event) -> None:
        self._packets = packets
        self._events = events
        self._go = go
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Be there, speak, leave."""
        self._task = asyncio.current_task()
        self._events.up()
        try:
            await self._go.wait()
            await self._speak()
        finally:
            self._events.down()

    def send(self, packet: bytes) -> None:
        """A file hears nothing."""

    def health(self) -> SourceHealth:
        return SourceHealth()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _speak(self) -> None:
        ssrc, timestamp = Random().getrandbits(32), 0  # noqa: S311 - RFC 3550 wants it unlike others, no more
        begin = monotonic()
        for sequence, payload in enumerate(self._packets):
            await asyncio.sleep(begin + timestamp / SAMPLE_RATE - monotonic())
            raw = render_rtp(
                payload_type=FILE_PAYLOAD_TYPE,
                sequence=sequence % 65536,
                timestamp=timestamp,
                ssrc=ssrc,
                payload=payload,
            )
            self._events.received(parse_rtp(raw, monotonic()))
            timestamp += packet_samples(payload)


def read_file_packets(path: Path) -> list[bytes]:
    """The Opus packets of a file, every one checked.

    Raises:
        Refused: 404 there is no such file, 413 too large, 415 not Ogg/Opus.
    """
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise Refused(413, f"The file is larger than {FILE_BYTES_MAX // 2**20} MiB.")
        packets = parse_packets(path.read_bytes())
        for packet in packets:
            packet_samples(packet)
    except OSError as error:
        raise Refused(404, "There is no such file.") from error
    except (BadMedia, ValueError) as error:
        raise Refused(415, "The file is not Ogg/Opus.") from error
    return packets
