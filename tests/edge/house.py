"""A front door in this process: stages that are stepped by hand, listeners over real sockets."""

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from hiwar.admission.limits import Exempt
from hiwar.assets import STATIC
from hiwar.door.client import UpstreamClient
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer, bind_tcp
from hiwar.door.static import StaticFiles
from hiwar.edge.access import Access
from hiwar.edge.asking import AskingDesk
from hiwar.edge.broadcast import Manner
from hiwar.edge.herald import Herald
from hiwar.edge.orders import Keys
from hiwar.edge.owner import Owner
from hiwar.edge.passthrough import CachedPassThrough, PassThrough
from hiwar.edge.routes import FrontDoor
from hiwar.edge.stages import Stages
from hiwar.edge.table import view_table
from hiwar.edge.usher import Usher
from hiwar.ops.clock import monotonic
from hiwar.ops.settings import load_settings
from hiwar.relay.directory import Directory

KEY = b"k" * 32


class House:
    """One worker's parts, and the owner of the seats; `port` is where listeners go."""

    def __init__(self, directory: Directory, manner: Manner, **settings: str) -> None:
        self.directory = directory
        self.access = Access(directory, KEY)
        self.stages = Stages(directory, self.access, manner)
        settings.setdefault("write_interval_ms", str(manner.interval_ms))
        given = {f"HIWAR_{key.upper()}": value for key, value in settings.items()}
        self.owner = Owner(load_settings(given, Path(os.devnull)), directory.runtime, Herald(directory))
        self.usher = Usher(
            view_table(directory.runtime / "seats"),
            KEY,
            Exempt(),
            on_stand=lambda stand: None,
            on_keys=self._take_keys,
        )
        self.desk = AskingDesk(self.usher, KEY)
        nobody = PassThrough(UpstreamClient(directory.runtime / "web.http"))
        self.front = FrontDoor(
            self.stages.broadcasts,
            self.access,
            usher=self.usher,
            desk=self.desk,
            pages=CachedPassThrough(nobody, "en"),
            archive=nobody,
            static=StaticFiles(STATIC),
        )
        self.bound = bind_tcp("127.0.0.1", 0)
        self.port = self.bound.getsockname()[1]
        self.door = DoorServer(
            self.front.answer,
            DoorLimits(close_grace_s=0.2),
            trusted=settings.get("trusted_proxies", ""),
            name="edge",
        )

    def _take_keys(self, keys: Keys) -> None:
        self.desk.take_keys(keys)

    async def take_seats(self) -> None:
        """Let worker and owner hear each other, and the owner speak for the first time."""
        ours, theirs = socket.socketpair()
        await self.owner.worker_began(0, ours)
        await self.usher.attend(theirs)
        self.owner.tick(monotonic())
        await until(lambda: self.usher.stand is not None)


@contextlib.asynccontextmanager
async def open_house(
    interval_ms: int = 80, buffer_bytes: int = 65536, *, ticking: bool = False, **settings: str
) -> AsyncIterator[House]:
    root = Path(tempfile.mkdtemp(prefix="hiwar-"))
    (root / "r").mkdir()
    house = House(Directory(root / "d", root / "r"), Manner(interval_ms, 1.0, buffer_bytes), **settings)
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(house.stages.run(asyncio.Event())),
                group.create_task(house.door.serve(sockets=[house.bound])),
                *([group.create_task(house.owner.run())] if ticking else ()),
            ]
            await house.door.ready.wait()
            await house.take_seats()
            try:
                yield house
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        shutil.rmtree(root)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something shows from outside."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class Ear:
    """A listener: everything after the response head, as it came."""

    def __init__(self) -> None:
        self.head = b""
        self.body = b""
        self.closed = False
        self._writer: asyncio.StreamWriter | None = None

    async def listen(self, port: int, path: str, *, reading: asyncio.Event | None = None) -> None:
        """Read until the end; with `reading` not before it is set."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.head = await reader.readuntil(b"\r\n\r\n")
        if reading is not None:
            await reading.wait()
        while piece := await reader.read(65536):
            self.body += piece
        self.closed = True

    def leave(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
