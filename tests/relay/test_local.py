from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hiwar.relay.local import LocalPublisher, LocalSubscription
from tests.relay.contract import Bench, RelayContract


class LocalBench(Bench):
    def __init__(self, path: Path) -> None:
        self.path = path
        self.publisher = LocalPublisher()

    async def subscribe(self) -> LocalSubscription:
        return await LocalSubscription.connect(self.path)


class TestLocalRelay(RelayContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.folder = tmp_path

    @asynccontextmanager
    async def bench(self) -> AsyncIterator[LocalBench]:
        bench = LocalBench(self.folder / "x.data")
        publisher = bench.publisher
        assert isinstance(publisher, LocalPublisher)
        await publisher.start(bench.path)
        try:
            yield bench
        finally:
            await publisher.close()

    async def test_a_stale_socket_of_a_stage_that_died_is_replaced(self) -> None:
        path = self.folder / "x.data"
        path.touch()
        async with self.bench() as bench:
            assert await bench.subscribe()
