"""Serial number arithmetic (RFC 1982) for RTP: 16-bit sequence numbers, 32-bit timestamps.

The one place where modulo arithmetic is done; everything else works on *extended* numbers,
which only ever grow.
"""

_SEQUENCE = 1 << 16
_TIMESTAMP = 1 << 32


def sequence_distance(newer: int, older: int) -> int:
    """How far `newer` lies ahead of `older`, modulo 2^16, in -32768..32767."""
    return _distance(newer, older, _SEQUENCE)


def timestamp_distance(newer: int, older: int) -> int:
    """How far `newer` lies ahead of `older`, modulo 2^32, in -2^31..2^31-1."""
    return _distance(newer, older, _TIMESTAMP)


def extend_sequence(sequence: int, near: int) -> int:
    """The extended number congruent to `sequence` (mod 2^16) that lies nearest to `near`."""
    return near + _distance(sequence, near % _SEQUENCE, _SEQUENCE)


def extend_timestamp(timestamp: int, near: int) -> int:
    """The extended number congruent to `timestamp` (mod 2^32) that lies nearest to `near`."""
    return near + _distance(timestamp, near % _TIMESTAMP, _TIMESTAMP)


def _distance(newer: int, older: int, modulus: int) -> int:
    return (newer - older + modulus // 2) % modulus - modulus // 2
