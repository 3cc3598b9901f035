"""What the door pays before it knows whether somebody may come in: a ticket checked, a newcomer judged.

Both are measured as processor time of this process, for each of many, in rounds; the median round counts. The
tickets are of 8,000 people whose seats are in the table. Newcomers come from 8,000 networks, two thousand a
second of simulated time: half of the time seats are given as they come, half of the time they wait and are
asked to work, and one in ten comes from a network that hammers and is refused.
"""

import gc
from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib import import_module
from random import Random
from time import process_time
from typing import Any

from bench.harness import Outcome, Progress, median
from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import Gate, Posture
from hiwar.admission.house import HELD_TOLD_MAX
from hiwar.admission.prefix import Origin, hashed, origin_of
from hiwar.admission.seat_rows import table_bytes
from hiwar.admission.seats import SeatTable
from hiwar.admission.verdicts import Arrival
from hiwar.edge.table import SEATS_TABLED
from hiwar.tokens.ticket import parse_ticket, render_ticket

TITLE = "What a ticket checked and a newcomer judged cost the door"
SEATS, SITES = 8000, 8000
ROUNDS = 31
ARRIVALS_PER_S = 2000
HAMMERING_ONE_IN = 10
KEY = b"k" * 32
CONVERSATION = "bench00001"
EXPIRES = 2_000_000_000
STRANGER = ListenerClass.STRANGER


def run(progress: Progress) -> Outcome:
    outcome, random = Outcome(), Random(1)
    serials = [random.getrandbits(64) | 1 for _ in range(SEATS)]
    table = seated(serials, random)
    progress("tickets")
    tickets = [render_ticket(serial, CONVERSATION, STRANGER, EXPIRES, KEY) for serial in serials]
    _tell(outcome, "ticket check", _check_of(table), tickets, goal=3.0)
    _tell(outcome, "keyed blake2b of as many bytes", _bare_hash, [text.encode() for text in tickets])
    _beside_itsdangerous(outcome, serials)
    progress("newcomers")
    _judge(outcome, table, random)
    return outcome


def seated(serials: Sequence[int], random: Random) -> SeatTable:
    """A table of the size that an edge has, with these seats."""
    buffer = memoryview(bytearray(table_bytes(SEATS_TABLED)))
    table = SeatTable.create(buffer, seats_max=SEATS_TABLED)
    for serial in serials:
        assert table.give(serial, random.getrandbits(64), 1, STRANGER, 0.0, 1e9)
    return table


def _check_of(table: SeatTable) -> Callable[[str], object]:
    def check(ticket: str) -> None:
        serial, _ = parse_ticket(ticket, KEY, conversation=CONVERSATION, wallclock=1e9)
        assert table.find(serial) is not None

    return check


def _bare_hash(body: bytes) -> bytes:
    return blake2b(body, digest_size=16, key=KEY).digest()


def _beside_itsdangerous(outcome: Outcome, serials: Sequence[int]) -> None:
    """The usual signed token of the field, where it is installed."""
    try:
        signer: Any = import_module("itsdangerous").URLSafeTimedSerializer(KEY)
    except ImportError:
        return
    tokens = [signer.dumps(["ticket", CONVERSATION, f"{serial:016x}", "3", EXPIRES]) for serial in serials]
    _tell(outcome, "itsdangerous, a like token", lambda token: signer.loads(token, max_age=3600), tokens)


def _tell(
    outcome: Outcome, name: str, act: Callable[[Any], object], items: Sequence[Any], goal: float | None = None
) -> None:
    rounds = [1e6 * _seconds(act, items) / len(items) for _ in range(ROUNDS)]
    if goal is None:
        outcome.beside(name, median(rounds), "µs")
    else:
        outcome.at_most(name, median(rounds), "µs", goal)
    outcome.samples[name.replace(" ", "_").replace(",", "")] = [round(each, 4) for each in rounds]


def _seconds(act: Callable[[Any], object], items: Sequence[Any]) -> float:
    """Processor time of all of them, without the collector, which an edge does not run either."""
    gc.disable()
    began = process_time()
    for item in items:
        act(item)
    took = process_time() - began
    gc.enable()
    return took


class Door:
    """A worker's gate, at which arrivals come second by second."""

    def __init__(self, table: SeatTable, random: Random) -> None:
        self.gate = Gate(table, lambda: random.getrandbits(64) | 1)
        self._epoch = 0
        self._held = {random.getrandbits(64): 20 for _ in range(HELD_TOLD_MAX)}

    def second(self, arrivals: Sequence[Arrival], *, quota: int) -> float:
        """Judge those of one second, for whom there are so many seats; the processor time that it took."""
        self._epoch += 1
        self.gate.posture = Posture(
            epoch=self._epoch,
            quota=quota,
            room_for=(quota,) * len(ListenerClass),
            site_cap=2000 if quota else 4,
            held=self._held,
            effort=0 if quota else 100_000,
        )
        now, decide = 1000.0 + self._epoch, self.gate.decide
        return _seconds(lambda arrival: decide(arrival, now), arrivals)


def _judge(outcome: Outcome, table: SeatTable, random: Random) -> None:
    door = Door(table, random)
    rounds: list[float] = []
    for _ in range(ROUNDS):
        took = [door.second(newcomers(random, ARRIVALS_PER_S), quota=quota) for quota in (ARRIVALS_PER_S, 0)]
        rounds.append(1e6 * sum(took) / (2 * ARRIVALS_PER_S))
    judged = door.gate.counts
    assert judged.keys() == {"admit", "challenge", "refuse"}
    mix = ", ".join(f"{name} {100 * judged[name] / judged.total():.0f} %" for name in sorted(judged))
    outcome.at_most("gate decision", median(rounds), "µs", 6.0, mix)
    outcome.samples["gate_decision"] = [round(each, 4) for each in rounds]


def newcomers(random: Random, count: int) -> list[Arrival]:
    """People of as many networks as `SITES`, and now and then the machine that hammers."""
    return [
        newcomer(0, 1) if number % HAMMERING_ONE_IN == 0 else newcomer(random.randrange(1, SITES), number)
        for number in range(count)
    ]


def newcomer(site: int, number: int) -> Arrival:
    seen = origin_of(f"10.{site // 256}.{site % 256}.{1 + number % 254}")
    hidden = Origin(seen.finest, hashed(seen.site, KEY), seen.prefixes)
    return Arrival(hidden, STRANGER, 0, True, True)
