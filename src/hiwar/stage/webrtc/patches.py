"""Every private name of aiortc and aioice that is used, in one place, and the check that they are there.

aiortc is pinned exactly, so a missing name means that somebody installed another one. Then sessions take
the stock way (`stock`): speakers are still heard, at several times the cost, without forward error
correction, with 80 ms of delay more, and with tracks that hold what was decoded instead of what came.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, Protocol, cast

import aiortc
import structlog
from aioice.ice import CandidatePair, Connection, StunProtocol
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport

AIORTC_VERSION = "1.16.0"
GATHER_SECONDS_MAX = 2  # how long a STUN or TURN server may take; host addresses take a few milliseconds

_METHODS = {
    "data_received": ["self", "data", "component"],
    "query_consent": ["self"],
    "get_component_candidates": ["self", "component", "addresses", "timeout"],
    "build_request": ["self", "pair", "nominate"],
}


class SrtpSession(Protocol):
    """One direction of SRTP (pylibsrtp). All raise `pylibsrtp.Error`."""

    def protect(self, packet: bytes) -> bytes: ...
    def protect_rtcp(self, packet: bytes) -> bytes: ...
    def unprotect(self, packet: bytes) -> bytes: ...
    def unprotect_rtcp(self, packet: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class RtcCapabilities:
    """Whether the direct way can be taken, and if not, why not."""

    direct: bool
    problems: tuple[str, ...] = ()


def check_aiortc() -> RtcCapabilities:
    """Hold the installed aiortc and aioice against what this package relies on."""
    problems = []
    if aiortc.__version__ != AIORTC_VERSION:
        problems.append(f"aiortc is {aiortc.__version__}, not {AIORTC_VERSION}")
    for name, expected in _METHODS.items():
        method = getattr(Connection, name, None)
        if method is None or list(inspect.signature(method).parameters) != expected:
            problems.append(f"aioice.Connection.{name}({', '.join(expected)}) is missing")
    problems += [*_missing_attributes(), *_misrouted()]
    return RtcCapabilities(not problems, tuple(problems))


@cache
def capabilities() -> RtcCapabilities:
    """`check_aiortc`, once in a process; a warning says when the stock way will be taken."""
    found = check_aiortc()
    if not found.direct:
        structlog.get_logger().warning("webrtc takes the stock way", problems=list(found.problems))
    return found


def ice_connection(dtls: RTCDtlsTransport) -> Any:
    """aioice's connection under a DTLS transport."""
    return dtls.transport._connection


def inbound_srtp(dtls: RTCDtlsTransport) -> SrtpSession | None:
    """What decrypts, once the handshake is done."""
    return cast(SrtpSession | None, dtls._rx_srtp)


def outbound_srtp(dtls: RTCDtlsTransport) -> SrtpSession | None:
    """What encrypts, once the handshake is done."""
    return cast(SrtpSession | None, dtls._tx_srtp)


def selected_pair(connection: Any) -> Any | None:
    """The nominated pair of addresses: `.protocol.transport` to send by, `.remote_addr` to send to."""
    return connection._nominated.get(1)


def queued_datagrams(connection: Any) -> int:
    """How many datagrams wait for the DTLS task."""
    return int(connection._queue.qsize())


def gather_on(connection: Any, addresses: Sequence[str]) -> None:
    """Let a connection gather on these addresses only, and wait less for STUN and TURN."""
    original = connection.get_component_candidates

    async def gather(component: int, **_found: object) -> Any:
        return await original(component, list(addresses), GATHER_SECONDS_MAX)

    connection.get_component_candidates = gather


def divert_datagrams(connection: Any, taker: Callable[[bytes, int], None]) -> Callable[[bytes, int], None]:
    """Give what is not STUN to `taker`; returns where DTLS has to go."""
    original = cast(Callable[[bytes, int], None], connection.data_received)
    connection.data_received = taker
    return original


def replace_consent(connection: Any, watch: Callable[[], Any]) -> None:
    """Let `watch`, a coroutine function, look after consent (RFC 7675) instead of aioice, which takes
    half a minute to notice that a peer is gone."""
    connection.query_consent = watch


def replace_media(transceiver: Any, on_ready: Callable[[], None]) -> None:
    """Call `on_ready` when the handshake is done, instead of starting aiortc's sender (two tasks) and
    receiver (a task and a decoding thread)."""

    async def receive(parameters: object) -> None:
        on_ready()

    async def send(parameters: object) -> None:
        """What is sent is sent by the direct path."""

    transceiver.receiver.receive = receive
    transceiver.sender.send = send


def _missing_attributes() -> list[str]:
    """Attributes that are set when objects are made, so objects are made."""
    try:
        ice = RTCIceTransport(RTCIceGatherer(iceServers=[]))
        dtls = RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])
        wanted: list[tuple[object, tuple[str, ...]]] = [
            (ice, ("_connection",)),
            (dtls, ("_rx_srtp", "_tx_srtp")),
            (ice._connection, ("_nominated", "_queue", "remote_password")),
            (CandidatePair, ("remote_addr",)),
            (StunProtocol, ("request",)),
        ]
        missing = [(owner, name) for owner, names in wanted for name in names if not hasattr(owner, name)]
    except Exception as error:  # whatever another version does here, it is not what we rely on
        return [f"aiortc's transports cannot be made: {error!r}"]
    return [f"{owner!r} has no {name}" for owner, name in missing]


def _misrouted() -> list[str]:
    """A datagram that is not STUN must reach `receiver.data_received`, whoever the receiver is."""
    came: list[bytes] = []
    receiver = SimpleNamespace(data_received=lambda data, component: came.append(data))
    protocol = SimpleNamespace(receiver=receiver, local_candidate=SimpleNamespace(component=1))
    sent = b"\x80" + bytes(19)
    try:
        StunProtocol.datagram_received(cast(Any, protocol), sent, ("127.0.0.1", 9))
    except Exception as error:  # as above
        return [f"aioice hands datagrams on in another way: {error!r}"]
    return [] if came == [sent] else ["aioice does not hand datagrams to Connection.data_received"]
