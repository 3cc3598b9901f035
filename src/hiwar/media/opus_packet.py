"""What an Opus packet says of itself without being decoded (RFC 6716, sections 3.1 and 3.2).

The first byte (TOC) holds the mode, the bandwidth, the duration of a frame, whether it is stereo and
how many frames follow. Nothing here trusts the sender: whatever is not a packet raises `ValueError`.
"""

PACKET_SAMPLES_MAX = 5760  # RFC 6716, section 3.1: no packet holds more than 120 ms
DTX_BYTES_MAX = 2  # RFC 6716, section 2.1.9 and libopus: one or two bytes stand for "nothing is said"

_SILK_FRAME_SAMPLES = (480, 960, 1920, 2880)
_HYBRID_FRAME_SAMPLES = (480, 960)
_CELT_FRAME_SAMPLES = (120, 240, 480, 960)
_HYBRID_CONFIG = 12
_CELT_CONFIG = 16


def frame_samples(toc: int) -> int:
    """The duration of one frame at 48 kHz, from the TOC byte: 120 to 2880 samples."""
    config = toc >> 3
    if config < _HYBRID_CONFIG:
        return _SILK_FRAME_SAMPLES[config & 3]
    if config < _CELT_CONFIG:
        return _HYBRID_FRAME_SAMPLES[config & 1]
    return _CELT_FRAME_SAMPLES[config & 3]


def packet_samples(payload: bytes) -> int:
    """The duration of a packet at 48 kHz: 120 to 5760 samples, a multiple of 120.

    Raises ValueError where the payload is no Opus packet: empty, without its count of frames, with no
    frame or with more than 120 ms.
    """
    if not payload:
        raise ValueError("an Opus packet has at least one byte")
    samples = _frames(payload) * frame_samples(payload[0])
    if not 0 < samples <= PACKET_SAMPLES_MAX:
        raise ValueError(f"an Opus packet holds up to {PACKET_SAMPLES_MAX} samples, this one {samples}")
    return samples


def carries_fec(payload: bytes) -> bool:
    """Whether a packet of one frame carries the packet before it once more, at a lower rate (in-band FEC).

    The LBRR flag follows the voice flags at the head of a SILK layer (RFC 6716, section 4.2.3); both are
    coded as even chances, so they are the top bits of the first byte after the TOC. False for packets of
    several frames and for those that carry no SILK.
    """
    if len(payload) <= DTX_BYTES_MAX or payload[0] >> 3 >= _CELT_CONFIG or payload[0] & 3:
        return False
    silk_frames = max(1, frame_samples(payload[0]) // 960)
    flags = (silk_frames + 1) * (2 if payload[0] & 4 else 1)
    lbrr = 0x80 >> silk_frames
    if payload[0] & 4:
        lbrr |= 0x80 >> (flags - 1)
    return bool(payload[1] & lbrr)


def _frames(payload: bytes) -> int:
    code = payload[0] & 3
    if code == 0:
        return 1
    if code < 3:
        return 2
    if len(payload) < 2:
        raise ValueError("an Opus packet of code 3 says in its second byte how many frames it has")
    return payload[1] & 0x3F
