"""The PROXY protocol, version 2 (HAProxy's `doc/proxy-protocol.txt`, §2.2): who the client of a proxy is.

Where it is on, a connection of a trusted proxy begins with one such header, before TLS. Pure: bytes in, a
`Proxied` or `BadProxyHeader` out. The header has a start of `START_BYTES`, which tells how long the rest is.

Rules: version 1 (text) is not spoken. A command, family or protocol that is not known here, an address
block shorter than its family's, or a broken list of TLVs is refused, and the connection with it: nobody but
a trusted proxy is asked, so a broken header is a mistake in its setting. A checksum (CRC32c) is not checked;
TCP has done that.
"""

from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_ntop

from hiwar.door.trusted import plain_address

START_BYTES = 16
REST_BYTES_MAX = 2048  # addresses are 36 bytes; names, certificates' subjects and ids are some hundred

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_VERSION_2 = 0x20
_LOCAL, _PROXY = 0, 1
_STREAM = 1
_FAMILIES = {1: (AF_INET, 4), 2: (AF_INET6, 16)}  # number: family, bytes of one address
_UNSPECIFIED = 0
_PORTS_BYTES = 4
_TLV_SSL = 0x20
_CLIENT_SSL = 0x01


class BadProxyHeader(ValueError):
    """These bytes are not a header of version 2 that is taken here."""


@dataclass(frozen=True, slots=True)
class Proxied:
    """`client`: the address of the proxy's client, '' where the proxy speaks for itself (LOCAL) or does not
    know (UNSPEC). `secure`: the client came to the proxy by TLS."""

    client: str
    secure: bool


def parse_start(start: bytes) -> int:
    """Bytes of the rest, 0 to `REST_BYTES_MAX`, after a start of `START_BYTES`.

    Raises:
        BadProxyHeader
    """
    if len(start) != START_BYTES or not start.startswith(_SIGNATURE):
        raise BadProxyHeader("no header of the PROXY protocol, version 2")
    version, command = start[12] & 0xF0, start[12] & 0x0F
    if version != _VERSION_2 or command not in (_LOCAL, _PROXY):
        raise BadProxyHeader("a version or command that is not known")
    length = int.from_bytes(start[14:16], "big")
    if length > REST_BYTES_MAX:
        raise BadProxyHeader("the header is too long")
    return length


def parse_header(start: bytes, rest: bytes) -> Proxied:
    """What the header says, of its start and its rest.

    Raises:
        BadProxyHeader
    """
    if len(rest) != parse_start(start):
        raise BadProxyHeader("the header is cut short")
    if start[12] & 0x0F == _LOCAL:
        return Proxied("", secure=False)
    family, protocol = start[13] >> 4, start[13] & 0x0F
    if family == _UNSPECIFIED:
        return Proxied("", secure=False)
    if family not in _FAMILIES or protocol != _STREAM:
        raise BadProxyHeader("a family or protocol that is not TCP")
    domain, size = _FAMILIES[family]
    if len(rest) < 2 * size + _PORTS_BYTES:
        raise BadProxyHeader("the addresses are cut short")
    client = plain_address(inet_ntop(domain, rest[:size]))
    return Proxied(client, secure=_is_secure(rest[2 * size + _PORTS_BYTES :]))


def _is_secure(vectors: bytes) -> bool:
    """Whether the TLV about TLS (§2.2.6) is among the vectors, and says so."""
    secure, position = False, 0
    while position < len(vectors):
        end = position + 3 + int.from_bytes(vectors[position + 1 : position + 3], "big")
        if len(vectors) - position < 3 or end > len(vectors):
            raise BadProxyHeader("a TLV is cut short")
        if vectors[position] == _TLV_SSL and end > position + 3:
            secure = bool(vectors[position + 3] & _CLIENT_SSL)
        position = end
    return secure
