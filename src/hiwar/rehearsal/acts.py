"""The acts of a rehearsal, as a table: what comes, how much of it, and what the house is like meanwhile.
Pure.

Full force is what one core of attackers can bring; `Scale.force` makes less of it. Each act ends by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hiwar.rehearsal.orders import Attack

SETTLE_SHARE, SETTLE_S_MAX = 0.25, 4.0  # at the end of an act nobody new comes
DRAWN_S = 8.0  # nor in this time where seats are drawn: who was is told at the next question
BOTS_TIMES = 10  # the arrivals of honest newcomers
LISTENERS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Scale:
    """`listeners` are seated throughout; an act lasts `seconds`; `newcomers_per_s` honest ones come
    meanwhile; attacks come with `force` (0..1 of full)."""

    listeners: int
    seconds: float
    newcomers_per_s: float
    force: float


@dataclass(frozen=True, slots=True)
class Force:
    """An attack at full force (see `orders.Attack`)."""

    kind: str
    per_s: float
    at_once: int
    machines: int
    prefixes: int

    def order(self, scale: Scale) -> Attack:
        def some(count: float) -> int:
            return max(1, round(count * scale.force))

        return Attack(
            kind=self.kind,
            seconds=scale.seconds,
            per_s=self.per_s * scale.force,
            at_once=some(self.at_once),
            machines=some(self.machines),
            prefixes=min(some(self.machines), self.prefixes),
        )


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `storm` times the seated come at once; `few`: the host allows few seats, and lets in some more
    each second, so that there is a draw; `hall` people behind one address and `invited` with a voucher come
    too; `kills`: a worker of the front door is killed in the middle; `secure`: with TLS."""

    name: str
    attack: Force | None = None
    storm: float = 0.0
    few: bool = False
    hall: int = 0
    invited: int = 0
    kills: bool = False
    secure: bool = False
    lasts: float = 1.0  # times the scale's
    least_s: float = 0.0  # and no less, or there is nothing to see

    def seconds(self, scale: Scale) -> float:
        return max(scale.seconds * self.lasts, self.least_s)

    def settle_s(self, scale: Scale) -> float:
        return DRAWN_S if self.few else min(SETTLE_S_MAX, SETTLE_SHARE * self.seconds(scale))


ACTS = (
    Act("calm"),
    Act("storm", storm=1.5),
    Act("connections", Force("connections", 3000, 500, 2000, 200)),
    Act("pages", Force("pages", 1500, 300, 300, 60)),
    Act("huge", Force("huge", 100, 40, 200, 50)),
    Act("slow", Force("slow", 1200, 5000, 1000, 100)),
    Act("logins", Force("logins", 60, 120, 400, 100)),
    Act("events", Force("events", 500, 3000, 500, 100)),
    Act("playlists", Force("playlists", 800, 300, 300, 60)),
    Act("forgery", Force("forgery", 1000, 300, 300, 60)),
    Act("tables", Force("tables", 1500, 150, 1, 1)),
    Act("worker", Force("pages", 600, 200, 200, 50), kills=True, least_s=14.0),
    Act("hoarders", Force("hoarders", 40, 3000, 1000, 50), invited=20),
    Act("bots", Force("bots", 0, 4000, 2500, 200), hall=200, invited=20),
    Act("full", Force("bots", 0, 4000, 2500, 200), few=True, hall=200, invited=20, lasts=2.0, least_s=25.0),
    Act("answers", Force("answers", 100, 200, 200, 1), few=True, least_s=15.0),
    Act("inflation", Force("inflation", 120, 3000, 5000, 500), few=True, lasts=1.5, least_s=20.0),
    Act("handshakes", Force("handshakes", 1000, 600, 1000, 100), secure=True),
)
NAMES = tuple(act.name for act in ACTS)
BY_NAME: Mapping[str, Act] = MappingProxyType({act.name: act for act in ACTS})
QUICK = ("calm", "connections", "pages", "slow", "bots", "worker")


def attack_of(act: Act, scale: Scale) -> Attack | None:
    """What comes in an act; bots come ten times as often as honest newcomers do."""
    if act.attack is None:
        return None
    order = act.attack.order(scale)
    if act.attack.kind == "bots":
        per_s = BOTS_TIMES * scale.newcomers_per_s
        return Attack(
            kind="bots", seconds=order.seconds, per_s=per_s, at_once=order.at_once,
            machines=act.attack.machines, prefixes=act.attack.prefixes,
        )  # fmt: skip
    return order
