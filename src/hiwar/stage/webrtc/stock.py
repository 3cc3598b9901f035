"""The stock way, for an aiortc that is not the one this package knows: only public names.

aiortc's own jitter buffer and decoder run; each decoded frame is encoded again and handed on as a packet
that never was on the wire. What is lost is lost, and it costs more; but speakers are heard.
"""

import asyncio
import fractions
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from hiwar.media.packet import SpeakerPacket, parse_rtp, render_rtp
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.ops import clock
from hiwar.stage.webrtc.options import RtcOptions, SessionStats
from hiwar.stage.webrtc.sdp import Offer

SEND_QUEUE_MAX = 8  # packets: 160 ms, then the oldest is dropped
_SSRC = 1  # of packets made here; there is only one source


class OutboundTrack(MediaStreamTrack):
    """Opus packets for aiortc's sender, which takes them as they are."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.dropped = 0
        self._packets: deque[av.Packet[Any]] = deque()
        self._filled = asyncio.Event()

    def push(self, opus_packet: bytes, timestamp: int) -> None:
        packet = av.Packet(opus_packet)
        packet.pts, packet.time_base = timestamp, fractions.Fraction(1, SAMPLE_RATE)
        if len(self._packets) >= SEND_QUEUE_MAX:
            self._packets.popleft()
            self.dropped += 1
        self._packets.append(packet)
        self._filled.set()

    async def recv(self) -> "av.Packet[Any]":
        while not self._packets:
            self._filled.clear()
            await self._filled.wait()
        return self._packets.popleft()


class StockPath:
    """Sound of one session in both directions, by aiortc's tracks."""

    def __init__(self, offer: Offer, options: RtcOptions, on_packet: Callable[[SpeakerPacket], None]) -> None:
        self.track = OutboundTrack()
        self._on_packet = on_packet
        self._payload_type = offer.payload_type
        self._encoder = _encoder(options.bitrate)
        self._resampler = AudioResampler("s16", "mono", SAMPLE_RATE, FRAME_SAMPLES)
        self._received = self._sent = self._timestamp = 0

    async def read(self, track: Any) -> None:
        """Hand on what the speaker's track decodes, until it ends."""
        try:
            while True:
                for frame in self._resampler.resample(cast(AudioFrame, await track.recv())):
                    self._encode(frame)
        except MediaStreamError:
            return

    def send(self, opus_packet: bytes) -> None:
        """The next 20 ms of sound; b"" is 20 ms in which nothing is sent."""
        self._timestamp += FRAME_SAMPLES
        if opus_packet:
            self.track.push(opus_packet, self._timestamp)
            self._sent += 1

    def close(self) -> None:
        self.track.stop()

    def stats(self) -> SessionStats:
        return SessionStats(
            packets_received=self._received,
            packets_sent=self._sent - self.track.dropped,
            sent_dropped=self.track.dropped,
        )

    def _encode(self, frame: AudioFrame) -> None:
        frame.pts = None
        for packet in self._encoder.encode(frame):
            raw = render_rtp(
                payload_type=self._payload_type,
                sequence=self._received % (1 << 16),
                timestamp=self._received * FRAME_SAMPLES % (1 << 32),
                ssrc=_SSRC,
                payload=bytes(packet),
            )
            self._received += 1
            self._on_packet(parse_rtp(raw, clock.monotonic()))


def _encoder(bitrate: int) -> AudioCodecContext:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.bit_rate = SAMPLE_RATE, bitrate
    encoder.layout, encoder.format = "mono", "s16"
    encoder.time_base = fractions.Fraction(1, SAMPLE_RATE)
    return encoder
