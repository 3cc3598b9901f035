"""Who had a seat, and so may claim one before others. Pure; the owner of the seats keeps it.

Rules
- A seat that was taken back leaves a claim, and so does one that was held for `HELD_S` and then lost. One
  that was given and dropped leaves none, however often it is given and dropped.
- A claim is used up by the next seat of the same serial; that seat has to earn a new one.
- Bounds: a network has at most `SITE_CLAIMS_MAX` claims, the oldest of its own goes; in all there are at most
  `CLAIMS_MAX`, the oldest goes. Both are counted. Seats held are remembered one by one, so that the table
  bounds them.

Why a ticket alone is not enough: its signature says that a seat was given, once, to somebody. In calm times
seats are given to whoever asks, a moment suffices, and the ticket is good for hours. With a bag of tickets,
collected by joining and leaving, few machines would fill the waiting room before all others when a storm
comes, and pass a door in siege. A claim has to cost what it is worth. Here it costs a seat for longer than a
won seat is remembered (`wins.FORGIVEN_S`), within what the network may hold: whoever wants one more claim
each second must hold 180 seats all the time. What is claimed is bounded again when it is drawn, by what the
network may hold by then (`lottery.Lottery.may_claim`).
"""

from collections import OrderedDict

HELD_S = 180.0  # longer than a won seat is remembered, shorter than anybody would call a visit
SITE_CLAIMS_MAX = 64  # twice what a network may hold of 65,536 seats while there are fewer than people
CLAIMS_MAX = 32_768  # half of the waiting room, a house of 8,000 four times over; about 10 MB


class FormerSeats:
    """See the module. `now` in monotonic seconds; `forgotten` counts claims that a bound put out."""

    def __init__(self, claims_max: int = CLAIMS_MAX, site_claims_max: int = SITE_CLAIMS_MAX) -> None:
        self.forgotten = 0
        self._claims_max, self._site_claims_max = claims_max, site_claims_max
        self._began: dict[int, tuple[float, int]] = {}  # of seats held: since when, and the site
        self._claims: OrderedDict[int, int] = OrderedDict()  # the site of each, the oldest first
        self._of_site: dict[int, dict[int, None]] = {}  # the same by site
        self._taken_back: set[int] = set()  # of these claims the seats were

    def __len__(self) -> int:
        """How many may claim."""
        return len(self._claims)

    def is_held(self, serial: int) -> bool:
        """Whether it is known since when this seat is held."""
        return serial in self._began

    def may_claim(self, serial: int) -> bool:
        return serial in self._claims

    def was_taken_back(self, serial: int) -> bool:
        """Whether this serial's seat was, and it has had none since."""
        return serial in self._taken_back

    def given(self, serial: int) -> None:
        """A seat was given to this serial: what it could claim is had."""
        self._drop(serial)

    def began(self, serial: int, site: int, now: float) -> None:
        """Somebody sat down, for the first time or again."""
        self._began.setdefault(serial, (now, site))

    def ended(self, serial: int, now: float) -> None:
        """The seat has ended by itself: lost and not come back to, or given and never taken."""
        began, site = self._began.pop(serial, (now, 0))
        if now - began >= HELD_S:
            self._add(serial, site)

    def taken_back(self, serial: int, site: int) -> None:
        """The seat was taken from whoever had it."""
        self._began.pop(serial, None)
        self._add(serial, site)
        self._taken_back.add(serial)

    def _add(self, serial: int, site: int) -> None:
        self._drop(serial)
        there = self._of_site.get(site, {})
        if len(there) >= self._site_claims_max:
            self._forget(next(iter(there)))
        elif len(self._claims) >= self._claims_max:
            self._forget(next(iter(self._claims)))
        self._claims[serial] = site
        self._of_site.setdefault(site, {})[serial] = None

    def _forget(self, serial: int) -> None:
        self.forgotten += 1
        self._drop(serial)

    def _drop(self, serial: int) -> None:
        site = self._claims.pop(serial, None)
        self._taken_back.discard(serial)
        if site is not None:
            there = self._of_site[site]
            del there[serial]
            if not there:
                del self._of_site[site]
