"""Where somebody comes from: an address as network prefixes of several widths. Pure.

Rules
- Limits, shares and counts know prefixes only, never addresses: whoever holds an IPv6 /64 holds 2^64 of
  them. IPv4 is seen as /32 and /24, IPv6 as /64, /56 and /48 (a network of one household or one phone;
  what a provider delegates to a household; what it delegates to a site: RFC 6177).
- IPv4 within IPv6 (`::ffff:0:0/96`, and `64:ff9b::/96` of RFC 6052, which a translator in front of an
  IPv6-only machine gives to everybody) counts as the IPv4 address. Zone ids are dropped.
- Text that is no address counts as 0.0.0.0, which is nobody's source (RFC 6890): all of it together has
  what one address has.

Theory of operation: a key is the bits of the prefix behind a leading one, so a /24 lies in 2^24 .. 2^25
and a /48 in 2^48 .. 2^49; as all widths differ, no two prefixes share a key, and the key tells its width
(`level_of`). A coarser prefix is a shift to the right. Keys are below 2^65, so at most 17 of them share
a hash of Python's integers (modulo 2^61 - 1): chosen addresses cannot make a table slow.
"""

import ipaddress
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec

ORIGINS_CACHED = 8192  # about the listeners of a worker; the least recently used goes and is parsed again
ADDRESS_CHARS_MAX = 64  # 45 of the longest address, "%", 15 of an interface's name; longer is garbage
_KEY_BYTES = 9  # a key of a /64 has 65 bits

_OCTETS = {str(value): value for value in range(256)}
_MAPPED = 0xFFFF  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_TRANSLATED = 0x64FF9B << 64  # 64:ff9b::/96, RFC 6052 section 2.1


class Level(IntEnum):
    """The widths of prefixes that are looked at, in bits; no two are equal."""

    IPV4_32 = 32
    IPV4_24 = 24
    IPV6_64 = 64
    IPV6_56 = 56
    IPV6_48 = 48


IPV4_LEVELS = (Level.IPV4_32, Level.IPV4_24)  # finest first, as in `Origin.prefixes`
IPV6_LEVELS = (Level.IPV6_64, Level.IPV6_56, Level.IPV6_48)


class Origin(msgspec.Struct, frozen=True, gc=False):
    """The prefix keys of an address. `finest`: its /32 or /64; `site`: its /24 or /48, by which shares of
    seats and the lottery are counted; `prefixes`: all, from finest to coarsest (two, or three of IPv6)."""

    finest: int
    site: int
    prefixes: tuple[int, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """The widths of `prefixes`, in their order."""
        return levels_of(len(self.prefixes))


def levels_of(count: int) -> tuple[Level, ...]:
    """The levels of an origin with `count` prefixes: 2 is IPv4, 3 is IPv6."""
    return IPV4_LEVELS if count == len(IPV4_LEVELS) else IPV6_LEVELS


def level_of(prefix_key: int) -> Level:
    """The width of a prefix from its key."""
    return Level(prefix_key.bit_length() - 1)


def origin_of(address: str) -> Origin:
    """The origin of an address as text, as a socket or `door.trusted` gives it; `NOWHERE` of garbage."""
    if len(address) > ADDRESS_CHARS_MAX:
        return NOWHERE
    return _cached_origin(address)


def hashed(prefix_key: int, key: bytes) -> int:
    """What stands for a prefix in a table on disk, 0 .. 2^64 - 1: keyed BLAKE2b (RFC 7693) of `prefix_key`.

    Without `key` (up to 64 bytes, secret) it cannot be led back to an address, nor be found by trying all.
    """
    digest = blake2b(prefix_key.to_bytes(_KEY_BYTES, "big"), digest_size=8, key=key, person=b"prefix")
    return int.from_bytes(digest.digest(), "big")


def render_prefix(prefix_key: int) -> str:
    """A prefix as people and firewalls write it, such as `203.0.113.0/24` or `2001:db8:1::/48`."""
    level = level_of(prefix_key)
    bits = prefix_key ^ (1 << level)
    if level in IPV4_LEVELS:
        return f"{ipaddress.IPv4Address(bits << 32 - level)}/{int(level)}"
    return f"{ipaddress.IPv6Address(bits << 128 - level)}/{int(level)}"


def _ipv4_origin(value: int) -> Origin:
    finest = 1 << 32 | value
    site = finest >> 8
    return Origin(finest, site, (finest, site))


def _ipv6_origin(value: int) -> Origin:
    finest = 1 << 64 | value >> 64
    site = finest >> 16
    return Origin(finest, site, (finest, finest >> 8, site))


@lru_cache(maxsize=ORIGINS_CACHED)
def _cached_origin(address: str) -> Origin:
    try:
        return _parse_ipv6(address) if ":" in address else _parse_ipv4(address)
    except (KeyError, ValueError):
        return NOWHERE


def _parse_ipv4(text: str) -> Origin:
    """A quarter of what `ipaddress` takes; as strict: four decimal numbers, no leading zeros."""
    first, second, third, fourth = text.split(".")
    return _ipv4_origin(_OCTETS[first] << 24 | _OCTETS[second] << 16 | _OCTETS[third] << 8 | _OCTETS[fourth])


def _parse_ipv6(text: str) -> Origin:
    value = int(ipaddress.IPv6Address(text))  # which leaves the zone out
    if value >> 32 in (_MAPPED, _TRANSLATED):
        return _ipv4_origin(value & 0xFFFFFFFF)
    return _ipv6_origin(value)


NOWHERE = _ipv4_origin(0)
