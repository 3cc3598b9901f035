"""Which local addresses a session listens on. Every address is a socket and some checks, so few are best.

Loopback, link-local addresses and the bridges of containers and virtual machines lead no speaker here. A
browser on this machine reaches us by the machine's own address; where there is none, loopback serves.
"""

import ipaddress
from collections.abc import Iterable

import ifaddr

ADDRESSES_MAX = 4
LOOPBACK = "127.0.0.1"

_BRIDGES = ("docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "lxc", "lxd", "podman", "vmnet")


def local_addresses() -> tuple[str, ...]:
    """The addresses of this machine's interfaces that are of use, at most `ADDRESSES_MAX`."""
    return choose_addresses(
        (adapter.name, str(ip.ip if isinstance(ip.ip, str) else ip.ip[0]))
        for adapter in ifaddr.get_adapters()
        for ip in adapter.ips
    )


def choose_addresses(found: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Of (interface, address) pairs those of use: IPv4 first, in order; loopback if nothing is left."""
    usable = [address for name, address in found if not name.startswith(_BRIDGES) and _is_usable(address)]
    usable.sort(key=lambda address: ":" in address)
    return tuple(usable[:ADDRESSES_MAX]) or (LOOPBACK,)


def _is_usable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (
        address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified
    )
