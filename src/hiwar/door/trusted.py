"""Whose word is taken for where a request came from.

A peer in a trusted network (`trusted_proxies`) may name the client in X-Forwarded-For; the address is the
last one that is not itself trusted. On a Unix socket the peer is the edge, which names the client in
`X-Hiwar-Client`. From anybody else these headers mean nothing.

With the PROXY protocol (see `proxy`) the address that the proxy gives takes the place of the peer's, and
the same rule is applied to it: X-Forwarded-For counts only where that address is trusted too, which is so
for a proxy behind a proxy. PROXY wins.
"""

import ipaddress
import socket
from collections.abc import Mapping

CLIENT_HEADER = "x-hiwar-client"
UNIX_PEER = "unix"
_HOPS_MAX = 16
_MAPPED = "::ffff:"


class BadNetworks(ValueError):
    """The setting is not a list of networks; the text names the entry."""


class TrustedPeers:
    """A table of networks and the rule."""

    def __init__(self, networks: str = "") -> None:
        """`networks`: CIDR, comma separated.

        Raises:
            BadNetworks
        """
        self._masks: list[tuple[int, int, int]] = []  # bytes of an address, mask, network
        for entry in filter(None, (part.strip() for part in networks.split(","))):
            try:
                network = ipaddress.ip_network(entry, strict=False)
            except ValueError as error:
                raise BadNetworks(
                    f"trusted_proxies: {entry!r} is not a network such as 10.0.0.0/8"
                ) from error
            size = network.max_prefixlen // 8
            self._masks.append((size, int(network.netmask), int(network.network_address)))

    def trusts(self, address: str) -> bool:
        """Whether a peer of this address may speak for others. Asked at each accept, so by whole numbers:
        `ipaddress` takes ten times as long."""
        if not self._masks:
            return False
        try:
            packed = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
        except OSError:
            return False
        size, number = len(packed), int.from_bytes(packed, "big")
        return any(size == each and number & mask == network for each, mask, network in self._masks)

    def origin(self, peer: str, headers: Mapping[str, str], *, secure: bool) -> tuple[str, bool]:
        """Address of the client, and whether it came by TLS. `peer` is an address or `UNIX_PEER`."""
        if peer == UNIX_PEER:
            return headers.get(CLIENT_HEADER) or UNIX_PEER, headers.get("x-forwarded-proto") == "https"
        if not self.trusts(peer):
            return peer, secure
        client = peer
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")[-_HOPS_MAX:]):
            address = _address(hop)
            if address is None:
                break
            client = address
            if not self.trusts(address):
                break
        return client, secure or headers.get("x-forwarded-proto", "").lower() == "https"


def plain_address(text: str) -> str:
    """An address as the kernel writes it, without a zone, IPv4 in IPv6 as IPv4."""
    if ":" not in text:
        return text
    text = text.partition("%")[0]
    return text[len(_MAPPED) :] if text.startswith(_MAPPED) and "." in text else text


def _address(text: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(parsed)
