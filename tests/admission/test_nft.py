"""The scripts as texts; what a kernel makes of them is tested in tests/edge/test_kernel.py."""

import pytest

from hiwar.admission.bans import BANNED_MAX, Ban
from hiwar.admission.nft import TABLE_NAME, render_bans, render_removal, render_table, table_name
from hiwar.admission.prefix import origin_of

TABLE = """\
add table inet hiwar_8000
delete table inet hiwar_8000
table inet hiwar_8000 {
	set addresses {
		type ipv4_addr
		flags timeout
		size 8192
	}
	set networks {
		type ipv6_addr
		flags timeout
		size 8192
	}
	set sites {
		type ipv6_addr
		flags timeout
		size 8192
	}
	chain arrivals {
		type filter hook prerouting priority raw; policy accept;
		meta l4proto != tcp accept
		tcp dport != 8000 accept
		tcp flags & (syn | ack) != syn accept
		fib daddr type != local accept
		ip saddr @addresses counter drop
		ip6 saddr & ffff:ffff:ffff:ffff:: @networks counter drop
		ip6 saddr & ffff:ffff:ffff:: @sites counter drop
	}
}
"""  # fmt: skip


def test_the_table_is_made_anew_with_bounded_sets_and_one_chain() -> None:
    assert render_table("hiwar_8000", "::", 8000) == TABLE


def test_a_set_has_room_for_every_ban_and_as_many_that_are_not_swept_yet() -> None:
    assert f"size {2 * BANNED_MAX}" in TABLE


@pytest.mark.parametrize(
    ("host", "guards"),
    [
        ("::", ["fib daddr type != local accept"]),
        ("0.0.0.0", ["meta nfproto ipv6 accept", "fib daddr type != local accept"]),
        ("192.0.2.1", ["meta nfproto ipv6 accept", "ip daddr != 192.0.2.1 accept"]),
        ("2001:DB8::1", ["meta nfproto ipv4 accept", "ip6 daddr != 2001:db8::1 accept"]),
        ("localhost", ["fib daddr type != local accept"]),
    ],
)
def test_only_what_is_for_the_doors_own_address_is_looked_at(host: str, guards: list[str]) -> None:
    lines = [line.strip() for line in render_table("hiwar_1", host, 443).splitlines()]
    first = lines.index("tcp flags & (syn | ack) != syn accept") + 1
    assert lines[first : lines.index("ip saddr @addresses counter drop")] == guards


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("0.0.0.0", "hiwar_443"),
        ("::", "hiwar_443"),
        ("192.0.2.1", "hiwar_192.0.2.1_443"),
        ("2001:db8::1", "hiwar_2001_db8__1_443"),
        ("no; flush ruleset", "hiwar_no__flush_ruleset_443"),
        ("x" * 300, f"hiwar_{'x' * 50}_443"),
    ],
)
def test_each_door_has_a_table_of_its_own_name(host: str, name: str) -> None:
    assert table_name(host, 443) == name
    assert TABLE_NAME.fullmatch(name)


def test_bans_go_into_the_set_of_their_width_in_one_transaction() -> None:
    site = origin_of("2001:db8:7:1::1")
    bans = [
        Ban(origin_of("192.0.2.9").finest, 15.0),
        Ban(site.site, 600.0),
        Ban(origin_of("192.0.2.10").finest, 0.2),
        Ban(site.finest, 30.4),
    ]
    assert render_bans("hiwar_1", bans) == (
        "add element inet hiwar_1 addresses { 192.0.2.9 timeout 15s, 192.0.2.10 timeout 1s }\n"
        "add element inet hiwar_1 networks { 2001:db8:7:1:: timeout 30s }\n"
        "add element inet hiwar_1 sites { 2001:db8:7:: timeout 600s }\n"
    )


def test_no_bans_are_no_text() -> None:
    assert render_bans("hiwar_1", []) == ""


def test_the_removal_names_one_table_and_is_no_error_where_there_is_none() -> None:
    assert render_removal("hiwar_1") == "add table inet hiwar_1\ndelete table inet hiwar_1\n"
