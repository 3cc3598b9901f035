"""How often each of very many may do a thing: the Generic Cell Rate Algorithm on a bounded table. Pure.

Rules
- An event that does not conform is not counted: who asks too early is not set back by asking.
- The table never holds more than `entries_max` entries and never pushes out one that still says something.
- Whoever finds no room in it is neither let through nor refused for that: all of these share one bucket.

Theory of operation: GCRA in its virtual scheduling form (ITU-T I.371, annex A) keeps one number for each
key, the theoretical arrival time: when the key would be back at rest. An event moves it `cost / per_second`
on, from itself or from `now`, whichever is later, and conforms if it then lies at most `burst / per_second`
ahead. An entry whose time is past says the same as none, and is dead.

Dead entries are found by a hand that goes around the table as in CLOCK (Corbató 1968): a newcomer looks at
the next `LOOKS` entries and takes the place of a dead one. So a call costs the same whatever happened
before, and nothing is ever swept at one time. In steady state the live entries are at most the events per
second divided by `per_second`: a table is full of them only where more than `entries_max * per_second`
events arrive each second from ever new keys.

The overflow bucket allows what `entries_max / OVERFLOW_PARTS` keys are allowed: little enough that filling
the table gains an attacker a sixteenth at most, and still hundreds of newcomers at once, so that a table
full of an attacker's keys is no closed door.
"""

from dataclasses import dataclass

LOOKS = 2  # with half of the entries alive three newcomers in four find a dead one; more looks cost more
OVERFLOW_PARTS = 16
SLACK_S = 1e-6  # what rounding may take from a wait, so that who waited as told conforms
_OVERFLOW = -1  # the key of the bucket shared by whoever found no room


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` events on average, up to `burst` of them at once.

    Raises:
        ValueError: a rate that is not above 0, or a burst below 1, which would let nothing through.
    """

    per_second: float
    burst: float

    def __post_init__(self) -> None:
        if not (self.per_second > 0 and self.burst >= 1):
            raise ValueError(f"{self.per_second} a second in bursts of {self.burst} lets nothing through")


class RateTable:
    """One rate, kept for each key (an int, 0 or more). `now` may stand still or go back: then waits are
    longer by as much. `refused` counts events that did not conform, `overflowed` those without an entry."""

    __slots__ = (
        "_due", "_entries_max", "_hand", "_latest", "_overflow_keys", "_ring", "_spacing_s", "_tolerance_s",
        "overflowed", "rate", "refused",
    )  # fmt: skip

    def __init__(self, rate: Rate, entries_max: int) -> None:
        assert entries_max >= 1
        self.rate = rate
        self.refused = 0
        self.overflowed = 0
        self._entries_max = entries_max
        self._spacing_s = 1 / rate.per_second
        self._tolerance_s = rate.burst / rate.per_second
        self._overflow_keys = max(1.0, entries_max / OVERFLOW_PARTS)
        self._due: dict[int, float] = {_OVERFLOW: float("-inf")}  # the theoretical arrival times
        self._ring: list[int] = []  # the keys that have an entry, the hand goes from the last to the first
        self._hand = 0
        self._latest = float("-inf")  # of the times at which newcomers came

    def __len__(self) -> int:
        """Entries held, dead ones among them; at most `entries_max`."""
        return len(self._ring)

    def wait_s(self, key: int, now: float, cost: float = 1.0) -> float:
        """0.0 if an event of `cost` (0 .. burst) conforms, and then it is counted; else seconds until it
        would, if nothing else of this key comes between."""
        due = self._due.get(key)
        if due is None:
            return self._newcomer(key, now, cost)
        after = (due if due > now else now) + cost * self._spacing_s
        wait = after - now - self._tolerance_s
        if wait > SLACK_S:
            assert cost <= self.rate.burst
            self.refused += 1
            return wait
        self._due[key] = after
        return 0.0

    def peek_s(self, key: int, now: float, cost: float = 1.0) -> float:
        """What `wait_s` would say, without counting. Of a key without an entry in a full table: what the
        overflow bucket would say, though a dead entry may yet be found for it."""
        due = self._due.get(key)
        if due is None:
            if len(self._ring) < self._entries_max:
                return 0.0
            return self.peek_s(_OVERFLOW, now, cost / self._overflow_keys)
        wait = max(due, now) + cost * self._spacing_s - now - self._tolerance_s
        return wait if wait > SLACK_S else 0.0

    def give_back(self, key: int, cost: float = 1.0) -> None:
        """Undo the `wait_s` just made for `key` that said 0.0, as if it had never been asked."""
        if key in self._due:
            self._due[key] -= cost * self._spacing_s
        else:
            self._due[_OVERFLOW] -= cost * self._spacing_s / self._overflow_keys

    def _newcomer(self, key: int, now: float, cost: float) -> float:
        """Give `key` the place of a dead entry or a new one; without either the overflow bucket judges."""
        assert cost <= self.rate.burst
        due, ring, hand = self._due, self._ring, self._hand
        # An entry of this key may have died at a time behind which `now` has gone back.
        self._latest = latest = max(self._latest, now)
        for _ in range(LOOKS) if ring else ():
            hand = (hand or len(ring)) - 1
            if due[ring[hand]] <= latest:
                del due[ring[hand]]
                ring[hand] = key
                break
        else:
            if len(ring) == self._entries_max:
                self._hand = hand
                self.overflowed += 1
                return self.wait_s(_OVERFLOW, now, cost / self._overflow_keys)
            ring.append(key)
        self._hand = hand
        due[key] = latest + cost * self._spacing_s
        return 0.0
