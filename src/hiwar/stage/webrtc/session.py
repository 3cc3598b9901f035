"""One speaker's connection from offer to end.

A session is made, `accept`s one offer, and then calls `on_packet` for every RTP packet and `on_state` at
every change, both in the loop's thread. States: "connected", "disconnected" (silent for some seconds; may
come back), "failed" (given up; the owner calls `close`), "closed" (last, exactly once). A session that
does not connect within `CONNECT_SECONDS_MAX` fails. ICE restarts are not supported: whoever changes
network comes back with a new offer.
"""

import asyncio
import re
from collections.abc import Callable

import structlog
from aiortc import RTCConfiguration, RTCIceCandidate, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_to_sdp

from hiwar.media.packet import SpeakerPacket
from hiwar.stage.webrtc import patches, sdp
from hiwar.stage.webrtc.addresses import local_addresses
from hiwar.stage.webrtc.consent import watch_consent
from hiwar.stage.webrtc.direct import DirectPath
from hiwar.stage.webrtc.options import OfferRefused, RtcOptions, SessionState, SessionStats
from hiwar.stage.webrtc.stock import StockPath

CONNECT_SECONDS_MAX = 20.0
CLOSE_SECONDS_MAX = 5.0
_REFLEXIVE_PRIORITY = 1_694_498_815  # RFC 8445 section 5.1.2.1 with type preference 100

log = structlog.get_logger()


class WebRtcSession:
    """See the module. `capabilities` is for tests; by default the process's own check decides."""

    def __init__(
        self,
        options: RtcOptions,
        on_packet: Callable[[SpeakerPacket], None],
        on_state: Callable[[SessionState], None],
        capabilities: patches.RtcCapabilities | None = None,
    ) -> None:
        self._options = options
        self._on_packet = on_packet
        self._on_state = on_state
        self._capabilities = capabilities or patches.capabilities()
        self._state: SessionState | None = None
        self._offer: sdp.Offer | None = None
        self._peer: RTCPeerConnection | None = None
        self._path: DirectPath | StockPath | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._candidates_left = sdp.CANDIDATES_MAX

    async def accept(self, offer_sdp: str) -> str:
        """The answer to an offer; connecting begins at once.

        Raises:
            OfferRefused: the offer cannot be taken; the session can be thrown away.
        """
        assert self._peer is None, "a session takes one offer"
        offer = self._offer = sdp.parse_offer(offer_sdp)
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=self._ice_servers()))
        peer.on("connectionstatechange", self._follow_peer)
        try:
            local = await self._negotiate(peer, offer)
        except BaseException:
            await self.close()
            raise
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(CONNECT_SECONDS_MAX, self._give_up_connecting)
        return sdp.render_answer(offer, local, self._options)

    async def add_candidates(self, fragment: str) -> None:
        """More addresses of the speaker (RFC 8840), at most `sdp.CANDIDATES_MAX` in a session.

        Raises:
            OfferRefused: not a fragment (400), too large (413), an ICE restart (422), no session (409).
        """
        if self._offer is None or self._peer is None or self._state in ("failed", "closed"):
            raise OfferRefused(409, "There is no session to add candidates to.")
        candidates = sdp.parse_fragment(fragment, self._offer)
        for candidate in candidates[: self._candidates_left]:
            self._candidates_left -= 1
            await self._peer.addIceCandidate(
                RTCIceCandidate(
                    component=1,
                    foundation=candidate.foundation,
                    ip=candidate.address,
                    port=candidate.port,
                    priority=candidate.priority,
                    protocol="udp",
                    type=candidate.kind,
                    sdpMid=self._peer.getTransceivers()[0].mid,
                )
            )

    def send(self, opus_packet: bytes) -> None:
        """Let the speaker hear the next 20 ms. Call it once per frame, from the loop's thread; b"" sends
        nothing and keeps time. Before the connection stands nothing is sent."""
        if self._path is not None and self._state != "closed":
            self._path.send(opus_packet)

    def stats(self) -> SessionStats:
        """The figures of now; all zero before `accept`."""
        return self._path.stats() if self._path else SessionStats()

    async def close(self) -> None:
        """End the session; the speaker is told (DTLS close). Harmless when repeated."""
        if self._deadline is not None:
            self._deadline.cancel()
        if self._path is not None:
            self._path.close()
        if self._peer is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS_MAX):
                    await self._peer.close()
            except TimeoutError:
                log.warning("a speaker's connection did not close in time")
        self._enter("closed")

    async def _negotiate(self, peer: RTCPeerConnection, offer: sdp.Offer) -> sdp.LocalSide:
        direct = self._capabilities.direct
        path = self._prepare_direct(peer, offer) if direct else self._prepare_stock(peer, offer)
        self._path = path
        await peer.setRemoteDescription(RTCSessionDescription(sdp.render_clean_offer(offer), "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        ssrc, cname = (path.ssrc, path.cname) if isinstance(path, DirectPath) else _stock_source(peer)
        transport = peer.getTransceivers()[0].receiver.transport
        gatherer = transport.transport.iceGatherer
        ice = gatherer.getLocalParameters()
        return sdp.LocalSide(
            ufrag=ice.usernameFragment or "",
            password=ice.password or "",
            fingerprints=[(one.algorithm, one.value) for one in transport.getLocalParameters().fingerprints][
                :1
            ],
            candidates=self._candidates(gatherer.getLocalCandidates()),
            ssrc=ssrc,
            cname=cname,
        )

    def _prepare_direct(self, peer: RTCPeerConnection, offer: sdp.Offer) -> DirectPath:
        transceiver = peer.addTransceiver("audio", "sendrecv" if offer.listens else "recvonly")
        dtls = transceiver.receiver.transport
        path = DirectPath(dtls, offer, self._options, self._on_packet)
        connection = patches.ice_connection(dtls)
        patches.gather_on(connection, self._options.addresses or local_addresses())
        patches.replace_consent(
            connection, lambda: watch_consent(connection, lambda: path.heard, self._follow_consent)
        )

        patches.replace_media(transceiver, path.open)
        return path

    def _prepare_stock(self, peer: RTCPeerConnection, offer: sdp.Offer) -> StockPath:
        path = StockPath(offer, self._options, self._on_packet)
        if offer.listens:
            peer.addTrack(path.track)
        peer.on("track", path.read)  # a coroutine function: the emitter runs and keeps the task
        return path

    def _ice_servers(self) -> list[RTCIceServer]:
        options = self._options
        servers = [RTCIceServer(options.stun_url)] if options.stun_url else []
        if options.turn_url:
            servers.append(RTCIceServer(options.turn_url, options.turn_user, options.turn_password))
        return servers

    def _candidates(self, found: list[RTCIceCandidate]) -> list[str]:
        """The gathered ones, and for each IPv4 (or IPv6) host address the public one in front of it."""
        public = self._options.public_address
        rendered = [candidate_to_sdp(candidate) for candidate in found]
        for candidate in found:
            if public and candidate.type == "host" and (":" in candidate.ip) == (":" in public):
                rendered.append(
                    f"{candidate.foundation}p 1 udp {_REFLEXIVE_PRIORITY} {public} {candidate.port}"
                    f" typ srflx raddr {candidate.ip} rport {candidate.port}"
                )
        return rendered

    def _follow_peer(self) -> None:
        state = self._peer.connectionState if self._peer else "closed"
        if state == "closed":
            self._enter("closed")
        elif state == "failed":
            self._enter("failed")
        elif state == "connected":
            self._enter("connected")

    def _follow_consent(self, state: SessionState) -> None:
        """ICE alone is no connection: before the handshake only the loss of the speaker counts."""
        if self._state is not None or state == "failed":
            self._enter(state)

    def _give_up_connecting(self) -> None:
        if self._state is None:
            self._enter("failed")

    def _enter(self, state: SessionState) -> None:
        """Tell a change; nothing follows "closed", and only that follows "failed"."""
        over = self._state == "closed" or (self._state == "failed" and state != "closed")
        if state == self._state or over:
            return
        self._state = state
        if state == "closed" and self._path is not None:
            self._path.close()
        self._on_state(state)


def _stock_source(peer: RTCPeerConnection) -> tuple[int, str]:
    """The SSRC and CNAME that aiortc chose, from its own answer."""
    match = re.search(r"^a=ssrc:([0-9]+) cname:(\S+)", peer.localDescription.sdp, re.MULTILINE | re.ASCII)
    return (int(match[1]), match[2]) if match else (0, "")
