"""The crowd: who comes when, who is counted where."""

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec
import pytest

from hiwar.rehearsal import crowd as module
from hiwar.rehearsal.crowd import Crowd
from hiwar.rehearsal.orders import (
    SEATED,
    Begin,
    BeginAct,
    Come,
    Crowded,
    End,
    Interval,
    Leave,
    Living,
    Tell,
)
from tests.rehearsal.scripted_poll import ScriptedPoll
from tests.rehearsal.test_people import SOUND

BEGIN = Begin(port=1, mark="m", secure=False, conversation="abcdef")


class Idle:
    def solve(self, challenge: str, done: Any) -> bool:
        return False

    def collect(self) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    reports: list[Any] = []
    monkeypatch.setattr(module, "tell", reports.append)
    return reports


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crowd]:
    poll = ScriptedPoll()
    poll.run_until = lambda end: None  # type: ignore[attr-defined]
    monkeypatch.setattr(module, "Poll", lambda aim, lines: poll)
    monkeypatch.setattr(module, "PuzzleSolver", Idle)
    made = Crowd(BEGIN, 1, Random(1))
    yield made
    made.close()


def poll_of(crowd: Crowd) -> ScriptedPoll:
    poll: Any = crowd.poll
    return poll


def pass_time(crowd: Crowd, seconds: float) -> None:
    for _ in range(round(seconds / 0.1)):
        poll_of(crowd).pass_time(0.1)
        crowd.step()


def seat_all(crowd: Crowd) -> None:
    """The door lets everybody in who asks, and they hear."""
    poll = poll_of(crowd)
    for line in tuple(poll.open):
        if line.opened_at is None:
            line.open()
        if line.sent.startswith(b"POST"):
            line.answer(200, {"ticket": "T.m"})
    for line in tuple(poll.open):
        if line.opened_at is None:
            line.open()
        if line.sent.startswith(b"GET"):
            line.say(SOUND)


def test_people_come_at_their_rate_each_from_a_network_of_their_own(crowd: Crowd) -> None:
    crowd.obey(Come(group="newcomers", count=10, per_s=5.0))
    pass_time(crowd, 1.0)
    assert 5 <= len(poll_of(crowd).lines) <= 6
    pass_time(crowd, 3.0)
    sources = [line.source for line in poll_of(crowd).lines]
    assert len(sources) == len({source.rpartition(".")[0] for source in sources}) == 10


def test_a_hall_comes_from_one_address(crowd: Crowd) -> None:
    crowd.obey(Come(group="hall", count=10, per_s=100.0, one_address=True))
    pass_time(crowd, 0.2)
    assert {line.source for line in poll_of(crowd).lines} == {"127.110.7.7"}


def test_each_of_the_invited_shows_a_voucher_of_their_own(crowd: Crowd) -> None:
    crowd.obey(Come(group="invited", count=3, per_s=100.0, proofs=("V.1", "V.2", "V.3")))
    pass_time(crowd, 0.2)
    for line in poll_of(crowd).open:
        line.open()
    assert [
        f"?t=V.{number}".encode() in line.sent for number, line in enumerate(poll_of(crowd).lines, 1)
    ] == [True] * 3


def test_how_it_stands_tells_newcomers_apart_from_who_listens_throughout(crowd: Crowd) -> None:
    crowd.obey(Come(group=SEATED, count=4, per_s=100.0))
    crowd.obey(Come(group="newcomers", count=2, per_s=100.0))
    pass_time(crowd, 0.2)
    seat_all(crowd)
    living = crowd.living()
    assert (living.listening, living.came, living.answered, living.seated) == (6, 2, 2, 2)


def test_an_act_counts_from_its_beginning(crowd: Crowd, told: list[Any]) -> None:
    crowd.obey(Come(group=SEATED, count=4, per_s=100.0))
    pass_time(crowd, 0.2)
    seat_all(crowd)
    crowd.obey(BeginAct())
    crowd.obey(Come(group="newcomers", count=2, per_s=100.0))
    pass_time(crowd, 0.2)
    crowd.obey(Tell())
    (report,) = told
    seated, new = report.groups[SEATED], report.groups["newcomers"]
    assert (seated.came, seated.present, seated.listening, seated.answered) == (0, 4, 4, 0)
    assert (new.came, new.answered, new.seated) == (2, 0, 0)
    assert report.inattention == 0.0


def test_who_is_away_at_the_end_counts_as_being_away_so_long(crowd: Crowd, told: list[Any]) -> None:
    crowd.obey(Come(group=SEATED, count=1, per_s=100.0))
    pass_time(crowd, 0.2)
    seat_all(crowd)
    next(line for line in poll_of(crowd).open if line.sent.startswith(b"GET")).lose()
    poll_of(crowd).now += 5.0
    crowd.obey(Tell())
    assert told[0].groups[SEATED].back_s == pytest.approx(5.0)
    assert told[0].groups[SEATED].dropped == 1


def test_who_leaves_is_still_counted_in_their_act_and_nobody_more_of_them_comes(
    crowd: Crowd, told: list[Any]
) -> None:
    crowd.obey(Come(group="newcomers", count=50, per_s=10.0))
    pass_time(crowd, 1.0)
    seat_all(crowd)
    crowd.obey(Leave(group="newcomers"))
    crowd.obey(Leave(group="nobody"))
    pass_time(crowd, 3.0)
    assert poll_of(crowd).open == []
    crowd.obey(Tell())
    new = told[0].groups["newcomers"]
    assert new.present == 0
    assert new.seated == new.came == len({line.source for line in poll_of(crowd).lines})


def test_who_stays_for_a_while_leaves_by_themselves_once_they_have_listened(crowd: Crowd) -> None:
    crowd.obey(Come(group="newcomers", count=1, per_s=100.0, stay_s=2.0))
    pass_time(crowd, 3.0)
    assert crowd.living().came == 1
    seat_all(crowd)
    pass_time(crowd, 1.5)
    assert crowd.living().listening == 1
    pass_time(crowd, 2.0)
    assert crowd.living().listening == 0


def test_never_more_people_than_there_may_be(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PEOPLE_MAX", 5)
    crowd.obey(Come(group="newcomers", count=50, per_s=1000.0))
    pass_time(crowd, 0.5)
    assert len(poll_of(crowd).lines) == 5


def test_the_end_is_told_and_the_interval_is_learnt(crowd: Crowd) -> None:
    crowd.obey(Interval(ms=640))
    assert crowd._cadence.target_s == 0.64
    assert not crowd.over
    crowd.obey(End())
    assert crowd.over


@pytest.mark.parametrize("order", [BEGIN, Come(group="a", count=1, per_s=1.0), Tell(), End(), Living(
    listening=1, waiting=1, came=1, answered=1, seated=1, longest_gap_s=0.1, thrown_out=0)])  # fmt: skip
def test_what_is_said_is_understood(order: Any) -> None:
    from hiwar.rehearsal.orders import FromChild, ToCrowd

    kind = FromChild if isinstance(order, (Living, Crowded)) else ToCrowd
    assert msgspec.json.decode(msgspec.json.encode(order), type=kind) == order
