"""The owner of the seats: what survives what, what the host's wishes do, what is written of it."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from hiwar.admission.classes import ListenerClass
from hiwar.admission.limits import Exempt
from hiwar.admission.rungs import Rung
from hiwar.admission.seat_rows import State
from hiwar.edge.herald import Herald
from hiwar.edge.orders import Give
from hiwar.edge.owner import Owner
from hiwar.edge.table import open_table, view_table
from hiwar.edge.usher import Usher
from hiwar.ops.clock import monotonic
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay import front
from hiwar.relay.directory import Directory
from tests.edge.house import KEY, until


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    (tmp_path / "r").mkdir()
    return Directory(tmp_path / "d", tmp_path / "r")


def settings(**values: str) -> Settings:
    return load_settings({f"HIWAR_{key.upper()}": value for key, value in values.items()}, Path(os.devnull))


def owner_of(directory: Directory, **values: str) -> Owner:
    return Owner(settings(**values), directory.runtime, Herald(directory))


def usher_of(directory: Directory) -> Usher:
    table = view_table(directory.runtime / "seats")
    return Usher(table, KEY, Exempt(), on_stand=lambda stand: None, on_keys=lambda keys: None)


async def joined(owner: Owner, usher: Usher, number: int = 0) -> None:
    ours, theirs = socket.socketpair()
    await owner.worker_began(number, ours)
    await usher.attend(theirs)
    owner.tick(monotonic())
    await until(lambda: usher.stand is not None)


def test_a_seat_survives_its_owner_and_is_kept_for_who_comes_back(directory: Directory) -> None:
    first = owner_of(directory)
    first.tick(monotonic())
    assert first.house.give(77, 1, ListenerClass.STRANGER, 5, monotonic())
    first.house.connect(77, 0, monotonic())
    again = owner_of(directory)
    row = again.house.table.find(77)
    assert row is not None
    assert row.state is State.GRACE
    assert again.house.table.taken == 1


def test_a_table_that_is_damaged_is_made_anew(directory: Directory) -> None:
    path = directory.runtime / "seats"
    open_table(path)
    with path.open("r+b") as file:
        file.write(b"\xff" * 64)
    assert open_table(path).taken == 0
    assert path.stat().st_mode & 0o777 == 0o600


async def test_a_worker_that_dies_leaves_its_seats_to_who_comes_back(directory: Directory) -> None:
    owner, usher = owner_of(directory), usher_of(directory)
    await joined(owner, usher)
    owner.house.give(78, 1, ListenerClass.STRANGER, 5, monotonic())
    owner.house.connect(78, 0, monotonic())
    owner.worker_died(0)
    row = owner.house.table.find(78)
    assert row is not None
    assert row.state is State.GRACE
    successor = usher_of(directory)
    await joined(owner, successor)
    assert successor.gate.posture.admits


async def test_a_seat_beyond_the_capacity_is_taken_from_who_was_given_it_too_late(
    directory: Directory,
) -> None:
    owner, usher = owner_of(directory, seats_max="1"), usher_of(directory)
    await joined(owner, usher)
    for serial in (80, 81):
        usher._tell(Give(serial, 1, ListenerClass.STRANGER, serial))
    await until(lambda: owner.house.table.taken == 1)
    await asyncio.sleep(0.05)
    assert owner.house.table.taken == 1


def test_how_it_stands_is_written_once_a_second_and_at_each_move(directory: Directory) -> None:
    owner = owner_of(directory, seats_max="50")
    owner.tick(100.0)
    state = front.read_front_state(directory)
    assert state is not None
    assert (state.rung, state.seats, state.by, state.taken) == (Rung.OPEN, 50, "setting", 0)
    assert len(state.history) == 1
    directory.front_file.unlink()
    owner.tick(100.25)
    assert front.read_front_state(directory) is None
    owner.tick(101.1)
    assert front.read_front_state(directory) is not None


def test_the_host_holds_a_rung_and_the_public_is_told_in_both_languages(directory: Directory) -> None:
    owner = owner_of(directory)
    owner.tick(100.0)
    front.write_front_wishes(directory, front.FrontWishes(hold=Rung.LIMITED))
    owner.tick(100.25)
    assert owner.house.ladder.rung is Rung.LIMITED
    state = front.read_front_state(directory)
    assert state is not None
    assert state.held is Rung.LIMITED
    (notice,) = state.notices
    assert (notice.from_, notice.to) == (Rung.OPEN, Rung.LIMITED)
    assert notice.arabic
    assert notice.english
    assert b'"rung":"limited"' in owner._herald.shown(front.FrontWishes())
    assert owner._herald.shown(front.FrontWishes(notices="off")) == b"{}"
    assert owner._herald.shown(front.FrontWishes(notices="ask")) == b"{}"


def test_the_host_lowers_the_seats_and_lets_more_people_in_step_by_step(directory: Directory) -> None:
    owner = owner_of(directory, seats_max="1000")
    now = 100.0
    owner.tick(now)
    for wishes, seats in (
        (front.FrontWishes(seats=100), 100),
        (front.FrontWishes(seats=100, more=1), 110),
        (front.FrontWishes(seats=100, more=3), 133),
        (front.FrontWishes(seats=100, more=3, fewer=1), 120),
        (front.FrontWishes(seats=None, more=3, fewer=1), 1000),
    ):
        front.write_front_wishes(directory, wishes)
        for _ in range(2):
            now += 0.25
            orders = owner.tick(now)
        assert orders.capacity.seats == seats, wishes


def test_presses_from_before_the_owner_was_there_count_for_nothing(directory: Directory) -> None:
    front.write_front_wishes(directory, front.FrontWishes(more=50))
    owner = owner_of(directory, seats_max="1000")
    for step in range(4):
        orders = owner.tick(100.0 + step / 4)
    assert orders.capacity.seats == 1000


def test_wishes_that_cannot_be_read_change_nothing(directory: Directory) -> None:
    owner = owner_of(directory)
    front.write_front_wishes(directory, front.FrontWishes(hold=Rung.BUSY))
    owner.tick(100.0)
    directory.front_wishes_file.write_bytes(b'{"hold": "\xd9\xa3"}')
    owner.tick(100.25)
    assert owner.house.ladder.hold is not None
