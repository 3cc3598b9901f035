"""The rules by which the kernel turns sources away, as scripts for the program `nft`. Pure texts.

One table of our own, so that nothing else's rules are touched and all of it goes at once. In it a set each
of IPv4 addresses, IPv6 /64s and /48s, whose elements end by themselves, and one chain.

Why it is like this
- `prerouting`, priority `raw`: before connection tracking and routing, the cheapest place for a packet to
  be dropped. Where ports are translated afterwards (`redirect`, `dnat`) no packet has the door's port yet
  and nothing is dropped.
- Only what opens a connection is dropped (SYN without ACK): connections that are there go on.
- Prefixes are found by a mask and a hash, not as intervals: sets of intervals (and their `auto-merge`)
  refuse a whole batch for one overlap, and are trees.
- `size` is twice what is ever banned, for what has ended and is not swept yet: a set that is full refuses
  the batch. Nothing in the rules adds to a set.
- `add` and `delete` of the table before it is made: whatever was left by a crash goes, and none is no error.

Source: nft(8), nftables 1.0.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_address

from hiwar.admission.bans import BANNED_MAX, Ban
from hiwar.admission.prefix import Level, level_of

SET_SIZE = 2 * BANNED_MAX
TABLE_NAME = re.compile(r"hiwar_[A-Za-z0-9_.]{1,60}")

_SETS = {
    Level.IPV4_32: ("addresses", "ipv4_addr", "ip saddr"),
    Level.IPV6_64: ("networks", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff:ffff::"),
    Level.IPV6_48: ("sites", "ipv6_addr", "ip6 saddr & ffff:ffff:ffff::"),
}  # level: name of its set, type of the elements, what of a packet is looked for in it


def table_name(host: str, port: int) -> str:
    """The table of the door on this address: no two doors of a machine have the same."""
    own = "" if _is_everywhere(host) else re.sub(r"[^A-Za-z0-9.]", "_", host)[:50] + "_"
    return f"hiwar_{own}{port}"


def render_table(table: str, host: str, port: int) -> str:
    """Makes the table, empty; one of the same name goes first. `host` and `port` are the door's."""
    sets = [
        f"\tset {name} {{\n\t\ttype {kind}\n\t\tflags timeout\n\t\tsize {SET_SIZE}\n\t}}\n"
        for name, kind, _ in _SETS.values()
    ]
    rules = [
        "meta l4proto != tcp accept",
        f"tcp dport != {port} accept",
        "tcp flags & (syn | ack) != syn accept",
        *_elsewhere(host),
        *(f"{packet} @{name} counter drop" for name, _, packet in _SETS.values()),
    ]
    lines = "".join(f"\t\t{rule}\n" for rule in rules)
    chain = (
        f"\tchain arrivals {{\n\t\ttype filter hook prerouting priority raw; policy accept;\n{lines}\t}}\n"
    )
    return f"{render_removal(table)}table inet {table} {{\n{''.join(sets)}{chain}}}\n"


def render_bans(table: str, bans: Sequence[Ban]) -> str:
    """Adds the bans, all in one transaction; '' for none."""
    lines = []
    for level, (name, _, _) in _SETS.items():
        elements = [
            f"{each.text.partition('/')[0]} timeout {max(1, round(each.seconds))}s"
            for each in bans
            if level_of(each.prefix_key) is level
        ]
        if elements:
            lines.append(f"add element inet {table} {name} {{ {', '.join(elements)} }}\n")
    return "".join(lines)


def render_removal(table: str) -> str:
    """Removes the table and nothing else."""
    return f"add table inet {table}\ndelete table inet {table}\n"


def _elsewhere(host: str) -> list[str]:
    """Lets pass what is not for the door's address: to other addresses on the same port, or forwarded."""
    try:
        address = ip_address(host)
    except ValueError:
        return ["fib daddr type != local accept"]
    family, other = ("ip", "ipv6") if isinstance(address, IPv4Address) else ("ip6", "ipv4")
    if not _is_everywhere(host):
        return [f"meta nfproto {other} accept", f"{family} daddr != {address} accept"]
    dual = host == "::"
    return [*([] if dual else [f"meta nfproto {other} accept"]), "fib daddr type != local accept"]


def _is_everywhere(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104
