"""The attackers: `python -m hiwar.rehearsal.attackers`, a child of the rehearsal, on one thread.

It is told its aim, checks it, brings one attack after the other as the director says, and forgets each at its
end: every connection is closed, with RST.
"""

import sys
from collections.abc import Mapping
from random import Random
from types import MappingProxyType

import msgspec

from hiwar.ops.clock import monotonic
from hiwar.rehearsal.aim import Aim, NotOurs
from hiwar.rehearsal.attack import Assault, Scene
from hiwar.rehearsal.attacks_lines import ConnectionFlood, HandshakeFlood, HugeRequests, SlowConnections
from hiwar.rehearsal.attacks_pages import EventFlood, PageFlood, PlaylistFlood, SignInFlood
from hiwar.rehearsal.attacks_seats import (
    AnswersReplayed,
    Bots,
    Forgery,
    Hoarders,
    Inflation,
    RandomNetworks,
)
from hiwar.rehearsal.figures import percentile, raise_descriptors
from hiwar.rehearsal.orders import Attack, Attacked, Begin, End, Order, ToAttackers
from hiwar.rehearsal.sites import ATTACKING_SITES
from hiwar.rehearsal.sockets import Poll
from hiwar.rehearsal.solving import PuzzleSolver
from hiwar.rehearsal.stdio import Orders, become_child, tell

LINES_MAX = 12_000
PER_S_MAX = 20_000
SECONDS_MAX = 300.0
NICENESS = 10  # behind the crowd: who measures must not be pushed aside by who attacks
TELL_EVERY_S = 0.5
REST_S = 0.1

KINDS: Mapping[str, type[Assault]] = MappingProxyType(
    {
        "connections": ConnectionFlood,
        "handshakes": HandshakeFlood,
        "slow": SlowConnections,
        "huge": HugeRequests,
        "pages": PageFlood,
        "logins": SignInFlood,
        "events": EventFlood,
        "playlists": PlaylistFlood,
        "hoarders": Hoarders,
        "forgery": Forgery,
        "answers": AnswersReplayed,
        "tables": RandomNetworks,
        "inflation": Inflation,
        "bots": Bots,
    }
)


def bounded(order: Attack) -> Attack:
    """The order within the bounds of this module, whatever it said."""
    machines = min(max(1, order.machines), ATTACKING_SITES * 250)
    return msgspec.structs.replace(
        order,
        seconds=min(max(0.0, order.seconds), SECONDS_MAX),
        per_s=min(max(0.0, order.per_s), PER_S_MAX),
        at_once=min(max(1, order.at_once), LINES_MAX),
        machines=machines,
        prefixes=min(max(1, order.prefixes), ATTACKING_SITES, machines),
    )


class Attackers:
    """See the module."""

    def __init__(self, begin: Begin, ancestor: int, random: Random) -> None:
        self.over = False
        self._aim = Aim(begin.port, begin.mark, ancestor, begin.secure)
        self._aim.check()
        self._conversation = begin.conversation
        self._random = random
        self._solver: PuzzleSolver | None = None
        self._poll: Poll | None = None
        self._assault: Assault | None = None

    def obey(self, order: Order) -> None:
        match order:
            case Attack():
                self._stop()
                self._poll = Poll(self._aim, LINES_MAX)
                self._solver = PuzzleSolver()  # without what the one before was still at
                scene = Scene(self._poll, self._conversation, self._random, self._solver)
                self._assault = KINDS[order.kind](scene, bounded(order))
                self._assault.begin()
            case End():
                self.over = True

    def step(self, seconds: float) -> None:
        """Go on with what is under way; at its end it is told, and forgotten."""
        if self._poll is None or self._assault is None or self._solver is None:
            return
        self._solver.collect()
        self._poll.run_until(monotonic() + seconds)
        if self._assault.over:
            tell(self.report(over=True))
            self._stop()

    def report(self, *, over: bool = False) -> Attacked:
        if self._assault is None or self._poll is None:
            return Attacked(counts={}, open=0, over=over)
        kept = tuple(self._assault.kept_s)
        return Attacked(
            counts={**self._assault.counts, "not begun": self._poll.counts["not_begun"]},
            open=len(self._poll),
            kept_p50_s=percentile(kept, 50),
            kept_max_s=max(kept, default=None),
            over=over,
        )

    def close(self) -> None:
        self._stop()

    def _stop(self) -> None:
        if self._poll is not None:
            self._poll.close()
        if self._solver is not None:
            self._solver.close()
        self._poll = self._assault = self._solver = None

    @property
    def busy(self) -> bool:
        return self._assault is not None


def main() -> None:
    parent = become_child(NICENESS)
    raise_descriptors(LINES_MAX + 256)
    orders = Orders(msgspec.json.Decoder(ToAttackers))
    begin, *first = orders.read(10.0) or [None]
    if not isinstance(begin, Begin):
        sys.exit("attackers are told their aim first")
    try:
        attackers = Attackers(begin, parent, Random())  # noqa: S311 - forged, not secret
    except NotOurs as error:
        sys.exit(f"the attackers go nowhere: {error}")
    told_at = 0.0
    try:
        for order in first:
            attackers.obey(order)
        while not (attackers.over or orders.over):
            for order in orders.read(0.0 if attackers.busy else REST_S):
                attackers.obey(order)
            attackers.step(0.05)
            if attackers.busy and monotonic() - told_at >= TELL_EVERY_S:
                told_at = monotonic()
                tell(attackers.report())
    except NotOurs as error:
        sys.exit(f"the attackers stop: {error}")
    finally:
        attackers.close()


if __name__ == "__main__":
    main()
