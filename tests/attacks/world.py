"""What the attacks have in common: a front door as a worker makes it, web with one processor, a visitor."""

import asyncio
import contextlib
import resource
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from hiwar.admission.limits import Exempt
from hiwar.assets import STATIC
from hiwar.assets.visitors import SESSION_COOKIE
from hiwar.door.client import UpstreamClient
from hiwar.door.http import Request, Response
from hiwar.door.server import DoorServer
from hiwar.door.static import StaticFiles
from hiwar.edge.bouncer import FrontBouncer
from hiwar.edge.lanes import Lane, Lanes
from hiwar.edge.passthrough import WEB_LIMITS, CachedPassThrough, PassThrough
from hiwar.edge.routes import FrontDoor
from tests.door.sockets import status_of
from tests.edge.house import House
from tests.edge.test_listening import ID

MACHINE = "127.77.0.1"  # of an attacker; honest people come from 127.0.0.1
PROXY = "127.0.0.1/32"  # trusted: tests may say from which network a request is
AT_ONCE = 80  # machines of a flood: more than web has places for, and than may queue for them
PAGE = f"/c/{ID}"
VISITS = 5
PATIENCE_S = 1.0  # of a visitor
SIGNED_IN = f"Cookie: {SESSION_COOKIE}=abc"


def arm(house: House) -> FrontBouncer:
    """Let the door ask a bouncer, as a worker's does."""
    bouncer = FrontBouncer(Exempt())
    house.door.bouncer, house.door.refuse = bouncer, bouncer.refuse
    return bouncer


def descriptors_or_skip(wanted: int) -> None:
    """So many descriptors for this process, or the test is skipped."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def connect_from(source: str, port: int) -> socket.socket:
    """A blocking connection of a machine, made in the kernel while the loop stands still."""
    client = socket.socket()
    client.bind((source, 0))
    client.settimeout(2.0)
    client.connect(("127.0.0.1", port))
    return client


class OneLane(Lanes):
    """First come, first served: all that goes to web takes turns in one queue."""

    def __init__(self) -> None:
        self.pages = self.others = self.costly = Lane(WEB_LIMITS.connections_max)


class Web:
    """Web with one processor: an answer costs `cost_s` of it, a password `password_s`. `asked` by method and
    first part of the path."""

    def __init__(self, cost_s: float = 0.01, password_s: float = 0.019) -> None:
        self.asked: Counter[str] = Counter()
        self._processor = asyncio.Lock()
        self._cost_s, self._password_s = cost_s, password_s

    async def answer(self, request: Request) -> Response:
        self.asked[f"{request.method} /{request.path.split('/')[1]}"] += 1
        async with self._processor:
            await asyncio.sleep(self._password_s if request.method == "POST" else self._cost_s)
        shown = {"Content-Type": "text/html", "Cache-Control": "public, max-age=1"}
        return Response(200, shown, b"page")


@contextlib.asynccontextmanager
async def serving(
    house: House, web: Web, kind: type[CachedPassThrough] = CachedPassThrough
) -> AsyncIterator[CachedPassThrough]:
    """The house passes on to `web` as a worker does, through pages of this kind."""
    path = house.directory.runtime / "web.http"
    through = PassThrough(UpstreamClient(path, WEB_LIMITS))
    pages = kind(through, "en", is_conversation=house.access.is_page_of_one)
    front = FrontDoor(
        house.stages.broadcasts,
        house.access,
        usher=house.usher,
        desk=house.desk,
        pages=pages,
        archive=through,
        static=StaticFiles(STATIC),
    )
    house.door.handler = front.answer
    door = DoorServer(web.answer, name="web")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(door.serve(unix_path=path))
        await door.ready.wait()
        try:
            yield pages
        finally:
            task.cancel()


class Kept:
    """A connection that asks again and again."""

    def __init__(self, port: int, source: str = "127.0.0.1") -> None:
        self._port, self._source = port, source
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, *headers: str, method: str = "GET") -> tuple[int, bytes]:
        """The status (0 for a connection that was closed) and the body."""
        if self._streams is None:
            local = (self._source, 0)
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, local_addr=local)
        reader, writer = self._streams
        length = ["Content-Length: 0"] if method == "POST" else []
        lines = [f"{method} {path} HTTP/1.1", "Host: a", *length, *headers, "", ""]
        try:
            writer.write("\r\n".join(lines).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return status_of(head), await reader.readexactly(size)
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0, b""

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
        self._streams = None


@contextlib.asynccontextmanager
async def flooding(strike: Callable[[Kept], Awaitable[object]], port: int) -> AsyncIterator[None]:
    """Meanwhile `AT_ONCE` machines strike, each on its own connection, and again once it was answered."""
    machines = [Kept(port) for _ in range(AT_ONCE)]

    async def repeat(machine: Kept) -> None:
        while True:
            await strike(machine)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(repeat(machine)) for machine in machines]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for machine in machines:
                machine.close()


@dataclass(slots=True)
class Visits:
    """What a visitor was answered, after how long at most, and how long it took in all."""

    statuses: list[int]
    longest_s: float
    seconds: float

    @property
    def is_well(self) -> bool:
        return self.statuses == [200] * VISITS and self.longest_s < PATIENCE_S


async def visit(house: House, *headers: str) -> Visits:
    """The conversation's page, some times one after the other."""
    visitor, visits, began = Kept(house.port), Visits([], 0.0, 0.0), house.door.now()
    for _ in range(VISITS):
        asked_at = house.door.now()
        visits.statuses.append((await visitor.ask(PAGE, *headers))[0])
        visits.longest_s = max(visits.longest_s, house.door.now() - asked_at)
    visitor.close()
    visits.seconds = house.door.now() - began
    return visits
