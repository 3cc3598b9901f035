"""Stages are found, kept, replaced and left alone, shown with real processes that make no sound."""

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from hiwar.backstage import spares, supervision
from hiwar.backstage.processes import LOG_BYTES_MAX, StageProcess, adopt_process, bound_log, stage_environment
from hiwar.backstage.supervision import Stages
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.directory import Directory
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Room, Specification, Standing
from tests.backstage.world import CONVERSATION

STUB = Path(__file__).with_name("stub_stage.py")
SPECIFICATION = Specification(id=CONVERSATION, title="")


class Told:
    """What pages would be told."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def room_changed(self, room: Room) -> None:
        if not self.events or self.events[-1] != "room":
            self.events.append("room")

    def stage_lost(self, conversation: str) -> None:
        self.events.append("lost")

    def stage_gone(self, conversation: str) -> None:
        self.events.append("gone")


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Settings, Directory]]:
    monkeypatch.setattr(spares, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with tempfile.TemporaryDirectory(prefix="hw") as folder:
        runtime = Path(folder) / "r"
        runtime.mkdir()
        settings = load_settings({"HIWAR_DATA_DIR": folder, "HIWAR_RUNTIME_DIR": str(runtime)})
        directory = Directory(settings.data, runtime)
        directory.write_specification(SPECIFICATION)
        yield settings, directory
        for path in (*runtime.glob("*.pid"), *runtime.glob("spare-*.control")):
            pid = path.read_text() if path.suffix == ".pid" else path.stem.removeprefix("spare-")
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@contextlib.asynccontextmanager
async def running(place: tuple[Settings, Directory], *arguments: str) -> AsyncIterator[tuple[Stages, Told]]:
    told = Told()
    stages = Stages(place[0], place[1], told, (sys.executable, str(STUB), *arguments))
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stages.run())
        await asyncio.sleep(0)
        try:
            yield stages, told
        finally:
            task.cancel()


async def until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not what():
            await asyncio.sleep(0.01)


def stage_pid(directory: Directory) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(directory.stage_pid_file(CONVERSATION).read_text())
    return 0


async def test_a_stage_killed_is_replaced_by_the_spare_for_the_same_conversation(
    place: tuple[Settings, Directory],
) -> None:
    directory = place[1]
    async with running(place) as (stages, told):
        await stages.client(SPECIFICATION)
        first = stage_pid(directory)
        os.kill(first, signal.SIGKILL)
        await until(lambda: stage_pid(directory) not in (0, first) and stages.has_stage(CONVERSATION))
        assert told.events == ["room", "lost", "room"]


async def test_backstage_may_die_and_finds_its_stage_again(place: tuple[Settings, Directory]) -> None:
    directory = place[1]
    async with running(place) as (stages, _):
        await stages.client(SPECIFICATION)
        pid = stage_pid(directory)
    os.kill(pid, 0)
    async with running(place) as (stages, told):
        await until(lambda: stages.has_stage(CONVERSATION))
        assert stage_pid(directory) == pid
        assert told.events == ["room"]


async def test_a_conversation_on_air_without_a_stage_gets_one_at_the_start(
    place: tuple[Settings, Directory],
) -> None:
    directory = place[1]
    directory.write_standing(CONVERSATION, Standing(phase=Phase.LIVE))
    directory.stage_pid_file(CONVERSATION).write_text("999999999")
    async with running(place) as (stages, _):
        await until(lambda: stages.has_stage(CONVERSATION))
    assert directory.read_standing(CONVERSATION).phase is Phase.LIVE


async def test_a_damaged_file_of_one_conversation_keeps_no_other_off_the_air(
    place: tuple[Settings, Directory],
) -> None:
    directory = place[1]
    directory.write_standing(CONVERSATION, Standing(phase=Phase.LIVE))
    directory.folder("aaaaaa").mkdir()
    (directory.folder("aaaaaa") / "standing.json").write_text('{"phase":')
    async with running(place) as (stages, _):
        await until(lambda: stages.has_stage(CONVERSATION))


async def test_a_conversation_that_ended_gets_no_other_stage(place: tuple[Settings, Directory]) -> None:
    directory = place[1]
    async with running(place) as (stages, told):
        await stages.client(SPECIFICATION)
        directory.write_standing(CONVERSATION, Standing(phase=Phase.ENDED))
        os.kill(stage_pid(directory), signal.SIGKILL)
        await until(lambda: told.events[-1] == "gone")
        assert not stages.has_stage(CONVERSATION)


async def test_the_unused_spare_ends_with_backstage(place: tuple[Settings, Directory]) -> None:
    runtime = place[1].runtime
    async with running(place):
        await until(lambda: bool(list(runtime.glob("spare-*.control"))))
        await asyncio.sleep(0.1)
        pid = int(next(runtime.glob("spare-*.control")).stem.removeprefix("spare-"))
    with contextlib.suppress(ProcessLookupError):
        async with asyncio.timeout(5):
            await StageProcess(pid).ended()


async def test_a_spare_left_behind_is_used_and_a_dead_ones_socket_removed(
    place: tuple[Settings, Directory],
) -> None:
    runtime = place[1].runtime
    (runtime / "spare-0.control").touch()
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        str(STUB),
        env=stage_environment(place[0], os.environ),
    )
    await until((runtime / f"spare-{child.pid}.control").exists)
    async with running(place) as (stages, _):
        await stages.client(SPECIFICATION)
        assert stage_pid(place[1]) == child.pid
        assert not (runtime / "spare-0.control").exists()
    child.kill()
    await child.wait()


async def test_stages_that_cannot_start_are_said_to_be_busy(
    place: tuple[Settings, Directory], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "READY_SECONDS_MAX", 0.2)
    async with running(place, "refuse") as (stages, _):
        with pytest.raises(RequestFailed) as failure:
            await stages.client(SPECIFICATION)
        assert failure.value.status == 503


async def test_stages_are_bounded(place: tuple[Settings, Directory], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "STAGES_MAX", 0)
    async with running(place) as (stages, _):
        with pytest.raises(RequestFailed):
            stages.want(SPECIFICATION)


@pytest.mark.parametrize("text", ["", "x", "١٢", "-1", "99999999999", "999999999"])
async def test_a_pid_file_that_names_no_process_adopts_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pid").write_text(text, encoding="utf-8")
    assert adopt_process(tmp_path / "x.pid") is None


def test_the_log_begins_anew_when_it_is_too_long(tmp_path: Path) -> None:
    log = tmp_path / "stage.log"
    with log.open("ab") as file:
        file.truncate(LOG_BYTES_MAX + 1)
    bound_log(log)
    assert log.stat().st_size == 0
    assert (tmp_path / "stage.log.1").exists()


def test_a_stage_reads_the_very_settings_of_backstage() -> None:
    settings = load_settings(
        {"HIWAR_SPEAKERS_MAX": "7", "HIWAR_DEMONSTRATION": "true", "HIWAR_BURST_SECONDS": "3.5"}
    )
    again = load_settings(stage_environment(settings, {}))
    assert (again.speakers_max, again.demonstration, again.burst_seconds) == (7, True, 3.5)
    assert again.data == settings.data
