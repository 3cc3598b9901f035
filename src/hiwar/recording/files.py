"""Append-only files that hold whole units only, whatever the disk does.

`AppendFile` knows three lengths: what it means to have written, what is synced, and (by its caller) what
is not yet. A write that is refused or cut short is trimmed back to the last whole unit; a sync that fails
takes back everything since the last good one, because a kernel may forget pages it could not write
(the second fdatasync then lies). Nothing here retries: the recorder does.

`Disk` is the port to the operating system, so that tests can make it slow, full or broken.
"""

import contextlib
import os
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from hiwar.recording.folder import sync_folder


class Disk(Protocol):
    """The few calls a recorder makes. Each may raise OSError."""

    def open(self, path: Path) -> tuple[int, int]:
        """Open for appending, made if missing: the descriptor and the length."""
        ...

    def write(self, descriptor: int, content: bytes) -> int: ...
    def truncate(self, descriptor: int, length: int) -> None: ...
    def sync(self, descriptor: int) -> None: ...
    def close(self, descriptor: int) -> None: ...


class OsDisk:
    """The real one."""

    def open(self, path: Path) -> tuple[int, int]:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        if made:
            sync_folder(path.parent)
        return descriptor, os.fstat(descriptor).st_size

    def write(self, descriptor: int, content: bytes) -> int:
        return os.write(descriptor, content)

    def truncate(self, descriptor: int, length: int) -> None:
        os.ftruncate(descriptor, length)

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def close(self, descriptor: int) -> None:
        os.close(descriptor)


class AppendFile:
    """One file, opened at its first append. `length` counts whole units only."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.path = path
        self.length = 0
        self.synced = 0
        self._disk = disk
        self._descriptor: int | None = None
        self._ragged = False  # bytes of a torn unit may lie after `length`

    @property
    def dirty(self) -> bool:
        return self.length != self.synced

    def open(self) -> None:
        """Open if it is not open yet. Raises OSError."""
        if self._descriptor is None:
            self._descriptor, self.length = self._disk.open(self.path)
            self.synced = self.length

    def append(self, units: Sequence[bytes]) -> int:
        """Write `units` in one go; return how many of them the file now holds whole.

        Fewer than all means that the disk is full.

        Raises:
            OSError: nothing of `units` was kept.
        """
        self.open()
        self._trim()
        content = b"".join(units)
        self._ragged = True
        written = self._write(content)
        if written == len(content):
            self._ragged = False
            self.length += written
            return len(units)
        ends = list(accumulate(map(len, units)))
        whole = sum(end <= written for end in ends)
        self.length += ends[whole - 1] if whole else 0
        with contextlib.suppress(OSError):  # tried again before the next append
            self._trim()
        return whole

    def sync(self) -> None:
        """Make everything appended durable. After an OSError call `take_back`."""
        if self._descriptor is not None and self.dirty:
            self._disk.sync(self._descriptor)
            self.synced = self.length

    def take_back(self, length: int) -> None:
        """Forget what was appended after `length`. Raises OSError only at the next append."""
        self.length = self.synced = length
        self._ragged = True
        with contextlib.suppress(OSError):
            self._trim()

    def close(self) -> None:
        if self._descriptor is not None:
            self._disk.close(self._descriptor)
            self._descriptor = None

    def _write(self, content: bytes) -> int:
        """Bytes written; short only when the disk refused the rest. Raises if it refused them all."""
        written = 0
        while written < len(content):
            try:
                step = self._disk.write(self._descriptor or 0, content[written:] if written else content)
            except OSError:
                if not written:
                    raise
                return written
            if step <= 0:
                return written
            written += step
        return written

    def _trim(self) -> None:
        if self._ragged and self._descriptor is not None:
            self._disk.truncate(self._descriptor, self.length)
            self._ragged = False
