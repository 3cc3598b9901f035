"""Offers and answers (RFC 8866, RFC 8829), as far as one speaker needs them. Pure.

Rules:
1. What a browser sends is read here, once, into an `Offer`; aiortc only ever sees `render_clean_offer`,
   a description made from it, so that nothing odd on the wire reaches a parser that asserts.
2. The answer is made here too. aiortc's has no Opus parameters (so Chromium would send no FEC) and
   would take part in video; ours rejects every other section (port 0, RFC 3264 section 6).
3. mDNS candidates (`….local`) are left out: looking them up takes seconds, and the browser's own check
   tells us its address anyway (a peer-reflexive candidate, RFC 8445 section 7.3.1.3).
4. Whatever is wrong raises `OfferRefused` with a status and a sentence, and nothing else is raised.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hiwar.media.packet import AUDIO_LEVEL_URI
from hiwar.stage.webrtc.options import OfferRefused, RtcOptions

OFFER_BYTES_MAX = 64 * 1024  # Chromium's with video and data channel is 7 KB
LINES_MAX = 2_000
SECTIONS_MAX = 16
CANDIDATES_MAX = 32  # each costs some checks to an address that the offer chose
FINGERPRINTS_MAX = 4

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
_NUMBER = r"[0-9]{1,10}"
_MEDIA = re.compile(
    rf"m=([a-z]{{1,16}}) ({_NUMBER})(?:/{_NUMBER})? ([A-Za-z/]{{1,32}}) ([!-~ ]{{1,1024}})", re.ASCII
)
_RTPMAP = re.compile(rf"({_NUMBER}) +opus/48000/2", re.ASCII | re.IGNORECASE)
_EXTMAP = re.compile(rf"({_NUMBER})(?:/[a-z]+)? +(\S{{1,200}})", re.ASCII)
_UFRAG = re.compile(r"[A-Za-z0-9+/]{4,256}", re.ASCII)
_PASSWORD = re.compile(r"[A-Za-z0-9+/]{22,256}", re.ASCII)
_FINGERPRINT = re.compile(
    r"(sha-256|sha-384|sha-512) +((?:[0-9A-Fa-f]{2}:){31,63}[0-9A-Fa-f]{2})", re.ASCII | re.I
)
_MID = re.compile(r"[!-~]{1,64}", re.ASCII)
_CANDIDATE = re.compile(
    rf"([A-Za-z0-9+/]{{1,32}}) ({_NUMBER}) ([A-Za-z]{{1,8}}) ({_NUMBER}) (\S{{1,253}}) ({_NUMBER})"
    r" typ (host|srflx|prflx|relay)(?: .*)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """A UDP address at which the speaker may be reached (RFC 8839 section 5.1)."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str

    def render(self) -> str:
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.kind}"


@dataclass(frozen=True, slots=True)
class Section:
    """One m-line: its words and its attributes, in order."""

    kind: str
    profile: str
    formats: str
    mid: str
    attributes: tuple[tuple[str, str], ...]
    used: bool  # its port is not 0, or it is bundled

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def first(self, name: str) -> str:
        return next((value for key, value in self.attributes if key == name), "")


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer that can be answered. `audio` is the index of the one section that is taken."""

    sections: tuple[Section, ...]
    audio: int
    payload_type: int
    direction: str
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    ice_lite: bool
    candidates: tuple[RemoteCandidate, ...]
    extensions: tuple[tuple[int, str], ...]  # of those this side knows
    bundle: bool

    @property
    def mid(self) -> str:
        return self.sections[self.audio].mid

    @property
    def listens(self) -> bool:
        """Whether the speaker wants to hear the others (an outside encoder does not)."""
        return self.direction == "sendrecv"

    @property
    def audio_level_id(self) -> int | None:
        return next((number for number, uri in self.extensions if uri == AUDIO_LEVEL_URI), None)


@dataclass(frozen=True, slots=True)
class LocalSide:
    """What this side brings to the answer. `candidates` are values of `a=candidate`."""

    ufrag: str
    password: str
    fingerprints: Sequence[tuple[str, str]]
    candidates: Sequence[str]
    ssrc: int
    cname: str


def parse_offer(text: str) -> Offer:
    """Read an offer.

    Raises:
        OfferRefused: 413 too large, 400 not SDP or without what every offer needs, 422 an offer this
            side has no use for (no audio, several, no Opus, no sound to come).
    """
    session, sections = _parse_sections(text)
    index = _choose_audio(sections)
    audio = sections[index]
    ufrag = audio.first("ice-ufrag") or session.first("ice-ufrag")
    password = audio.first("ice-pwd") or session.first("ice-pwd")
    if not _UFRAG.fullmatch(ufrag) or not _PASSWORD.fullmatch(password):
        raise OfferRefused(400, "The offer has no valid ICE user name and password.")
    if not audio.values("rtcp-mux") and not audio.values("rtcp-mux-only"):
        raise OfferRefused(422, "The offer does not multiplex RTP and RTCP on one port (a=rtcp-mux).")
    return Offer(
        sections=sections,
        audio=index,
        payload_type=_opus_payload_type(audio),
        direction=_direction(session, audio),
        ufrag=ufrag,
        password=password,
        fingerprints=_fingerprints(session, audio),
        setup=_setup(session, audio),
        ice_lite="ice-lite" in (name for name, _ in session.attributes),
        candidates=tuple(parse_candidates(audio.values("candidate"))),
        extensions=tuple(_extensions(audio)),
        bundle=any(
            audio.mid in words[1:]
            for words in map(str.split, session.values("group"))
            if words[:1] == ["BUNDLE"]
        ),
    )


def parse_candidates(values: Iterable[str]) -> Iterable[RemoteCandidate]:
    """The candidates of use among values of `a=candidate`: UDP, component 1, a unicast address; at most
    `CANDIDATES_MAX`. What is not of use is passed over, as RFC 8839 section 5.1 wants."""
    found = 0
    for value in values:
        match = _CANDIDATE.fullmatch(value.strip())
        candidate = _candidate(match) if match else None
        if candidate is not None and found < CANDIDATES_MAX:
            found += 1
            yield candidate


def parse_fragment(text: str, offer: Offer) -> tuple[RemoteCandidate, ...]:
    """The candidates of a trickle fragment (RFC 8840 section 9, RFC 9725 section 4.3.1).

    Raises:
        OfferRefused: 413 too large, 400 not a fragment, 422 an ICE restart, which this side cannot do:
            the speaker comes back with a new offer.
    """
    lines = _lines(text)
    attributes = [_attribute(line) for line in lines if line.startswith("a=")]
    ufrag = next((value for name, value in attributes if name == "ice-ufrag"), "")
    if not attributes or not ufrag:
        raise OfferRefused(400, "This is not a trickle ICE fragment: it has no a=ice-ufrag.")
    if ufrag != offer.ufrag:
        raise OfferRefused(422, "ICE restarts are not supported: send a new offer instead.")
    return tuple(parse_candidates(value for name, value in attributes if name == "candidate"))


def render_clean_offer(offer: Offer) -> str:
    """The offer as aiortc gets it: one audio section, Opus, addresses that can be used."""
    lines = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0"]
    lines += ["a=ice-lite"] if offer.ice_lite else []
    mid = offer.mid or "0"
    lines += [
        f"a=group:BUNDLE {mid}",
        f"m=audio 9 UDP/TLS/RTP/SAVPF {offer.payload_type}",
        "c=IN IP4 0.0.0.0",
        f"a={offer.direction}",
        f"a=mid:{mid}",
        "a=rtcp-mux",
        f"a=rtpmap:{offer.payload_type} opus/48000/2",
        f"a=ice-ufrag:{offer.ufrag}",
        f"a=ice-pwd:{offer.password}",
        *(f"a=extmap:{number} {uri}" for number, uri in offer.extensions),
        *(f"a=fingerprint:{algorithm} {value}" for algorithm, value in offer.fingerprints),
        f"a=setup:{offer.setup}",
        *(f"a=candidate:{candidate.render()}" for candidate in offer.candidates),
    ]
    return "\r\n".join(lines) + "\r\n"


def render_answer(offer: Offer, local: LocalSide, options: RtcOptions) -> str:
    """The answer: the audio section taken, every other rejected."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines += [f"a=group:BUNDLE {offer.mid}"] if offer.bundle else []
    lines += ["a=msid-semantic: WMS *"]
    for index, section in enumerate(offer.sections):
        lines += _taken(offer, local, options) if index == offer.audio else _rejected(section)
    return "\r\n".join(lines) + "\r\n"


def _taken(offer: Offer, local: LocalSide, options: RtcOptions) -> list[str]:
    number = offer.payload_type
    fec = int(options.recovery == "fec")
    lines = [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {number}",
        "c=IN IP4 0.0.0.0",
        f"a={'sendrecv' if offer.listens else 'recvonly'}",
        *([f"a=mid:{offer.mid}"] if offer.mid else []),
        "a=rtcp-mux",
        f"a=rtpmap:{number} opus/48000/2",
        f"a=fmtp:{number} minptime=10;useinbandfec={fec};maxaveragebitrate={options.bitrate}",
        *([f"a=rtcp-fb:{number} nack"] if options.recovery == "nack" else []),
        "a=ptime:20",
        "a=maxptime:20",
        *(f"a=extmap:{extension} {uri}" for extension, uri in offer.extensions),
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        *(f"a=fingerprint:{algorithm} {value}" for algorithm, value in local.fingerprints),
        f"a=setup:{'passive' if offer.setup == 'active' else 'active'}",
    ]
    if offer.listens:
        lines += [f"a=msid:{local.cname} {local.cname}", f"a=ssrc:{local.ssrc} cname:{local.cname}"]
    lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
    return [*lines, "a=end-of-candidates"]


def _rejected(section: Section) -> list[str]:
    lines = [f"m={section.kind} 0 {section.profile} {section.formats}", "c=IN IP4 0.0.0.0"]
    return [*lines, *([f"a=mid:{section.mid}"] if section.mid else []), "a=inactive"]


def _lines(text: str) -> list[str]:
    if len(text) > OFFER_BYTES_MAX:
        raise OfferRefused(413, f"The SDP is larger than {OFFER_BYTES_MAX} bytes.")
    lines = [line.rstrip() for line in re.split(r"\r?\n", text)]
    if len(lines) > LINES_MAX:
        raise OfferRefused(413, f"The SDP has more than {LINES_MAX} lines.")
    return lines


def _attribute(line: str) -> tuple[str, str]:
    name, _, value = line[2:].partition(":")
    return name, value


def _parse_sections(text: str) -> tuple[Section, tuple[Section, ...]]:
    lines = _lines(text)
    if lines[0] != "v=0":
        raise OfferRefused(400, "This is not SDP: it does not begin with v=0.")
    starts = [number for number, line in enumerate(lines) if line.startswith("m=")]
    if not starts:
        raise OfferRefused(400, "The SDP has no media section (m= line).")
    if len(starts) > SECTIONS_MAX:
        raise OfferRefused(413, f"The SDP has more than {SECTIONS_MAX} media sections.")
    session = Section("", "", "", "", _attributes(lines[: starts[0]]), used=True)
    ends = [*starts[1:], len(lines)]
    sections = tuple(_section(lines[start:end]) for start, end in zip(starts, ends, strict=True))
    return session, sections


def _attributes(lines: Sequence[str]) -> tuple[tuple[str, str], ...]:
    return tuple(_attribute(line) for line in lines if line.startswith("a="))


def _section(lines: Sequence[str]) -> Section:
    match = _MEDIA.fullmatch(lines[0])
    if not match:
        raise OfferRefused(400, "The SDP has a media section (m= line) that cannot be read.")
    attributes = _attributes(lines[1:])
    mid = next((value for name, value in attributes if name == "mid"), "")
    if mid and not _MID.fullmatch(mid):
        raise OfferRefused(400, "The SDP has a media section with an a=mid that cannot be read.")
    bundled = any(name == "bundle-only" for name, _ in attributes)
    return Section(match[1], match[3], match[4], mid, attributes, int(match[2]) != 0 or bundled)


def _choose_audio(sections: Sequence[Section]) -> int:
    audio = [index for index, section in enumerate(sections) if section.kind == "audio" and section.used]
    if len(audio) == 1:
        return audio[0]
    if audio:
        raise OfferRefused(422, "The offer has more than one audio section; a speaker has one.")
    if any(section.kind == "video" for section in sections):
        raise OfferRefused(422, "The offer has video and no audio; only sound is taken here.")
    raise OfferRefused(422, "The offer has no audio section; only sound is taken here.")


def _opus_payload_type(audio: Section) -> int:
    listed = audio.formats.split()
    for value in audio.values("rtpmap"):
        match = _RTPMAP.fullmatch(value)
        # 64..95 would be mistaken for RTCP on the shared port (RFC 5761 section 4).
        if match and match[1] in listed and (35 <= int(match[1]) < 64 or 96 <= int(match[1]) <= 127):
            return int(match[1])
    raise OfferRefused(422, "The offer has no Opus; the only codec taken is opus/48000/2.")


def _direction(session: Section, audio: Section) -> str:
    for section in (audio, session):
        for name, _ in section.attributes:
            if name in ("sendrecv", "sendonly"):
                return name
            if name in _DIRECTIONS:
                raise OfferRefused(
                    422, "The offer sends no sound: its direction must be sendrecv or sendonly."
                )
    return "sendrecv"  # RFC 8866 section 6.7


def _fingerprints(session: Section, audio: Section) -> tuple[tuple[str, str], ...]:
    values = audio.values("fingerprint") or session.values("fingerprint")
    found = [match for match in map(_FINGERPRINT.fullmatch, values) if match]
    if not found:
        raise OfferRefused(
            400, "The offer has no certificate fingerprint (SHA-256 or longer); DTLS is required."
        )
    return tuple((match[1].lower(), match[2].upper()) for match in found[:FINGERPRINTS_MAX])


def _setup(session: Section, audio: Section) -> str:
    setup = audio.first("setup") or session.first("setup") or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise OfferRefused(400, "The offer has an a=setup that cannot be read.")
    return setup


def _extensions(audio: Section) -> Iterable[tuple[int, str]]:
    """The known header extensions, one number each, of those that fit one-byte elements."""
    known = {AUDIO_LEVEL_URI, _MID_URI}
    for value in audio.values("extmap"):
        match = _EXTMAP.fullmatch(value)
        if match and match[2] in known and 1 <= int(match[1]) <= 14:
            known.discard(match[2])
            yield int(match[1]), match[2]


def _candidate(match: re.Match[str]) -> RemoteCandidate | None:
    foundation, component, transport, priority, host, port, kind = match.groups()
    if component != "1" or transport.lower() != "udp" or kind == "prflx" or not 0 < int(port) < 65536:
        return None
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # an mDNS or other name
        return None
    unusable = address.is_multicast or address.is_unspecified or "%" in host or int(priority) >= 1 << 32
    return None if unusable else RemoteCandidate(foundation, int(priority), str(address), int(port), kind)
