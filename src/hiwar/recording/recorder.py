"""The recorder: takes chunks, packets and journal lines from the stage, and gets them onto the disk.

Rules:
- A call never waits for the disk. It renders, appends to a queue under a lock that is held for
  microseconds, and returns. Every system call on a file is made by the recorder's own thread.
- What was handed over is durable in less than a second while the disk is well (written every
  `WRITE_SECONDS`, synced every `SYNC_SECONDS`).
- A file holds whole units only. When the disk refuses, files are trimmed to the last whole unit, the
  status is "full", everything is kept in memory and tried again every `RETRY_SECONDS`.
- Memory is bounded by `BACKLOG_BYTES_MAX`: beyond it the oldest units are dropped, the status is "losing",
  and the journal says what is missing before the file jumps over it. A feed's media time jumps nowhere else.

Theory of operation: callers are the producers and the thread the only consumer. A unit counts as held
from the call until it is durable, because a failed sync brings it back to the queue. What the disk does is
expected; any other error in the thread is told to `failed`, because nothing is recorded any more.
"""

import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from errno import ENOSPC
from itertools import chain
from pathlib import Path
from typing import Any

import structlog

from hiwar.media.feed import RECORDED_FEEDS, Chunk, Feed
from hiwar.media.packet import SpeakerPacket
from hiwar.ops import clock as ops_clock
from hiwar.recording.files import Disk, OsDisk
from hiwar.recording.folder import JOURNAL, TRACKS, FolderLock, file_bytes, index_path, media_path
from hiwar.recording.journal import Entry, Gap, JournalKind, render_entry
from hiwar.recording.logs import INIT, FeedLog, Log, Unit, extend_holes
from hiwar.recording.salvage import Resumption, salvage_files
from hiwar.recording.tracks import MAGIC, render_packet, track_name

BACKLOG_BYTES_MAX = 64 * 1024 * 1024  # half an hour of three feeds and two speakers, a third of it with ten
JOURNAL_LINES_MAX = 100_000  # kept in memory while the disk refuses; a line is about 150 bytes
TRACKS_MAX = 256  # links of a conversation are at most 200; more can only be a mistake
BATCH_UNITS_MAX = 512  # units per write: keeps the lock, and the interpreter, for microseconds
WRITE_SECONDS = 0.2
SYNC_SECONDS = 0.5  # with one write before it and the sync itself, under a second in all
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 10.0
LOCK_TRIES = 20  # a second in all: somebody may be looking whether the folder is being written

_log = structlog.get_logger("recording")


def read_boot_id() -> str:
    """Which boot of this machine it is; '' where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class Clock:
    """The clocks a recorder reads; tests bring their own."""

    monotonic: Callable[[], float] = ops_clock.monotonic
    wallclock: Callable[[], float] = ops_clock.wallclock
    boot_id: Callable[[], str] = read_boot_id


class Recorder:
    """One conversation's recording, open for writing. Made by `Recorder.open`; every method may be called
    from any thread."""

    def __init__(self, folder: Path, feeds: Iterable[Feed], clock: Clock, disk: Disk, bytes_max: int) -> None:
        self.dropped_units = 0  # lost for want of disk and memory
        self.refused_units = 0  # came twice, or too late to be appended
        self._folder, self._clock, self._disk, self._bytes_max = folder, clock, disk, bytes_max
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._pause = threading.Event()  # never set: a wait on it is a sleep
        self._folder_lock: FolderLock | None = None
        self._journal = Log(folder / JOURNAL, disk)
        self._feeds = {
            feed.name: FeedLog(media_path(folder, feed), disk, feed.chunk_samples) for feed in feeds
        }
        self._tracks: dict[str, Log] = {}
        self._next_start = dict.fromkeys(self._feeds, 0)
        self._holes: dict[str, list[Gap]] = {}
        self._held_bytes = 0
        self._media_time = 0
        self._refused_since: float | None = None
        self._losing = False
        self._synced_at = clock.monotonic()
        self._closed_by: float | None = None
        self._failed: Callable[[BaseException], None] = lambda error: None
        self._last_entry: Entry | None = None  # ENDED: readers take it for the word that nothing follows
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    @classmethod
    def open(
        cls,
        folder: Path,
        feeds: Iterable[Feed] = RECORDED_FEEDS,
        *,
        inits: Mapping[str, bytes],
        clock: Clock | None = None,
        disk: Disk | None = None,
        backlog_bytes_max: int = BACKLOG_BYTES_MAX,
        failed: Callable[[BaseException], None] = lambda error: None,
    ) -> tuple["Recorder", Resumption | None]:
        """Salvage what is in `folder`, and go on writing there.

        `inits` are the header bytes of each feed. The second result says where an earlier stage stopped;
        None for a new recording. A full disk is no error: the recorder starts with the status "full".
        `failed` is called in the recorder's thread when that ends by an error.

        Raises:
            RecordingBusy: another process writes it.
            KeyError: a feed without an init.
        """
        clock = clock or Clock()
        chosen = tuple(feeds)
        recorder = cls(folder, chosen, clock, disk or OsDisk(), backlog_bytes_max)
        recorder._failed = failed
        resumption, owed = None, dict[str, bytes]()
        if folder.is_dir():
            recorder._folder_lock = FolderLock(folder, LOCK_TRIES)
            resumption = salvage_files(folder, chosen, inits, clock.wallclock(), owed=owed)
        recorder._begin(chosen, inits, resumption, owed)
        recorder._thread.start()
        return recorder, resumption

    @property
    def status(self) -> str:
        """ "on"; "full": the disk refuses and all is kept in memory; "losing": memory is full too."""
        if self._losing:
            return "losing"
        return "on" if self._refused_since is None else "full"

    @property
    def lag_seconds(self) -> float:
        """Age of the oldest thing handed over that is not durable yet."""
        with self._lock:
            heads = [log.oldest_arrival for log in self._logs() if log.oldest_arrival is not None]
        return max(0.0, self._clock.monotonic() - min(heads)) if heads else 0.0

    @property
    def backlog_bytes(self) -> int:
        """What is held in memory because it is not durable yet."""
        return self._held_bytes

    def write_chunk(self, chunk: Chunk) -> None:
        """Append a chunk to its feed. One that was already passed is refused and counted; a jump ahead is
        written to the journal as a gap.

        Raises:
            KeyError: a feed that this recorder was not opened with.
        """
        log = self._feeds[chunk.feed]
        unit = Unit(chunk.payload, chunk.media_time, chunk.end, self._clock.monotonic())
        with self._lock:
            expected = self._next_start[chunk.feed]
            if unit.start < expected:
                self.refused_units += 1
                return
            if unit.start > expected:
                self._note_gap(Gap(expected, unit.start, feed=chunk.feed, reason="not made"))
            self._next_start[chunk.feed] = unit.end
            self._media_time = max(self._media_time, unit.end)
            self._hold(log, unit)

    def write_packet(self, person_id: str, packet: SpeakerPacket, media_time: int) -> None:
        """Append a packet to a speaker's track; `media_time` is when it arrived.

        Raises:
            ValueError: an id that cannot be a file's name.
        """
        content = render_packet(packet, media_time)
        unit = Unit(content, media_time, media_time, self._clock.monotonic())
        with self._lock:
            log = self._tracks.get(person_id) or self._add_track(person_id)
            if log is None:
                self.refused_units += 1
            else:
                self._hold(log, unit)

    def write_journal(self, kind: JournalKind | str, media_time: int, **fields: Any) -> None:
        """Append a line. OPENED and RESUMED get the boot id and the monotonic clock, unless they are given;
        ENDED is written only when everything handed over before it is in its file.

        Raises:
            ValueError: a kind that there is not.
        """
        kind = JournalKind(kind)
        if kind in (JournalKind.OPENED, JournalKind.RESUMED):
            fields = {"boot_id": self._clock.boot_id(), "monotonic": self._clock.monotonic(), **fields}
        entry = Entry(kind, media_time, self._clock.wallclock(), fields)
        with self._lock:
            if kind is JournalKind.ENDED:
                self._last_entry = entry
            else:
                self._hold_entry(entry)

    def close(self, seconds_max: float = CLOSE_SECONDS) -> bool:
        """Write and sync everything, and end. Waits, but at most about `seconds_max`; False if the disk
        refused for so long that something is lost."""
        self._closed_by = self._clock.monotonic() + seconds_max
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(seconds_max + RETRY_SECONDS)
        return not self._held_bytes

    # The callers' side; the lock is held.

    def _begin(
        self,
        feeds: tuple[Feed, ...],
        inits: Mapping[str, bytes],
        resumption: Resumption | None,
        owed: Mapping[str, bytes],
    ) -> None:
        """Queue what opens new files; take up numbers where they stopped."""
        now = self._clock.monotonic()
        if not file_bytes(self._journal.file.path):
            texts = {feed.name: b64encode(inits[feed.name]).decode("ascii") for feed in feeds}
            entry = Entry(JournalKind.PREPARED, 0, self._clock.wallclock(), {"inits": texts})
            self._hold_entry(entry)
        for feed in feeds:
            lacking = owed.get(feed.name, b"")
            self._feeds[feed.name].owe(lacking)
            if not lacking and not file_bytes(index_path(self._folder, feed)):
                self._hold(self._feeds[feed.name], Unit(inits[feed.name], INIT, 0, now))
            elif resumption:
                self._next_start[feed.name] = resumption.next_chunk[feed.name] * feed.chunk_samples
        self._media_time = resumption.media_time if resumption else 0

    def _add_track(self, person_id: str) -> Log | None:
        path = self._folder / TRACKS / track_name(person_id)
        if len(self._tracks) >= TRACKS_MAX:
            return None
        log = self._tracks[person_id] = Log(path, self._disk)
        if not file_bytes(path):
            self._hold(log, Unit(MAGIC, INIT, 0, self._clock.monotonic()))
        return log

    def _logs(self) -> Iterator[Log]:
        """In the order of writing: the journal first, so that a gap is explained before it is there."""
        return chain((self._journal,), self._feeds.values(), tuple(self._tracks.values()))

    def _hold(self, log: Log, unit: Unit) -> None:
        log.queue.append(unit)
        self._held_bytes += len(unit.content)
        if log.oldest_arrival is None:
            log.oldest_arrival = unit.arrived
        while self._held_bytes > self._bytes_max and self._drop_oldest():
            pass

    def _hold_entry(self, entry: Entry) -> None:
        if len(self._journal.queue) >= JOURNAL_LINES_MAX:
            self.dropped_units += 1
            return
        line = render_entry(entry)
        self._journal.queue.append(Unit(line, entry.media_time, entry.media_time, self._clock.monotonic()))
        self._held_bytes += len(line)
        if self._journal.oldest_arrival is None:
            self._journal.oldest_arrival = self._clock.monotonic()

    def _drop_oldest(self) -> bool:
        """Give up the oldest queued chunk or packet; False if there is none (all is on its way to disk)."""
        named = chain(self._feeds.items(), self._tracks.items())
        heads = [
            (log.queue[_first(log)].arrived, name, log) for name, log in named if len(log.queue) > _first(log)
        ]
        if not heads:
            return False
        _, name, log = min(heads, key=lambda head: head[0])
        at = _first(log)
        unit = log.queue[at]
        del log.queue[at]
        self._held_bytes -= len(unit.content)
        self.dropped_units += 1
        self._losing = True
        extend_holes(self._holes.setdefault(name, []), unit, name, feed=name in self._feeds)
        return True

    def _note_gap(self, gap: Gap) -> None:
        names = {"feed": gap.feed, "person": gap.person, "count": gap.count, "reason": gap.reason}
        fields = {name: value for name, value in names.items() if value}
        self._hold_entry(
            Entry(JournalKind.GAP, gap.start, self._clock.wallclock(), {"until": gap.end, **fields})
        )

    # The thread's side.

    def _run(self) -> None:
        try:
            self._record()
        except BaseException as error:  # whatever it is, the stage must know
            self._failed(error)

    def _record(self) -> None:
        while True:
            closing = self._closing.wait(WRITE_SECONDS if self._refused_since is None else RETRY_SECONDS)
            self._work(sync_now=closing)
            if closing and self._may_end():
                break
            if closing and self._refused_since is not None:
                self._pause.wait(WRITE_SECONDS)
        for log in self._logs():
            log.close()
        if self._folder_lock:
            self._folder_lock.release()

    def _may_end(self) -> bool:
        done = not self._held_bytes and self._last_entry is None
        return done or self._clock.monotonic() >= (self._closed_by or 0.0)

    def _work(self, *, sync_now: bool) -> None:
        """One round: write what waits, then sync what is due. Either may be refused by the disk."""
        refusal = self._try(self._write_all)
        if sync_now or self._clock.monotonic() - self._synced_at >= SYNC_SECONDS:
            self._synced_at = self._clock.monotonic()
            refusal = self._try(self._sync_all) or refusal
        if refusal is not None:
            self._note_refusal(refusal)
            return
        self._losing = bool(self._holes)
        if self._refused_since is not None:
            self._note_room()

    def _try(self, step: Callable[[], None]) -> OSError | None:
        try:
            step()
        except OSError as error:
            return error
        return None

    def _write_all(self) -> None:
        if self._folder_lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._folder_lock = FolderLock(self._folder)
        self._write_log(self._journal)
        self._explain_holes()
        with self._lock:
            logs = tuple(self._logs())
        for log in logs:
            self._write_log(log)
        self._write_last_entry()

    def _write_last_entry(self) -> None:
        """Nothing may follow it: after a refusal the line that there is room again comes first."""
        with self._lock:
            if self._last_entry is None or self._refused_since is not None:
                return
            if any(log.queue for log in self._logs()):
                return
            self._hold_entry(self._last_entry)
            self._last_entry = None
        self._write_log(self._journal)

    def _write_log(self, log: Log) -> None:
        while batch := self._take(log):
            written = 0
            try:
                written = log.write(batch)
            finally:
                self._give_back(log, batch[written:])
            if written < len(batch):
                raise OSError(ENOSPC, f"{log.file.path.name} is not written whole")

    def _sync_all(self) -> None:
        with self._lock:
            logs = tuple(self._logs())
        for log in logs:
            try:
                durable = log.sync()
            except OSError:
                self._give_back(log, log.take_back())
                raise
            with self._lock:
                self._held_bytes -= sum(len(unit.content) for unit in durable)
                log.oldest_arrival = log.queue[0].arrived if log.queue else None

    def _take(self, log: Log) -> list[Unit]:
        with self._lock:
            queue = log.queue
            return [queue.popleft() for _ in range(min(len(queue), BATCH_UNITS_MAX))]

    def _give_back(self, log: Log, units: list[Unit]) -> None:
        if units:
            with self._lock:
                log.queue.extendleft(reversed(units))

    def _explain_holes(self) -> None:
        """Say in the journal what was dropped, before the files jump over it."""
        with self._lock:
            holes, self._holes = self._holes, {}
            for gap in chain.from_iterable(holes.values()):
                self._note_gap(gap)
        self._write_log(self._journal)

    def _note_refusal(self, error: OSError) -> None:
        if self._refused_since is None:
            self._refused_since = self._clock.monotonic()
            _log.warning("the disk refuses, the recording is kept in memory", reason=str(error))
            self.write_journal(JournalKind.FULL, self._media_time, reason=error.strerror or str(error))

    def _note_room(self) -> None:
        seconds = self._clock.monotonic() - (self._refused_since or 0.0)
        self._refused_since = None
        _log.info("the disk takes the recording again", refused_seconds=round(seconds, 1))
        self.write_journal(JournalKind.ROOM, self._media_time, refused_seconds=round(seconds, 3))


def _first(log: Log) -> int:
    """Where in the queue the first unit lies that may be dropped: opening bytes may not."""
    return 1 if log.queue and log.queue[0].start == INIT else 0
