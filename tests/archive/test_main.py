"""The archive's process behind its door, as players and the edge meet it."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from hiwar.archive import main
from hiwar.door.server import DoorServer, bind_tcp
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import load_settings
from hiwar.relay.directory import Directory
from hiwar.relay.records import Specification
from tests.archive.conftest import COUNTS, ENDED, Shelf
from tests.needs import need_program
from tests.recording.sound import write_recording


@pytest.fixture
async def address(shelf: Shelf) -> AsyncIterator[str]:
    """The archive on a TCP port, as the edge would show it."""
    door = DoorServer(shelf.archive.handle, name="archive")
    socket = bind_tcp("127.0.0.1", 0)
    task = asyncio.get_running_loop().create_task(door.serve(sockets=[socket]))
    await door.ready.wait()
    yield f"http://127.0.0.1:{socket.getsockname()[1]}/c/{ENDED}/archive"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_process_answers_on_its_socket(tmp_path: Path) -> None:
    settings = load_settings(
        {"HIWAR_DATA_DIR": str(tmp_path / "data"), "HIWAR_RUNTIME_DIR": str(tmp_path / "run")}, None
    )
    directory = Directory(settings.data, runtime_dir(settings))
    directory.write_specification(Specification(id=ENDED, title="A talk"))
    write_recording(directory.recording(ENDED), {"opus": 12, "aac": 3, "mp3": 4}, ended=True)
    task = asyncio.get_running_loop().create_task(main.serve(settings))
    path = directory.runtime / main.SOCKET
    async with asyncio.timeout(5):
        while not path.exists():
            await asyncio.sleep(0.01)
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(
            f"GET /c/{ENDED}/archive/aac.m4a HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\n"
            "X-Hiwar-Client: 192.0.2.7\r\nConnection: close\r\n\r\n".encode()
        )
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(b"HTTP/1.1 206 ")
    assert b"Content-Length: 2\r\n" in head + b"\r\n"
    assert body == (directory.recording(ENDED) / "aac.m4a").read_bytes()[:2]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.players
@pytest.mark.parametrize("name", ["master.m3u8", "aac.m3u8", "opus.m3u8", "opus.mp4", "mp3.mp3"])
async def test_ffmpeg_plays_the_replay_from_its_addresses(address: str, name: str) -> None:
    ffmpeg = need_program("ffmpeg")
    command = [
        ffmpeg,
        "-v",
        "error",
        "-i",
        f"{address}/{name}",
        "-f",
        "s16le",
        "-ac",
        "1",
        "-ar",
        "48000",
        "-",
    ]
    played = await asyncio.to_thread(subprocess.run, command, capture_output=True, check=True)
    sound = np.frombuffer(played.stdout, np.int16)
    assert abs(len(sound) - COUNTS["opus"] * 3840) < 6000
    assert np.abs(sound[4800:-9600].astype(float)).mean() > 1000
