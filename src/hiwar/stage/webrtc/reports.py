"""RTCP for one speaker (RFC 3550 section 6, RFC 4585 for NACK): what is said and what is heard. Pure.

The wire format is aiortc's; this module knows only what the reports mean. Times are NTP seconds as a
float (any epoch, as long as it is one), because round trips are differences.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiortc.rtp import (
    RTCP_RTPFB_NACK,
    RtcpPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from hiwar.stage.webrtc.reception import Reception

SOURCES_MAX = 8  # remote sources that are remembered; a speaker has one
RTT_SECONDS_MAX = 60.0  # longer ones are a damaged report
_CNAME = 1  # SDES item (RFC 3550 section 6.5.1)
_MIDDLE = 1 << 16  # the middle 32 bits of an NTP time count 1/65536 s


class BadReport(ValueError):
    """An RTCP packet that cannot be read."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What this side has sent: counts, and the RTP timestamp that belongs to the moment of the report."""

    packets: int
    octets: int
    timestamp: int


@dataclass(slots=True)
class ReportExchange:
    """Both directions of RTCP. `ssrc` and `cname` are this side's."""

    ssrc: int
    cname: str
    rtt_seconds: float | None = None
    lost_fraction_out: float = 0.0  # 0..1, of what this side sent, in the peer's last interval
    lost_fraction_in: float = 0.0  # 0..1, of what the peer sent, in our last interval
    _heard: dict[int, tuple[int, float]] = field(default_factory=dict)  # ssrc: (NTP middle, when heard)

    def take(self, data: bytes, now_ntp: float) -> list[int]:
        """Read a compound packet. Returns the sequence numbers that the peer asks to have again.

        Raises:
            BadReport: it cannot be read; what came before the damage is not taken either.
        """
        try:
            packets = RtcpPacket.parse(data)
        except (ValueError, IndexError, struct.error) as error:
            raise BadReport(f"an RTCP packet cannot be read: {error}") from error
        wanted: list[int] = []
        for packet in packets:
            if isinstance(packet, RtcpSrPacket):
                self._remember(packet, now_ntp)
            if isinstance(packet, RtcpSrPacket | RtcpRrPacket):
                self._take_blocks(packet.reports, now_ntp)
            elif isinstance(packet, RtcpRtpfbPacket) and packet.fmt == RTCP_RTPFB_NACK:
                wanted += [number % 65536 for number in packet.lost if packet.media_ssrc == self.ssrc]
        return wanted

    def render(self, sent: Sent | None, receptions: Sequence[Reception], now_ntp: float) -> bytes:
        """A compound packet: sender report (or receiver report, when nothing is sent), then CNAME."""
        blocks = [self._block(reception, now_ntp) for reception in receptions]
        cname = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=self.ssrc, items=[(_CNAME, self.cname.encode())])])
        if sent is None:
            return bytes(RtcpRrPacket(ssrc=self.ssrc, reports=blocks)) + bytes(cname)
        info = RtcpSenderInfo(
            ntp_timestamp=int(now_ntp * (1 << 32)) % (1 << 64),
            rtp_timestamp=sent.timestamp,
            packet_count=sent.packets % (1 << 32),
            octet_count=sent.octets % (1 << 32),
        )
        return bytes(RtcpSrPacket(ssrc=self.ssrc, sender_info=info, reports=blocks)) + bytes(cname)

    def render_nack(self, media_ssrc: int, missing: list[int]) -> bytes:
        """A generic NACK (RFC 4585 section 6.2.1)."""
        return bytes(RtcpRtpfbPacket(RTCP_RTPFB_NACK, self.ssrc, media_ssrc, missing))

    def _remember(self, packet: RtcpSrPacket, now_ntp: float) -> None:
        if packet.ssrc in self._heard or len(self._heard) < SOURCES_MAX:
            self._heard[packet.ssrc] = (packet.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF, now_ntp)

    def _take_blocks(self, blocks: Sequence[RtcpReceiverInfo], now_ntp: float) -> None:
        for block in blocks:
            if block.ssrc != self.ssrc:
                continue
            self.lost_fraction_out = block.fraction_lost / 256
            if block.lsr:
                elapsed = (int(now_ntp * _MIDDLE) - block.lsr - block.dlsr) % (1 << 32) / _MIDDLE
                self.rtt_seconds = elapsed if elapsed < RTT_SECONDS_MAX else self.rtt_seconds

    def _block(self, reception: Reception, now_ntp: float) -> RtcpReceiverInfo:
        report = reception.report()
        self.lost_fraction_in = report.fraction_lost / 256
        middle, when = self._heard.get(report.ssrc, (0, now_ntp))
        return RtcpReceiverInfo(
            ssrc=report.ssrc,
            fraction_lost=report.fraction_lost,
            packets_lost=report.packets_lost,
            highest_sequence=report.highest_sequence,
            jitter=report.jitter,
            lsr=middle,
            dlsr=min(int((now_ntp - when) * _MIDDLE), 0xFFFFFFFF),
        )
