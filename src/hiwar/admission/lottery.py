"""Who of those who wait is drawn: pools by person and by site, and whose turn the next seat is. Pure.

Rules
- RETURNING and INVITED are drawn by person, all alike: each has a signed identity of their own.
- SOLVED and STRANGER are drawn by site (IPv4 /24, IPv6 /48) first, then evenly among those who wait there.
- A site weighs 1 however many wait there. Each puzzle solved by somebody who still waits there adds 1, to
  the bound of 4; each seat won there lately takes 1 away, down to the base of 1 and never below.
- RETURNING has the first claim on all seats: coming back ranks above new listeners. It is a claim to one's
  seat, no way to win more of them: whoever would gain by leaving and coming back is denied it, and waits
  with the newcomers (`may_claim`). Of seats that count against their site: where the site holds all it may,
  or has won `WINS_COUNTED_MAX` seats lately. Of others: an identity that won less than 150 s ago.
- Seats that nobody comes back for go to INVITED, SOLVED and STRANGER as 40 : 55 : 5. What a class does not
  use goes to the best other class that waits, so strangers have more than 5 % only where nobody else waits.

Why the weights are as they are: a puzzle speaks for one person, once. So it counts while its solver waits
and not a second longer (there is nothing to hoard), and four are enough to show that a site is no single
machine. But solving can be bought. So what it brings is a head start: at most three seats of a site come
sooner (at weights 4, 3, 2), and as long as the site goes on to win once in 150 s it stays at the base.
A farm of any power in n sites weighs 4 n for its first seats and n ever after, while everybody who is new
weighs twice as much as one of its sites. Resting until wins are forgiven gains nothing: it brings one early
seat for each 150 s, and waiting at the base brings more than that wherever it matters.

Theory of operation: how a draw is made in constant time, see `pools`. Turns are a smooth weighted round
robin over the classes that have somebody to draw, in whole hundredths: as long as the same classes wait, any
20 seats are shared 8 : 11 : 1, whether an epoch has one seat or a thousand. What a class is owed while it
has nobody is kept and does not grow.
"""

from collections.abc import Callable

from hiwar.admission.classes import ListenerClass
from hiwar.admission.pools import WEIGHT_MAX, HasRoom, PersonPool, Pool, Random, SitePool, Waiter
from hiwar.admission.wins import WINS_COUNTED_MAX, Wins

WEIGHT_BASE = 1
CLASSES = tuple(ListenerClass)
RETURNING, INVITED, SOLVED, STRANGER = CLASSES
BY_SITE = (SOLVED, STRANGER)
SHARES_PERCENT = {INVITED: 40, SOLVED: 55, STRANGER: 5}
OWED_MAX = 100  # one seat: no class is owed, nor owes, more, whatever came and went


def site_weight(solved: int, wins: int) -> int:
    """The weight of a site where `solved` people who solved a puzzle wait, and `wins` seats were won."""
    grown = WEIGHT_BASE + solved
    weight = (grown if grown < WEIGHT_MAX else WEIGHT_MAX) - wins
    return weight if weight > WEIGHT_BASE else WEIGHT_BASE


def _shares(waiting: int) -> tuple[tuple[ListenerClass, int], ...]:
    classes = [each for each in SHARES_PERCENT if waiting >> each & 1]
    unused = 100 - sum(SHARES_PERCENT[each] for each in classes)
    return tuple((each, SHARES_PERCENT[each] + (unused if each is classes[0] else 0)) for each in classes)


# What each class gets of the seats nobody comes back for, in percent, by the set of classes that have
# somebody to draw: bit 1 << class is set for each. RETURNING has its seats before.
SHARES_OF = tuple(_shares(waiting) for waiting in range(1 << len(CLASSES)))


class Turns:
    """Whose turn the next seat is, so that shares come out right over time. Sets as in `SHARES_OF`."""

    def __init__(self) -> None:
        self._owed = [0] * len(CLASSES)  # in hundredths of a seat

    def choose(self, waiting: int) -> ListenerClass:
        """The class of the set `waiting`, which has one at least, whose turn it is."""
        shares, owed = SHARES_OF[waiting], self._owed
        chosen, most = shares[0]
        most += owed[chosen]
        for each, percent in shares[1:]:
            if owed[each] + percent > most:
                chosen, most = each, owed[each] + percent
        return chosen

    def took(self, chosen: ListenerClass, waiting: int) -> None:
        """The class just chosen has taken the seat. Where it waits alone nobody owes it anything."""
        shares, owed = SHARES_OF[waiting], self._owed
        if len(shares) == 1:
            return
        owed[chosen] -= 100
        for each, percent in shares:
            owed[each] = max(-OWED_MAX, min(owed[each] + percent, OWED_MAX))


class Lottery:
    """Everybody who can be drawn. `won_sites`, `won_people`: who has won of late."""

    def __init__(self) -> None:
        self.won_sites, self.won_people = Wins(), Wins()
        self.by_site = SitePool(self._weigh_solved), SitePool(_weigh_strangers)
        self.pools: tuple[Pool, ...] = PersonPool(), PersonPool(), *self.by_site
        self._turns = Turns()

    def add(self, waiter: Waiter, now: float) -> None:
        self.pools[waiter.listener_class].add(waiter, now)

    def remove(self, waiter: Waiter, now: float) -> None:
        self.pools[waiter.listener_class].remove(waiter, now)

    def refresh(self, now: float, has_room: HasRoom) -> None:
        """Before the draws of an epoch: see `Pool.refresh`."""
        for pool in self.pools:
            pool.refresh(now, has_room)

    def next(
        self,
        random: Random,
        has_room: HasRoom,
        *,
        returning: bool = True,
        kept_from: Callable[[ListenerClass], bool] | None = None,
    ) -> Waiter | None:
        """Who comes next; they stay in the lottery. None: nobody can be drawn, or the seat is kept from the
        class whose turn it is, which then has its turn still. Without `returning`, those who come back are
        passed over."""
        if returning and (waiter := self.pools[RETURNING].pick(random, has_room)) is not None:
            return waiter
        while waiting := self.waiting():  # each round ends, or empties a pool
            chosen = self._turns.choose(waiting)
            waiter = self.pools[chosen].pick(random, has_room)
            if waiter is not None:
                if kept_from is not None and kept_from(chosen):
                    return None
                self._turns.took(chosen, waiting)
                return waiter
        return None

    def waiting(self) -> int:
        """The classes after RETURNING that have somebody to draw, as in `SHARES_OF`."""
        _, invited, solved, strangers = self.pools
        waiting = 1 << INVITED if invited.total else 0
        waiting |= 1 << SOLVED if solved.total else 0
        return waiting | (1 << STRANGER if strangers.total else 0)

    def may_claim(self, waiter: Waiter, now: float, has_room: HasRoom) -> bool:
        """Whether one who comes back may have a seat before all others."""
        if not waiter.capped:
            return not self.won_people.recent(waiter.identity, now)
        return has_room(waiter.site) and self.won_sites.recent(waiter.site, now) < WINS_COUNTED_MAX

    def seat(self, waiter: Waiter, now: float) -> None:
        """They have won, and are out."""
        if not waiter.capped:
            self.won_people.add(waiter.identity, now)
            self.remove(waiter, now)
            return
        self.won_sites.add(waiter.site, now)
        self.remove(waiter, now)
        self.by_site[0].weigh_site(waiter.site, now)

    def _weigh_solved(self, waiting: int, site: int, now: float) -> int:
        return site_weight(waiting, self.won_sites.recent(site, now))


def _weigh_strangers(waiting: int, site: int, now: float) -> int:
    return WEIGHT_BASE
