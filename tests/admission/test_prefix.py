"""Addresses as prefixes."""

import ipaddress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.admission.prefix import (
    ADDRESS_CHARS_MAX,
    NOWHERE,
    ORIGINS_CACHED,
    Level,
    Origin,
    _cached_origin,
    hashed,
    level_of,
    origin_of,
    render_prefix,
)

KEY = bytes(range(32))
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


def rendered(origin: Origin) -> list[str]:
    return [render_prefix(key) for key in origin.prefixes]


@pytest.mark.parametrize(
    ("address", "prefixes"),
    [
        ("203.0.113.77", ["203.0.113.77/32", "203.0.113.0/24"]),
        ("0.0.0.1", ["0.0.0.1/32", "0.0.0.0/24"]),
        ("255.255.255.255", ["255.255.255.255/32", "255.255.255.0/24"]),
        ("::ffff:203.0.113.77", ["203.0.113.77/32", "203.0.113.0/24"]),
        ("::FFFF:cb00:714d", ["203.0.113.77/32", "203.0.113.0/24"]),
        ("64:ff9b::203.0.113.77", ["203.0.113.77/32", "203.0.113.0/24"]),
        ("2001:db8:1:2a3b::9", ["2001:db8:1:2a3b::/64", "2001:db8:1:2a00::/56", "2001:db8:1::/48"]),
        ("::1", ["::/64", "::/56", "::/48"]),
        ("::", ["::/64", "::/56", "::/48"]),
        ("fe80::1%eth0", ["fe80::/64", "fe80::/56", "fe80::/48"]),
        ("::ffff:203.0.113.77%3", ["203.0.113.77/32", "203.0.113.0/24"]),
    ],
)
def test_an_address_is_its_prefixes_from_finest_to_coarsest(address: str, prefixes: list[str]) -> None:
    origin = origin_of(address)
    assert rendered(origin) == prefixes
    assert [origin.finest, origin.site] == [origin.prefixes[0], origin.prefixes[-1]]
    assert [level_of(key) for key in origin.prefixes] == list(origin.levels)


@pytest.mark.parametrize(
    "text",
    [
        "", "unix", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.-4", " 1.2.3.4", "1.2.3.4\n",
        "١.٢.٣.٤", "1..2.3", ":", ":::", "1:2:3", "2001:db8::g", "[::1]", "%", "%eth0", "\x00",
        "::1" + " " * ADDRESS_CHARS_MAX, "1" * 200, ":" * 200,
    ],
)  # fmt: skip
def test_what_is_no_address_counts_as_the_address_of_nobody(text: str) -> None:
    assert origin_of(text) == NOWHERE == origin_of("0.0.0.0")


@given(st.text(max_size=80))
def test_no_text_whatsoever_raises(text: str) -> None:
    assert origin_of(text).finest


@given(st.ip_addresses(v=4))
def test_every_ipv4_address_lies_in_its_networks(address: ipaddress.IPv4Address) -> None:
    wanted = [str(ipaddress.ip_network((int(address), width), strict=False)) for width in (32, 24)]
    assert rendered(origin_of(str(address))) == wanted


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_lies_in_its_networks_however_it_is_written(
    address: ipaddress.IPv6Address,
) -> None:
    wanted = [str(ipaddress.IPv6Network((int(address), width), strict=False)) for width in (64, 56, 48)]
    if not address.ipv4_mapped and address not in TRANSLATED:
        assert rendered(origin_of(str(address))) == wanted
    assert origin_of(str(address)) == origin_of(address.exploded) == origin_of(str(address).upper())


def test_no_two_levels_can_share_a_key() -> None:
    ranges = sorted((1 << level, 2 << level) for level in Level)
    assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
    zeros = [*origin_of("0.0.0.0").prefixes, *origin_of("::").prefixes]
    ones = [*origin_of("255.255.255.255").prefixes, *origin_of(":".join(["ffff"] * 8)).prefixes]
    assert [(key, 2 * key - 1) for key in zeros] == list(zip(zeros, ones, strict=True))
    assert sorted(zeros) == [start for start, _ in ranges]


def test_many_addresses_leave_a_bounded_cache() -> None:
    for number in range(ORIGINS_CACHED + 10):
        origin_of(str(ipaddress.IPv4Address(number)))
    assert _cached_origin.cache_info().currsize == ORIGINS_CACHED


def test_what_is_too_long_for_an_address_is_not_kept() -> None:
    before = _cached_origin.cache_info()
    origin_of("9" * (ADDRESS_CHARS_MAX + 1))
    assert _cached_origin.cache_info() == before


def test_a_hash_stands_for_one_prefix_under_one_key() -> None:
    keys = [key for text in ("192.0.2.1", "192.0.2.2", "2001:db8::") for key in origin_of(text).prefixes]
    hashes = {hashed(key, secret) for key in keys for secret in (KEY, bytes(32))}
    assert len(hashes) == 2 * len(set(keys))
    assert all(0 <= each < 1 << 64 for each in hashes)
    assert max(hashes) >> 60
    assert hashed(keys[0], KEY) == hashed(keys[0], KEY)
