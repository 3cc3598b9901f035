"""Every password comes from a network never seen before, so that each table has an entry more. Out: the
bucket that those share for whom there is no room; the bound of the tables."""

from ipaddress import IPv6Address
from random import Random

import pytest

from hiwar.admission import limits
from hiwar.admission.limits import ENTRIES_MAX, LIMITS, Exempt, Limited
from hiwar.admission.prefix import Level
from hiwar.admission.rates import OVERFLOW_PARTS, Rate, RateTable
from hiwar.door.head import Draft
from hiwar.edge import bouncer as module
from hiwar.edge.bouncer import BARRED_MAX, FrontBouncer

NETWORKS = 60_000
LOGIN = Draft("POST", "/login", "/login", {}, {}, http_1_0=False, keep_alive=True)
SHARED = int(LIMITS[Limited.LOGINS][Level.IPV6_64].burst * ENTRIES_MAX / OVERFLOW_PARTS)


class FailsOpen(RateTable):
    """Who finds no room is let through."""

    def _newcomer(self, key: int, now: float, cost: float) -> float:
        return 0.0 if len(self) == self._entries_max else super()._newcomer(key, now, cost)


class Endless(RateTable):
    """There is always room."""

    def __init__(self, rate: Rate, entries_max: int) -> None:
        super().__init__(rate, 1 << 62)


def flood(monkeypatch: pytest.MonkeyPatch, kind: type[RateTable] = RateTable) -> tuple[FrontBouncer, int]:
    """All in one moment; how many passwords are passed on to be checked."""
    monkeypatch.setattr(module, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(limits, "RateTable", kind)
    bouncer, random, passed = FrontBouncer(Exempt()), Random(1), 0
    for _ in range(NETWORKS):
        client = str(IPv6Address(0x2001 << 112 | random.getrandbits(112)))
        passed += bouncer.refuse(LOGIN, client) is None
    return bouncer, passed


def fullest(bouncer: FrontBouncer) -> int:
    """Entries of the fullest table."""
    return max(len(table) for table in bouncer._logins._limits._tables.values())


def test_full_tables_stay_as_they_are_and_let_no_more_through_than_all_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bouncer, passed = flood(monkeypatch)
    assert passed <= ENTRIES_MAX + SHARED < NETWORKS
    assert fullest(bouncer) == ENTRIES_MAX
    assert len(bouncer._logins.barred) <= BARRED_MAX


def test_without_the_shared_bucket_a_full_table_is_an_open_door(monkeypatch: pytest.MonkeyPatch) -> None:
    assert flood(monkeypatch, FailsOpen)[1] == NETWORKS


def test_without_a_bound_the_tables_grow_with_the_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fullest(flood(monkeypatch, Endless)[0]) == NETWORKS
