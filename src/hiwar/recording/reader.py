"""Reading a recording, after the conversation or while it is being written.

What is visible is what the index says: whole chunks whose bytes were written before their record. A reader
looks at the files again when they have grown; nothing it has said before changes by that.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hiwar.media.feed import RECORDED_FEEDS, Feed
from hiwar.media.timeline import SEGMENT_SAMPLES
from hiwar.packager.playlists import SegmentRange
from hiwar.recording.folder import JOURNAL, TRACKS, file_bytes, index_path, media_path
from hiwar.recording.index import (
    RECORD_BYTES,
    BadIndex,
    IndexHeader,
    Records,
    in_order_count,
    parse_header,
    parse_records,
)
from hiwar.recording.journal import Entry, PersonSeen, Summary, parse_journal, summarise
from hiwar.recording.tracks import track_name


class NoRecording(LookupError):
    """Nothing of this feed, or of this conversation, is recorded (yet)."""


@dataclass(frozen=True, slots=True)
class FeedView:
    """A feed as far as it is visible. `length` is the file's visible bytes, `media_time` its visible end."""

    feed: Feed
    path: Path
    header: IndexHeader
    records: Records
    length: int
    media_time: int

    @property
    def init_length(self) -> int:
        return self.header.init_length

    def segments(self) -> list[SegmentRange]:
        """Every segment of which there is a chunk, in order; the last may be growing.

        All but the last last a whole segment, also those with a hole, so that playlists keep media time.
        """
        if not len(self.records):
            return []
        numbers = self.records["number"].astype(np.int64)
        offsets = self.records["offset"].astype(np.int64)
        msns = numbers * self.feed.chunk_samples // SEGMENT_SAMPLES
        firsts = np.flatnonzero(np.diff(msns, prepend=-1))
        starts = offsets[firsts]
        lengths = np.diff(starts, append=self.length)
        durations = [SEGMENT_SAMPLES] * (len(firsts) - 1)
        durations.append(self.media_time - int(msns[-1]) * SEGMENT_SAMPLES)
        rows = zip(msns[firsts].tolist(), starts.tolist(), lengths.tolist(), durations, strict=True)
        return [SegmentRange(*row) for row in rows]


class RecordingReader:
    """One recording's folder. Cheap to make; what it has read it keeps until the files grow.

    Not for use from several threads at once.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._views: dict[str, tuple[int, FeedView]] = {}
        self._journal: tuple[int, list[Entry], int] = (-1, [], 0)
        self._summary: Summary = Summary()

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds that have an index with something in it."""
        return tuple(feed for feed in RECORDED_FEEDS if self._is_begun(feed))

    def view(self, feed: Feed) -> FeedView:
        """The feed as it is now.

        Raises:
            NoRecording: there is none of it, or its index has to be salvaged first.
        """
        size = file_bytes(index_path(self.folder, feed)) // RECORD_BYTES * RECORD_BYTES
        held = self._views.get(feed.name)
        if held is None or held[0] != size:
            held = self._views[feed.name] = (size, self._read(feed))
        return held[1]

    def segments(self, feed: Feed) -> list[SegmentRange]:
        """See `FeedView.segments`."""
        return self.view(feed).segments()

    @property
    def journal(self) -> list[Entry]:
        """All entries; damaged lines are passed over."""
        self._follow_journal()
        return self._journal[1]

    @property
    def summary(self) -> Summary:
        """Phase, anchor, people and gaps, by the journal."""
        self._follow_journal()
        return self._summary

    @property
    def people(self) -> tuple[PersonSeen, ...]:
        return self.summary.people

    @property
    def ended(self) -> bool:
        return self.summary.ended is not None

    @property
    def origin_wallclock(self) -> float:
        """When media time was 0, UTC seconds; 0 where the journal does not say."""
        anchor = self.summary.anchor
        return anchor.wallclock if anchor else 0.0

    @property
    def duration(self) -> int:
        """Media time of the end: as journalled, else as far as the longest feed goes."""
        ended = self.summary.ended
        if ended is not None:
            return ended
        return max((self.view(feed).media_time for feed in self.feeds), default=0)

    @property
    def bytes_total(self) -> int:
        """All that the folder holds on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def tracks(self) -> tuple[str, ...]:
        """The ids of all who have a track."""
        return tuple(sorted(path.stem for path in (self.folder / TRACKS).glob("*.track")))

    def track_path(self, person_id: str) -> Path:
        """Where a person's track lies. Raises ValueError for an impossible id."""
        return self.folder / TRACKS / track_name(person_id)

    def _is_begun(self, feed: Feed) -> bool:
        return file_bytes(index_path(self.folder, feed)) >= RECORD_BYTES

    def _read(self, feed: Feed) -> FeedView:
        path = media_path(self.folder, feed)
        try:
            content = index_path(self.folder, feed).read_bytes()
            header = parse_header(content)
        except (FileNotFoundError, BadIndex) as error:
            raise NoRecording(f"there is no recording of {feed.name}") from error
        records = parse_records(content)
        records = records[: in_order_count(records, header.init_length, file_bytes(path))]
        length, media_time = header.init_length, 0
        if len(records):
            length = int(records["offset"][-1]) + int(records["length"][-1])
            media_time = (int(records["number"][-1]) + 1) * feed.chunk_samples
        return FeedView(feed, path, header, records, length, media_time)

    def _follow_journal(self) -> None:
        path = self.folder / JOURNAL
        size = file_bytes(path)
        if size != self._journal[0]:
            content = path.read_bytes() if size else b""
            entries, damaged = parse_journal(content)
            self._journal = (len(content), entries, damaged)
            self._summary = summarise(entries)


def folder_is_recording(folder: Path) -> bool:
    """Whether anything was ever recorded there."""
    return os.path.isfile(folder / JOURNAL) or any(
        media_path(folder, feed).is_file() for feed in RECORDED_FEEDS
    )
