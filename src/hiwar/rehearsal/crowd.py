"""The honest crowd: `python -m hiwar.rehearsal.crowd`, a child of the rehearsal, on one thread.

Groups of people come, listen and go as the director says. Whoever is in the group `seated` listens all the
time; each of the others counts for the act in which they came.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

import msgspec

from hiwar.ops.clock import monotonic
from hiwar.rehearsal.aim import Aim, NotOurs
from hiwar.rehearsal.figures import percentile, raise_descriptors
from hiwar.rehearsal.orders import (
    SEATED,
    Begin,
    BeginAct,
    Come,
    Crowded,
    End,
    GroupFigures,
    Interval,
    Kept,
    Leave,
    Living,
    Order,
    Tell,
    ToCrowd,
)
from hiwar.rehearsal.people import Cadence, Fate, House, Person, State
from hiwar.rehearsal.sites import hall_source, honest_source
from hiwar.rehearsal.sockets import Poll
from hiwar.rehearsal.solving import PuzzleSolver
from hiwar.rehearsal.stdio import Orders, become_child, tell

PEOPLE_MAX = 20_000
NICENESS = 5  # behind the instance, before the attackers
LIVING_EVERY_S = 0.5
LOOK_EVERY_S = 0.05
PLAYERS_ONE_IN = 5  # listen with a player, the others with a browser
SQUARING_US = (0.8, 1.5, 2.5, 4.0, 8.6)  # phones and browsers, each as often


@dataclass(slots=True)
class Coming:
    """People still to come."""

    order: Come
    began: float
    come: int = 0

    def due(self, now: float) -> int:
        return min(self.order.count, int((now - self.began) * self.order.per_s) + 1) - self.come


class Group:
    """`people` are here; `former` the fates of those who left in this act."""

    def __init__(self) -> None:
        self.people: dict[Person, None] = {}  # in the order in which they came
        self.former: list[Fate] = []
        self.came = 0

    def fates(self) -> list[Fate]:
        return [*self.former, *(person.fate for person in self.people)]


class Crowd:
    """See the module. `random` makes people differ."""

    def __init__(self, begin: Begin, ancestor: int, random: Random) -> None:
        aim = Aim(begin.port, begin.mark, ancestor, begin.secure)
        self.poll = Poll(aim, PEOPLE_MAX + 64)
        self.over = False
        self._random = random
        self._solver = PuzzleSolver()
        self._cadence = Cadence(0.16)
        self._house = House(begin.conversation, self.poll, random, self._cadence, self._solver)
        self._groups: dict[str, Group] = {}
        self._coming: list[Coming] = []
        self._born = 0
        self._act_began = self.poll.now
        self._not_begun = 0
        self._lost_s = self.poll.inattentive_s

    def obey(self, order: Order) -> None:
        match order:
            case Come():
                self._coming.append(Coming(order, self.poll.now))
            case Interval(ms=ms):
                self._cadence.change(ms / 1000, self.poll.now)
            case BeginAct():
                self._begin_act()
            case Leave(group=name):
                self._leave(name)
            case Tell():
                tell(self.report())
            case End():
                self.over = True

    def step(self) -> None:
        """Let in who is due, and serve everybody for a moment."""
        for coming in self._coming:
            for _ in range(coming.due(self.poll.now)):
                self._let_in(coming)
        self._coming = [each for each in self._coming if each.come < each.order.count]
        self._solver.collect()
        self.poll.run_until(monotonic() + LOOK_EVERY_S)

    def living(self) -> Living:
        """How it stands."""
        everybody = [person for group in self._groups.values() for person in group.people]
        new = [fate for name, group in self._groups.items() if name != SEATED for fate in group.fates()]
        seated = self._groups.get(SEATED, Group())
        return Living(
            listening=sum(person.listening for person in everybody),
            waiting=sum(person.state in (State.WAITING, State.REFUSED) for person in everybody),
            came=sum(group.came for name, group in self._groups.items() if name != SEATED),
            answered=sum(fate.first_answer_s is not None for fate in new),
            seated=sum(fate.seated_s is not None for fate in new),
            longest_gap_s=max((fate.gap_s for fate in seated.fates()), default=0.0),
            thrown_out=sum(fate.thrown_out for group in self._groups.values() for fate in group.fates()),
        )

    def report(self) -> Crowded:
        for group in self._groups.values():
            for person in group.people:
                person.look()
        lasted = max(1e-9, self.poll.now - self._act_began)
        return Crowded(
            groups={name: figures_of(group) for name, group in self._groups.items()},
            inattention=(self.poll.inattentive_s - self._lost_s) / lasted,
            not_begun=self.poll.counts["not_begun"] - self._not_begun,
        )

    def close(self) -> None:
        self.poll.close()
        self._solver.close()

    def _begin_act(self) -> None:
        self._act_began, self._not_begun = self.poll.now, self.poll.counts["not_begun"]
        self._lost_s = self.poll.inattentive_s
        for group in self._groups.values():
            group.former, group.came = [], 0
            for person in group.people:
                person.begin_act()

    def _let_in(self, coming: Coming) -> None:
        order, number = coming.order, coming.come
        coming.come += 1
        if (
            self._born >= PEOPLE_MAX * 10
            or sum(len(group.people) for group in self._groups.values()) >= PEOPLE_MAX
        ):
            return
        source = hall_source() if order.one_address else honest_source(self._born)
        self._born += 1
        person = Person(
            self._house,
            source,
            proof=order.proofs[number] if number < len(order.proofs) else "",
            feed="live.ogg" if number % PLAYERS_ONE_IN == PLAYERS_ONE_IN - 1 else "live.mp4",
            squaring_us=self._random.choice(SQUARING_US),
        )
        group = self._groups.setdefault(order.group, Group())
        group.people[person] = None
        group.came += 1
        person.arrive()
        if order.stay_s:
            self._see_off(person, group, order.stay_s)

    def _see_off(self, person: Person, group: Group, stay_s: float) -> None:
        """Let somebody go once they have listened for `stay_s`."""

        def look() -> None:
            if person.state is State.GONE:
                return
            if not person.listening:
                self.poll.call_at(self.poll.now + 0.5, look)
            else:
                self.poll.call_at(self.poll.now + stay_s, go)

        def go() -> None:
            if person.state is not State.GONE:
                self._take_leave(person, group)

        self.poll.call_at(self.poll.now + 0.5, look)

    @staticmethod
    def _take_leave(person: Person, group: Group) -> None:
        person.leave()
        del group.people[person]
        group.former.append(person.fate)

    def _leave(self, name: str) -> None:
        self._coming = [each for each in self._coming if each.order.group != name]
        group = self._groups.get(name)
        for person in tuple(group.people) if group else ():
            assert group is not None
            self._take_leave(person, group)


def figures_of(group: Group) -> GroupFigures:
    """What became of a group; who is not back yet counts as being away for so long."""
    fates = group.fates()
    away_s = [away for person in group.people if (away := person.away_s) is not None]

    def at(name: str, percent: float) -> float | None:
        return percentile([value for fate in fates if (value := getattr(fate, name)) is not None], percent)

    def total(name: str) -> float:
        return float(sum(getattr(fate, name) for fate in fates))

    return GroupFigures(
        came=group.came,
        answered=_known(fates, "first_answer_s"),
        present=len(group.people),
        listening=sum(person.listening for person in group.people),
        first_answer_p50_s=at("first_answer_s", 50),
        first_answer_p95_s=at("first_answer_s", 95),
        seated=_known(fates, "seated_s"),
        seated_p50_s=at("seated_s", 50),
        sound_p50_s=at("sound_s", 50),
        waited=sum(fate.waited for fate in fates),
        refused=int(total("refused")),
        unanswered=int(total("unanswered")),
        soon=_kept(fate.soon for fate in fates),
        minute=_kept(fate.minute for fate in fates),
        solved=int(total("solved")),
        unsolved=int(total("unsolved")),
        effort=max((fate.effort for fate in fates), default=0),
        dropped=int(total("dropped")),
        thrown_out=int(total("thrown_out")),
        back_s=max([*(back for fate in fates for back in fate.back_s), *away_s], default=None),
        gap_s=max((fate.gap_s for fate in fates), default=0.0),
        gap_seen_s=max((fate.gap_seen_s for fate in fates), default=0.0),
        gap_intervals=max((fate.gap_intervals for fate in fates), default=0.0),
        gaps_over=int(total("gaps_over")),
    )


def _known(fates: Iterable[Fate], name: str) -> int:
    return sum(getattr(fate, name) is not None for fate in fates)


def _kept(each_kept: Iterable[Kept]) -> Kept:
    kept = Kept()
    for each in each_kept:
        kept.merge(each)
    return kept


def main() -> None:
    parent = become_child(NICENESS)
    raise_descriptors(2 * PEOPLE_MAX)
    orders = Orders(msgspec.json.Decoder(ToCrowd))
    begin, *first = orders.read(10.0) or [None]
    if not isinstance(begin, Begin):
        sys.exit("the crowd is told its aim first")
    try:
        crowd = Crowd(begin, parent, Random())  # noqa: S311 - people differ; nothing is kept secret
    except NotOurs as error:
        sys.exit(f"the crowd goes nowhere: {error}")
    told_at = 0.0
    try:
        for order in first:
            crowd.obey(order)
        while not (crowd.over or orders.over):
            for order in orders.read():
                crowd.obey(order)
            crowd.step()
            if crowd.poll.now - told_at >= LIVING_EVERY_S:
                told_at = crowd.poll.now
                tell(crowd.living())
    except NotOurs as error:
        sys.exit(f"the crowd leaves: {error}")
    finally:
        crowd.close()


if __name__ == "__main__":
    main()
