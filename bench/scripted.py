"""A stage that only sends: known chunks every 80 ms, through the real relay, for the edge benches."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import uvloop

from bench.crowd import chunk_bytes
from hiwar.edge.control import set_interval
from hiwar.media.feed import FEED_AAC, FEED_OGG, FEED_OPUS, Chunk
from hiwar.media.timeline import CHUNK_SAMPLES, PART_SAMPLES, SAMPLE_RATE
from hiwar.relay.directory import Directory
from hiwar.relay.local import LocalPublisher
from hiwar.relay.messages import Event, Hello
from hiwar.relay.records import Specification
from tests.beside import Beside
from tests.running import ask, free_port, until

CONVERSATION = "bench00001"
INIT = b"I" * 64
STATE = b'{"phase":"live","listeners":0,"on_air_seconds":1.0,"speakers":[]}'
TICK = CHUNK_SAMPLES / SAMPLE_RATE


class ScriptedStage(Beside):
    """Publishes 64 kbit/s of known bytes in the feeds that the front door serves, from a thread."""

    def __init__(self, directory: Directory, chunk_size: int) -> None:
        super().__init__()
        self._directory = directory
        self._chunk_size = chunk_size

    def __enter__(self) -> Self:
        super().__enter__()
        until(lambda: self._directory.data_socket(CONVERSATION).exists())
        return self

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._publish())

    async def _publish(self) -> None:
        publisher = LocalPublisher()
        await publisher.start(self._directory.data_socket(CONVERSATION))
        specification = Specification(id=CONVERSATION, title="bench")
        names = (FEED_OGG.name, FEED_OPUS.name, FEED_AAC.name)
        publisher.hello(Hello(specification, 1, time.time(), dict.fromkeys(names, INIT)))  # noqa: TID251 - the origin
        publisher.event(Event(0, "state", STATE))
        number, due = 0, time.monotonic()
        while not self.stopping.is_set():
            payload = chunk_bytes(number, self._chunk_size)
            publisher.chunk(Chunk(FEED_OGG.name, number, payload))
            publisher.chunk(Chunk(FEED_OPUS.name, number, payload))
            if number % 4 == 3:
                publisher.chunk(Chunk(FEED_AAC.name, number // 4, payload * (PART_SAMPLES // CHUNK_SAMPLES)))
            number, due = number + 1, due + TICK
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await publisher.close()


class Edge:
    """The real front door alone, with one worker, fed by a scripted stage."""

    def __init__(self, port: int, parent: int, runtime: Path) -> None:
        self.port = port
        self.parent = parent
        self.runtime = runtime

    @property
    def worker(self) -> int:
        """The pid of the one worker."""
        (pid,) = children(self.parent)
        return pid


@contextlib.contextmanager
def edge(chunk_size: int, **settings: str) -> Iterator[Edge]:
    """`hiwar edge` with one worker and the scripted conversation on air."""
    with tempfile.TemporaryDirectory(prefix="hiwar-") as folder:
        data, runtime = Path(folder) / "data", Path(folder) / "run"
        port = int(settings.get("EDGE_PORT") or free_port())
        runtime.mkdir(mode=0o700)
        directory = Directory(data, runtime)
        directory.write_specification(Specification(id=CONVERSATION, title="bench"))
        own = {"DATA_DIR": str(data), "RUNTIME_DIR": str(runtime), "EDGE_PORT": str(port), **settings}
        environment = dict(os.environ) | {f"HIWAR_{key}": value for key, value in own.items()}
        with ScriptedStage(directory, chunk_size):
            process = subprocess.Popen([sys.executable, "-m", "hiwar", "edge"], env=environment)
            try:
                if "EDGE_TLS_CERT" not in settings:
                    until(lambda: _on_air(port), 20)
                else:
                    until(lambda: children(process.pid), 20)
                    time.sleep(3)
                if "WRITE_INTERVAL_MS" in settings:  # by hand, else the load would choose a longer one
                    asyncio.run(set_interval(runtime, CONVERSATION, int(settings["WRITE_INTERVAL_MS"])))
                yield Edge(port, process.pid, runtime)
            finally:
                process.terminate()
                process.wait()


def _on_air(port: int) -> bool:
    try:
        return ask("GET", f"http://127.0.0.1:{port}/c/{CONVERSATION}/now").status == 200
    except OSError:
        return False


def children(pid: int) -> list[int]:
    """The living children of a process (proc(5), task/children)."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    return [int(word) for word in text.split()]
