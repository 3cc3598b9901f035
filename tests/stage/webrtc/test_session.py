"""A session against a speaker over loopback: every byte, every state, every refusal."""

import asyncio
import fractions
import itertools
import time
from types import SimpleNamespace

import av
import numpy as np
import pytest
import uvloop
from aiortc import AudioStreamTrack, RTCPeerConnection
from aiortc.rtp import RtcpRtpfbPacket
from av.audio.frame import AudioFrame

from hiwar.media.packet import parse_rtp
from hiwar.stage.webrtc import consent, direct, session
from hiwar.stage.webrtc.options import OfferRefused, RtcOptions
from hiwar.stage.webrtc.patches import RtcCapabilities
from hiwar.stage.webrtc.ports import port_range_loop
from hiwar.stage.webrtc.session import WebRtcSession
from tests.stage.webrtc.offers import CHROMIUM, OBS, wire
from tests.stage.webrtc.peers import LOOPBACK, Talk, scripted_packet, talking
from tests.stage.webrtc.test_ports import free_range

STOCK = RtcCapabilities(direct=False, problems=("a test",))
SILENT_OPUS = b"\xf8\xff\xfe"


def capture_sent(talk: Talk) -> list[bytes]:
    """The RTP packets that reach the speaker from now on, decrypted."""
    came: list[bytes] = []
    dtls = talk.client.getTransceivers()[0].receiver.transport

    async def take(data: bytes, arrival_time_ms: int) -> None:
        came.append(data)

    dtls._handle_rtp_data = take
    return came


async def test_every_scripted_packet_arrives_byte_for_byte() -> None:
    script = [scripted_packet(number, bytes([number % 256]) * (number % 900 + 1)) for number in range(1_000)]
    async with talking() as talk:
        for number, raw in enumerate(script):
            await talk.say(raw)
            if number % 10 == 0:  # no faster than the socket's buffer is emptied
                await asyncio.sleep(0.002)
        await talk.wait_for(lambda: len(talk.received) == len(script))
        assert [packet.raw for packet in talk.received] == script
        assert [packet.payload for packet in talk.received] == [parse_rtp(raw, 0.0).payload for raw in script]
        assert [packet.audio_level for packet in talk.received[:3]] == [0, -1, -2]
        assert talk.session.stats().packets_received == len(script)
        assert talk.session.stats().foreign == 0


async def test_sound_that_overtakes_the_handshake_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    script = [scripted_packet(number) for number in range(20)]
    original = session.patches.inbound_srtp
    gate = SimpleNamespace(open=False)
    monkeypatch.setattr(session.patches, "inbound_srtp", lambda dtls: original(dtls) if gate.open else None)
    async with talking() as talk:
        for raw in script:
            await talk.say(raw)
        await asyncio.sleep(0.1)
        assert talk.received == []
        gate.open = True
        talk.session._path.open()
        assert [packet.raw for packet in talk.received] == script


async def test_what_is_not_the_agreed_codec_is_counted_and_not_handed_on() -> None:
    async with talking() as talk:
        await talk.say(scripted_packet(0, payload_type=13))
        await talk.say(scripted_packet(1))
        await talk.wait_for(lambda: talk.received)
        assert [packet.payload_type for packet in talk.received] == [96]
        assert talk.session.stats().foreign == 1


async def test_what_is_sent_arrives_with_one_packet_and_960_samples_a_frame() -> None:
    async with talking() as talk:
        came = capture_sent(talk)
        for number in range(60):
            talk.session.send(b"" if number == 10 else bytes([number]) * 40)
        await talk.wait_for(lambda: len(came) == 59)
        packets = [parse_rtp(raw, 0.0) for raw in came]
        assert [packet.payload[0] for packet in packets] == [number for number in range(60) if number != 10]
        steps = {(b.sequence - a.sequence) % 65_536 for a, b in itertools.pairwise(packets)}
        assert steps == {1}
        gaps = [(b.timestamp - a.timestamp) % (1 << 32) for a, b in itertools.pairwise(packets)]
        assert gaps == [960] * 9 + [1920] + [960] * 48
        assert talk.session.stats().packets_sent == 59
        assert talk.session.stats().sent_dropped == 0


async def test_a_packet_that_no_datagram_can_hold_is_dropped_and_counted() -> None:
    async with talking() as talk:
        talk.session.send(bytes(4_000))
        assert talk.session.stats().sent_dropped == 1


async def test_lost_packets_are_asked_for_where_that_is_chosen() -> None:
    async with talking(RtcOptions(addresses=("127.0.0.1",), recovery="nack")) as talk:
        wanted: list[list[int]] = []

        async def handle(packet) -> None:
            wanted.extend([packet.lost] if isinstance(packet, RtcpRtpfbPacket) else [])

        talk.client.getTransceivers()[0].sender._handle_rtcp_packet = handle
        dtls = talk.client.getTransceivers()[0].receiver.transport
        dtls._rtp_router.senders[0x5EA1] = talk.client.getTransceivers()[0].sender
        for number in (0, 1, 4):
            await talk.say(scripted_packet(number))
        await talk.wait_for(lambda: wanted)
        assert wanted == [[65_502, 65_503]]


async def test_a_packet_that_the_speaker_asks_for_is_sent_again() -> None:
    async with talking(RtcOptions(addresses=("127.0.0.1",), recovery="nack")) as talk:
        came = capture_sent(talk)
        connection = talk.client.getTransceivers()[0].receiver.transport.transport._connection
        take, sealed = connection.data_received, []

        def lose_the_second(data: bytes, component: int) -> None:
            sealed.append(data)
            if len(sealed) != 2:
                take(data, component)

        connection.data_received = lose_the_second
        for number in range(3):
            talk.session.send(bytes([number]) * 10)
        await talk.wait_for(lambda: len(came) == 2)
        first = parse_rtp(came[0], 0.0)
        nack = b"\x81\xcd\x00\x03\x00\x00\x00\x09" + first.ssrc.to_bytes(4, "big")
        await talk.say(nack + (first.sequence + 1).to_bytes(2, "big") + b"\x00\x00")
        await talk.wait_for(lambda: len(came) == 3)
        assert parse_rtp(came[2], 0.0).payload == bytes([1]) * 10


async def test_a_speaker_who_says_goodbye_closes_the_session() -> None:
    async with talking() as talk:
        await talk.client.close()
        await talk.wait_for(lambda: "closed" in talk.states)
    assert talk.states == ["connected", "closed"]


async def test_a_closed_session_ignores_what_is_still_asked_of_it() -> None:
    async with talking() as talk:
        await talk.session.close()
        await talk.session.close()
        talk.session.send(SILENT_OPUS)
        with pytest.raises(OfferRefused) as caught:
            await talk.session.add_candidates("a=ice-ufrag:x\r\n")
        assert caught.value.status == 409
    assert talk.states == ["connected", "closed"]


async def test_a_dead_speaker_is_noticed_in_seconds_and_given_up_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consent, "FAILED_SECONDS", 4.0)
    async with talking() as talk:
        dead_since = time.monotonic()
        connection = talk.client.getTransceivers()[0].receiver.transport.transport._connection
        for protocol in connection._protocols:
            protocol.datagram_received = lambda data, addr: None
            protocol.transport.sendto = lambda data, addr: None
        await talk.wait_for(lambda: "disconnected" in talk.states)
        assert time.monotonic() - dead_since < 5
        await talk.wait_for(lambda: "failed" in talk.states)
    assert talk.states == ["connected", "disconnected", "failed", "closed"]


async def test_a_speaker_who_sends_no_sound_but_answers_stays_connected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consent, "DISCONNECTED_SECONDS", 1.5)
    async with talking() as talk:
        await asyncio.sleep(3)
        assert talk.states == ["connected"]


async def test_a_speaker_who_never_comes_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "CONNECT_SECONDS_MAX", 0.05)
    states: list[str] = []
    one = WebRtcSession(LOOPBACK, lambda packet: None, states.append)
    await one.accept(wire(CHROMIUM))
    await asyncio.sleep(0.2)
    await one.close()
    assert states == ["failed", "closed"]


async def test_an_answer_takes_less_than_a_tenth_of_a_second_on_all_addresses() -> None:
    one = WebRtcSession(RtcOptions(), lambda packet: None, lambda state: None)
    start = time.monotonic()
    answer = await one.accept(wire(CHROMIUM))
    elapsed = time.monotonic() - start
    await one.close()
    assert "typ host" in answer
    assert elapsed < 0.1


async def test_addresses_that_come_later_connect_a_speaker_whose_offer_had_none() -> None:
    client = RTCPeerConnection()
    client.addTransceiver("audio")
    await client.setLocalDescription(await client.createOffer())
    lines = client.localDescription.sdp.split("\r\n")
    offer = "\r\n".join(line for line in lines if not line.startswith(("a=candidate", "a=end-of")))
    ufrag = next(line for line in lines if line.startswith("a=ice-ufrag"))
    states: list[str] = []
    one = WebRtcSession(LOOPBACK, lambda packet: None, states.append)
    await one.accept(offer)
    candidates = [line for line in lines if line.startswith("a=candidate")]
    await one.add_candidates("\r\n".join([ufrag, "a=mid:0", *candidates, "a=end-of-candidates", ""]))
    assert one._peer.getTransceivers()[0].receiver.transport.transport.getRemoteCandidates()
    await one.close()
    await client.close()
    assert states == ["closed"]


async def test_the_public_address_is_offered_beside_the_local_one() -> None:
    options = RtcOptions(addresses=("127.0.0.1",), public_address="203.0.113.9")
    one = WebRtcSession(options, lambda packet: None, lambda state: None)
    answer = await one.accept(wire(CHROMIUM))
    await one.close()
    local, public = [line.split() for line in answer.splitlines() if line.startswith("a=candidate")]
    assert (local[4], public[4]) == ("127.0.0.1", "203.0.113.9")
    assert local[5] == public[5]
    assert public[7] == "srflx"


async def test_an_outside_encoder_gets_an_answer_and_is_sent_nothing() -> None:
    one = WebRtcSession(LOOPBACK, lambda packet: None, lambda state: None)
    answer = await one.accept(wire(OBS))
    one.send(SILENT_OPUS)
    stats = one.stats()
    await one.close()
    assert "a=recvonly" in answer
    assert stats.packets_sent == 0


@pytest.mark.parametrize("offer", ["", "hello", "v=0\r\n", "v=0\r\n" + "x" * 10_000_000])
async def test_a_refused_offer_leaves_nothing_behind(offer: str) -> None:
    states: list[str] = []
    one = WebRtcSession(LOOPBACK, lambda packet: None, states.append)
    with pytest.raises(OfferRefused):
        await one.accept(offer)
    assert one.stats().packets_received == 0
    assert states == []


async def test_an_unreachable_stun_server_only_delays_the_answer() -> None:
    options = RtcOptions(addresses=("127.0.0.1",), stun_url="stun:127.0.0.1:9")
    one = WebRtcSession(options, lambda packet: None, lambda state: None)
    start = time.monotonic()
    answer = await one.accept(wire(CHROMIUM))
    await one.close()
    assert answer.count("a=candidate") == 1
    assert time.monotonic() - start < 3


def test_the_media_ports_stay_in_their_range() -> None:
    low = free_range(8)

    async def ports() -> list[int]:
        sessions = [WebRtcSession(LOOPBACK, lambda packet: None, lambda state: None) for _ in range(3)]
        answers = [await one.accept(wire(CHROMIUM)) for one in sessions]
        for one in sessions:
            await one.close()
        return [
            int(line.split()[5])
            for answer in answers
            for line in answer.splitlines()
            if line.startswith("a=candidate")
        ]

    with asyncio.Runner(loop_factory=port_range_loop(low, low + 7, uvloop.Loop)) as runner:
        assert runner.run(ports()) == [low, low + 1, low + 2]


class ToneTrack(AudioStreamTrack):
    """440 Hz, as a microphone would give it."""

    def __init__(self) -> None:
        super().__init__()
        self._at = 0

    async def recv(self) -> AudioFrame:
        await asyncio.sleep(0.02)
        moments = (self._at + np.arange(960)) / 48_000
        samples = (8_000 * np.sin(2 * np.pi * 440 * moments)).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, self._at, fractions.Fraction(1, 48_000)
        self._at += 960
        return frame


async def test_the_stock_way_carries_sound_both_ways() -> None:
    async with talking(LOOPBACK, STOCK, ToneTrack()) as talk:
        came = capture_sent(talk)
        for number in range(50):
            talk.session.send(bytes([252, number]) * 20)
            await asyncio.sleep(0.02)
        await talk.wait_for(lambda: len(talk.received) > 30)
        assert len(came) > 40
        assert talk.session.stats().packets_received == len(talk.received)
        decoder = av.CodecContext.create("libopus", "r")
        decoder.sample_rate, decoder.layout = 48_000, "mono"
        frames = [frame for packet in talk.received for frame in decoder.decode(av.Packet(packet.payload))]
        sound = np.concatenate([frame.to_ndarray()[0] for frame in frames])[4_800:].astype(np.float64)
        loudest = np.argmax(np.abs(np.fft.rfft(sound))) * 48_000 / len(sound)
        assert abs(loudest - 440) < 5
    assert talk.states[-1] == "closed"


async def test_the_stock_way_drops_the_oldest_when_nobody_takes_it() -> None:
    one = WebRtcSession(LOOPBACK, lambda packet: None, lambda state: None, STOCK)
    await one.accept(wire(CHROMIUM))
    for _ in range(20):
        one.send(SILENT_OPUS)
    assert one.stats().sent_dropped == 12
    await one.close()


async def test_a_speaker_whose_handshake_is_not_done_is_not_called_connected() -> None:
    states: list[str] = []
    one = WebRtcSession(LOOPBACK, lambda packet: None, states.append)
    one._follow_consent("connected")
    one._follow_consent("disconnected")
    assert states == []
    one._follow_consent("failed")
    one._follow_consent("connected")
    assert states == ["failed"]


async def test_datagrams_of_strangers_are_counted_and_change_nothing() -> None:
    async with talking() as talk:
        taker = talk.session._path._take_datagram
        for data in (
            b"",
            b"\x80",
            b"\x80" * 40,
            b"\x80\xc8" + bytes(40),
            b"\x00" * 20,
            b"\xff" * 20,
            bytes(9_000),
        ):
            taker(data, 1)
        assert talk.session.stats().foreign == 7
        await talk.say(scripted_packet(0))
        await talk.wait_for(lambda: talk.received)


async def test_a_flood_of_handshake_datagrams_is_bounded() -> None:
    one = WebRtcSession(LOOPBACK, lambda packet: None, lambda state: None)
    await one.accept(wire(CHROMIUM))
    for _ in range(1_000):
        one._path._take_datagram(b"\x16" * 100, 1)
    assert one._path._connection._queue.qsize() == direct.HANDSHAKE_QUEUE_MAX
    for _ in range(1_000):
        one._path._take_datagram(b"\x80" * 100, 1)
    assert len(one._path._early) == direct.EARLY_MAX
    await one.close()
