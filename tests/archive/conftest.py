"""A conversation of two segments and a bit that has ended, and one that is on air."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hiwar.archive.library import Library
from hiwar.archive.service import Archive
from hiwar.door.http import Request, Response
from hiwar.recording.recorder import Recorder
from hiwar.relay.directory import Directory
from hiwar.relay.records import Specification, Visibility
from tests.recording.sound import INITS, tone_chunks, write_recording

KEY = bytes(range(32))
ENDED, LINKED, LIVE = "ended123", "linked12", "live1234"
COUNTS = {"opus": 100, "aac": 25, "mp3": 33}


@dataclass(slots=True)
class Answer:
    """A response whose body was read."""

    status: int
    headers: dict[str, str]
    body: bytes


class Shelf:
    """An archive over a folder of conversations, asked without sockets."""

    def __init__(self, folder: Path) -> None:
        self.directory = Directory(folder / "data", folder / "run")
        self.archive = Archive(Library(self.directory, KEY))

    def publish(
        self, conversation: str, visibility: Visibility = Visibility.PUBLIC, *, hidden: bool = False
    ) -> None:
        self.directory.write_specification(
            Specification(id=conversation, title="A talk عن الماء", visibility=visibility, hidden=hidden)
        )

    def forget(self) -> None:
        """As if more than a second had passed."""
        self.archive = Archive(Library(self.directory, KEY))

    async def open(
        self, conversation: str, name: str, *, method: str = "GET", proof: str = "", **headers: str
    ) -> Response:
        return await self.archive.handle(
            Request(
                method=method,
                path=f"/c/{conversation}/archive/{name}",
                raw_target="",
                query={"t": proof} if proof else {},
                headers={key.replace("_", "-"): value for key, value in headers.items()},
                client="192.0.2.1",
                secure=False,
            )
        )

    async def get(self, conversation: str, name: str, **options: str) -> Answer:
        response = await self.open(conversation, name, **options)
        return Answer(response.status, response.headers, await read_body(response.body))


async def read_body(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    assert isinstance(body, AsyncIterator)
    return b"".join([block async for block in body])


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """Read only: tests that change something make their own."""
    made = Shelf(tmp_path_factory.mktemp("archive"))
    made.publish(ENDED)
    made.publish(LINKED, Visibility.LINK)
    for conversation in (ENDED, LINKED):
        write_recording(made.directory.recording(conversation), COUNTS, ended=True)
    return made


@pytest.fixture
def live(tmp_path: Path) -> Iterator[tuple[Shelf, Callable[[int, int], None]]]:
    """A shelf with a conversation on air, and what adds its chunks [from, to) and waits for them."""
    made = Shelf(tmp_path)
    made.publish(LIVE)
    recorder, _ = Recorder.open(made.directory.recording(LIVE), inits=INITS)
    recorder.write_journal("opened", 0)

    def add(start: int, end: int) -> None:
        for chunk in tone_chunks("aac", end)[start:end]:
            recorder.write_chunk(chunk)
        while recorder.backlog_bytes:
            pass

    yield made, add
    recorder.write_journal("ended", 30 * 15_360)
    recorder.close()
