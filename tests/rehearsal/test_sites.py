"""Whose addresses are whose."""

from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from hiwar.rehearsal.aim import is_loopback
from hiwar.rehearsal.sites import (
    ATTACKING_SITES,
    HONEST_SITES,
    PROXY,
    attacking_source,
    hall_source,
    honest_source,
)


def site(address: str) -> str:
    return address.rpartition(".")[0]


@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000), st.integers(1, ATTACKING_SITES))
def test_honest_people_attackers_the_hall_and_the_proxy_never_share_a_network(
    number: int, machine: int, prefixes: int
) -> None:
    found = [honest_source(number), attacking_source(machine, prefixes), hall_source(), PROXY]
    assert all(is_loopback(each) for each in found)
    assert len({site(each) for each in found}) == 4
    assert all(ip_address(each) in ip_network("127.0.0.0/8") for each in found)


def test_each_honest_person_has_a_network_of_their_own_as_long_as_there_are_some() -> None:
    assert len({site(honest_source(number)) for number in range(HONEST_SITES)}) == HONEST_SITES
    assert honest_source(0) != honest_source(HONEST_SITES)
    assert site(honest_source(0)) == site(honest_source(HONEST_SITES))


def test_a_botnet_is_spread_evenly_over_its_networks() -> None:
    sources = [attacking_source(machine, 10) for machine in range(100)]
    assert len(set(sources)) == 100
    assert len({site(each) for each in sources}) == 10
