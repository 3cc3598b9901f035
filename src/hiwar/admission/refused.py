"""Whom a worker refuses over and over: what a kernel could turn away for less. Pure.

Rules
- Counted is who has completed a TCP handshake and was refused for exceeding a limit, and nobody else. A
  forged source address never gets so far, so nobody can have a stranger counted.
- Told are those who were refused at least `TIMES` as often as the limits let their network through, without
  a break for `SUSTAINED`. In a crowd behind one address the refused go away or wait; machines go on.
- What is refused on a connection that was let in counts by its own limit: a request a sixth of a connection.
- IPv4 is told by address, never by /24: 256 strangers share one. IPv6 is told by /64; a /48, which one
  customer has, only for what its /64s that are told do not explain.

Theory of operation: one Space-Saving table (`talkers`) for each interval between two `take`s, and no decay:
what counts is the rate in each of them. Only what was refused for certain counts (weight less error), so a
table that is full of machines tells fewer, never somebody innocent: it fails open.

That a neighbour behind the same address suffers is bounded by `TIMES`: where a source is refused twice as
often as it is let through, two of three tries of its neighbours were refused already.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hiwar.admission.limits import LIMITS, Limited
from hiwar.admission.prefix import Level, Origin, level_of
from hiwar.admission.talkers import TopTalkers

COUNTED_MAX = 8192  # sources in an interval, 2 MB while it lasts; of more machines some are told later
TOLD_MAX = 512  # in one `take`: a botnet of 10,000 is told within 20 s
TIMES = 2.0
SUSTAINED = 5  # intervals, of a second each

_SITE_SHIFT = Level.IPV6_64 - Level.IPV6_48

PER_S_MIN: Mapping[Level, float] = MappingProxyType(
    {
        level: TIMES * LIMITS[Limited.CONNECTIONS][level].per_second
        for level in (Level.IPV4_32, Level.IPV6_64, Level.IPV6_48)
    }
)
"""Refusals a second from which a source is told: 40 of an address or /64, 160 of a /48."""

WEIGHTS: Mapping[Limited, float] = MappingProxyType(
    {
        kind: LIMITS[Limited.CONNECTIONS][Level.IPV4_32].per_second / LIMITS[limit][Level.IPV4_32].per_second
        for kind, limit in {
            Limited.CONNECTIONS: Limited.CONNECTIONS,
            Limited.REQUESTS: Limited.REQUESTS,
            Limited.MEDIA: Limited.MEDIA,
            Limited.LOGINS: Limited.REQUESTS,  # refused, a login costs what a request does
        }.items()
    }
)
"""What one refusal of a kind counts."""


@dataclass(frozen=True, slots=True)
class Refusals:
    """What a worker refused, a second: `refused` of everybody and of whatever kind; `sources` the prefix keys
    that are told with theirs, by `WEIGHTS`, heaviest first."""

    refused: float
    sources: tuple[tuple[int, float], ...]


class RefusedSources:
    """Counts for one worker. `now` in monotonic seconds."""

    def __init__(self, now: float, counted_max: int = COUNTED_MAX) -> None:
        self._counted_max = counted_max
        self._talkers = TopTalkers(counted_max)
        self._refused = 0
        self._since = now
        self._streaks: dict[int, int] = {}  # intervals without a break; of those heavy in the last one only

    def add(self, origin: Origin, kind: Limited = Limited.CONNECTIONS) -> None:
        """A connection of `origin`, whose handshake was complete, or something on one has been refused.

        Raises:
            KeyError: a kind that is not in `WEIGHTS`.
        """
        self._refused += 1
        weight = WEIGHTS[kind]
        self._talkers.add(origin.finest, 0.0, weight)
        if len(origin.prefixes) > 2:
            self._talkers.add(origin.site, 0.0, weight)

    def take(self, now: float) -> Refusals:
        """What is to be told of the time since the last call; meant for once a second."""
        seconds = max(1e-3, now - self._since)
        heavy = self._heavy(seconds)
        self._streaks = {key: self._streaks.get(key, 0) + 1 for key in heavy}
        told = sorted(
            ((key, rate) for key, rate in heavy.items() if self._streaks[key] >= SUSTAINED),
            key=lambda each: (-each[1], each[0]),
        )
        refused = self._refused / seconds
        self._talkers, self._refused, self._since = TopTalkers(self._counted_max), 0, now
        return Refusals(refused, tuple(told[:TOLD_MAX]))

    def _heavy(self, seconds: float) -> dict[int, float]:
        """Refusals a second of the sources that reach `PER_S_MIN`."""
        least = PER_S_MIN[Level.IPV4_32] * seconds
        most = int(self._talkers.total(0.0) / least)  # sources with so much: counts add up to the total
        certain = {each.key: (each.weight - each.error) / seconds for each in self._talkers.top(most, 0.0)}
        finest = {
            key: rate
            for key, rate in certain.items()
            if level_of(key) is not Level.IPV6_48 and rate >= PER_S_MIN[level_of(key)]
        }
        rest = {key: rate for key, rate in certain.items() if level_of(key) is Level.IPV6_48}
        for key, rate in finest.items():
            if level_of(key) is Level.IPV6_64 and key >> _SITE_SHIFT in rest:
                rest[key >> _SITE_SHIFT] -= rate
        sites = {key: rate for key, rate in rest.items() if rate >= PER_S_MIN[Level.IPV6_48]}
        return finest | sites
