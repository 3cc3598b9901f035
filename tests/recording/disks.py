"""Disks for the tests of the recorder: slow, full, broken."""

import errno
import threading
from pathlib import Path

from hiwar.recording.files import OsDisk


class FullDisk(OsDisk):
    """A disk with room for `room` bytes; short writes and ENOSPC come as from a real one."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, content: bytes) -> int:
        taken = min(self.room, len(content))
        if content and not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= taken
        return super().write(descriptor, content[:taken])


class FailingSyncDisk(OsDisk):
    """Every `every`-th sync fails, and takes back what it should have kept, as a kernel may."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        if self.syncs % self.every == 0:
            raise OSError(errno.EIO, "Input/output error")


class StuckDisk(OsDisk):
    """A disk whose syncs wait until `go` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.go.wait(30)
        super().sync(descriptor)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a recording by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
