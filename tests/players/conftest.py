"""One conversation for all: the demonstration's two voices on air, played live, then ended and played again.

Everything that plays at the same time does so here, once; the tests judge what came of it.
"""

import json
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hiwar.demo import VOICE_FILES
from tests.players.likeness import Pcm, mixed
from tests.players.playlists import Watcher
from tests.players.programs import PLAYERS, play
from tests.running import Hiwar, Opened, ask, command_room, hls_address, until

LIVE = {
    "fMP4 of Opus": "live.mp4",
    "fMP4 of AAC": "live.m4a",
    "Ogg": "live.ogg",
    "MP3": "live.mp3",
    "HLS": "hls/live.m3u8",
}
LIVE_LISTS = {"HLS of AAC": "aac", "HLS of Opus": "opus"}
SHIFTED = {"EVENT list": "archive/master.m3u8", "EVENT list of Opus": "archive/opus.m3u8"}
REPLAYED = {
    "VOD list": "archive/master.m3u8",
    "VOD list of AAC": "archive/aac.m3u8",
    "VOD list of Opus": "archive/opus.m3u8",
    "recorded Opus": "archive/opus.mp4",
    "recorded AAC": "archive/aac.m4a",
    "recorded MP3": "archive/mp3.mp3",
    "download of Opus": "archive/download.opus",
    "download of M4A": "archive/download.m4a",
    "download of MP3": "archive/download.mp3",
}
FILES = {"Opus on disk": "opus.mp4", "AAC on disk": "aac.m4a", "MP3 on disk": "mp3.mp3"}
LIVE_SECONDS = 6.0
AT_ONCE = 5


@dataclass
class Broadcast:
    """What was played: a WAV file for each (player, way)."""

    source: Pcm
    folder: Path
    duration: float = 0.0
    watcher: Watcher | None = None
    paths: dict[tuple[str, str], Path] = field(default_factory=dict)

    def play_all(self, ways: dict[str, str], seconds: float | None) -> None:
        """Every player at every way, some at once."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for way, address in ways.items():
                for player in PLAYERS:
                    wav = self.folder / f"{player}-{way.replace(' ', '-')}.wav"
                    self.paths[player, way] = wav
                    pool.submit(play, player, address, wav, seconds)


@pytest.fixture(scope="session")
def broadcast() -> Iterator[Broadcast]:
    """The conversation, over and played."""
    with tempfile.TemporaryDirectory(prefix="hiwar-players-") as scratch, Hiwar() as hiwar:
        folder = Path(scratch)
        folder.chmod(0o777)  # VLC writes as nobody
        made = Broadcast(mixed(VOICE_FILES.values()), folder)
        opened = _go_on_air(hiwar)
        base = f"{hiwar.edge}/c/{opened.id}"
        with Watcher(base) as made.watcher:
            made.play_all({way: f"{base}/{path}" for way, path in LIVE.items()}, LIVE_SECONDS)
            made.play_all({way: hls_address(base, feed) for way, feed in LIVE_LISTS.items()}, LIVE_SECONDS)
            made.play_all({way: f"{base}/{path}" for way, path in SHIFTED.items()}, LIVE_SECONDS)
        command_room(hiwar, opened, kind="end")
        people = until(lambda: _ended_people(base), 20)
        made.duration = people["duration"]
        made.watcher.read_ended()
        made.play_all({way: f"{base}/{path}" for way, path in REPLAYED.items()}, None)
        recording = hiwar.data / "conversations" / opened.id / "recording"
        _let_nobody_read(recording, hiwar.data.parent)
        made.play_all({way: str(recording / name) for way, name in FILES.items()}, None)
        yield made


def _go_on_air(hiwar: Hiwar) -> Opened:
    opened = hiwar.open(guests=1)
    headers = {"authorization": f"Bearer {opened.token('h1')}", "content-type": "application/json"}
    for serial, role in (("h1", "host"), ("g1", "guest")):
        body = json.dumps({"serial": serial, "name": role, "file": VOICE_FILES[role].name}).encode()
        assert ask("POST", f"{hiwar.backstage}/b/{opened.id}/sources", body, headers).status == 201
    assert command_room(hiwar, opened, kind="open_air").status == 200
    until(lambda: hiwar.get(f"/c/{opened.id}/now").status == 200)
    time.sleep(2.0)  # so that the live lists hold something
    return opened


def _ended_people(base: str) -> dict[str, float] | None:
    people: dict[str, float] = ask("GET", f"{base}/archive/people.json").json()
    return people if people.get("ended") else None


def _let_nobody_read(recording: Path, root: Path) -> None:
    if os.geteuid() == 0:
        for folder in (root, *(parent for parent in recording.parents if root in parent.parents), recording):
            folder.chmod(0o755)
