"""Each attack visibly breaks a Hiwar without the layer that stands against it, or it is too weak to count.

What a layer is worth is shown by `tests/attacks`, with attacks of their own; here the rehearsal's attackers
are judged, all kinds but `tables`, whose bound is shown there in full. Two instances stand side by side, a
whole one and one without the layers (`ablations`). Each attack is brought to both at the same time, and goes
on until it has done what it has to, the whole house holds, and the other is broken: for `PATIENCE_S` at most.
What is looked at are counts that no processor's speed decides: what was let through, what is held, what was
closed at its deadline.

On a machine that has no time for anybody an attack comes to nothing. A control with the rank of the attackers
tells: if it was late by `STARVED_S`, what did not come about says nothing, and is tried once more.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from hiwar.admission.house import TICK_S
from hiwar.admission.limits import CONNECTIONS_OPEN
from hiwar.admission.prefix import Level
from hiwar.admission.puzzle import EFFORT_MAX
from hiwar.admission.rungs import Rung
from hiwar.edge.passthrough import WEB_LIMITS
from hiwar.ops.clock import monotonic
from hiwar.rehearsal.orders import SEATED, Attack, Come, Leave, Living
from hiwar.relay.front import WRITE_S
from tests.rehearsal.houses import LOOK_EVERY_S, House, Houses, Seen, two_houses

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
PATIENCE_S = 25.0
STARVED_S = 0.1
PEOPLE = 20
FREE = 300  # seats, where the host lets more in


@dataclass(frozen=True, slots=True)
class Look:
    """At one figure: `whole` at the most at the whole house, `ablated` at the least at the other."""

    figure: Callable[[Seen], float]
    whole: float
    ablated: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """`enough`: the attack did what it has to. `free`: the host allows so many more seats than are taken;
    `crowded`: one in all, by lottery, and people wait for it."""

    name: str
    attack: Attack
    enough: Callable[[Seen], bool]
    looks: tuple[Look, ...]
    free: int | None = None
    crowded: bool = False


def attack(kind: str, per_s: float, at_once: int, machines: int = 1, prefixes: int = 1) -> Attack:
    return Attack(
        kind=kind, seconds=2 * PATIENCE_S, per_s=per_s, at_once=at_once, machines=machines, prefixes=prefixes
    )


def turned_away(seen: Seen) -> float:
    """Connections and requests that were too many of one network."""
    return seen.door.get("bounced", 0.0) + seen.count("429")


def come(seen: Seen) -> float:
    """Connections that were made or turned away."""
    return seen.door["connections"] + seen.door.get("bounced", 0.0)


SPREAD = (60, 60)  # machines, each in a network of its own
ADDRESS_OPEN = CONNECTIONS_OPEN[Level.IPV4_32]
SCENARIOS = (
    # Nobody gave these tickets; and one that somebody was given is shown from everywhere at once.
    Scenario("forgery", attack("forgery", 200, 300, *SPREAD),
             lambda s: s.count("replayed") >= 50 and s.door["requests"] >= 300,
             (Look(lambda s: s.count("200"), 0, 20),
              Look(lambda s: s.count("replayed") - s.count("closed"), 12, 40))),
    # A network may hold a quarter of what is free.
    Scenario("playlists", attack("playlists", 200, 60), lambda s: s.count("200", "503") >= 150,
             (Look(lambda s: -s.count("503"), -20, 0),), free=FREE),
    Scenario("hoarders", attack("hoarders", 60, FREE, 100), lambda s: s.count("bots") >= FREE / 2,
             (Look(lambda s: s.count("seats"), FREE / 4 + 20, FREE / 2),), free=FREE),
    # 16 KiB of head, 64 of body.
    Scenario("huge", attack("huge", 60, 60, *SPREAD), lambda s: s.count("poured KiB") >= 4096,
             (Look(lambda s: s.grown_mib, 16, 48),)),
    # A head is due after 3 s, a body after 5: a hundred of each.
    Scenario("slow", attack("slow", 200, 300, *SPREAD), lambda s: s.count("opened") >= 200,
             (Look(lambda s: -s.door.get("expired", 0.0), -150, 0),)),
    # An address may begin 1,200 connections at once and 20 a second after that, and have 1,200 open.
    Scenario("connections", attack("connections", 1000, 200), lambda s: come(s) >= ADDRESS_OPEN + 300,
             (Look(lambda s: -turned_away(s), -50, 0),)),
    Scenario("events", attack("events", 1000, 4000), lambda s: come(s) >= ADDRESS_OPEN / 2,
             (Look(lambda s: s.connections, ADDRESS_OPEN, ADDRESS_OPEN + 200),)),
    # Thirty passwords at once from an address, one each two seconds after that.
    Scenario("logins", attack("logins", 60, 100), lambda s: s.door["requests"] + turned_away(s) >= 20,
             (Look(lambda s: s.door["requests"], 30 + PATIENCE_S / 2 + 2, 70),)),
    # Of web no more is asked at once, however many wait.
    Scenario("pages", attack("pages", 400, 1500, *SPREAD), lambda s: s.door["requests"] >= 200,
             (Look(lambda s: s.web, WEB_LIMITS.connections_max + 4, 40),)),
    # An answer counts once; no more than four are solved.
    Scenario("answers", attack("answers", 60, 300), lambda s: s.count("replayed") >= 60,
             (Look(lambda s: s.count("counted"), 4, 20),), crowded=True),
    Scenario("inflation", attack("inflation", 60, 300, *SPREAD), lambda s: s.count("hardest") > 0,
             (Look(lambda s: s.count("hardest"), EFFORT_MAX, EFFORT_MAX + 1),), crowded=True),
    # An address asks 200 times at once, and 60 times a second; for each it needs a connection.
    Scenario("bots", attack("bots", 200, 800), lambda s: s.count("200", "202") + turned_away(s) >= 300,
             (Look(lambda s: -turned_away(s), -50, 0),), crowded=True),
    # A handshake is due after 2 s; ten more each second never end.
    Scenario("handshakes", attack("handshakes", 40, 300, *SPREAD), lambda s: s.count("opened") >= 40,
             (Look(lambda s: -s.count("closed"), -30, -5),)),
)  # fmt: skip


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    with two_houses() as made:
        yield made


@pytest.fixture(scope="module")
def secure_houses() -> Iterator[Houses]:
    with two_houses(secure=True, on_air=False) as made:
        yield made


def test_seats_outlive_the_worker_of_the_whole_house_and_not_that_of_the_ablated_one(houses: Houses) -> None:
    """Nobody comes back before it was looked: the crowd stands still meanwhile."""
    kept = [seats_kept(house) for house in houses]
    assert kept == [PEOPLE, 0]


def seats_kept(house: House) -> int:
    """Seats taken when the worker has died."""
    house.crowd.tell(Come(group=SEATED, count=PEOPLE, per_s=50.0))
    wait_until(lambda: any(isinstance(s, Living) and s.listening == PEOPLE for s in house.crowd.hear(0.3)))
    wait_until(lambda: house.front().taken == PEOPLE)
    (worker,) = house.instance.workers()
    os.kill(house.crowd.pid, signal.SIGSTOP)
    try:
        os.kill(worker, signal.SIGKILL)
        taken = house.front(2 * WRITE_S).taken
    finally:
        os.kill(house.crowd.pid, signal.SIGCONT)
    house.crowd.tell(Leave(group=SEATED))
    wait_until(lambda: house.instance.workers() not in ([], [worker]))
    return taken


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[each.name for each in SCENARIOS])
def test_an_attack_breaks_the_ablated_house_and_not_the_whole_one(
    scenario: Scenario, request: pytest.FixtureRequest
) -> None:
    secure = scenario.name == "handshakes"
    made: Houses = request.getfixturevalue("secure_houses" if secure else "houses")
    made.late_s()
    wrong = bring(made, scenario)
    if wrong and made.late_s() > STARVED_S:
        wrong = bring(made, scenario)
    assert wrong == []


def bring(houses: Houses, scenario: Scenario) -> list[str]:
    """The attack at both; what did not come about."""
    for house in houses:
        wish(house, scenario)
    for house in houses:
        house.begin(scenario.attack)
    end, wrong = monotonic() + PATIENCE_S, ["not begun"]
    while wrong and monotonic() < end:
        time.sleep(LOOK_EVERY_S)
        wrong = missing(scenario, *(house.look() for house in houses))
    for house in houses:
        house.end()
        if scenario.crowded:
            house.crowd.tell(Leave(group="newcomers"))
    return wrong


def missing(scenario: Scenario, whole: Seen, ablated: Seen) -> list[str]:
    return [
        *(f"not enough: {seen}" for seen in (whole, ablated) if not scenario.enough(seen)),
        *(f"the whole house: {whole}" for look in scenario.looks if look.figure(whole) > look.whole),
        *(f"the ablated: {ablated}" for look in scenario.looks if look.figure(ablated) < look.ablated),
    ]


def wish(house: House, scenario: Scenario) -> None:
    """What the host allows; otherwise as many seats as the machine carries."""
    if scenario.name == "handshakes":
        return
    house.instance.wish("hold", Rung.LIMITED if scenario.crowded else None)
    free = None if scenario.free is None else house.front().taken + scenario.free
    house.instance.wish("seats", 1 if scenario.crowded else free)
    if scenario.crowded:
        house.crowd.tell(Come(group="newcomers", count=PEOPLE, per_s=20.0))
        wait_until(lambda: house.front().rung is not Rung.OPEN)
    time.sleep(2 * TICK_S)


def wait_until(holds: Callable[[], bool]) -> None:
    end = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < end
        time.sleep(0.05)
