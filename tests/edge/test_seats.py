"""What tickets and tokens are worth between workers and the owner, and whose connection is closed."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.limits import Exempt
from hiwar.admission.puzzle import Judgement, Outcome, puzzle_epoch
from hiwar.admission.rungs import Rung
from hiwar.admission.seat_rows import State
from hiwar.admission.verdicts import Wait
from hiwar.door.http import Problem, Request
from hiwar.edge import owner as owner_module
from hiwar.edge.asking import AskingDesk
from hiwar.edge.herald import Herald
from hiwar.edge.orders import Dismiss, Enter, Keys, Told
from hiwar.edge.owner import Owner
from hiwar.edge.table import view_table
from hiwar.edge.usher import Usher, personal_serial
from hiwar.ops.clock import monotonic, wallclock
from hiwar.ops.settings import load_settings
from hiwar.relay.directory import Directory
from hiwar.tokens.ticket import parse_ticket, render_ticket
from hiwar.tokens.token import Kind, Token, parse_token, render_token
from tests.edge.house import KEY, until

RETURNING, INVITED, SOLVED, STRANGER = ListenerClass
ID = "abcdef1"
CAMPUS = "10.1.0.0/16"
ON_CAMPUS, AT_HOME = "10.1.2.3", "203.0.113.7"


class Line:
    """A listener's connection, as far as the usher knows it."""

    def __init__(self) -> None:
        self.closed = False
        self.goodbye: Callable[[], None] = lambda: None

    def close(self) -> None:
        self.closed = True


class Front:
    """The owner of the seats and its workers, without doors; `tick` is the owner's."""

    def __init__(self, owner: Owner, ushers: list[Usher]) -> None:
        self.owner, self.ushers = owner, ushers
        self.house = owner.house
        self.desks = [AskingDesk(usher, KEY) for usher in ushers]

    async def tick(self) -> None:
        """The owner speaks, and all workers have heard it."""
        before = [usher.stand for usher in self.ushers]
        self.owner.tick(monotonic())
        await until(lambda: all(a.stand is not b for a, b in zip(self.ushers, before, strict=True)))

    async def ask(
        self, *, proof: str = "", waiting: str = "", client: str = AT_HOME, worker: int = 0
    ) -> dict[str, Any]:
        """POST /seat.

        Raises:
            Problem: turned away.
        """
        query = {"t": proof} if proof else {}
        body = json.dumps({"waiting": waiting}).encode() if waiting else b""
        request = Request("POST", f"/c/{ID}/seat", "", query, {}, client, False, body)
        answer = await self.desks[worker].answer(request, ID)
        assert isinstance(answer.body, bytes)
        return dict(msgspec.json.decode(answer.body))

    async def stand_on(self, rung: Rung) -> None:
        self.house.ladder.rung = rung
        await self.tick()


@contextlib.asynccontextmanager
async def open_front(
    path: Path, workers: int = 1, known: tuple[str, ...] = (), **settings: str
) -> AsyncIterator[Front]:
    (path / "r").mkdir()
    directory = Directory(path / "d", path / "r")
    given = {f"HIWAR_{key.upper()}": value for key, value in settings.items()}
    given["HIWAR_EDGE_WORKERS"] = str(workers)
    owner = Owner(load_settings(given, Path(os.devnull)), directory.runtime, Herald(directory))
    ushers = []
    for number in range(workers):
        table = view_table(directory.runtime / "seats")
        usher = Usher(table, KEY, Exempt(known), on_stand=lambda stand: None, on_keys=lambda keys: None)
        ours, theirs = socket.socketpair()
        await owner.worker_began(number, ours)
        await usher.attend(theirs)
        ushers.append(usher)
    front = Front(owner, ushers)
    await front.tick()
    yield front
    for number in range(workers):
        owner.worker_died(number)


def class_in(ticket: str) -> ListenerClass:
    return ListenerClass(parse_ticket(ticket, KEY, conversation=ID, wallclock=wallclock())[1])


def serial_in(ticket: str) -> int:
    return parse_ticket(ticket, KEY, conversation=ID, wallclock=wallclock())[0]


def role_in(token: str) -> ListenerClass:
    return ListenerClass(
        int(parse_token(token, KEY, kind=Kind.WAITING, conversation=ID, wallclock=wallclock()).role)
    )


def old_ticket(serial: int, listener_class: ListenerClass = STRANGER) -> str:
    """The ticket of a seat that is long gone."""
    return render_ticket(serial, ID, listener_class, int(wallclock()) + 60, KEY)


async def seated(front: Front, serial: int, worker: int = 0) -> Line:
    """Somebody listens with the seat of this serial."""
    line = Line()
    generation = getattr(front.house.table.find(serial), "generation", 0)
    line.goodbye = front.ushers[worker].seat(serial, line)  # type: ignore[arg-type]
    await until(lambda: getattr(front.house.table.find(serial), "generation", 0) == generation + 1)
    return line


# What a ticket is worth.


async def test_a_strangers_ticket_without_a_seat_waits_as_a_stranger_and_so_does_what_it_is_given(
    tmp_path: Path,
) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.LIMITED)
        told = await front.ask(proof=old_ticket(77))
        assert role_in(told["waiting"]) is STRANGER
        assert front.house.room.waiting(STRANGER) == 1
        front.house.former.taken_back(78, 5)
        told = await front.ask(proof=old_ticket(78))
        assert front.house.room.waiting(RETURNING) == 1
        assert role_in(told["waiting"]) is STRANGER, "the ticket proves it, and not the token"


async def test_a_seat_that_was_found_while_the_gate_still_saw_none_gives_a_ticket_of_its_class(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_front(tmp_path) as front:
        front.house.give(77, 1, SOLVED, 5, monotonic())
        monkeypatch.setattr(
            front.ushers[0].gate, "decide", lambda arrival, now: Wait(77, arrival.listener_class)
        )
        told = await front.ask(proof=old_ticket(77))
        assert (told["verdict"], class_in(told["ticket"])) == ("admit", SOLVED)


async def test_in_siege_a_ticket_without_a_former_seat_is_told_the_truth(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.SIEGE)
        with pytest.raises(Problem) as refused:
            await front.ask(proof=old_ticket(77))
        assert (refused.value.status, refused.value.members["reason"]) == (503, "siege")
        front.house.former.taken_back(77, 5)
        told = await front.ask(proof=old_ticket(77))
        assert (told["verdict"], told["reason"]) == ("wait", "taken-back")
        assert told["english"].startswith("The site could no longer carry every place")
        assert told["arabic"].startswith("لم يعد الموقع قادرًا على حمل كل الأماكن")


async def test_where_nobody_listens_any_more_a_ticket_is_told_so_and_connections_are_closed(
    tmp_path: Path,
) -> None:
    async with open_front(tmp_path) as front:
        ticket = (await front.ask())["ticket"]
        line = await seated(front, serial_in(ticket))
        await front.stand_on(Rung.RECORD_ONLY)
        await until(lambda: line.closed)
        assert front.house.table.taken == 0
        with pytest.raises(Problem) as refused:
            await front.ask(proof=ticket)
        assert refused.value.members["reason"] == "record-only"
        assert "Retry-After" in refused.value.headers
        await front.stand_on(Rung.SIEGE)
        await front.ask(proof=ticket)
        assert front.house.room.waiting(RETURNING) == 1


async def test_whom_the_owner_turns_away_by_then_is_told_so_by_a_worker_that_did_not_know(
    tmp_path: Path,
) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.LIMITED)
        front.house.ladder.rung = Rung.RECORD_ONLY
        with pytest.raises(Problem) as refused:
            await front.ask()
        assert refused.value.members["reason"] == "siege"
        front.owner.tick(monotonic())
        await until(lambda: not front.ushers[0].rules.comers)
        assert front.ushers[0].unwelcome()[0].value == "record-only"


async def test_a_ticket_is_good_at_the_worker_that_gave_it_before_the_owner_has_heard_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_front(tmp_path, joins_per_second="1") as front:
        monkeypatch.setattr(front.ushers[0], "_tell", lambda message: None)
        ticket = (await front.ask())["ticket"]
        assert front.house.table.taken == 0
        assert (await front.ask(proof=ticket))["verdict"] == "admit"
        front.ushers[0]._hear(Dismiss(serial_in(ticket), displaced=False))
        assert (await front.ask(proof=ticket))["verdict"] == "wait"


# Known networks.


async def test_what_a_known_network_speaks_for_it_speaks_for_within_it_only(tmp_path: Path) -> None:
    async with open_front(tmp_path, known=(CAMPUS,)) as front:
        ticket = (await front.ask(client=ON_CAMPUS))["ticket"]
        await until(lambda: front.house.table.taken == 1)
        row = front.house.table.find(serial_in(ticket))
        assert row is not None
        assert (row.listener_class, class_in(ticket)) == (INVITED, STRANGER)
        again = (await front.ask(client=ON_CAMPUS, proof=ticket))["ticket"]
        assert class_in(again) is STRANGER
        await front.stand_on(Rung.LIMITED)
        told = await front.ask(client="10.1.9.9")
        assert front.house.room.waiting(INVITED) == 1
        assert role_in(told["waiting"]) is STRANGER
        (waiter,) = front.house.room._waiters.values()
        assert not waiter.capped


async def test_a_voucher_says_the_same_in_a_known_network_as_anywhere(tmp_path: Path) -> None:
    async with open_front(tmp_path, known=(CAMPUS,)) as front:
        voucher = render_token(Token(Kind.VOUCHER, ID, "press-1", "p"), KEY)
        for client in (ON_CAMPUS, AT_HOME):
            ticket = (await front.ask(client=client, proof=voucher))["ticket"]
            assert (class_in(ticket), serial_in(ticket)) == (INVITED, personal_serial(ID, "press-1"))


# Answers.


async def test_an_answer_that_was_used_at_another_worker_makes_nobody_better(tmp_path: Path) -> None:
    async with open_front(tmp_path, workers=2) as front:
        await front.stand_on(Rung.LIMITED)
        epoch = puzzle_epoch(monotonic())
        solved = Judgement(Outcome.SOLVED, 1, epoch, b"a" * 16)
        roles = []
        for desk in front.desks:
            desk._judge = lambda request, conversation, answer: solved  # type: ignore[method-assign]
            request = Request("POST", "", "", {}, {}, AT_HOME, False, b'{"answer":"x"}')
            answer = await desk.answer(request, ID)
            assert isinstance(answer.body, bytes)
            roles.append(role_in(msgspec.json.decode(answer.body)["waiting"]))
        assert roles == [SOLVED, STRANGER]


async def test_a_used_answer_takes_no_claim_away(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.LIMITED)
        now, worth = monotonic(), []
        for serial, claim in ((1, RETURNING), (2, RETURNING), (3, SOLVED)):
            front.house.former.taken_back(serial, 1)
            message = Enter(1, serial, 1, claim, 1, 1, True, b"b" * 16, puzzle_epoch(now))
            worth.append(front.owner._enter(message, now).listener_class)
        assert worth == [RETURNING, RETURNING, STRANGER]


async def test_where_the_owner_says_nothing_an_answer_may_be_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.LIMITED)
        monkeypatch.setattr("hiwar.edge.usher.PATIENCE_S", 0.01)
        monkeypatch.setattr(front.ushers[0], "_tell", lambda message: None)
        told = await front.ask()
        assert (told["verdict"], told["people"], role_in(told["waiting"])) == ("wait", 1, STRANGER)
        solved = Judgement(Outcome.SOLVED, 1, puzzle_epoch(monotonic()), b"a" * 16)
        front.desks[0]._judge = lambda request, conversation, answer: solved  # type: ignore[method-assign]
        request = Request("POST", "", "", {}, {}, AT_HOME, False, b'{"answer":"x"}')
        answer = await front.desks[0].answer(request, ID)
        assert isinstance(answer.body, bytes)
        assert role_in(msgspec.json.decode(answer.body)["waiting"]) is STRANGER


async def test_who_waits_as_a_stranger_in_the_end_is_offered_the_puzzle_also_with_a_ticket(
    tmp_path: Path,
) -> None:
    async with open_front(tmp_path) as front:
        await front.stand_on(Rung.LIMITED)
        front.desks[0].take_keys(make_keys())
        usher = front.ushers[0]
        usher.gate.posture = msgspec.structs.replace(usher.gate.posture, effort=100)
        told = await front.ask(proof=old_ticket(77))
        assert (told["verdict"], told["puzzle"][:9]) == ("challenge", "timelock.")
        front.house.former.taken_back(78, 5)
        assert (await front.ask(proof=old_ticket(78)))["verdict"] == "wait"


def make_keys() -> Keys:
    return owner_module.make_keys()


# Whose connection is closed.


async def test_a_word_about_an_older_connection_closes_no_newer_one(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        usher = front.ushers[0]
        serial = serial_in((await front.ask())["ticket"])
        first = await seated(front, serial)
        second = await seated(front, serial)
        assert (first.closed, second.closed) == (True, False)
        for displaced in (True, False):
            usher._hear(Dismiss(serial, displaced, mark=1))
        assert not second.closed
        usher._hear(Dismiss(serial, displaced=False, mark=2))
        assert second.closed


async def test_the_newest_connection_wins_between_workers_and_a_late_goodbye_changes_nothing(
    tmp_path: Path,
) -> None:
    async with open_front(tmp_path, workers=2) as front:
        serial = serial_in((await front.ask())["ticket"])
        await until(lambda: front.house.table.taken == 1)
        first = await seated(front, serial, worker=0)
        second = await seated(front, serial, worker=1)
        await until(lambda: first.closed)
        first.goodbye()
        await front.tick()
        row = front.house.table.find(serial)
        assert row is not None
        assert (row.state, row.worker, second.closed) == (State.SEATED, 1, False)
        ends = front.owner._workers
        await until(lambda: not ends[0].marks)
        assert not ends[0].generations
        assert list(ends[1].marks) == [serial]


async def test_a_playlist_displaces_a_connection_of_the_same_worker_too(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        serial = serial_in((await front.ask())["ticket"])
        line = await seated(front, serial)
        front.ushers[0].renew(serial)
        await until(lambda: line.closed)


async def test_who_connects_with_a_seat_that_is_gone_is_let_go(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        line = Line()
        front.ushers[0].seat(77, line)  # type: ignore[arg-type]
        await until(lambda: line.closed)


async def test_the_owner_dismisses_nobody_whom_a_worker_does_not_have(tmp_path: Path) -> None:
    async with open_front(tmp_path) as front:
        heard: list[object] = []
        end = front.owner._workers[0]
        end.tell = lambda message, droppable=False: heard.append(message)  # type: ignore[method-assign]
        front.owner._dismiss(77, 0, displaced=False)
        front.owner._dismiss(77, 9, displaced=False)
        front.owner._disconnect(end, 99, monotonic())
        assert heard == []


def test_an_answer_of_an_older_owner_is_understood() -> None:
    """What is told has grown at its end, where it may be missing."""
    old = msgspec.msgpack.encode(["Told", 1, False, True, 3, None, None])
    assert msgspec.msgpack.decode(old, type=Told) == Told(1, False, True, 3, None, None, STRANGER, True)


async def test_many_at_once_get_no_more_than_there_is_whichever_worker_they_ask(tmp_path: Path) -> None:
    async with open_front(tmp_path, workers=3, seats_max="10") as front:
        asked = [front.ask(client=f"10.0.{number}.1", worker=number % 3) for number in range(30)]
        told = await asyncio.gather(*asked)
        admitted = [each["ticket"] for each in told if each["verdict"] == "admit"]
        assert len(admitted) == 3 * 2, "ten divided by three workers is three, of which strangers have two"
        await until(lambda: front.house.table.taken == len(admitted))
