"""Making a folder whole again after its stage died, and finding out where it stopped.

The deciding is pure (`repair`, `journal`, `tracks`); this is the shell: it reads, cuts, overwrites and
syncs. Bytes that are overwritten or found damaged are kept under `damaged/` first. Whoever calls holds
the folder's lock. Three hours are looked through in well under two seconds, because only the last minute
is checked byte by byte (`deep` checks everything, for the command line).
"""

import contextlib
import mmap
import os
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path

import numpy as np

from hiwar.media.feed import RECORDED_FEEDS, Feed
from hiwar.media.timeline import seconds
from hiwar.packager.feeds import init_bytes
from hiwar.recording.folder import DAMAGED, JOURNAL, TRACKS, file_bytes, index_path, media_path, sync_folder
from hiwar.recording.index import RECORD_BYTES
from hiwar.recording.journal import (
    Anchor,
    Entry,
    Gap,
    JournalKind,
    PersonSeen,
    Summary,
    parse_journal,
    render_entry,
    summarise,
    whole_length,
)
from hiwar.recording.repair import FeedPlan, Patch, decide_feed
from hiwar.recording.tracks import MAGIC, last_end

TRACK_LOOK_BYTES = 256 * 1024  # how far back from its end a track is first searched; then four times that


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where an earlier stage stopped, for the one that goes on.

    `incarnation` is the new stage's own number (the first stage of a conversation was 1). `next_chunk` is
    the number each feed goes on with; `media_time` where the longest of them ends. `phase` is "live",
    "waiting" or "ended", as journalled. `people` are all who were there, with `here` and `muted`.
    """

    incarnation: int
    anchor: Anchor
    next_chunk: dict[str, int]
    media_time: int
    phase: str
    people: tuple[PersonSeen, ...]
    gaps: tuple[Gap, ...]

    @property
    def muted(self) -> frozenset[str]:
        """The ids of those who had been muted."""
        return frozenset(person.id for person in self.people if person.muted)

    @property
    def ended(self) -> bool:
        return self.phase == "ended"


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What a salvage did to one file: bytes cut off its end, and chunks that silence now stands in for."""

    file: str
    cut_bytes: int = 0
    replaced_chunks: int = 0
    index_rewritten: bool = False

    @property
    def untouched(self) -> bool:
        return not (self.cut_bytes or self.replaced_chunks or self.index_rewritten)


def salvage_files(
    folder: Path,
    feeds: Iterable[Feed],
    inits: Mapping[str, bytes],
    wallclock: float,
    *,
    deep: bool = False,
    report: list[Salvaged] | None = None,
    owed: dict[str, bytes] | None = None,
) -> Resumption | None:
    """Make every file of `folder` whole; None if nothing was ever recorded there.

    `inits` are used where the journal does not say what a file opened with. `report` receives what was
    done to each file. On a full disk `owed` receives, by feed, the records that its index has no room
    for, and whoever writes next must append them first; without it that is an error.

    Raises:
        OSError: the disk does not let its files be read or mended.
    """
    done = [] if report is None else report
    entries = _salvage_journal(folder, done)
    summary = summarise(entries)
    known = {**inits, **_inits_of(entries)}
    lacking: dict[str, bytes] = {}
    plans = {
        feed: _salvage_feed(folder, feed, known, summary, wallclock, deep=deep, done=done, owed=lacking)
        for feed in feeds
    }
    if owed is None and any(lacking.values()):
        raise OSError(ENOSPC, "there is no room for an index")
    (owed if owed is not None else {}).update(lacking)
    for path in sorted((folder / TRACKS).glob("*.track")):
        _salvage_track(path, done)
    media_time = max((plan.next_number * feed.chunk_samples for feed, plan in plans.items()), default=0)
    if not media_time and not summary.phase:
        return None
    anchor = summary.anchor or _guess_anchor(folder, feeds, media_time, wallclock)
    return Resumption(
        incarnation=summary.incarnation + 1,
        anchor=anchor,
        next_chunk={feed.name: plan.next_number for feed, plan in plans.items()},
        media_time=media_time,
        phase=summary.phase or "live",
        people=summary.people,
        gaps=summary.gaps,
    )


def _salvage_journal(folder: Path, done: list[Salvaged]) -> list[Entry]:
    path = folder / JOURNAL
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    whole = whole_length(content)
    _cut(path, whole, done)
    return parse_journal(content[:whole])[0]


def _inits_of(entries: Iterable[Entry]) -> dict[str, bytes]:
    """What each file opened with, by the first PREPARED line."""
    for entry in entries:
        inits = entry.fields.get("inits")
        if entry.kind is JournalKind.PREPARED and isinstance(inits, dict):
            with contextlib.suppress(ValueError, TypeError):
                return {name: b64decode(text, validate=True) for name, text in inits.items()}
    return {}


def _salvage_feed(
    folder: Path,
    feed: Feed,
    inits: Mapping[str, bytes],
    summary: Summary,
    wallclock: float,
    *,
    deep: bool,
    done: list[Salvaged],
    owed: dict[str, bytes],
) -> FeedPlan:
    media, index = media_path(folder, feed), index_path(folder, feed)
    old_index = index.read_bytes() if index.exists() else b""
    init = inits.get(feed.name) or init_bytes(feed.name)
    gaps = [
        range(gap.start // feed.chunk_samples, gap.end // feed.chunk_samples)
        for gap in summary.gaps
        if gap.feed == feed.name
    ]
    with mapped(media) as content:
        size = len(content)
        plan = decide_feed(feed, content, old_index, init, gaps, deep=deep)
        _keep_aside(folder, feed, content, plan.patches)
    _mend(media, plan.patches, plan.length)
    if plan.index != old_index:
        owed[feed.name] = _rewrite(index, old_index, plan.index)
    _note_damage(folder, feed, plan.patches, wallclock)
    mended = Salvaged(media.name, size - plan.length, len(plan.patches), plan.index != old_index)
    done.extend([] if mended.untouched else [mended])
    return plan


def _salvage_track(path: Path, done: list[Salvaged]) -> None:
    """Cut a track after its last sound record; the search goes back only as far as it has to."""
    with mapped(path) as content:
        size = len(content)
        look = TRACK_LOOK_BYTES
        end = None
        while end is None:
            start = max(len(MAGIC), size - look)
            end = last_end(content[start:])
            if end is not None:
                end += start
            elif start <= len(MAGIC):
                end = len(MAGIC) if size >= len(MAGIC) else 0
            look *= 4
    _cut(path, min(end, size), done)


@contextlib.contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of a file, without reading it into memory; empty where there is none."""
    if not file_bytes(path):
        yield memoryview(b"")
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as area:
        view = memoryview(area)
        try:
            yield view
        finally:
            view.release()


def _cut(path: Path, length: int, done: list[Salvaged]) -> None:
    size = file_bytes(path)
    if size > length:
        _mend(path, (), length)
        done.append(Salvaged(path.name, cut_bytes=size - length))


def _keep_aside(folder: Path, feed: Feed, content: memoryview, patches: Iterable[Patch]) -> None:
    """Copy what will be overwritten. Where the disk has no room for that, the file's health goes first."""
    for patch in patches:
        old = content[patch.offset : patch.offset + len(patch.content)]
        name = f"{feed.name}-{patch.offset}.bin"
        with contextlib.suppress(OSError):
            (folder / DAMAGED).mkdir(exist_ok=True)
            (folder / DAMAGED / name).write_bytes(old)


def _mend(path: Path, patches: Iterable[Patch], length: int) -> None:
    """Overwrite, cut, and make it durable."""
    if file_bytes(path) == length and not patches:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for patch in patches:
            os.pwrite(descriptor, patch.content, patch.offset)
        os.ftruncate(descriptor, length)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _rewrite(path: Path, old: bytes, new: bytes) -> bytes:
    """Bring an index to its new content in place: it can be made again from the media file at any time.
    Returns what a full disk did not take, whole records only."""
    common = _common_bytes(old, new)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        written = common + _write_what_fits(descriptor, new[common:], common)
        whole = written // RECORD_BYTES * RECORD_BYTES
        os.ftruncate(descriptor, whole)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if not old:
        sync_folder(path.parent)
    return new[whole:]


def _write_what_fits(descriptor: int, content: bytes, offset: int) -> int:
    """How many bytes the disk took. Raises OSError where the reason is not want of room."""
    written = 0
    while written < len(content):
        try:
            written += os.pwrite(descriptor, content[written:], offset + written)
        except OSError as error:
            if error.errno not in (ENOSPC, EDQUOT):
                raise
            break
    return written


def _common_bytes(old: bytes, new: bytes) -> int:
    """How many bytes at the start of both are equal."""
    size = min(len(old), len(new))
    differing = np.flatnonzero(np.frombuffer(old, np.uint8, size) != np.frombuffer(new, np.uint8, size))
    return int(differing[0]) if len(differing) else size


def _note_damage(folder: Path, feed: Feed, patches: Iterable[Patch], wallclock: float) -> None:
    """Say in the journal where silence now stands in for what was damaged."""
    lines = [
        render_entry(
            Entry(
                JournalKind.DAMAGED,
                patch.number * feed.chunk_samples,
                wallclock,
                {"feed": feed.name, "until": (patch.number + 1) * feed.chunk_samples, "count": 1},
            )
        )
        for patch in patches
        if patch.number >= 0
    ]
    if lines:
        path = folder / JOURNAL
        size = file_bytes(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            content = b"".join(lines)
            written = _write_what_fits(descriptor, content, size)
            os.ftruncate(descriptor, size + whole_length(content[:written]))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _guess_anchor(folder: Path, feeds: Iterable[Feed], media_time: int, wallclock: float) -> Anchor:
    """When the journal has lost its anchor: the last write of sound was at the end of what there is."""
    written = [
        media_path(folder, feed).stat().st_mtime for feed in feeds if media_path(folder, feed).exists()
    ]
    return Anchor("", 0.0, min(max(written, default=wallclock), wallclock) - seconds(media_time))


def default_inits() -> dict[str, bytes]:
    """What files open with by default, for salvage where the journal is lost."""
    return {feed.name: init_bytes(feed.name) for feed in RECORDED_FEEDS}
