"""The role itself: a parent with the port, workers in processes of their own."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hiwar.door.server import bind_tcp
from hiwar.edge.control import set_interval, set_lighter, worker_figures
from hiwar.edge.main import keep_workers
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import load_settings
from hiwar.relay.directory import Directory
from tests.door.sockets import exchange, status_of
from tests.edge.fake_stage import FakeStage
from tests.edge.house import Ear, until

ID = "abcdef1"


@contextlib.asynccontextmanager
async def open_edge(workers: int) -> AsyncIterator[tuple[Directory, int]]:
    root = Path(tempfile.mkdtemp(prefix="hiwar-"))
    values = {"DATA_DIR": str(root / "d"), "RUNTIME_DIR": str(root / "r"), "EDGE_WORKERS": str(workers)}
    settings = load_settings({f"HIWAR_{key}": value for key, value in values.items()}, Path(os.devnull))
    bound = bind_tcp("127.0.0.1", 0)
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(keep_workers(settings, bound))
            yield Directory(settings.data, runtime_dir(settings)), bound.getsockname()[1]
            task.cancel()
    finally:
        bound.close()
        shutil.rmtree(root)


@pytest.mark.slow
async def test_listeners_of_a_killed_worker_hear_on_within_three_seconds() -> None:
    async with open_edge(1) as (directory, port):
        stage = FakeStage(directory, ID)
        await stage.start()
        stage.step(100)
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(stage.run())
            first = Ear()
            group.create_task(first.listen(port, f"/c/{ID}/live.mp4"))
            await until(lambda: len(first.body) > 0, 10)
            (figures,) = await worker_figures(directory.runtime)
            assert await set_interval(directory.runtime, ID, 640) == 1
            assert await set_lighter(directory.runtime, ID, True) == 1
            (figures,) = await worker_figures(directory.runtime)
            assert figures["conversations"][ID]["lighter"] is True
            killed = loop.time()
            os.kill(figures["pid"], signal.SIGKILL)
            again = Ear()
            group.create_task(again.listen(port, f"/c/{ID}/live.mp4"))
            await until(lambda: len(again.body) > 0, 10)
            assert loop.time() - killed <= 3.0
            running.cancel()
            again.leave()
        await stage.publisher.close()


@pytest.mark.slow
async def test_two_workers_share_the_port_and_both_hear_the_stage() -> None:
    async with open_edge(2) as (directory, port):
        stage = FakeStage(directory, ID)
        await stage.start()
        stage.step(10)
        async with asyncio.timeout(10):
            while len(await worker_figures(directory.runtime)) < 2:
                await asyncio.sleep(0.05)
        answer = await exchange(
            port, f"GET /c/{ID}/now HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode()
        )
        assert status_of(answer) == 200
        await stage.publisher.close()


def test_a_worker_gets_exactly_its_parents_settings() -> None:
    settings = load_settings({"HIWAR_DEMONSTRATION": "true", "HIWAR_BURST_SECONDS": "3.5"}, Path(os.devnull))
    assert load_settings(settings.as_environment(), Path(os.devnull)) == settings
