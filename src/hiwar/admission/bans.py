"""Whom the kernel turns away, and for how long. Pure policy; the shell around it is `edge.kernel`.

Rules
- Banned are sources that workers tell of (`refused`): they completed a handshake, and went on for seconds
  while they were refused far beyond their limits.
- Nobody is banned while all refusals together cost next to nothing: a ban also hits who shares an address.
- Never banned: loopback, what `Spared` is given (trusted proxies, known networks, and any prefix that one
  of them lies in).
- A ban is short. Who is at it again soon after gets twice as long, up to `BAN_S_MAX`.
- A ban keeps new connections away and nothing else: who listens goes on listening, whoever shares their
  address (`nft` renders it so).

Nobody is remembered for longer than `BAN_S_MAX + REPEAT_S` after their last ban began.

Bounds: at most `BANNED_MAX` at a time, because a full set in the kernel breaks the evaluation of its rules;
`BATCH_MAX` in one decision; `REMEMBERED_MAX` repeaters, of whom the one banned longest ago is forgotten.
Whatever does not fit is not banned and goes on being refused, and is counted.
"""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from ipaddress import ip_network

from hiwar.admission.prefix import IPV4_LEVELS, level_of, render_prefix
from hiwar.admission.refused import Refusals

REFUSED_MIN = 2000.0  # a second, of all workers: 7.5 us each, one and a half percent of a core
BANNED_MAX = 4096
BATCH_MAX = 1024  # some 30 kB of text, taken by the kernel in milliseconds
BAN_S, BAN_S_MAX = 15.0, 600.0  # a mistake costs a quarter of a minute
REPEAT_S = 600.0  # after the end of a ban, within which the next is twice as long
REMEMBERED_MAX = 16_384  # about 3 MB

NEVER = ("0.0.0.0/8", "127.0.0.0/8", "::/128", "::1/128")


@dataclass(frozen=True, slots=True)
class Ban:
    """A prefix key (an IPv4 /32, an IPv6 /64 or /48) and for how many seconds from now on."""

    prefix_key: int
    seconds: float

    @property
    def text(self) -> str:
        """The prefix as firewalls write it."""
        return render_prefix(self.prefix_key)


class Spared:
    """Networks that no ban may touch; `NEVER` always.

    Raises:
        ValueError: not a network (CIDR).
    """

    def __init__(self, networks: Sequence[str] = ()) -> None:
        self._networks = []  # is it IPv4, bits of the prefix, width
        for text in (*NEVER, *networks):
            network = ip_network(text.strip(), strict=False)
            bits = int(network.network_address) >> network.max_prefixlen - network.prefixlen
            self._networks.append((network.version == 4, bits, network.prefixlen))

    def touches(self, prefix_key: int) -> bool:
        """Whether the prefix and one of the networks have an address in common."""
        level = level_of(prefix_key)
        bits, ipv4 = prefix_key ^ (1 << level), level in IPV4_LEVELS
        for is_ipv4, network, width in self._networks:
            common = min(level, width)
            if is_ipv4 is ipv4 and bits >> level - common == network >> width - common:
                return True
        return False


@dataclass(slots=True)
class _Record:
    """The last ban of a source: when it ends, and how many came before it without a long rest."""

    until: float
    times: int


class Bans:
    """The book of one machine. `now` in monotonic seconds. `counts`: `banned`; `spared`; `full` and `later`,
    not banned for want of room in the kernel and in the batch; `forgotten` repeaters."""

    def __init__(self, spared: Spared) -> None:
        self.counts: Counter[str] = Counter()
        self._spared = spared
        self._told: dict[int, Refusals] = {}  # by worker
        self._records: OrderedDict[int, _Record] = OrderedDict()  # in the order of the last ban
        self._ends: list[tuple[float, int]] = []  # a heap: of the bans that last

    def hear(self, worker: int, refusals: Refusals) -> None:
        """What a worker tells; it replaces what the same one told since the last decision."""
        self._told[worker] = refusals

    def __len__(self) -> int:
        """Sources that are remembered."""
        return len(self._records)

    def decide(self, now: float) -> list[Ban]:
        """The bans that begin now, by what was heard since the last decision: once a second."""
        told, self._told = self._told.values(), {}
        self._expire(now)
        if sum(each.refused for each in told) < REFUSED_MIN:
            return []
        rates: dict[int, float] = {}
        for each in told:
            for key, rate in each.sources:
                rates[key] = rates.get(key, 0.0) + rate
        bans: list[Ban] = []
        for key, _ in sorted(rates.items(), key=lambda each: (-each[1], each[0])):
            if self._may_ban(key, now, len(bans)):
                bans.append(self._ban(key, now))
        return bans

    def lasting(self, now: float) -> list[Ban]:
        """Every ban that still lasts, with what is left of it: for a kernel that has lost them."""
        self._expire(now)
        return [Ban(key, until - now) for until, key in sorted(self._ends)]

    def _expire(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            heappop(self._ends)
        while self._records and next(iter(self._records.values())).until + REPEAT_S <= now:
            self._records.popitem(last=False)

    def _may_ban(self, key: int, now: float, decided: int) -> bool:
        held = self._records.get(key)
        if held is not None and held.until > now:
            return False  # its last connections before the ban
        if self._spared.touches(key):
            outcome = "spared"
        elif len(self._ends) >= BANNED_MAX:
            outcome = "full"
        else:
            outcome = "banned" if decided < BATCH_MAX else "later"
        self.counts[outcome] += 1
        return outcome == "banned"

    def _ban(self, key: int, now: float) -> Ban:
        held = self._records.pop(key, None)
        times = held.times + 1 if held is not None and now - held.until < REPEAT_S else 0
        seconds = min(BAN_S * 2.0**times, BAN_S_MAX)
        self._records[key] = _Record(now + seconds, times)
        heappush(self._ends, (now + seconds, key))
        if len(self._records) > REMEMBERED_MAX:
            self._records.popitem(last=False)
            self.counts["forgotten"] += 1
        return Ban(key, seconds)
