"""Of whom a world is made: people and machines who ask for seats, by what they do. Pure records.

A population's members differ in their addresses, and by chance within its ranges. Honest people and machines
have the same traits with other values: what a machine is shows in nothing but how it behaves.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf
from typing import Any

import numpy as np

from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import TICK_S
from hiwar.admission.limits import LIMITS, Limited
from hiwar.admission.prefix import Level
from hiwar.sim.addresses import Ints
from hiwar.sim.curves import Curve

ASKS_AGAIN_S_MIN = 4.0  # the soonest that the door tells anybody to ask again
SQUARING_US_MAX = 13.0  # the hardest puzzle is solved within the 8 s after which a page asks again anyway
HOSTS_MAX = 256  # addresses of a /24
GENTLE = 0.5  # of what an address or network may ask: below it no limit can be met, also by chance


class After(Enum):
    """What becomes of somebody who has got up from their seat for good."""

    GONE = auto()
    ANEW = auto()  # comes again as a stranger
    RETURNS = auto()  # comes again with the ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """`people` come by `curve` with `proof`, from so many `prefixes` (/24s; 0: each from an own one), there
    `per_address` of them from one address.

    At the door: they stay for `patience_s` (uniform), and ask when they are told to, or each `asks_every_s`
    whatever they are told; a squaring takes them `squaring_us` (uniform; 0: solved at once, infinite: never).
    In a seat: they stay `stay_s` on average (exponential; 0: they leave at once, infinite: never), lose the
    connection each `lost_every_s` on average and are back after `away_s` (uniform). `after` that they do
    what it says, after `rests_s`.

    Raises:
        ValueError: more addresses in a network than there are, or a device too slow for what is simulated.
    """

    name: str
    people: int
    curve: Curve = field(default_factory=Curve)
    honest: bool = True
    proof: ListenerClass = ListenerClass.STRANGER
    prefixes: int = 0
    per_address: int = 1
    patience_s: tuple[float, float] = (60.0, 60.0)
    asks_every_s: float = 0.0
    squaring_us: tuple[float, float] = (2.4, 8.6)  # phones' browsers, measured
    stay_s: float = 1200.0
    lost_every_s: float = inf
    away_s: tuple[float, float] = (2.0, 25.0)
    after: After = After.GONE
    rests_s: float = 1.0

    def __post_init__(self) -> None:
        if self.per_site > HOSTS_MAX * self.per_address:
            raise ValueError(f"{self.name}: more than {HOSTS_MAX} addresses in a network")
        if SQUARING_US_MAX < self.squaring_us[1] < inf:
            raise ValueError(f"{self.name}: a squaring takes at most {SQUARING_US_MAX:g} µs here")

    @property
    def is_alone(self) -> bool:
        """Nobody shares their network."""
        return not self.prefixes

    @property
    def per_site(self) -> int:
        """How many share a /24, at most."""
        return -(-self.people // self.prefixes) if self.prefixes else 1

    @property
    def is_gentle(self) -> bool:
        """They ask so seldom that no limit of their address or network is ever near: as many as are there at
        one time, each asking as often as they may."""
        every_s = self.asks_every_s or ASKS_AGAIN_S_MIN
        at_once = min(1.0, self.curve.steepest_per_s * self.patience_s[1])
        rates = LIMITS[Limited.JOINS]
        address = self.per_address / rates[Level.IPV4_32].per_second
        site = self.per_site / rates[Level.IPV4_24].per_second
        return max(address, site) * at_once / every_s <= GENTLE

    def draw_patience(self, count: int, random: np.random.Generator) -> Ints:
        """The ticks that each of `count` newcomers stays at the door."""
        low, high = self.patience_s
        if high == inf:
            return np.full(count, np.iinfo(np.int32).max // 2, dtype=np.int64)
        return np.rint(random.uniform(low, high, count) / TICK_S).astype(np.int64)

    def draw_stay_s(self, random: np.random.Generator) -> float:
        return self.stay_s if self.stay_s in (0.0, inf) else float(random.exponential(self.stay_s))

    def draw_lost_s(self, random: np.random.Generator) -> float:
        """After how long the connection is lost."""
        return inf if self.lost_every_s == inf else float(random.exponential(self.lost_every_s))


def botnet(machines: int, prefixes: int, name: str = "botnet", **traits: Any) -> Population:
    """Machines in so many /24s, all there from the start, that leave a seat at once and come again. Their
    patience has no end; they solve puzzles like an ordinary computer if `traits` say nothing else."""
    usual: dict[str, Any] = {
        "honest": False,
        "prefixes": prefixes,
        "patience_s": (inf, inf),
        "stay_s": 0.0,
        "after": After.ANEW,
        "squaring_us": (2.4, 8.6),
    }
    return Population(name=name, people=machines, **(usual | traits))


def steady(name: str, per_s: float, seconds: float, begins_s: float = 0.0, **traits: Any) -> Population:
    """Honest people who come at the same rate for so long."""
    curve = Curve(begins_s, 0, seconds, 0)
    return Population(name=name, people=round(per_s * seconds), curve=curve, **traits)
