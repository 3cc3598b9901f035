"""The direct way: RTP between the socket and the stage, in the loop's own callbacks.

Received: aioice gives every datagram that is not STUN to `_take_datagram`. DTLS goes on to aiortc; media
is decrypted, counted and handed over at once, with the bytes as they are. Media that overtakes the end
of the handshake is held, within a bound. Sent: one call frames, encrypts and writes. Every two seconds a
report is sent, and the peer's reports give round trip and loss.
"""

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable

import pylibsrtp
from aiortc import RTCDtlsTransport

from hiwar.media.packet import BadPacket, SpeakerPacket, parse_rtp, render_rtp
from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.ops import clock
from hiwar.stage.webrtc import patches
from hiwar.stage.webrtc.options import RtcOptions, SessionStats
from hiwar.stage.webrtc.reception import Reception
from hiwar.stage.webrtc.reports import SOURCES_MAX, BadReport, ReportExchange, Sent
from hiwar.stage.webrtc.sdp import Offer

EARLY_MAX = 64  # datagrams held until the handshake is done here: a second of sound
HANDSHAKE_QUEUE_MAX = 64  # DTLS datagrams that wait for aiortc; anybody can send them, so they are bounded
DATAGRAM_BYTES_MAX = 1_500  # what pylibsrtp holds, and more than a path carries
PAYLOAD_BYTES_MAX = 1_275  # the largest Opus frame (RFC 6716 section 3.2.1)
RESEND_MAX = 64  # sent packets kept for NACK: 1.3 s, more than any jitter buffer waits
REPORT_SECONDS = 2.0
_NTP_EPOCH = 2_208_988_800  # 1970 in NTP seconds
_TIMESTAMPS = 1 << 32


class DirectPath:
    """Sound of one session in both directions. All calls come from the loop's thread."""

    def __init__(
        self,
        dtls: RTCDtlsTransport,
        offer: Offer,
        options: RtcOptions,
        on_packet: Callable[[SpeakerPacket], None],
    ) -> None:
        self.ssrc = secrets.randbelow(1 << 32)
        self.cname = secrets.token_hex(8)
        self.heard = clock.monotonic()
        self._dtls = dtls
        self._connection = patches.ice_connection(dtls)
        self._listens = offer.listens
        self._payload_type = offer.payload_type
        self._audio_level_id = offer.audio_level_id
        self._on_packet = on_packet
        self._reports = ReportExchange(self.ssrc, self.cname)
        self._receptions: dict[int, Reception] = {}
        self._early: deque[bytes] = deque(maxlen=EARLY_MAX)
        self._nack = options.recovery == "nack"
        self._resend: deque[tuple[int, bytes]] = deque(maxlen=RESEND_MAX)
        self._sequence = secrets.randbelow(1 << 15)  # RFC 3711 section 3.3.1: far from the turn
        self._timestamp = secrets.randbelow(_TIMESTAMPS)
        self._ntp_offset = clock.wallclock() + _NTP_EPOCH - clock.monotonic()
        self._received = self._sent = self._octets = self._dropped = self._foreign = 0
        self._timer: asyncio.TimerHandle | None = None
        self._to_dtls = patches.divert_datagrams(self._connection, self._take_datagram)

    def open(self) -> None:
        """The handshake is done: what came early is handed on, reports begin."""
        held, self._early = list(self._early), deque(maxlen=EARLY_MAX)
        for data in held:
            self._take_datagram(data, 1)
        self._schedule_report()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connection.data_received = lambda data, component: None

    def send(self, opus_packet: bytes) -> None:
        """The next 20 ms of sound; b"" is 20 ms in which nothing is sent."""
        self._timestamp = (self._timestamp + FRAME_SAMPLES) % _TIMESTAMPS
        if not opus_packet or not self._listens or patches.outbound_srtp(self._dtls) is None:
            return
        if len(opus_packet) > PAYLOAD_BYTES_MAX:
            self._dropped += 1
            return
        packet = render_rtp(
            payload_type=self._payload_type,
            sequence=self._sequence,
            timestamp=self._timestamp,
            ssrc=self.ssrc,
            payload=opus_packet,
        )
        if self._nack:
            self._resend.append((self._sequence, packet))
        self._sequence = (self._sequence + 1) % (1 << 16)
        if self._write(packet, report=False):
            self._sent += 1
            self._octets += len(opus_packet)
        else:
            self._dropped += 1

    def stats(self) -> SessionStats:
        rtt = self._reports.rtt_seconds
        latest = next(reversed(self._receptions.values()), None)
        return SessionStats(
            rtt_ms=None if rtt is None else rtt * 1000,
            loss_in_percent=self._reports.lost_fraction_in * 100,
            loss_out_percent=self._reports.lost_fraction_out * 100,
            jitter_ms=latest.jitter_ms if latest else 0.0,
            packets_received=self._received,
            packets_sent=self._sent,
            sent_dropped=self._dropped,
            foreign=self._foreign,
        )

    def _take_datagram(self, data: bytes, component: int) -> None:
        """Demultiplex by the first byte (RFC 7983 section 7)."""
        first = data[0] if 1 < len(data) <= DATAGRAM_BYTES_MAX else 0
        if 128 <= first < 192:
            srtp = patches.inbound_srtp(self._dtls)
            if srtp is None:
                self._early.append(data)
            elif 192 <= data[1] <= 223:  # RFC 5761 section 4
                self._take_report(srtp, data)
            else:
                self._take_media(srtp, data)
        elif 20 <= first < 64 and patches.queued_datagrams(self._connection) < HANDSHAKE_QUEUE_MAX:
            self._to_dtls(data, component)
        else:
            self._foreign += 1

    def _take_media(self, srtp: patches.SrtpSession, data: bytes) -> None:
        now = clock.monotonic()
        try:
            packet = parse_rtp(srtp.unprotect(data), now, self._audio_level_id)
        except (pylibsrtp.Error, BadPacket):
            self._foreign += 1
            return
        self.heard = now
        reception = self._reception(packet.ssrc)
        if packet.payload_type != self._payload_type or reception is None:
            self._foreign += 1
            return
        self._received += 1
        missing = reception.add(packet.sequence, packet.timestamp, now)
        if missing and self._nack:
            self._write(self._reports.render_nack(packet.ssrc, missing), report=True)
        self._on_packet(packet)

    def _reception(self, ssrc: int) -> Reception | None:
        found = self._receptions.get(ssrc)
        if found is None and len(self._receptions) < SOURCES_MAX:
            found = self._receptions[ssrc] = Reception(ssrc)
        return found

    def _take_report(self, srtp: patches.SrtpSession, data: bytes) -> None:
        try:
            wanted = self._reports.take(srtp.unprotect_rtcp(data), self._ntp())
        except (pylibsrtp.Error, BadReport):
            self._foreign += 1
            return
        self.heard = clock.monotonic()
        if wanted and self._nack:
            asked = set(wanted)
            for sequence, packet in self._resend:
                if sequence in asked:
                    self._write(packet, report=False)

    def _schedule_report(self) -> None:
        delay = REPORT_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, guards nothing
        self._timer = asyncio.get_running_loop().call_later(delay, self._report)

    def _report(self) -> None:
        sent = Sent(self._sent, self._octets, self._timestamp) if self._sent else None
        receptions = [reception for reception in self._receptions.values() if reception.received]
        self._write(self._reports.render(sent, receptions, self._ntp()), report=True)
        self._schedule_report()

    def _write(self, packet: bytes, *, report: bool) -> bool:
        """Encrypt and send; False where there is nowhere to send to."""
        srtp, pair = patches.outbound_srtp(self._dtls), patches.selected_pair(self._connection)
        if srtp is None or pair is None:
            return False
        try:
            sealed = srtp.protect_rtcp(packet) if report else srtp.protect(packet)
            pair.protocol.transport.sendto(sealed, pair.remote_addr)
        except (pylibsrtp.Error, OSError, RuntimeError):  # no route, or the socket was closed meanwhile
            return False
        return True

    def _ntp(self) -> float:
        return clock.monotonic() + self._ntp_offset
