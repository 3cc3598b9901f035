"""Networks are given out once, and their keys are those of the real addresses."""

from random import Random

import numpy as np
import pytest

from hiwar.admission.prefix import origin_of
from hiwar.edge.usher import region_of
from hiwar.sim.addresses import SITES, Addresses, origin_at, region_at, site_of_ipv6


def test_nobody_gets_a_network_that_another_has() -> None:
    addresses = Addresses(Random(1))
    sites = np.concatenate([addresses.sites(100_000) for _ in range(3)])
    assert len(np.unique(sites)) == 300_000
    assert sites.min() >= 1 << 24
    assert sites.max() < 1 << 25


def test_more_networks_than_there_are_cannot_be_had() -> None:
    addresses = Addresses(Random(1))
    addresses.sites(1)
    with pytest.raises(ValueError, match="16,777,216 networks"):
        addresses.sites(SITES)


@pytest.mark.parametrize(
    ("site", "host", "address"),
    [
        ((1 << 24) + 0xCB0071, 9, "203.0.113.9"),
        (site_of_ipv6(0x20010DB8, 0x1234), 0xABCD, "2001:db8:1234:abcd::1"),
    ],
)
def test_origin_and_region_are_those_of_the_address(site: int, host: int, address: str) -> None:
    assert origin_at(site, host) == origin_of(address)
    assert region_at(site) == region_of(origin_of(address))
