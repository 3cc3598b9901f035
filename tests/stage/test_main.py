"""The real process: a warm spare becomes a stage, is killed, and another goes on."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest

from hiwar.media.feed import RECORDED_FEEDS
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.ops.settings import load_settings
from hiwar.packager.feeds import init_bytes
from hiwar.packager.fmp4 import parse_fragment
from hiwar.packager.ogg import render_headers, render_page
from hiwar.recording.journal import JournalKind, parse_journal
from hiwar.relay.control import ControlPeer, ControlServer, LocalControlClient
from hiwar.relay.directory import Directory
from hiwar.relay.messages import AddFile, Ask, Assign, Command, Done, Leave, Notice, Offer, Trickle, Watch
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Person, Phase, Role, Room, Specification
from hiwar.stage.main import Spare
from hiwar.stage.opus import OpusEncoder
from tests.stage.scripted import CONVERSATION, decode_opus, power_at, tone

SPECIFICATION = Specification(id=CONVERSATION, title="A test")
HOST = Person(id="h1", name="host", role=Role.HOST)
GUEST = Person(id="g1", name="guest", role=Role.GUEST)


def write_tone_file(path: Path, hertz: float, seconds: float) -> Path:
    encoder = OpusEncoder(48_000, 5)
    packets = [encoder.encode(frame) for frame in tone(hertz, seconds).reshape(-1, FRAME_SAMPLES)]
    pages = [
        render_page(packets[at : at + 50], granule=(at + 50) * FRAME_SAMPLES, sequence=2 + at // 50)
        for at in range(0, len(packets), 50)
    ]
    path.write_bytes(render_headers() + b"".join(pages))
    return path


@asynccontextmanager
async def stage_process(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, LocalControlClient]]:
    """A spare, and the connection to its control socket."""
    runtime = folder / "run"
    runtime.mkdir(exist_ok=True, mode=0o700)
    environment = dict(
        os.environ,
        HIWAR_DATA_DIR=str(folder / "data"),
        HIWAR_RUNTIME_DIR=str(runtime),
        HIWAR_CONFIG=os.devnull,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hiwar", "stage", env=environment, start_new_session=True
    )
    try:
        path = runtime / f"spare-{process.pid}.control"
        yield process, await connected(path)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            await process.wait()


async def connected(path: Path) -> LocalControlClient:
    async with asyncio.timeout(40):
        while True:
            with contextlib.suppress(OSError):
                return await LocalControlClient.connect(path, patience=30.0)
            await asyncio.sleep(0.05)


async def room_of(client: LocalControlClient) -> Room:
    notice = await client.request(Ask())
    assert isinstance(notice, Notice)
    return notice.room


@pytest.mark.slow
async def test_a_stage_is_assigned_killed_and_followed_by_another(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("s")
    directory = Directory(folder / "data", folder / "run")
    low = write_tone_file(folder / "low.opus", 440, 30.0)
    high = write_tone_file(folder / "high.opus", 1000, 30.0)

    async with stage_process(folder) as (process, spare):
        assert isinstance(await spare.request(Assign(specification=SPECIFICATION)), Done)
        assert directory.stage_pid_file(CONVERSATION).read_text().strip() == str(process.pid)
        assert not list((folder / "run").glob("spare-*"))
        stage = await connected(directory.control_socket(CONVERSATION))
        await stage.request(AddFile(person=HOST, path=str(low)))
        await stage.request(AddFile(person=GUEST, path=str(high)))
        with pytest.raises(RequestFailed) as refused:
            await stage.request(AddFile(person=GUEST, path=str(high)))
        assert refused.value.status == 409
        await stage.request(Watch())
        await stage.request(Command(kind="open_air", actor="h1", role=Role.HOST))
        async for notice in stage.notices():
            room = notice.room
            if room.on_air_seconds > 2 and all(s.level_dbfs > -30 for s in room.speakers):
                break
        assert room.phase is Phase.LIVE
        assert room.recording == "on"
        assert {speaker.source for speaker in room.speakers} == {"file"}
        process.kill()
        await process.wait()
        killed_at = time.monotonic()

    async with stage_process(folder) as (process, spare):
        await spare.request(Assign(specification=SPECIFICATION))
        stage = await connected(directory.control_socket(CONVERSATION))
        async with asyncio.timeout(20):  # it answers before it has taken the recording up
            while (room := await room_of(stage)).incarnation != 2:
                await asyncio.sleep(0.02)
        assert room.phase is Phase.LIVE
        await stage.request(AddFile(person=HOST, path=str(low)))
        gap = time.monotonic() - killed_at
        await asyncio.sleep(2.0)
        await stage.request(Command(kind="end", actor="h1", role=Role.HOST))
        async with asyncio.timeout(20):
            await process.wait()
        assert process.returncode == 0
    assert not list((folder / "run").glob(f"{CONVERSATION}.*"))

    standing = directory.read_standing(CONVERSATION)
    assert standing.phase is Phase.ENDED
    recording = directory.recording(CONVERSATION)
    packets = all_packets(recording / "opus.mp4")
    assert len(packets) * FRAME_SAMPLES == standing.duration
    program = decode_opus(packets)
    seconds = program[: program.size // SAMPLE_RATE * SAMPLE_RATE].reshape(-1, SAMPLE_RATE)
    heard = [(power_at(s, 440) > 0.1, power_at(s, 1000) > 0.1) for s in np.asarray(seconds)]
    assert (True, True) in heard[:3]
    assert (True, False) in heard[3:]
    assert 2.0 + gap < standing.duration / SAMPLE_RATE < 2.0 + gap + 8.0
    for feed in RECORDED_FEEDS:
        index = (recording / f"{feed.name}.index").read_bytes()
        assert index, feed.name
    entries = parse_journal((recording / "journal.jsonl").read_bytes())[0]
    assert [
        e.kind for e in entries if e.kind in (JournalKind.OPENED, JournalKind.RESUMED, JournalKind.ENDED)
    ] == [
        JournalKind.OPENED,
        JournalKind.RESUMED,
        JournalKind.ENDED,
    ]


def all_packets(path: Path) -> list[bytes]:
    content = path.read_bytes()
    at, packets = len(init_bytes("opus")), list[bytes]()
    while at < len(content):
        fragment = parse_fragment(content, at)
        assert fragment.media_time == len(packets) * FRAME_SAMPLES
        packets += fragment.packets
        at = fragment.end
    return packets


@pytest.mark.slow
async def test_wrong_requests_get_the_right_answers_and_disturb_nobody(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("s")
    directory = Directory(folder / "data", folder / "run")
    async with stage_process(folder) as (_, spare):
        with pytest.raises(RequestFailed) as refused:
            await spare.request(Ask())
        assert refused.value.status == 409
        await spare.request(Assign(specification=SPECIFICATION))
        stage = await connected(directory.control_socket(CONVERSATION))
        for request, status in [
            (Offer(person=HOST, sdp="not SDP"), 400),
            (Offer(person=HOST, sdp="v=0\r\n" * 100_000), 413),
            (Leave(resource="nobody"), 404),
            (Trickle(resource="nobody", fragment=""), 404),
            (AddFile(person=HOST, path="/nowhere/at/all.opus"), 404),
            (AddFile(person=HOST, path=__file__), 415),
            (Command(kind="mute", actor="h1", role=Role.HOST, target="g9"), 404),
            (Command(kind="open_air", actor="g1", role=Role.GUEST), 403),
            (Command(kind="open_air", actor="h1", role=Role.HOST), 409),
            (Assign(specification=SPECIFICATION), 400),
        ]:
            with pytest.raises(RequestFailed) as refused:
                await stage.request(request)
            assert refused.value.status == status, request
        room = await room_of(stage)
        assert room.phase is Phase.ANNOUNCED
        assert not any(speaker.person.connected for speaker in room.speakers)
        with pytest.raises(OSError):  # noqa: PT011 - whatever the system says: nobody listens
            await LocalControlClient.connect(folder / "run" / "spare-1.control")


@pytest.mark.parametrize("peers", [0, 1])
async def test_a_spare_that_backstage_has_left_for_good_ends(
    peers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiwar.stage.main.ALONE_SECONDS_MAX", 0.1)
    monkeypatch.setattr("hiwar.stage.main.LOOK_SECONDS", 0.02)
    folders = {"HIWAR_DATA_DIR": str(tmp_path / "data"), "HIWAR_RUNTIME_DIR": str(tmp_path / "run")}
    spare = Spare(load_settings(folders, Path(os.devnull)))
    control = ControlServer(spare._answer)
    control.peers.update(ControlPeer(control) for _ in range(peers))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(spare._wanted(control))
        await asyncio.wait((waiting,), timeout=0.5)
        assert waiting.done() == (not peers)
        spare._assigned.set_result(SPECIFICATION)
    assert waiting.result() == bool(peers)
