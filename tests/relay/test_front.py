"""The two files between the front door and backstage: read back as written, or not at all."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.relay.directory import Directory
from hiwar.relay.front import (
    FRONT_BYTES_MAX,
    HISTORY_MAX,
    NOTICE_CHARS_MAX,
    NOTICES_MAX,
    SEATS_MAX,
    FrontRow,
    FrontWishes,
    Rung,
    read_front_state,
    read_front_wishes,
    seats_step,
    write_front_state,
    write_front_wishes,
)
from tests.relay.fronts import notice, state


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "data", tmp_path / "run")


def test_nobody_has_written_is_no_state_and_no_wish(directory: Directory) -> None:
    assert read_front_state(directory) is None
    assert read_front_wishes(directory) is None


def test_the_fullest_state_is_read_back_as_it_was_written(directory: Directory) -> None:
    longest = notice(arabic="ح" * NOTICE_CHARS_MAX, english="\N{GRINNING FACE}" * NOTICE_CHARS_MAX)
    row = FrontRow(1e9 + 0.123456, 4, 10**6, 10**6, 8 * 10**6, 123456.789, 1920, 1234.5678)
    full = state(held=Rung.SIEGE, notices=(longest,) * NOTICES_MAX, history=(row,) * HISTORY_MAX)
    write_front_state(directory, full)
    assert read_front_state(directory) == full
    assert directory.front_file.stat().st_size < FRONT_BYTES_MAX


def test_the_file_has_the_names_and_the_order_that_others_read(directory: Directory) -> None:
    row = FrontRow(995.0, 2, 300, 12000, 7, 1.5, 80, 0.25)
    write_front_state(directory, state(notices=(notice(),), history=(row,)))
    written = json.loads(directory.front_file.read_bytes())
    assert written["history"] == [[995.0, 2, 300, 12000, 7, 1.5, 80, 0.25]]
    assert written["notices"] == [
        {"at_wallclock": 950.0, "from": "open", "to": "busy", "arabic": "نص", "english": "text"}
    ]
    assert written["verdicts_per_s"] == {"admit": 1.5, "challenge": 0.0, "wait": 0.0, "refuse": 0.0}
    assert (written["rung"], written["held"], written["by"]) == ("open", None, "processor")


def damaged(change: dict[str, Any]) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(state(notices=(notice(),))), **change})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"rung": "\xff"}',
        msgspec.json.encode(state())[:-20],
        damaged({"rung": "calm"}),
        damaged({"held": 3}),
        damaged({"seats": -1}),
        damaged({"seats": "12000"}),
        damaged({"seats": 12000.5}),
        damaged({"by": "luck"}),
        damaged({"busy": 1.5}),
        damaged({"lateness_ms": float("nan")}),
        damaged({"speakers_well": 1}),
        damaged({"verdicts_per_s": {"admit": -1.0}}),
        damaged({"history": [[995.0, 5, 300, 12000, 7, 1.5, 80, 0.25]]}),
        damaged({"history": [[995.0, 2, 300]]}),
        damaged({"history": [[995.0, 2, 300, 12000, 7, 1.5, 80, 0.25]] * (HISTORY_MAX + 1)}),
        damaged({"notices": [msgspec.to_builtins(notice())] * (NOTICES_MAX + 1)}),
        damaged({"notices": [msgspec.to_builtins(notice(english="x" * (NOTICE_CHARS_MAX + 1)))]}),
        msgspec.json.encode(state()) + b" " * FRONT_BYTES_MAX,
    ],
)
def test_a_damaged_state_is_none(content: bytes, directory: Directory) -> None:
    directory.runtime.mkdir()
    directory.front_file.write_bytes(content)
    assert read_front_state(directory) is None


def test_what_damages_a_state_is_the_change_and_nothing_else(directory: Directory) -> None:
    directory.runtime.mkdir()
    directory.front_file.write_bytes(damaged({}))
    assert read_front_state(directory) == state(notices=(notice(),))


def test_what_a_newer_writer_adds_is_passed_over(directory: Directory) -> None:
    directory.runtime.mkdir()
    directory.front_file.write_bytes(damaged({"weather": "fine"}))
    assert read_front_state(directory) is not None


def test_a_file_that_cannot_be_opened_is_none(directory: Directory) -> None:
    directory.front_file.mkdir(parents=True)
    assert read_front_state(directory) is None


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b'{"hold": "closed"}',
        b'{"seats": 0}',
        b'{"seats": %d}' % (SEATS_MAX + 1),
        b'{"more": -1}',
        b'{"notices": "later"}',
        b'{"approved": ["950"]}',
        b'{"approved": [%s]}' % b",".join([b"1.5"] * (NOTICES_MAX + 1)),
    ],
)
def test_damaged_wishes_are_none(content: bytes, directory: Directory) -> None:
    directory.runtime.mkdir()
    directory.front_wishes_file.write_bytes(content)
    assert read_front_wishes(directory) is None


def test_without_a_wish_everything_is_automatic(directory: Directory) -> None:
    directory.runtime.mkdir()
    directory.front_wishes_file.write_bytes(b"{}")
    assert read_front_wishes(directory) == FrontWishes(
        hold=None, seats=None, more=0, fewer=0, notices="auto", approved=(), by="", at_wallclock=0.0
    )


def test_writing_leaves_nothing_beside_the_file(directory: Directory) -> None:
    for more in range(3):
        write_front_wishes(directory, FrontWishes(more=more))
    assert [path.name for path in directory.runtime.iterdir()] == ["front-wishes.json"]


@pytest.mark.parametrize(
    ("seats", "step"),
    [(0, 10), (5, 10), (109, 10), (120, 12), (999, 99), (12_480, 1200), (1_000_000, 100_000)],
)
def test_a_step_is_a_tenth_of_the_seats_in_two_figures(seats: int, step: int) -> None:
    assert seats_step(seats) == step


times = st.floats(0, 1e11)
wished = st.builds(
    FrontWishes,
    hold=st.none() | st.sampled_from(Rung),
    seats=st.none() | st.integers(1, SEATS_MAX),
    more=st.integers(0, 2**53),
    fewer=st.integers(0, 2**53),
    notices=st.sampled_from(["auto", "ask", "off"]),
    approved=st.lists(times, max_size=NOTICES_MAX).map(tuple),
    by=st.text(max_size=5),
    at_wallclock=times,
)


@given(wishes=wished)
def test_any_wishes_are_read_back_as_they_were_written(
    wishes: FrontWishes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = Directory(Path("unused"), tmp_path_factory.getbasetemp() / "wishes")
    write_front_wishes(directory, wishes)
    assert read_front_wishes(directory) == wishes
