"""libopus, called directly: one packet in, one frame out, with loss concealment and in-band FEC.

The library is the one that PyAV brings along; where there is none, the system's. PyAV's own codec
contexts offer neither concealment nor FEC and cost more for each packet.

Rules: everything is mono, float32 at 48 kHz. An encoder or decoder belongs to one thread at a time.
`close` frees the memory and may be called twice; a closed codec raises `OpusError` and never touches
freed memory.
"""

import ctypes
import ctypes.util
from collections.abc import Iterator
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hiwar.media.opus_packet import PACKET_SAMPLES_MAX
from hiwar.media.timeline import SAMPLE_RATE

PACKET_BYTES_MAX = 1275  # RFC 6716, section 3.2.1: the longest frame; no packet of ours has two

Pcm = NDArray[np.float32]

_FRAME_SIZES = frozenset((120, 240, 480, 960, 1920, 2880))
_PLC_GRID = 120  # 2.5 ms: libopus conceals whole multiples of it

# opus_defines.h
_SET_BITRATE = 4002
_SET_VBR = 4006
_SET_COMPLEXITY = 4010
_SET_INBAND_FEC = 4012
_SET_PACKET_LOSS_PERC = 4014
_SET_VBR_CONSTRAINT = 4020
_GET_LOOKAHEAD = 4027
_RESET_STATE = 4028


class OpusError(RuntimeError):
    """libopus is missing, refused a packet or a setting, or the codec is closed."""


class Application(IntEnum):
    """What the encoder is tuned for. VOIP is the only one that can carry FEC at speech rates."""

    VOIP = 2048
    AUDIO = 2049


class OpusEncoder:
    """One encoder: float32 frames in, packets out. Constrained variable bit rate.

    `bitrate` 6,000 to 510,000 bit/s; `complexity` 0..10 (5 costs a quarter of 10); `fec` adds the
    previous frame at a low rate to every packet once `loss_percent` (0..100, what the receiver is
    expected to lose) makes it worth while. Raises OpusError for what libopus refuses.
    """

    def __init__(
        self,
        bitrate: int = 48_000,
        complexity: int = 5,
        application: Application = Application.AUDIO,
        fec: bool = False,
        loss_percent: int = 0,
    ) -> None:
        self._state: int | None = None
        self._packet = ctypes.create_string_buffer(PACKET_BYTES_MAX)
        error = ctypes.c_int(0)
        state = _library().opus_encoder_create(SAMPLE_RATE, 1, int(application), ctypes.byref(error))
        _check(error.value, "opus_encoder_create")
        self._state = state
        for request, value in (
            (_SET_BITRATE, bitrate),
            (_SET_COMPLEXITY, complexity),
            (_SET_VBR, 1),
            (_SET_VBR_CONSTRAINT, 1),
            (_SET_INBAND_FEC, int(fec)),
            (_SET_PACKET_LOSS_PERC, loss_percent),
        ):
            self._set(request, value)

    def encode(self, pcm: Pcm) -> bytes:
        """One packet of 2.5 to 60 ms; usually `FRAME_SAMPLES` of contiguous float32 within ±1."""
        if pcm.dtype != np.float32 or pcm.ndim != 1 or not pcm.flags.c_contiguous:
            raise OpusError("the encoder takes contiguous one-dimensional float32")
        if pcm.size not in _FRAME_SIZES:
            raise OpusError(f"the encoder takes 2.5, 5, 10, 20, 40 or 60 ms, not {pcm.size} samples")
        length = _library().opus_encode_float(
            self._open(), pcm.ctypes.data, pcm.size, self._packet, PACKET_BYTES_MAX
        )
        return self._packet.raw[: _check(length, "opus_encode_float")]

    @property
    def lookahead(self) -> int:
        """By how many samples the decoded sound is late (the pre-skip of RFC 7845)."""
        value = ctypes.c_int32(0)
        result = _library().opus_encoder_ctl(self._open(), _GET_LOOKAHEAD, ctypes.byref(value))
        _check(result, "OPUS_GET_LOOKAHEAD")
        return value.value

    def reset(self) -> None:
        """Forget what was said before, keep the settings."""
        _check(_library().opus_encoder_ctl(self._open(), _RESET_STATE), "OPUS_RESET_STATE")

    def close(self) -> None:
        """Free the memory. Calling it again is harmless."""
        state, self._state = self._state, None
        if state is not None:
            _library().opus_encoder_destroy(state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _set(self, request: int, value: int) -> None:
        result = _library().opus_encoder_ctl(self._open(), request, ctypes.c_int32(value))
        _check(result, f"encoder setting {request} = {value}")

    def _open(self) -> int:
        if self._state is None:
            raise OpusError("the encoder is closed")
        return self._state


class OpusDecoder:
    """One decoder: packets in, mono float32 out (stereo packets are mixed down by libopus)."""

    def __init__(self) -> None:
        self._state: int | None = None
        error = ctypes.c_int(0)
        state = _library().opus_decoder_create(SAMPLE_RATE, 1, ctypes.byref(error))
        _check(error.value, "opus_decoder_create")
        self._state = state
        self._copy = ctypes.create_string_buffer(_library().opus_decoder_get_size(1))

    def decode(self, payload: bytes, out: Pcm) -> int:
        """Decode a packet to the head of `out`; how many samples it held.

        Raises OpusError for what is no packet (an empty one as well) or holds more than `out`.
        """
        if not payload:
            raise OpusError("an empty packet cannot be decoded")
        return self._decode(payload, out, out.size, fec=0)

    def decode_fec(self, payload: bytes, out: Pcm) -> None:
        """Fill all of `out` with the packet before `payload`, from the FEC in it; without FEC, conceal.

        The length of `out` is the duration that is missing: a multiple of 2.5 ms.
        """
        if not payload:
            raise OpusError("an empty packet carries no FEC")
        self._fill(payload, out, fec=1)

    def conceal(self, out: Pcm) -> None:
        """Fill all of `out` (a multiple of 2.5 ms, at most 120 ms) with what might have been said."""
        self._fill(None, out, fec=0)

    def conceal_ahead(self, out: Pcm) -> None:
        """Fill all of `out` as `conceal` would, without moving on: the next packet is decoded as if this had
        not been asked. (A decoder's state may be copied as plain memory, opus_decoder.)"""
        state = self._open()
        ctypes.memmove(self._copy, state, len(self._copy))
        self._fill(None, out, fec=0, state=ctypes.addressof(self._copy))

    def reset(self) -> None:
        """Forget what was heard before: the next packet starts from silence."""
        _check(_library().opus_decoder_ctl(self._open(), _RESET_STATE), "OPUS_RESET_STATE")

    def close(self) -> None:
        """Free the memory. Calling it again is harmless."""
        state, self._state = self._state, None
        if state is not None:
            _library().opus_decoder_destroy(state)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _fill(self, payload: bytes | None, out: Pcm, fec: int, state: int | None = None) -> None:
        if not out.size or out.size % _PLC_GRID or out.size > PACKET_SAMPLES_MAX:
            raise OpusError(f"concealment fills multiples of {_PLC_GRID} samples, not {out.size}")
        filled = self._decode(payload, out, out.size, fec, state)
        out[filled:] = 0.0

    def _decode(
        self, payload: bytes | None, out: Pcm, samples_max: int, fec: int, state: int | None = None
    ) -> int:
        if out.dtype != np.float32 or out.ndim != 1 or not out.flags.c_contiguous:
            raise OpusError("the decoder writes into contiguous one-dimensional float32")
        length = len(payload) if payload else 0
        samples = _library().opus_decode_float(
            state or self._open(), payload, length, out.ctypes.data, samples_max, fec
        )
        return _check(samples, "opus_decode_float")

    def _open(self) -> int:
        if self._state is None:
            raise OpusError("the decoder is closed")
        return self._state


def has_fec(payload: bytes) -> bool:
    """Whether the packet carries the one before it, as libopus sees it. False for what is no packet."""
    return bool(payload) and _library().opus_packet_has_lbrr(payload, len(payload)) == 1


def silent_packet() -> bytes:
    """20 ms of silence: one CELT frame, full band, mono (RFC 6716, section 3.1), digital silence."""
    return b"\xf8\xff\xfe"


def version() -> str:
    """The library's own name and version, for `doctor` and the logs. Raises OpusError if there is none."""
    return bytes(_library().opus_get_version_string()).decode("ascii", "replace")


@cache
def _library() -> ctypes.CDLL:
    tried = []
    for candidate in _candidates():
        try:
            library = ctypes.CDLL(candidate)
            _declare(library)
        except (OSError, AttributeError) as error:
            tried.append(f"{candidate}: {error}")
        else:
            return library
    raise OpusError(
        "libopus 1.4 or newer was found neither in the PyAV package (av.libs) nor in the system; "
        "reinstall av or install libopus0. Tried: " + ("; ".join(tried) or "nothing was there to try")
    )


def _candidates() -> Iterator[str]:
    import av

    packages = Path(av.__file__).parent.parent
    for folder in ("av.libs", "av/.dylibs"):
        yield from (str(path) for path in sorted((packages / folder).glob("libopus[-.]*")))
    system = ctypes.util.find_library("opus")
    if system:
        yield system


def _declare(library: ctypes.CDLL) -> None:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    error = ctypes.POINTER(number)
    signatures: tuple[tuple[str, object, list[object]], ...] = (
        ("opus_encoder_create", pointer, [ctypes.c_int32, number, number, error]),
        ("opus_encode_float", ctypes.c_int32, [pointer, pointer, number, ctypes.c_char_p, ctypes.c_int32]),
        ("opus_encoder_destroy", None, [pointer]),
        ("opus_decoder_create", pointer, [ctypes.c_int32, number, error]),
        ("opus_decode_float", number, [pointer, ctypes.c_char_p, ctypes.c_int32, pointer, number, number]),
        ("opus_decoder_destroy", None, [pointer]),
        ("opus_decoder_get_size", number, [number]),
        ("opus_packet_has_lbrr", number, [ctypes.c_char_p, ctypes.c_int32]),
        ("opus_get_version_string", ctypes.c_char_p, []),
        ("opus_strerror", ctypes.c_char_p, [number]),
        # The ctl functions are variadic: only their fixed arguments are declared, the last is given as
        # a ctypes object, and ctypes then calls them by the platform's rules for variadic functions.
        ("opus_encoder_ctl", number, [pointer, number]),
        ("opus_decoder_ctl", number, [pointer, number]),
    )
    for name, result, arguments in signatures:
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def _check(result: int, what: str) -> int:
    if result < 0:
        reason = bytes(_library().opus_strerror(result)).decode("ascii", "replace")
        raise OpusError(f"{what}: {reason}")
    return result
