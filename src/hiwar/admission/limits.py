"""What one network may do at the front door: rates and open connections per prefix. Pure.

Rules
- An event is judged at every level of its origin and must conform at all; refused at one, it is charged at
  none, so that a machine which hammers at its own limit takes nothing from its neighbours.
- These limits bound what one place can cost. They don't bound the sum (the door, the gate and semaphores
  do), and they don't tell people from machines (the lottery shares out seats).
- The figures are for one worker, which sees its share of the connections.
- Connections of trusted proxies are not judged here: the whole world comes by their addresses.

Theory of operation: charging at the finest level first and giving back where a coarser one refuses comes
to the same as checking all and charging then, since nothing comes between; and it costs an admitted event
one call for each level. Prefix keys are distinct across levels, so one table counts open connections.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from hiwar.admission.prefix import IPV4_LEVELS, IPV6_LEVELS, Level, Origin
from hiwar.admission.rates import Rate, RateTable

ENTRIES_MAX = 16_384
"""Entries of each table, under 2 MB when full. By the rule of `rates` that is enough for 327,000 new
connections a second from ever new addresses, more than a worker can accept, and for 8,000 logins."""


class Limited(StrEnum):
    """The kinds of event that are limited."""

    CONNECTIONS = "connections"  # accepted, before anything is read
    REQUESTS = "requests"  # all but media of somebody with a seat
    MEDIA = "media"  # playlists, parts and segments of somebody with a seat
    JOINS = "joins"  # asking for a seat, the first time or again while waiting
    CHALLENGES = "challenges"  # a puzzle's answer looked at
    LOGINS = "logins"  # a password to be checked


def _by_level(per_second: float, burst: float) -> Mapping[Level, Rate]:
    """From what one address may, behind which a hall full of people can sit, to all levels.

    A /64 is to IPv6 what an address is to IPv4: a household, a phone, or the wireless network of a campus.
    A /56 is a household with several networks, or 256 phones: twice as much, as few have more than one.
    A /24 is a carrier's pool of shared addresses, a /48 a campus or a district of phones, and as well what
    one machine gets from a tunnel broker for nothing: four times, so that four halls may sit in one,
    and that machine does no more harm than four.
    """
    times = {Level.IPV4_32: 1, Level.IPV6_64: 1, Level.IPV6_56: 2, Level.IPV4_24: 4, Level.IPV6_48: 4}
    return MappingProxyType({level: Rate(per_second * n, burst * n) for level, n in times.items()})


LIMITS: Mapping[Limited, Mapping[Level, Rate]] = MappingProxyType(
    {
        # A browser opens up to 6. 200 people behind one address, all in the same second: 1,200; and as many
        # again each minute, 20 a second. A household needs 30. A bot machine gets 20 TLS handshakes a
        # second, half a percent of a core.
        Limited.CONNECTIONS: _by_level(20, 1200),
        # A page is about 15; with asking, a puzzle and listening 18. 200 people: 3,600 at once; 60 a second
        # in a minute, and 50 more while they wait and ask each 4 s; a little to spare. A bot machine gets
        # 120 answers from the cache a second.
        Limited.REQUESTS: _by_level(120, 3600),
        # A listener by HLS asks for a part and a playlist each 320 ms, 6.25 a second; 200 of them 1,250. Two
        # seconds of that at once, after a gap. By `fetch` it is one request. Only seats get here.
        Limited.MEDIA: _by_level(1400, 2800),
        # 200 people who wait and ask each 4 s: 50 a second, a fifth to spare; all at once when the air opens.
        # More asking is not more odds: the lottery weighs prefixes.
        Limited.JOINS: _by_level(60, 200),
        # Looking at an answer to a time-lock puzzle takes 157 µs. 200 people answer their first at once, and
        # a new one each 50 s; a bot machine takes 0.06 % of a core.
        Limited.CHALLENGES: _by_level(4, 200),
        # Argon2 takes 19 ms: one a 2 s is 1 % of a core. 30 at once are an office, or a class that comes
        # together; a hall where 200 have to log in is made exempt or takes minutes.
        Limited.LOGINS: _by_level(0.5, 30),
    }
)

# Open at one time. One address: 200 people load a page at once, 6 each (idle ones go after 15 s; a listener
# keeps one). A /24 or /48: a fifth of what a door holds (20,000), so that no network can fill it alone.
CONNECTIONS_OPEN: Mapping[Level, int] = MappingProxyType(
    {
        Level.IPV4_32: 1200,
        Level.IPV4_24: 4000,
        Level.IPV6_64: 1200,
        Level.IPV6_56: 2400,
        Level.IPV6_48: 4000,
    }
)


def _check_levels(given: Mapping[Level, object]) -> None:
    missing = [level.name for level in Level if level not in given]
    if missing:
        raise ValueError(f"no limit for {', '.join(missing)}")


class PrefixLimits:
    """The limits of one kind of event.

    Raises:
        ValueError: a level without a rate.
    """

    def __init__(self, rates: Mapping[Level, Rate], entries_max: int = ENTRIES_MAX) -> None:
        _check_levels(rates)
        self._tables = {level: RateTable(rates[level], entries_max) for level in Level}
        self._by_count = {
            len(levels): tuple(self._tables[level] for level in levels)
            for levels in (IPV4_LEVELS, IPV6_LEVELS)
        }

    @property
    def refused(self) -> dict[Level, int]:
        """Events refused, by the finest level that did."""
        return {level: table.refused for level, table in self._tables.items()}

    @property
    def overflowed(self) -> dict[Level, int]:
        """Events judged by a shared bucket, because the table of the level was full."""
        return {level: table.overflowed for level, table in self._tables.items()}

    def wait_s(self, origin: Origin, now: float, cost: float = 1.0) -> float:
        """0.0 if an event of `cost` conforms at every level, and then it is counted; else it is counted
        nowhere, and this is the longest wait of all levels in seconds."""
        prefixes = origin.prefixes
        tables = self._by_count[len(prefixes)]
        for place, table in enumerate(tables):
            wait = table.wait_s(prefixes[place], now, cost)
            if wait:
                break
        else:
            return 0.0
        for finer in range(place):
            tables[finer].give_back(prefixes[finer], cost)
        for coarser in range(place + 1, len(tables)):
            wait = max(wait, tables[coarser].peek_s(prefixes[coarser], now, cost))
        return wait


class ConnectionCounts:
    """How many connections are open per prefix: exact. It holds as many entries as there are prefixes with
    an open connection, so the door's own bound of connections bounds it. `refused` counts.

    Raises:
        ValueError: a level without a bound.
    """

    def __init__(self, bounds: Mapping[Level, int] = CONNECTIONS_OPEN) -> None:
        _check_levels(bounds)
        self._bounds = {
            len(levels): tuple(bounds[level] for level in levels) for levels in (IPV4_LEVELS, IPV6_LEVELS)
        }
        self._open: dict[int, int] = {}
        self.refused = 0

    def __len__(self) -> int:
        """Prefixes with an open connection, of all levels."""
        return len(self._open)

    def count(self, prefix_key: int) -> int:
        """Connections open from a prefix."""
        return self._open.get(prefix_key, 0)

    def opened(self, origin: Origin) -> bool:
        """A connection came: True, and it is counted, or False: too many at some level, and it is not.
        After True there must be one `closed`, after False none."""
        held, prefixes = self._open, origin.prefixes
        for key, bound in zip(prefixes, self._bounds[len(prefixes)], strict=True):
            if held.get(key, 0) >= bound:
                self.refused += 1
                return False
        for key in prefixes:
            held[key] = held.get(key, 0) + 1
        return True

    def closed(self, origin: Origin) -> None:
        """A connection that `opened` counted has gone.

        Raises:
            KeyError: none was open; nothing is changed.
        """
        held = self._open
        for key in origin.prefixes:
            left = held[key] - 1
            if left:
                held[key] = left
            else:
                del held[key]


class Exempt:
    """Networks that no limit is applied to: an institution's own address, a measurement. `origin in exempt`
    costs one look for each different width of the networks, nothing without any.

    Raises:
        ValueError: not a network (CIDR), or one of IPv6 finer than /64, which no origin can tell apart.
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._shifts: dict[int, dict[int, set[int]]] = {}  # by family: what lies right of the width, prefixes
        for text in networks:
            self._add(text)

    def __contains__(self, origin: Origin) -> bool:
        if not self._shifts:
            return False
        by_shift = self._shifts.get(len(origin.prefixes), {})
        return any(origin.finest >> shift in prefixes for shift, prefixes in by_shift.items())

    def _add(self, text: str) -> None:
        network = ipaddress.ip_network(text.strip(), strict=False)
        levels = IPV4_LEVELS if network.version == 4 else IPV6_LEVELS
        shift = levels[0] - network.prefixlen
        if shift < 0:
            raise ValueError(f"{text!r} is finer than /{int(levels[0])}")
        bits = int(network.network_address) >> network.max_prefixlen - network.prefixlen
        by_shift = self._shifts.setdefault(len(levels), {})
        by_shift.setdefault(shift, set()).add(1 << network.prefixlen | bits)
