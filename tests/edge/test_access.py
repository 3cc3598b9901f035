"""Who may hear: asked of the files at most once a second, closed where they are damaged."""

from pathlib import Path

import pytest

from hiwar.door.http import Problem
from hiwar.edge.access import FRESH_SECONDS, KNOWN_MAX, Access
from hiwar.relay.directory import Directory
from tests.edge.fake_stage import specification
from tests.edge.house import KEY
from tests.edge.test_cache import ask


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path / "d", tmp_path / "r")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [10.0]
    monkeypatch.setattr("hiwar.edge.access.monotonic", lambda: now[0])
    return now


def test_what_moderation_hides_is_closed_a_second_later(directory: Directory, clock: list[float]) -> None:
    access = Access(directory, KEY)
    directory.write_specification(specification("abcdef1"))
    assert access.check(ask(), "abcdef1").specification
    directory.write_specification(specification("abcdef1", hidden=True))
    assert access.check(ask(), "abcdef1").specification
    clock[0] += FRESH_SECONDS
    with pytest.raises(Problem) as caught:
        access.check(ask(), "abcdef1")
    assert caught.value.status == 404
    assert not access.open_to("abcdef1", proven=True)


def test_a_damaged_specification_is_no_conversation(directory: Directory, clock: list[float]) -> None:
    folder = directory.folder("abcdef1")
    folder.mkdir(parents=True)
    (folder / "specification.json").write_text('{"id":"abcdef1","hidden":')
    with pytest.raises(Problem) as caught:
        Access(directory, KEY).check(ask(), "abcdef1")
    assert caught.value.status == 404


def test_made_up_addresses_are_not_remembered_without_bound(directory: Directory, clock: list[float]) -> None:
    access = Access(directory, KEY)
    for number in range(KNOWN_MAX + 10):
        access.known(f"made{number:05}")
    assert len(access._known) == KNOWN_MAX
