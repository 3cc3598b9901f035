"""What the recording says, once it is closed: is it whole, and is every packet in its track."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from hiwar.media.packet import BadPacket, parse_rtp
from hiwar.media.serial import extend_sequence
from hiwar.media.timeline import SAMPLE_RATE
from hiwar.recording.reader import RecordingReader
from hiwar.recording.tracks import read_records
from hiwar.recording.verify import verify_recording
from hiwar.rehearsal.records import RecordingReport


def read_recording(folder: Path) -> RecordingReport:
    """Hold every byte against the index, the index against the journal, and count the packets of all tracks.

    Raises:
        OSError: it cannot be read.
    """
    reader = RecordingReader(folder)
    found = tuple(f"{finding.file}: {finding.text}" for finding in verify_recording(folder))
    packets = sum(len(list(_numbers(reader.track_path(person)))) for person in reader.tracks())
    seconds = reader.duration / SAMPLE_RATE
    return RecordingReport(
        seconds=round(seconds, 2), findings=found, gaps=len(reader.summary.gaps), packets=packets
    )


def missing_packets(folder: Path, windows: Iterable[tuple[float, float]]) -> list[int]:
    """For each window (wallclock from, to): packets of all tracks whose numbers are missing in it.

    A speaker numbers what they send without a gap (RFC 3550, section 5.1), so a number that is not in the
    track was sent and is not there, wherever it was lost.
    """
    reader = RecordingReader(folder)
    tracks = [
        sorted(_numbers(reader.track_path(person)), key=lambda each: each[1]) for person in reader.tracks()
    ]
    origin = reader.origin_wallclock
    return [
        sum(_missing(track, since - origin, until - origin) for track in tracks) for since, until in windows
    ]


def _missing(track: list[tuple[float, int]], since_s: float, until_s: float) -> int:
    """Numbers missing among those that arrived in a window; each hole counts where it ends. `track` is in the
    order of the numbers, so that a packet which was overtaken is no hole."""
    missing, former = 0, None
    for at_s, number in track:
        if former is not None and since_s <= at_s < until_s:
            missing += max(0, number - former - 1)
        former = number
    return missing


def _numbers(path: Path) -> Iterator[tuple[float, int]]:
    """Arrival (seconds of media time) and extended sequence number of each packet of a track."""
    near: int | None = None
    for record in read_records(path.read_bytes()):
        try:
            packet = parse_rtp(record.raw, 0.0)
        except BadPacket:
            continue
        near = packet.sequence if near is None else extend_sequence(packet.sequence, near)
        yield record.media_time / SAMPLE_RATE, near
