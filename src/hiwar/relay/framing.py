"""Length-prefixed MessagePack on a byte stream: the one place where relay bytes are cut into messages.

Both sides run as one user behind a directory of mode 0700, so the peer is ours; a length out of bounds
can only be a bug or a version mix, and ends the connection.
"""

import asyncio
from typing import cast

import msgspec

from hiwar.relay.messages import MESSAGE_BYTES_MAX

_encoder = msgspec.msgpack.Encoder()


def render_frame(message: msgspec.Struct) -> bytes:
    """`message` as MessagePack after its length (4 bytes, big-endian)."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


class FramedProtocol(asyncio.Protocol):
    """Cuts what arrives into message bodies and hands each to `body_received`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._pending = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are not derived from asyncio's

    def data_received(self, data: bytes) -> None:
        pending = self._pending
        pending += data
        start = 0
        while len(pending) - start >= 4:
            length = int.from_bytes(pending[start : start + 4], "big")
            if length > MESSAGE_BYTES_MAX:
                self.abort()
                return
            end = start + 4 + length
            if len(pending) < end:
                break
            self.body_received(bytes(pending[start + 4 : end]))
            start = end
        del pending[:start]

    def body_received(self, body: bytes) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        """Drop the connection at once."""
        if self.transport is not None:
            self.transport.abort()
