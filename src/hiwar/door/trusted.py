"""Whose word is taken for where a request came from.

A peer in a trusted network (`trusted_proxies`) may name the client in X-Forwarded-For; the address is the
last one that is not itself trusted. On a Unix socket the peer is the edge, which names the client in
`X-Hiwar-Client`. From anybody else these headers mean nothing.
"""

import ipaddress
from collections.abc import Mapping

CLIENT_HEADER = "x-hiwar-client"
UNIX_PEER = "unix"
_HOPS_MAX = 16

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadNetworks(ValueError):
    """The setting is not a list of networks; the text names the entry."""


class TrustedPeers:
    """Pure: a table of networks and the rule."""

    def __init__(self, networks: str = "") -> None:
        """`networks`: CIDR, comma separated.

        Raises:
            BadNetworks
        """
        self._networks: list[Network] = []
        for entry in filter(None, (part.strip() for part in networks.split(","))):
            try:
                self._networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError as error:
                raise BadNetworks(
                    f"trusted_proxies: {entry!r} is not a network such as 10.0.0.0/8"
                ) from error

    def origin(self, peer: str, headers: Mapping[str, str], *, secure: bool) -> tuple[str, bool]:
        """Address of the client, and whether it came by TLS. `peer` is an address or `UNIX_PEER`."""
        if peer == UNIX_PEER:
            return headers.get(CLIENT_HEADER) or UNIX_PEER, headers.get("x-forwarded-proto") == "https"
        if not self._networks or not self._trusts(peer):
            return peer, secure
        client = peer
        for hop in reversed(headers.get("x-forwarded-for", "").split(",")[-_HOPS_MAX:]):
            address = _address(hop)
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return client, secure or headers.get("x-forwarded-proto", "").lower() == "https"

    def _trusts(self, address: str) -> bool:
        parsed = ipaddress.ip_address(address)
        return any(parsed.version == network.version and parsed in network for network in self._networks)


def plain_address(text: str) -> str:
    """An address of a peer as text: without a zone, IPv4 in IPv6 as IPv4."""
    return _address(text.partition("%")[0]) or text


def _address(text: str) -> str | None:
    try:
        parsed = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(parsed)
