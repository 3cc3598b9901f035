"""Rates and open connections per prefix."""

import ipaddress
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from hiwar.admission.limits import (
    CONNECTIONS_OPEN,
    LIMITS,
    ConnectionCounts,
    Exempt,
    Limited,
    PrefixLimits,
)
from hiwar.admission.prefix import NOWHERE, Level, Origin, level_of, origin_of
from hiwar.admission.rates import Rate, RateTable

NAT = origin_of("203.0.113.5")
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
POOL = [
    origin_of(text)
    for text in (
        "192.0.2.1", "192.0.2.2", "192.0.3.1",
        "2001:db8:1::1", "2001:db8:1:1::1", "2001:db8:1:100::1", "2001:db8:2::1",
    )
]  # fmt: skip


def rates(**bursts: float) -> dict[Level, Rate]:
    return {level: Rate(1, bursts.get(level.name.lower(), 1000)) for level in Level}


def passed(limits: PrefixLimits, origin: Origin, now: float, tries: int) -> int:
    return sum(limits.wait_s(origin, now) == 0.0 for _ in range(tries))


# Levels together.


@pytest.mark.parametrize(
    ("level", "address"),
    [
        ("ipv4_32", "192.0.2.1"), ("ipv4_24", "192.0.2.1"),
        ("ipv6_64", "2001:db8::"), ("ipv6_56", "2001:db8::"), ("ipv6_48", "2001:db8::"),
    ],
)  # fmt: skip
def test_every_level_can_be_the_one_that_refuses(level: str, address: str) -> None:
    limits = PrefixLimits(rates(**{level: 3}))
    assert passed(limits, origin_of(address), 0.0, 10) == 3
    assert limits.wait_s(origin_of(address), 0.0) == 1.0
    refused = {each.name.lower(): count for each, count in limits.refused.items() if count}
    assert refused == {level: 8}


def test_who_hammers_at_their_own_limit_takes_nothing_from_their_neighbours() -> None:
    limits = PrefixLimits(rates(ipv4_32=5, ipv4_24=10))
    assert passed(limits, origin_of("192.0.2.1"), 0.0, 1000) == 5
    assert passed(limits, origin_of("192.0.2.2"), 0.0, 1000) == 5


def test_a_full_site_does_not_use_up_what_its_addresses_may() -> None:
    limits = PrefixLimits(rates(ipv6_64=4, ipv6_56=4, ipv6_48=1))
    first, second = origin_of("2001:db8::"), origin_of("2001:db8:0:100::")
    assert limits.wait_s(first, 0.0) == 0.0
    assert passed(limits, second, 0.0, 50) == 0
    assert all(limits.wait_s(second, float(now)) == 0.0 for now in range(1, 20))


@pytest.mark.parametrize("finer_longer", [False, True])
def test_the_longest_wait_of_all_levels_is_told(finer_longer: bool) -> None:
    slow, fast = Rate(0.1, 1), Rate(1, 1)
    given = rates() | {
        Level.IPV4_32: slow if finer_longer else fast,
        Level.IPV4_24: fast if finer_longer else slow,
    }
    limits = PrefixLimits(given)
    assert limits.wait_s(NAT, 0.0) == 0.0
    assert limits.wait_s(NAT, 0.0) == 10.0
    assert limits.wait_s(NAT, 5.0) == 5.0
    assert limits.wait_s(NAT, 10.0) == 0.0


def test_a_dear_event_is_charged_in_full_and_given_back_in_full() -> None:
    limits = PrefixLimits(rates() | {Level.IPV4_32: Rate(0.125, 4), Level.IPV4_24: Rate(8, 4)})
    assert limits.wait_s(origin_of("203.0.113.6"), 0.0, 2.0) == 0.0
    assert limits.wait_s(NAT, 0.0, 3.0) == 0.125
    assert limits.wait_s(NAT, 1.0, 4.0) == 0.0
    assert limits.wait_s(NAT, 1.0, 4.0) == 32.0


@given(
    st.lists(
        st.tuples(st.sampled_from(POOL), st.sampled_from([0.0, 0.0, 0.5, 2.0]), st.sampled_from([1.0, 2.0])),
        max_size=80,
    )
)
def test_it_comes_to_the_same_as_checking_every_level_and_charging_then(
    steps: list[tuple[Origin, float, float]],
) -> None:
    given = rates(ipv4_32=3, ipv4_24=5, ipv6_64=2, ipv6_56=3, ipv6_48=4)
    limits, now = PrefixLimits(given), 0.0
    tables = {level: RateTable(rate, 100) for level, rate in given.items()}
    for origin, passes, cost in steps:
        now += passes
        levels = [(tables[level_of(key)], key) for key in origin.prefixes]
        wait = max(table.peek_s(key, now, cost) for table, key in levels)
        assert limits.wait_s(origin, now, cost) == wait
        if not wait:
            for table, key in levels:
                table.wait_s(key, now, cost)


@pytest.mark.parametrize("make", [PrefixLimits, ConnectionCounts])
def test_a_level_without_a_limit_is_an_error_and_not_an_open_door(make: Callable[[object], object]) -> None:
    full: dict[Level, object] = dict(rates()) if make is PrefixLimits else dict(CONNECTIONS_OPEN)
    del full[Level.IPV6_56]
    with pytest.raises(ValueError, match="no limit for IPV6_56"):
        make(full)


def test_a_flood_of_random_sites_is_bounded_and_counted_and_frees_no_one() -> None:
    limits = PrefixLimits({level: Rate(0.01, 2) for level in Level}, entries_max=64)
    assert passed(limits, POOL[3], 0.0, 5) == 2
    through = sum(limits.wait_s(origin_of(f"2001:{number:x}::"), 0.0) == 0.0 for number in range(5000))
    assert through <= 64 + 2 * 64 / 16
    assert limits.overflowed[Level.IPV6_64] > 4000
    assert limits.overflowed[Level.IPV4_32] == 0
    assert limits.wait_s(POOL[3], 0.0) > 0


# The figures.


def test_every_kind_has_its_limits_at_every_level_and_none_is_finer_the_wider_it_is() -> None:
    assert set(LIMITS) == set(Limited)
    for table in LIMITS.values():
        assert set(table) == set(Level)
        for narrow, wide in (
            (Level.IPV4_32, Level.IPV4_24), (Level.IPV6_64, Level.IPV6_56), (Level.IPV6_56, Level.IPV6_48)
        ):  # fmt: skip
            assert table[narrow].per_second <= table[wide].per_second
            assert table[narrow].burst <= table[wide].burst


def people(origins: list[Origin], spread_s: float, hls: bool = False) -> dict[Limited, int]:
    """What is refused of one person at each origin: all come within `spread_s`, load a page, ask for a
    seat each 4 s for a minute, take one puzzle, and then hear for twenty seconds."""
    events: list[tuple[float, Limited, Origin]] = []
    for number, origin in enumerate(origins):
        start = spread_s * number / len(origins)
        events += [(start, Limited.CONNECTIONS, origin)] * 6
        events += [(start, Limited.REQUESTS, origin)] * 15
        for asked in range(15):
            events += [(start + 4 * asked, kind, origin) for kind in (Limited.JOINS, Limited.REQUESTS)]
        events.append((start + 1, Limited.CHALLENGES, origin))
        if hls:
            events += [(start + 60 + each * 0.16, Limited.MEDIA, origin) for each in range(125)]
    limits = {kind: PrefixLimits(LIMITS[kind]) for kind in Limited}
    refused = Counter(
        kind
        for now, kind, origin in sorted(events, key=lambda each: each[0])
        if limits[kind].wait_s(origin, now)
    )
    return dict(refused)


@pytest.mark.parametrize("spread_s", [0.001, 10.0, 60.0])
def test_two_hundred_people_behind_one_address_are_not_held_up(spread_s: float) -> None:
    assert people([NAT] * 200, spread_s, hls=True) == {}
    assert people([origin_of("2001:db8::1")] * 200, spread_s, hls=True) == {}


def test_eight_hundred_phones_of_one_network_within_a_minute_are_not_held_up() -> None:
    phones = [origin_of(f"2001:db8:1:{number * 81:x}::1") for number in range(800)]
    assert len({phone.finest for phone in phones}) == 800
    assert people(phones, 60.0) == {}


def test_a_household_is_not_held_up() -> None:
    assert people([NAT] * 6, 0.001, hls=True) == {}


@pytest.mark.parametrize(
    ("kind", "per_second"),
    [
        (Limited.CONNECTIONS, 20), (Limited.REQUESTS, 120), (Limited.MEDIA, 1400),
        (Limited.JOINS, 60), (Limited.CHALLENGES, 4), (Limited.LOGINS, 0.5),
    ],
)  # fmt: skip
def test_one_machine_at_full_speed_gets_its_burst_and_then_the_rate(kind: Limited, per_second: float) -> None:
    limits, burst = PrefixLimits(LIMITS[kind]), LIMITS[kind][Level.IPV4_32].burst
    through = sum(limits.wait_s(NAT, number / 1000) == 0.0 for number in range(20_000))
    most = burst + per_second * 20 + 1
    assert min(20_000, most - 2) <= through <= most


def test_a_machine_with_a_whole_site_gets_what_four_addresses_get() -> None:
    site = [origin_of(f"2001:db8:1:{number * 13:x}::1") for number in range(5000)]
    alone, wide = PrefixLimits(LIMITS[Limited.CONNECTIONS]), PrefixLimits(LIMITS[Limited.CONNECTIONS])
    one = passed(alone, NAT, 0.0, 8000)
    all_of_it = sum(wide.wait_s(origin, 0.0) == 0.0 for origin in site)
    assert all_of_it == 4 * one == 4800


def test_two_hundred_people_may_load_a_page_at_once_and_no_network_fills_a_door_alone() -> None:
    counts = ConnectionCounts()
    assert all(counts.opened(NAT) for _ in range(200 * 6))
    assert not counts.opened(NAT)
    assert max(CONNECTIONS_OPEN.values()) <= 20_000 / 5


# Open connections.


@pytest.mark.parametrize("level", list(Level))
def test_every_level_bounds_the_open_connections(level: Level) -> None:
    counts = ConnectionCounts({each: 3 if each is level else 100 for each in Level})
    origin = NAT if level in (Level.IPV4_32, Level.IPV4_24) else POOL[3]
    assert [counts.opened(origin) for _ in range(5)] == [True, True, True, False, False]
    assert counts.refused == 2
    counts.closed(origin)
    assert [counts.opened(origin) for _ in range(2)] == [True, False]


def test_closing_what_was_never_open_is_an_error_that_changes_nothing() -> None:
    counts = ConnectionCounts()
    counts.opened(POOL[0])
    with pytest.raises(KeyError):
        counts.closed(POOL[1])  # another address of the same /24
    assert [counts.count(key) for key in POOL[0].prefixes] == [1, 1]


class Connections(RuleBasedStateMachine):
    """Connections come and go in any order; what is counted is what is open."""

    openings = Bundle("openings")

    def __init__(self) -> None:
        super().__init__()
        self.bounds = {
            Level.IPV4_32: 2, Level.IPV4_24: 3, Level.IPV6_64: 1, Level.IPV6_56: 2, Level.IPV6_48: 3
        }  # fmt: skip
        self.counts = ConnectionCounts(self.bounds)
        self.open: list[Origin] = []

    def truth(self) -> Counter[int]:
        return Counter(key for origin in self.open for key in origin.prefixes)

    @rule(target=openings, origin=st.sampled_from(POOL))
    def come(self, origin: Origin) -> Origin | None:
        there = self.truth()
        fits = all(there[key] < self.bounds[level_of(key)] for key in origin.prefixes)
        assert self.counts.opened(origin) is fits
        if fits:
            self.open.append(origin)
        return origin if fits else None

    @rule(origin=consumes(openings))
    def go(self, origin: Origin | None) -> None:
        if origin is not None:
            self.open.remove(origin)
            self.counts.closed(origin)

    @invariant()
    def counts_are_exact(self) -> None:
        there = self.truth()
        assert len(self.counts) == len(there)
        assert {key: self.counts.count(key) for key in there} == dict(there)

    def teardown(self) -> None:
        for origin in self.open:
            self.counts.closed(origin)
        assert len(self.counts) == 0


TestConnections = Connections.TestCase
TestConnections.settings = settings(max_examples=40, stateful_step_count=40)


# Exempt networks.


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        ([], "127.0.0.1", False),
        (["127.0.0.0/8"], "127.9.9.9", True),
        (["127.0.0.0/8"], "128.0.0.1", False),
        (["203.0.113.5"], "203.0.113.5", True),
        (["203.0.113.5"], "203.0.113.6", False),
        ([" 203.0.113.9/24 ", "2001:db8::/32"], "203.0.113.200", True),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db8:ffff::1", True),
        (["203.0.113.0/24", "2001:db8::/32"], "2001:db9::1", False),
        (["2001:db8:1:2::/64"], "2001:db8:1:2:ffff::", True),
        (["2001:db8:1:2::/64"], "2001:db8:1:3::", False),
        (["203.0.113.0/24"], "::ffff:203.0.113.1", True),
        (["0.0.0.0/0"], "8.8.8.8", True),
        (["0.0.0.0/0"], "2001:db8::", False),
        (["32.0.0.0/8"], "2000::", False),
        (["10.0.0.0/8", "192.168.0.0/16"], "192.168.3.4", True),
        (["10.0.0.0/8", "192.168.0.0/16"], "192.169.3.4", False),
    ],
)  # fmt: skip
def test_exempt_is_who_lies_in_one_of_the_networks(networks: list[str], address: str, inside: bool) -> None:
    assert (origin_of(address) in Exempt(networks)) is inside


@pytest.mark.parametrize("text", ["", "garbage", "10.0.0.0/33", "2001:db8::1", "2001:db8::/65"])
def test_what_is_no_network_or_too_fine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not appear|is finer than /64"):
        Exempt([text])


def test_garbage_is_not_exempt_by_chance() -> None:
    assert NOWHERE not in Exempt(["127.0.0.0/8", "10.0.0.0/8", "::/0"])


@given(
    st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=1, max_size=5),
    st.lists(st.integers(0, 64), min_size=5, max_size=5),
    st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
)
def test_exempt_agrees_with_networks(
    bases: list[ipaddress.IPv4Address | ipaddress.IPv6Address],
    widths: list[int],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    networks = [
        ipaddress.ip_network(f"{base}/{width // (2 if base.version == 4 else 1)}", strict=False)
        for base, width in zip(bases, widths, strict=False)
    ]
    exempt = Exempt([str(network) for network in networks])
    for each in (address, *bases):
        if not (each.version == 6 and (each.ipv4_mapped or each in TRANSLATED)):
            inside = any(each.version == network.version and each in network for network in networks)
            assert (origin_of(str(each)) in exempt) is inside
