"""Reads the playlists of a conversation all the time, as players do, and keeps what it read."""

import threading
import time
from types import TracebackType
from typing import Self

from tests.packager.hls_rules import Media, check_media
from tests.running import ask, hls_address

FEEDS = ("aac", "opus")
EVERY_SECONDS = 1.0


class Watcher:
    """`live` and `event` hold each feed's readings in order; `waited` those asked for ahead of time with
    the media sequence number and part wanted, `skipped` delta updates, `ended` the last of each list."""

    def __init__(self, base: str) -> None:
        self._base = base
        self.live: dict[str, list[str]] = {feed: [] for feed in FEEDS}
        self.event: dict[str, list[str]] = {feed: [] for feed in FEEDS}
        self.waited: list[tuple[int, int, str]] = []
        self.skipped: list[str] = []
        self.ended: dict[str, str] = {}
        self.multivariant: list[str] = []
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._watch, args=(feed,), daemon=True) for feed in FEEDS]

    def __enter__(self) -> Self:
        self.multivariant += [self._read("hls/live.m3u8"), self._read("archive/master.m3u8")]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def read_ended(self) -> None:
        """After the end of the conversation: the lists that stay."""
        self.multivariant.append(self._read("archive/master.m3u8"))
        self.ended = {feed: self._read(f"archive/{feed}.m3u8") for feed in FEEDS}

    def _watch(self, feed: str) -> None:
        try:
            listed = hls_address(self._base, feed).removeprefix(f"{self._base}/")
            while not self._stop.wait(EVERY_SECONDS):
                text = self._read(listed)
                self.live[feed].append(text)
                self.event[feed].append(self._read(f"archive/{feed}.m3u8"))
                self._wait_for_next(listed, check_media(text))
                self.skipped.append(self._read(f"{listed}&_HLS_skip=YES"))
        except Exception as error:
            self.errors.append(f"{feed}: {error!r}")

    def _wait_for_next(self, listed: str, playlist: Media) -> None:
        msn, part = playlist.growing.msn, len(playlist.growing.parts)
        text = self._read(f"{listed}&_HLS_msn={msn}&_HLS_part={part}")
        self.waited.append((msn, part, text))

    def _read(self, path: str) -> str:
        end = time.monotonic() + 10
        while (answer := ask("GET", f"{self._base}/{path}")).status != 200:
            if time.monotonic() > end:
                raise RuntimeError(f"{path}: {answer.status}")
            time.sleep(0.2)
        return answer.body.decode()
