"""The waiting room: those who could not be seated at once, and what each second brings them. Pure.

Rules
- Entering once is enough to take part in every draw. Asking again keeps one's place and improves nothing;
  who has not asked for `ABSENT_S` is out. Who enters again (by the same identity) replaces their entry.
- Every bound counts: `counts` says how often each was met.

Bounds, and what a flood can and cannot do
- A site (/24, /48) has at most a 64th of the places still free, one at least: the dynamic threshold of
  Choudhury and Hahne ("Dynamic queue length thresholds for shared-memory packet switches", 1998). However
  many machines n greedy sites have, 65,536 / (1 + n / 64) places stay free for others: 4,000 with a
  thousand. It costs a site's people nothing in the draw, where a site weighs the same however many wait.
- A region (IPv4 /16, IPv6 /32) has at most as many sites as a /16 has /24s. Otherwise one IPv6 allocation,
  65,536 sites, would hold every place and nearly every draw. This is bounded here and not in the draw: there
  it would spare the odds, and still give away the places. The price: of a big provider with one /32 no more
  than 256 sites wait at a time; places there are taken as they come free.
- Who finds their site or region full is told to wait without a place, and tries again when they ask again.
- If all places are taken, a newcomer puts out one of the worst class present that ranks below their own
  (of a site with the least weight, the newest of them), or is refused. A flood of strangers cannot touch
  whoever has solved a puzzle or shows an invitation; who floods with solved puzzles pays for each.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from math import inf
from typing import NamedTuple

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import CLASSES, INVITED, RETURNING, SOLVED, STRANGER, Lottery
from hiwar.admission.odds import EPOCH_S, SHOWN_S, SOON_S, Flow, Odds, Stock, Trend
from hiwar.admission.pools import HasRoom, Random, Waiter, below

WAITING_MAX = 65_536  # 13,000 of them ask each second: what one door can answer; about 40 MB
SITE_PART = 64  # of the free places: a carrier's 200 people find room beside 10,000 machines
REGION_SITES_MAX = 256  # the /24s of a /16
DENIED_MAX = 2048  # looked at in one draw, of those who come back: some milliseconds; the others wait
ASK_AGAIN_S, ASK_JITTER_S = 5.0, 1.0  # those who wait ask after 4 to 6 s
UNBOUNDED = (inf,) * len(CLASSES)
HORIZONS_S = (SHOWN_S, SOON_S)  # for which a chance is told
ABSENT_S = 12.0  # two of the longest intervals


class Entered(IntEnum):
    """What came of entering. Those of the last three have no place, and may try again later."""

    PLACED = 0
    REPLACED = 1  # the same identity had a place, and has this one now
    SITE_FULL = 2
    REGION_FULL = 3
    ROOM_FULL = 4


class Drawn(NamedTuple):
    """One who gets a seat. `capped`: it counts against what the site may hold; `waited_s`: since entering."""

    identity: str
    listener_class: ListenerClass
    site: int
    capped: bool
    waited_s: float


@dataclass(slots=True)
class Counts:
    """What happened since the room was opened. Lists are by class."""

    entered: list[int] = field(default_factory=lambda: [0] * len(Entered))  # by what came of it
    drawn: list[int] = field(default_factory=lambda: [0] * len(CLASSES))
    absent: list[int] = field(default_factory=lambda: [0] * len(CLASSES))
    put_out: list[int] = field(default_factory=lambda: [0] * len(CLASSES))
    denied: int = 0  # came back, and waits with the newcomers instead


def ask_after_s(random: Random) -> float:
    """When one who waits asks again, in seconds: spread, so that a crowd does not come in waves."""
    return ASK_AGAIN_S + ASK_JITTER_S * (below(random, 2001) - 1000) / 1000


class WaitingRoom:
    """All who wait for seats of one machine. `now` never goes back. Bounds: see the module."""

    def __init__(self, waiting_max: int = WAITING_MAX, region_sites_max: int = REGION_SITES_MAX) -> None:
        self.counts = Counts()
        self.lottery = Lottery()
        self._flow = Flow()
        self._trend = Trend()
        self._served = [False] * len(CLASSES)  # whether the last draw left nobody of a class waiting
        self._lasting: dict[tuple[ListenerClass, int], tuple[float, ...]] = {}  # see `_last`, by who waits
        self._waiting_max, self._region_sites_max = waiting_max, region_sites_max
        self._waiters: OrderedDict[str, Waiter] = OrderedDict()  # who asked longest ago comes first
        self._put_out_at = [-inf] * len(CLASSES)  # when somebody of the class last had to make room
        self._at_site: dict[int, int] = {}  # how many who are drawn by site wait at each, 1 or more
        self._sites_of: dict[int, int] = {}  # how many of these sites are in each region, 1 or more

    def __len__(self) -> int:
        return len(self._waiters)

    def waiting(self, listener_class: ListenerClass) -> int:
        """How many of a class wait."""
        return len(self.lottery.pools[listener_class])

    @property
    def weight(self) -> int:
        """How many wait as the lottery counts: what one site can add is bounded."""
        return sum(pool.total for pool in self.lottery.pools)

    def enter(
        self,
        identity: str,
        listener_class: ListenerClass,
        site: int,
        region: int,
        now: float,
        capped: bool | None = None,
    ) -> Entered:
        """Give a place to somebody; who comes from elsewhere than before gives up the former place.

        `identity`: the waiting token's, or one for a voucher or an account, also where its holder comes back
        with a ticket. `site`, `region`: keys of their /24 or /48, and of the /16 or /32 around it. `capped`:
        whether their seat counts against what the site may hold; by default of all but INVITED. Of
        RETURNING it is as with the seat that they come back to, and should be said.
        """
        if capped is None:
            capped = listener_class is not INVITED
        waiter = Waiter(identity, listener_class, site, region, capped, now)
        former = self._waiters.get(identity)
        if former is not None:
            outcome = self._replace(former, waiter, now)
        else:
            outcome = self._refusal(waiter, now) or Entered.PLACED
            if outcome is Entered.PLACED:
                self._place(waiter, now)
        self.counts.entered[outcome] += 1
        return outcome

    def renew(self, identity: str, now: float) -> bool:
        """Somebody asks again. False: they have no place (drawn, put out, or away for too long)."""
        waiter = self._waiters.get(identity)
        if waiter is None:
            return False
        waiter.heard = now
        self._waiters.move_to_end(identity)
        return True

    def class_of(self, identity: str) -> ListenerClass:
        """The class that somebody with a place is drawn in."""
        return self._waiters[identity].listener_class

    def leave(self, identity: str, now: float) -> bool:
        """Somebody gives up, or was seated otherwise. False: they had no place."""
        waiter = self._waiters.get(identity)
        if waiter is None:
            return False
        self._withdraw(waiter, now)
        return True

    def draw(
        self,
        seats: int,
        now: float,
        random: Random,
        allowance: Callable[[int], int],
        *,
        room_for: Sequence[float] = UNBOUNDED,
        shut: bool = False,
    ) -> list[Drawn]:
        """Give `seats` of this epoch to some who wait; they are out of the room then. Once a second, also
        without any seat: the odds are measured here. `shut`: none are given out for now, which says nothing
        of how fast they come free.

        `allowance(site)`: how many more seats a site may hold, not counting those of this draw. `room_for`:
        how many more a class may. It binds newcomers where nobody is drawn for whom the seats beyond it are
        kept; where such people are, the lottery shares out.
        With 65,536 waiting it takes 8 µs for each seat and half a millisecond besides.
        """
        won: dict[int, int] = {}  # by site: what the allowance does not count yet

        def has_room(site: int) -> bool:
            return allowance(site) > won.get(site, 0)

        self._forget_absent(now)
        self.lottery.refresh(now, has_room)
        waiting = self.lottery.waiting()
        drawn: list[Drawn] = []
        for waiter in self._winners(seats, now, random, has_room, room_for):
            if waiter.capped:
                won[waiter.site] = won.get(waiter.site, 0) + 1
            drawn.append(self._seat(waiter, now))
        self._note(drawn, waiting, shut, now)
        return drawn

    def odds(self, listener_class: ListenerClass, site: int, now: float, stock: Stock | None = None) -> Odds:
        """What somebody of this class at this site is told, who has a place or would get one. `stock` bounds
        it to the seats that there can be. No chance where those of the class are put out again."""
        waiting = self.lottery.waiting()
        each_epoch = soon = None
        if now - self._put_out_at[listener_class] > ABSENT_S:
            known = self._lasting.get((listener_class, waiting))
            if known is None:
                known = self._lasting[listener_class, waiting] = self._last(listener_class, waiting, stock)
            if known:
                part = self.lottery.pools[listener_class].part_of_one(site, now)
                minute, soon = known
                each_epoch, soon = min(1.0, minute * part), min(1.0, soon * part)
        return Odds(len(self._waiters), self._flow.seats_per_s, each_epoch, soon)

    def _last(self, listener_class: ListenerClass, waiting: int, stock: Stock | None) -> tuple[float, ...]:
        """What a class can have of the draws to come, in seats a second as one who waits now shares them, for
        each of `HORIZONS_S`; nothing while that is not known. The same until the next draw."""
        of_class, of_all = self._flow.seats_per_s_of(listener_class, waiting), self._flow.seats_per_s
        if of_class is None or of_all is None:
            return ()
        if stock is not None and self._served[listener_class]:
            of_class = max(of_class, stock.left(listener_class) / EPOCH_S)
        return tuple(
            (of_class if stock is None else stock.lasting(of_all, of_class, listener_class, seconds))
            * self._trend.thinned(listener_class, seconds)
            for seconds in HORIZONS_S
        )

    def _refusal(self, waiter: Waiter, now: float) -> Entered | None:
        """Why there is no place; where all are taken and it is due, somebody is put out to make one."""
        if waiter.listener_class >= SOLVED and (full := self._full_at(waiter)):
            return full
        if len(self._waiters) < self._waiting_max or self._put_out_below(waiter.listener_class, now):
            return None
        return Entered.ROOM_FULL

    def _full_at(self, waiter: Waiter) -> Entered | None:
        there = self._at_site.get(waiter.site)
        if there is None:
            full = self._sites_of.get(waiter.region, 0) >= self._region_sites_max
            return Entered.REGION_FULL if full else None
        site_max = (self._waiting_max - len(self._waiters)) // SITE_PART
        return Entered.SITE_FULL if there >= site_max else None

    def _put_out_below(self, listener_class: ListenerClass, now: float) -> bool:
        for worst in range(STRANGER, listener_class, -1):
            waiter = self.lottery.pools[worst].least()
            if waiter is not None:
                self.counts.put_out[worst] += 1
                self._put_out_at[worst] = now
                self._withdraw(waiter, now)
                return True
        return False

    def _replace(self, former: Waiter, waiter: Waiter, now: float) -> Entered:
        waiter.since = former.since
        self._withdraw(former, now)
        stays = former.site == waiter.site and former.listener_class >= SOLVED
        refusal = None if stays else self._refusal(waiter, now)
        if refusal is not None:
            return refusal
        self._place(waiter, now)
        return Entered.REPLACED

    def _place(self, waiter: Waiter, now: float) -> None:
        self._waiters[waiter.identity] = waiter
        self._add(waiter, now)

    def _withdraw(self, waiter: Waiter, now: float) -> None:
        del self._waiters[waiter.identity]
        self.lottery.remove(waiter, now)
        self._count_out(waiter)

    def _add(self, waiter: Waiter, now: float) -> None:
        self.lottery.add(waiter, now)
        if waiter.listener_class < SOLVED:
            return
        there = self._at_site.get(waiter.site, 0)
        self._at_site[waiter.site] = there + 1
        if not there:
            self._sites_of[waiter.region] = self._sites_of.get(waiter.region, 0) + 1

    def _count_out(self, waiter: Waiter) -> None:
        """They are out of the lottery; it may be that nobody waits at their site any more."""
        if waiter.listener_class >= SOLVED and not _count_down(self._at_site, waiter.site):
            _count_down(self._sites_of, waiter.region)

    def _forget_absent(self, now: float) -> None:
        while self._waiters:
            waiter = next(iter(self._waiters.values()))
            if waiter.heard + ABSENT_S > now:
                return
            self.counts.absent[waiter.listener_class] += 1
            self._withdraw(waiter, now)

    def _winners(
        self, seats: int, now: float, random: Random, has_room: HasRoom, room_for: Sequence[float]
    ) -> Iterator[Waiter]:
        """Up to `seats` people, each of whom must be seated before the next is asked for."""
        denied = newcomers = strangers = 0  # these two of this draw, by how their seats are held

        def kept_from(listener_class: ListenerClass) -> bool:
            """Whether the next seat is kept for others."""
            waiting = self.lottery.waiting()
            if listener_class < SOLVED or waiting >> INVITED & 1:
                return False
            if newcomers >= room_for[SOLVED]:
                return True
            alone = listener_class is STRANGER and not waiting >> SOLVED & 1
            return alone and strangers >= room_for[STRANGER]

        while seats > 0:
            returning = denied < DENIED_MAX
            waiter = self.lottery.next(random, has_room, returning=returning, kept_from=kept_from)
            if waiter is None:
                return
            if waiter.listener_class is RETURNING and not self.lottery.may_claim(waiter, now, has_room):
                denied += 1
                self._deny_claim(waiter, now)
            else:
                seats -= 1
                newcomers += waiter.capped
                strangers += waiter.listener_class is STRANGER
                yield waiter

    def _deny_claim(self, waiter: Waiter, now: float) -> None:
        """One who comes back waits with the newcomers; or not at all, where those have no place."""
        self.counts.denied += 1
        self.lottery.remove(waiter, now)
        waiter.listener_class = SOLVED if waiter.capped else INVITED
        if waiter.capped and self._full_at(waiter):
            self.counts.put_out[RETURNING] += 1
            del self._waiters[waiter.identity]
        else:
            self._add(waiter, now)

    def _seat(self, waiter: Waiter, now: float) -> Drawn:
        del self._waiters[waiter.identity]
        self.lottery.seat(waiter, now)
        self._count_out(waiter)
        self.counts.drawn[waiter.listener_class] += 1
        waited_s = now - waiter.since
        return Drawn(waiter.identity, waiter.listener_class, waiter.site, waiter.capped, waited_s)

    def _note(self, drawn: list[Drawn], waiting: int, shut: bool, now: float) -> None:
        taken = [0] * len(CLASSES)
        for each in drawn:
            taken[each.listener_class] += 1
        waits_on = bool(self.waiting(RETURNING) or self.lottery.waiting())
        self._flow.note(len(drawn), taken, waits_on, now, waiting=waiting, shut=shut)
        weights = [pool.total for pool in self.lottery.pools]
        self._trend.note(weights, now)
        self._served = [not shut and not weight for weight in weights]
        self._lasting.clear()


def _count_down(counts: dict[int, int], key: int) -> int:
    """One less; what is at zero is not kept."""
    left = counts[key] - 1
    if left:
        counts[key] = left
    else:
        del counts[key]
    return left
