"""What is thrown at a door without wanting to listen: hammering, floods of networks, of pages. Pure.

These have no one who waits for an answer; they are questions and requests at a rate, while their wave is on.
"""

from dataclasses import dataclass, field

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.house import TICK_S
from hiwar.admission.verdicts import Admit, Refuse
from hiwar.sim.addresses import Random, site_of_ipv6
from hiwar.sim.curves import Wave
from hiwar.sim.desk import Counted, Desk

STRANGER, SOLVED = ListenerClass.STRANGER, ListenerClass.SOLVED
ADMITTED, WAITING, REFUSED, TOO_MANY = (
    int(each) for each in (Counted.ADMITTED, Counted.WAITING, Counted.REFUSED, Counted.TOO_MANY)
)
HIGH = 0x2001_0000  # /32s of floods begin here
NETWORKS = 1 << 16  # /48s of a /32
NOBODYS = (1 << 24) + 0xF00000  # /24s of 240.0.0.0/4, reserved (RFC 1112), from where machines hammer


@dataclass(frozen=True, slots=True)
class Pages:
    """`per_s` requests for pages a second, at each edge; they cost time and ask for no seat."""

    per_s: float
    wave: Wave = field(default_factory=Wave)


@dataclass(frozen=True, slots=True)
class Hammers:
    """So many `machines` at each edge, each at an address of its own and each asking for a seat `per_s` times
    a second as a newcomer, whatever it is told; what it is given it leaves unused."""

    machines: int
    per_s: float
    wave: Wave = field(default_factory=Wave)


@dataclass(frozen=True, slots=True)
class Flood:
    """`per_s` questions a second at each edge, each from another /48 of so many /32s and none twice by the
    same; with `solved` each comes with a solved puzzle."""

    per_s: float
    networks: int
    solved: bool = False
    wave: Wave = field(default_factory=Wave)


Attack = Pages | Hammers | Flood


def asked(attack: Attack, seconds: float) -> tuple[float, float]:
    """How many questions for a seat and how many requests for pages an attack brings in a tick."""
    if not attack.wave.is_on(seconds):
        return 0.0, 0.0
    if isinstance(attack, Pages):
        return 0.0, attack.per_s * TICK_S
    machines = attack.machines if isinstance(attack, Hammers) else 1
    return machines * attack.per_s * TICK_S, 0.0


def strike(desk: Desk, attack: Attack, number: int, share: float, random: Random) -> None:
    """One tick of an attack whose wave is on, the `number`-th of its world, of which the machine takes up
    `share`."""
    if isinstance(attack, Hammers):
        _hammer(desk, attack, number, share)
    else:
        assert isinstance(attack, Flood)
        _flood(desk, attack, number, share, random)


def _hammer(desk: Desk, attack: Hammers, number: int, share: float) -> None:
    """Once a limit has refused a machine, it refuses the rest of what that asks at the same moment."""
    asks = round(attack.per_s * TICK_S * share)
    for machine in range(attack.machines):
        site = NOBODYS + (number << 16) + machine
        for done in range(1, asks + 1):
            if _ask(desk, site, STRANGER):
                desk.counts[REFUSED] += asks - done
                desk.counts[TOO_MANY] += asks - done
                break


def _flood(desk: Desk, attack: Flood, number: int, share: float, random: Random) -> None:
    for _ in range(round(attack.per_s * TICK_S * share)):
        drawn = random.getrandbits(48)
        network = HIGH + (number << 12) + (drawn >> 16) % attack.networks
        solved = attack.solved and desk.take_answer()
        _ask(desk, site_of_ipv6(network, drawn % NETWORKS), SOLVED if solved else STRANGER)


def _ask(desk: Desk, site: int, shown: ListenerClass) -> bool:
    """A question of a newcomer who will not come for the seat; whether a limit refused it."""
    counts = desk.counts
    verdict = desk.judge(site, 0, shown, 0, True)
    if isinstance(verdict, Refuse):
        limited = verdict.reason is Refusal.TOO_MANY
        counts[REFUSED] += 1
        counts[TOO_MANY] += limited
        return limited
    if isinstance(verdict, Admit):
        counts[ADMITTED] += 1
        desk.give(verdict, site)
    else:
        counts[WAITING] += 1
        desk.enter(verdict.serial, shown, site, capped=True, solved=shown is SOLVED)
    return False
