"""What a recorder keeps of one thing — a feed, a track, the journal — between the caller and the disk.

A unit lives in `queue`, then (written, not yet durable) in `unsynced`, then nowhere. `queue` is shared with
the callers and touched only under the recorder's lock; all else belongs to the recorder's thread.
"""

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hiwar.recording.files import AppendFile, Disk
from hiwar.recording.index import RECORD_BYTES, render_header, render_record
from hiwar.recording.journal import Gap

INIT = -1  # `Unit.start` of a file's opening bytes


class Unit(NamedTuple):
    """Bytes that are written whole or not at all. `start` and `end` are media time; `arrived` monotonic."""

    content: bytes
    start: int
    end: int
    arrived: float


class Log:
    """One append-only file and what waits for it."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.file = AppendFile(path, disk)
        self.queue: deque[Unit] = deque()
        self.unsynced: list[Unit] = []
        self.oldest_arrival: float | None = None  # of what is not durable; kept by the recorder's thread

    def write(self, units: Sequence[Unit]) -> int:
        """Write `units`, and return how many are in the file whole. Raises OSError if none is."""
        written = self.file.append([unit.content for unit in units])
        self.unsynced.extend(units[:written])
        return written

    def sync(self) -> list[Unit]:
        """Make what was written durable; return the units that now are. Raises OSError."""
        self.file.sync()
        durable, self.unsynced = self.unsynced, []
        return durable

    def take_back(self) -> list[Unit]:
        """After a failed sync: undo what was not durable, and return it to be written again."""
        undone, self.unsynced = self.unsynced, []
        self.file.take_back(self.file.synced)
        return undone

    def close(self) -> None:
        self.file.close()


class FeedLog(Log):
    """A feed's file and its index. A chunk is written when its bytes are; it counts when both are durable."""

    def __init__(self, path: Path, disk: Disk, chunk_samples: int) -> None:
        super().__init__(path, disk)
        self.index = AppendFile(path.with_suffix(".index"), disk)
        self.chunk_samples = chunk_samples
        self._records: list[bytes] = []  # of chunks whose bytes are written, and which are not in the index
        self._opened = False
        self._owed: list[bytes] = []  # records of what is in the file already, which the index lacks
        self._durable = (0, 0)  # lengths of file and index after the last sync of both

    def owe(self, records: bytes) -> None:
        """Records that salvage found no room for: the index gets them before any other."""
        self._owed = [records[at : at + RECORD_BYTES] for at in range(0, len(records), RECORD_BYTES)]
        self._records = list(self._owed)

    def write(self, units: Sequence[Unit]) -> int:
        self._open()
        at = self.file.length
        written = super().write(units)
        for unit in units[:written]:
            self._records.append(self._record(unit, at))
            at += len(unit.content)
        self._write_records()
        return written

    def sync(self) -> list[Unit]:
        if self._records:
            self._open()
            self._write_records()
        if self._records:
            raise OSError(f"{self.index.path.name} does not take its records")
        self.file.sync()
        self.index.sync()
        self._durable = (self.file.length, self.index.length)
        self._owed.clear()
        durable, self.unsynced = self.unsynced, []
        return durable

    def take_back(self) -> list[Unit]:
        undone, self.unsynced = self.unsynced, []
        self._records = list(self._owed)
        file_length, index_length = self._durable
        self.file.take_back(file_length)
        self.index.take_back(index_length)
        return undone

    def close(self) -> None:
        super().close()
        self.index.close()

    def _open(self) -> None:
        if not self._opened:
            self.file.open()
            self.index.open()
            self._durable = (self.file.length, self.index.length)
            self._opened = True

    def _record(self, unit: Unit, at: int) -> bytes:
        if unit.start == INIT:
            return render_header(self.chunk_samples, unit.content)
        return render_record(unit.start // self.chunk_samples, at, unit.content)

    def _write_records(self) -> None:
        """Append what the index lacks. What it refuses stays for `sync`, which then fails."""
        if self._records:
            try:
                written = self.index.append(self._records)
            except OSError:
                return
            del self._records[:written]


def extend_holes(holes: list[Gap], unit: Unit, name: str, *, feed: bool) -> None:
    """Add a dropped unit to the last hole if it follows it, else begin another."""
    last = holes[-1] if holes else None
    follows = last is not None and (last.end == unit.start if feed else last.end <= unit.start)
    start, count = (last.start, last.count) if last and follows else (unit.start, 0)
    whose = {"feed": name} if feed else {"person": name}
    gap = Gap(start, unit.end, count=count + 1, reason="no room on disk and in memory", **whose)
    if follows:
        holes[-1] = gap
    else:
        holes.append(gap)
