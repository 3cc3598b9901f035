"""When those who got no seat ask again, and how many questions a second come of it. Pure.

Rules
- A better rung makes nobody ask more often than a worse one, but those who have a place in the room, who are
  so many at most and have to be heard of. Else the door would feel easy because it stands on the worse rung,
  and be overrun as soon as it leaves it.
- What a door would have to answer is reckoned from how many people ask, and not from how often they do, nor
  from how many do just now: people who were turned away together come again together, and between that it
  is still.

| Who | asks again after |
|---|---|
| has a place in the room | `ASK_AGAIN_S`: the room forgets who is silent |
| waits without a place: the room, or what of it is for their network, is full | `ASK_LATER_S` |
| cannot wait, as a player alone | `ASK_LATER_S` |
| is turned away in siege | `REFUSED_AGAIN_S` |
"""

from collections import deque
from typing import NamedTuple

from hiwar.admission.waiting import ASK_AGAIN_S, WAITING_MAX

REFUSED_AGAIN_S = 10.0  # a little longer than the least time to the end of a siege
ASK_LATER_S = 15.0  # half a million people are 42,000 questions a second then: what one core just answers
LATER_SPREAD = 0.5  # of it, either way: who came in step comes in step no longer after a few times
ROUND_S = 12.0  # in which everybody has asked again who was turned away: pages spread it by a fifth
SINCE_S_MIN = 1.0  # of less than this nothing is reckoned ahead
LOOKS_MAX = 64  # in a round; of a caller that looks oftener than each fifth of a second the latest count


def asked_if_let_wait(people: float) -> float:
    """Questions a second of so many, if they were told to wait."""
    placed = min(people, WAITING_MAX)
    return placed / ASK_AGAIN_S + (people - placed) / ASK_LATER_S


class _Look(NamedTuple):
    """`step_s` in which so many a second were turned away, so many requests came, and the door cost so much
    of a core."""

    step_s: float
    refused: float
    requests: float
    door: float


class Crowd:
    """Those who are turned away, over a round: then each of them has asked once, whether in step or not.

    Who asks more often than they were told counts as several; how often one address or network can, its
    limits bound (`limits`). So machines that are refused over and over can make a crowd look larger.
    """

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=LOOKS_MAX)
        self._since_s = 0.0  # since when somebody has been turned away in each round

    def see(self, refused: float, requests: float, door: float, step_s: float) -> None:
        """The rates a second, and the door's load, of the `step_s` that have just passed."""
        self._looks.append(_Look(step_s, refused, requests, door))
        seen_s = sum([look.step_s for look in self._looks])
        while seen_s - self._looks[0].step_s >= ROUND_S:
            seen_s -= self._looks.popleft().step_s
        self._since_s = self._since_s + step_s if any(look.refused for look in self._looks) else 0.0

    @property
    def people(self) -> float:
        """How many are turned away in a round; reckoned ahead where that began less than a round ago."""
        refused = sum([look.refused * look.step_s for look in self._looks])
        return refused * ROUND_S / min(max(self._since_s, SINCE_S_MIN), ROUND_S)

    @property
    def load_if_let_wait(self) -> float:
        """Of a core, by what they would ask if they were told to wait, at what a request costs now."""
        people = self.people
        if not people:
            return 0.0
        requests = sum(look.requests * look.step_s for look in self._looks)
        door_s = sum(look.door * look.step_s for look in self._looks)
        return asked_if_let_wait(people) * door_s / max(1.0, requests)
