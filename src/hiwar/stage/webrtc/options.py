"""What a session is told, what it tells, and how it refuses."""

from dataclasses import dataclass
from typing import Literal

from hiwar.ops.settings import Settings

SessionState = Literal["connected", "disconnected", "failed", "closed"]
Recovery = Literal["fec", "nack"]


class OfferRefused(Exception):
    """An offer or a trickle fragment that is refused: an HTTP status that fits, and one clear sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RtcOptions:
    """How sessions are made.

    `public_address` is this machine's address behind NAT (IPv4 or IPv6, "" for none). `addresses` are
    the local addresses to listen on; empty means all that make sense (`addresses.choose_addresses`).
    `recovery` says how lost packets come back: "fec" (in the next packet; at once, good at any round
    trip) or "nack" (sent again; better at heavy loss and short round trips). Chromium does one or the
    other. `bitrate` is what speakers are asked to send, in bit/s. The UDP ports come from the loop
    (`ports.port_range_loop`).
    """

    public_address: str = ""
    stun_url: str = ""
    turn_url: str = ""
    turn_user: str = ""
    turn_password: str = ""
    addresses: tuple[str, ...] = ()
    recovery: Recovery = "fec"
    bitrate: int = 48_000

    @classmethod
    def from_settings(cls, settings: Settings) -> "RtcOptions":
        return cls(
            public_address=settings.rtc_public_address,
            stun_url=settings.stun_url,
            turn_url=settings.turn_url,
            turn_user=settings.turn_user,
            turn_password=settings.turn_password,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStats:
    """One speaker's connection.

    `rtt_ms` is the last round trip, None before the first; `loss_in_percent` what was lost on the way
    here and `loss_out_percent` on the way there, both over the last report interval (0..100);
    `jitter_ms` is the interarrival jitter of RFC 3550 section 6.4.1; `sent_dropped` are packets that
    could not be sent; `foreign` are packets and reports that were not understood.
    """

    rtt_ms: float | None = None
    loss_in_percent: float = 0.0
    loss_out_percent: float = 0.0
    jitter_ms: float = 0.0
    packets_received: int = 0
    packets_sent: int = 0
    sent_dropped: int = 0
    foreign: int = 0
