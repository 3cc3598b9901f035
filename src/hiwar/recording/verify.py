"""What the command line asks of recordings: which there are, whether one is whole, make one whole.

Verifying changes nothing and may be done at any time, also while a recorder is writing: it looks only at
what the index already shows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from hiwar.media.feed import RECORDED_FEEDS, Feed
from hiwar.ops.clock import wallclock
from hiwar.recording.folder import JOURNAL, TRACKS, FolderLock, RecordingBusy, file_bytes, media_path
from hiwar.recording.index import record_at
from hiwar.recording.journal import Gap, JournalKind, parse_journal, whole_length
from hiwar.recording.reader import FeedView, NoRecording, RecordingReader, folder_is_recording
from hiwar.recording.repair import damaged_positions
from hiwar.recording.salvage import Salvaged, default_inits, mapped, salvage_files
from hiwar.recording.tracks import MAGIC, parse_record
from hiwar.recording.units import is_sound

FINDINGS_MAX = 1000  # a file damaged all over is not explained better by a million lines


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, in `file`, as one sentence."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """One line of a list. `duration` is media time; `opened_wallclock` is UTC seconds, None if unknown."""

    conversation: str
    folder: Path
    duration: int
    bytes_total: int
    ended: bool
    being_written: bool
    opened_wallclock: float | None
    people: tuple[str, ...]


def list_recordings(conversations: Path) -> list[RecordingInfo]:
    """Every recording under `<data>/conversations`, the newest first."""
    if not conversations.is_dir():
        return []
    folders = (entry / "recording" for entry in sorted(conversations.iterdir()))
    found = [_describe(folder) for folder in folders if folder.is_dir() and folder_is_recording(folder)]
    return sorted(found, key=lambda info: info.opened_wallclock or 0.0, reverse=True)


def verify_recording(folder: Path) -> list[Finding]:
    """Hold every byte against the index, the index against the journal, and packets against their checks.

    An empty list means that the recording is whole. Raises OSError where it cannot be read.
    """
    reader = RecordingReader(folder)
    findings: list[Finding] = []
    for finding in _findings(reader):
        findings.append(finding)
        if len(findings) >= FINDINGS_MAX:
            break
    return findings


def salvage_recording(folder: Path) -> list[Salvaged]:
    """Make a recording whole, checking every byte; what was done, empty if nothing had to be.

    Raises:
        RecordingBusy: it is being written; a stage salvages by itself.
        OSError: the disk does not let it.
    """
    lock = FolderLock(folder)
    try:
        report: list[Salvaged] = []
        salvage_files(folder, RECORDED_FEEDS, default_inits(), wallclock(), deep=True, report=report)
        return report
    finally:
        lock.release()


def is_being_written(folder: Path) -> bool:
    """Whether a recorder holds the folder now."""
    try:
        FolderLock(folder).release()
    except RecordingBusy:
        return True
    except OSError:
        return False
    return False


def _describe(folder: Path) -> RecordingInfo:
    reader = RecordingReader(folder)
    try:
        duration = reader.duration
    except NoRecording:  # an index is damaged: the list still shows it
        duration = 0
    return RecordingInfo(
        conversation=folder.parent.name,
        folder=folder,
        duration=duration,
        bytes_total=reader.bytes_total,
        ended=reader.ended,
        being_written=is_being_written(folder),
        opened_wallclock=reader.origin_wallclock or None,
        people=tuple(person.name for person in reader.people),
    )


def _findings(reader: RecordingReader) -> Iterator[Finding]:
    yield from _check_journal(reader)
    gaps, live = reader.summary.gaps, is_being_written(reader.folder)
    for feed in RECORDED_FEEDS:
        if not media_path(reader.folder, feed).exists():
            yield Finding(media_path(reader.folder, feed).name, "The file is missing.")
            continue
        try:
            view = reader.view(feed)
        except NoRecording:
            yield Finding(f"{feed.name}.index", "The index is missing or its beginning is damaged.")
            continue
        yield from _check_feed(view, live=live)
        yield from _check_jumps(view, tuple(gap for gap in gaps if gap.feed == feed.name))
        yield from _check_length(view, reader.summary.ended)
    for person in reader.tracks():
        yield from _check_track(reader.track_path(person), live=live)


def _check_journal(reader: RecordingReader) -> Iterator[Finding]:
    path = reader.folder / JOURNAL
    content = path.read_bytes() if path.exists() else b""
    if not any(entry.kind is JournalKind.OPENED for entry in reader.journal):
        yield Finding(JOURNAL, "The journal does not say when the air was opened.")
    damaged = parse_journal(content)[1]
    if damaged:
        yield Finding(JOURNAL, f"{damaged} lines are damaged.")
    if whole_length(content) < len(content) and not is_being_written(reader.folder):
        yield Finding(JOURNAL, "The last line is torn.")


def _check_feed(view: FeedView, *, live: bool) -> Iterator[Finding]:
    name = view.path.name
    index_bytes = file_bytes(view.path.with_suffix(".index"))
    with mapped(view.path) as content:
        size = len(content)
        if crc32(content[: view.init_length]) != view.header.init_check:
            yield Finding(name, "The opening bytes are damaged.")
        for position in damaged_positions(content, view.records):
            row = record_at(view.records, position)
            yield Finding(name, f"Chunk {row.number} ({row.length} bytes at {row.offset}) is damaged.")
        yield from _check_last(view.feed, content, view)
    if live:
        return
    if size > view.length:
        yield Finding(name, f"{size - view.length} bytes at the end are in no index.")
    if index_bytes > (len(view.records) + 1) * 24:
        yield Finding(f"{view.feed.name}.index", "Records at the end are torn, or not in order.")


def _check_last(feed: Feed, content: memoryview, view: FeedView) -> Iterator[Finding]:
    """The form of the last chunk: a check alone would not tell a file of another kind."""
    if len(view.records):
        row = record_at(view.records, len(view.records) - 1)
        if not is_sound(feed, row.number, bytes(content[row.offset : row.end])):
            yield Finding(view.path.name, f"Chunk {row.number} has not the form of a {feed.name} chunk.")


def _check_jumps(view: FeedView, gaps: tuple[Gap, ...]) -> Iterator[Finding]:
    """Media time jumps only where the journal says so."""
    numbers = view.records["number"].astype(np.int64)
    samples = view.feed.chunk_samples
    for position in np.flatnonzero(np.diff(numbers, prepend=-1) != 1):
        start = (int(numbers[position - 1]) + 1 if position else 0) * samples
        end = int(numbers[position]) * samples
        if not _is_explained(start, end, gaps):
            yield Finding(view.path.name, f"Media time jumps from {start} to {end}; the journal has no gap.")


def _is_explained(start: int, end: int, gaps: tuple[Gap, ...]) -> bool:
    for gap in sorted(gaps, key=lambda gap: gap.start):
        if gap.start <= start < gap.end:
            start = gap.end
    return start >= end


def _check_length(view: FeedView, ended: int | None) -> Iterator[Finding]:
    """A feed may end one chunk before the conversation, since it holds whole chunks only."""
    if ended is not None and view.media_time + view.feed.chunk_samples <= ended:
        missing = (ended - view.media_time) / 48_000
        yield Finding(view.path.name, f"The last {missing:.2f} seconds are missing.")


def _check_track(path: Path, *, live: bool) -> Iterator[Finding]:
    name = f"{TRACKS}/{path.name}"
    with mapped(path) as area:
        content = bytes(area)
    if not content.startswith(MAGIC):
        yield Finding(name, "The beginning is damaged.")
    at, before = len(MAGIC), 0
    while at < len(content):
        found = parse_record(content, at)
        if found is None and live:
            return
        if found is None:
            yield Finding(name, f"The packet record at {at} is damaged or torn.")
            return
        if found[0].media_time < before:
            yield Finding(name, f"Media time goes back at {at}.")
        before, at = found[0].media_time, found[1]
