"""What is missing in the tracks of a recording."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from hiwar.media.packet import render_rtp
from hiwar.media.timeline import FRAME_SAMPLES, SAMPLE_RATE
from hiwar.recording.folder import JOURNAL, TRACKS
from hiwar.recording.journal import Entry, JournalKind, render_entry
from hiwar.recording.tracks import MAGIC, TrackRecord, render_record
from hiwar.rehearsal.recordings import missing_packets, read_recording

ORIGIN = 1_790_000_000.0


def write(folder: Path, tracks: dict[str, Iterable[int]], first: int = 65_500) -> Path:
    """A recording with a journal and these packets (by their number) in each track."""
    (folder / TRACKS).mkdir(parents=True)
    anchor = {"boot_id": "b", "monotonic": 5.0, "incarnation": 1}
    opened = Entry(JournalKind.OPENED, 0, ORIGIN, anchor)
    (folder / JOURNAL).write_bytes(render_entry(opened))
    for person, numbers in tracks.items():
        content = MAGIC
        for number in numbers:
            sequence = (first + number) % 65_536
            raw = render_rtp(
                payload_type=96, sequence=sequence, timestamp=number * 960, ssrc=1, payload=b"sound"
            )
            content += render_record(TrackRecord(number * FRAME_SAMPLES, raw))
        (folder / TRACKS / f"{person}.track").write_bytes(content)
    return folder


def seconds(number: int) -> float:
    return ORIGIN + number * FRAME_SAMPLES / SAMPLE_RATE


def test_nothing_is_missing_where_the_numbers_go_on_also_over_their_end(tmp_path: Path) -> None:
    folder = write(tmp_path, {"h1": range(200), "g1": range(200)})
    assert missing_packets(folder, [(seconds(0), seconds(200))]) == [0]


def test_a_hole_counts_in_the_window_in_which_it_ends(tmp_path: Path) -> None:
    there = [number for number in range(200) if number not in (50, 51, 150)]
    folder = write(tmp_path, {"h1": there, "g1": range(200)})
    windows = [(seconds(0), seconds(100)), (seconds(100), seconds(200)), (seconds(200), seconds(300))]
    assert missing_packets(folder, windows) == [2, 1, 0]


def test_packets_that_overtook_each_other_are_not_missing(tmp_path: Path) -> None:
    folder = write(tmp_path, {"h1": [0, 1, 2, 4, 3, 5]})
    # the one that came late was counted as missing when the next one came
    assert missing_packets(folder, [(seconds(0), seconds(10))]) == [0]


def test_a_recording_that_is_not_whole_says_so(tmp_path: Path) -> None:
    folder = write(tmp_path, {"h1": range(10)})
    found = read_recording(folder)
    assert found.packets == 10
    assert any("missing" in finding for finding in found.findings)


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_a_track_that_is_none_has_no_packets(tmp_path: Path, content: bytes) -> None:
    folder = write(tmp_path, {"h1": []})
    (folder / TRACKS / "h1.track").write_bytes(content)
    assert missing_packets(folder, [(ORIGIN, ORIGIN + 1)]) == [0]
