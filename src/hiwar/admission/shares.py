"""How many seats a site and a class may hold. Pure policy: numbers in, a number out.

Rules
- A share bounds who is let in next. Nobody seated is ever thrown out by it, also when it shrinks.
- A site is an IPv4 /24 or an IPv6 /48. Only strangers and puzzle-solvers are capped by site: a voucher, an
  account or a ticket speaks for itself, or a university behind one address would look like a botnet.
- Strangers never hold all seats: a seat that they leave empty is one that somebody who comes back, was
  invited or has solved a puzzle can have without waiting for one to be given up.
"""

from collections.abc import Sequence

from hiwar.admission.classes import ListenerClass
from hiwar.admission.lottery import BY_SITE

SITE_SEATS_MIN = 2  # somebody, and who shares their address
SITE_SEATS_ONE_IN = 2000  # when strained: hoarders in 200 prefixes hold a tenth of the seats
CALM_PERCENT = 25  # of the free seats, for each site, while there is room
STRANGERS_PERCENT = 70  # of all seats; the rest is for the three classes that can show something
NEWCOMERS_PERCENT = 95  # strangers and solvers together; one seat in twenty waits for who was in before

LIMITS = (  # some classes together, and how much of all seats they may hold
    (tuple(ListenerClass), 100),
    (BY_SITE, NEWCOMERS_PERCENT),
    ((ListenerClass.STRANGER,), STRANGERS_PERCENT),
)


def decide_site_cap(seats: int, free: int, strained: bool) -> int:
    """How many seats one site may hold of those counted by site (`BY_SITE`): SITE_SEATS_MIN or more.

    `seats` is the capacity, `free` how many of them nobody holds, `strained` whether more people want in
    than can be let in.

    While strained, a site may hold one seat in 2,000 and never less than two. Hoarders in P prefixes, who
    never leave, hold P x max(2, seats // 2000): with 200 prefixes 10 % of 8,000 seats after however long.
    Puzzles solved in a site bring it more turns in the draw (`lottery`) and no more seats than this: hoarders
    solve them too. Below 4,000 seats the floor of two rules: 200 prefixes can hold 400 seats.

    While there is room, a site may hold a fraction a = 1/4 of what is free (the dynamic threshold of
    Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998): much as long as there is much,
    and always something left. P prefixes that take all they may, where others hold h, end where each has
    a x free, and free = (seats - h) / (1 + aP): they hold aP / (1 + aP) of what others left, a fifth for
    one site, two thirds for eight, 98 % for 200; of that, strangers STRANGERS_PERCENT of all seats at
    most. So this bounds a site and not a botnet: `strained` has to be said as soon as more ask than joins
    are given, not when the seats are gone.
    """
    cap = max(SITE_SEATS_MIN, seats // SITE_SEATS_ONE_IN)
    return cap if strained else max(cap, free * CALM_PERCENT // 100)


def decide_room_for(listener_class: ListenerClass, seats: int, held_by_class: Sequence[int]) -> int:
    """How many more seats a class may take now, 0..seats.

    `seats` is the capacity, `held_by_class` what is held, indexed by class. Shares lie within each other:
    who may take the last seat may take any. They are rounded up, so that the smallest machine seats
    strangers too.
    """
    rooms = zip(LIMITS, decide_rooms(seats, held_by_class), strict=True)
    return min(room for (classes, _), room in rooms if listener_class in classes)


def decide_rooms(seats: int, held_by_class: Sequence[int]) -> tuple[int, ...]:
    """How many more seats may be taken under each of `LIMITS`, 0..seats; see `decide_room_for`."""
    return tuple(
        max(0, -(-seats * percent // 100) - sum(held_by_class[each] for each in classes))
        for classes, percent in LIMITS
    )
