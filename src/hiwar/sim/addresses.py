"""Where simulated people and machines sit: networks that are given out once. Pure, numpy.

Theory of operation: the /24s of IPv4 are gone through by an affine permutation of 24 bits (an odd factor has
an inverse modulo a power of two), so that no two who ask for a network of their own get the same one,
without remembering who has which. Special-purpose blocks are given out like any others: no core looks at
them. In a /16 are 256 /24s, as many as the waiting room lets in from a region, so a region of IPv4 is never
full while everybody has a network of their own.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hiwar.admission.prefix import Origin

SITES = 1 << 24  # /24s there are
_FIRST = 1 << 24  # keys of /24s begin here, those of /48s at 1 << 48 (see `admission.prefix`)
_IPV6 = 1 << 48

Ints = NDArray[np.int64]


class Random(Protocol):
    """`random.Random`, or what stands for it."""

    def getrandbits(self, k: int, /) -> int: ...


class Addresses:
    """Gives out /24s.

    Raises:
        ValueError: more are wanted than there are.
    """

    def __init__(self, random: Random) -> None:
        self._factor = random.getrandbits(24) | 1
        self._offset = random.getrandbits(24)
        self._given = 0

    def sites(self, count: int) -> Ints:
        """The keys of `count` /24s that nobody has yet."""
        if self._given + count > SITES:
            raise ValueError(f"there are {SITES:,} networks, and more are wanted")
        numbers = np.arange(self._given, self._given + count, dtype=np.int64)
        self._given += count
        return (numbers * self._factor + self._offset) % SITES + _FIRST


def origin_at(site: int, host: int) -> Origin:
    """The origin of host 0..255 of a /24, or of network 0..65,535 of a /48."""
    if site < _IPV6:
        finest = site << 8 | host
        return Origin(finest, site, (finest, site))
    finest = site << 16 | host
    return Origin(finest, site, (finest, finest >> 8, site))


def region_at(site: int) -> int:
    """The key of the larger network around a site, as the edge tells it: IPv4 /16, IPv6 /32."""
    return site >> (8 if site < _IPV6 else 16)


def site_of_ipv6(network: int, number: int) -> int:
    """The key of /48 number 0..65,535 in a /32 (32 bits)."""
    return _IPV6 | network << 16 | number
