"""The folder of one recording: the names in it, and the lock that keeps a second writer out."""

import fcntl
import os
import time
from pathlib import Path

from hiwar.media.feed import Feed

JOURNAL = "journal.jsonl"
TRACKS = "tracks"
DAMAGED = "damaged"
LOCK = ".lock"
TRY_SECONDS = 0.05


class RecordingBusy(OSError):
    """Another process writes this recording now."""


def media_path(folder: Path, feed: Feed) -> Path:
    return folder / f"{feed.name}.{feed.extension}"


def index_path(folder: Path, feed: Feed) -> Path:
    return folder / f"{feed.name}.index"


def file_bytes(path: Path) -> int:
    """Its length, 0 if there is no such file."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """Held by the one process that may write; the kernel takes it back when that process dies."""

    def __init__(self, folder: Path, tries: int = 1) -> None:
        """Take it, trying `tries` times, `TRY_SECONDS` apart.

        Raises:
            RecordingBusy: somebody else holds it.
            OSError: the folder is not there, or does not take a file.
        """
        self._descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        for left in reversed(range(tries)):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if not left:
                    os.close(self._descriptor)
                    raise RecordingBusy(f"{folder} is being written by another process") from error
                time.sleep(TRY_SECONDS)
            else:
                return

    def release(self) -> None:
        os.close(self._descriptor)
