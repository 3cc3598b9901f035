"""The recorder: callers never wait, files hold whole units, and what the disk refuses comes later."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hiwar.media.feed import FEED_AAC, FEED_OPUS
from hiwar.recording.files import OsDisk
from hiwar.recording.journal import JournalKind
from hiwar.recording.reader import RecordingReader
from hiwar.recording.recorder import Recorder
from hiwar.recording.tracks import read_records
from hiwar.recording.verify import list_recordings, verify_recording
from tests.recording.disks import FailingSyncDisk, FullDisk, StuckDisk
from tests.recording.sound import INITS, decoded_samples, rtp_packet, tone_chunks, write_recording

MB = 1024 * 1024


def wait_for(condition: Callable[[], bool], seconds_max: float = 10.0) -> None:
    end = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def opus_bytes(count: int) -> bytes:
    return INITS["opus"] + b"".join(chunk.payload for chunk in tone_chunks("opus", count))


def test_everything_handed_over_is_in_the_files_byte_for_byte(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    write_recording(folder, {"opus": 60, "aac": 15, "mp3": 20}, ended=True)
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(60)
    records = list(read_records((folder / "tracks" / "h1.track").read_bytes()))
    assert [record.raw for record in records] == [rtp_packet(number).raw for number in range(30)]
    assert verify_recording(folder) == []
    reader = RecordingReader(folder)
    assert (reader.ended, reader.duration) == (True, 230_400)
    assert reader.journal[-1].kind is JournalKind.ENDED
    for name in ("opus.mp4", "aac.m4a", "mp3.mp3"):
        assert abs(decoded_samples(folder / name) - 230_400) < 1200


def test_a_second_stage_goes_on_in_the_same_files(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    write_recording(folder, {"opus": 10})
    recorder, resumption = Recorder.open(folder, inits=INITS)
    assert resumption is not None
    for chunk in tone_chunks("opus", 20)[resumption.next_chunk["opus"] :]:
        recorder.write_chunk(chunk)
    recorder.write_packet("h1", rtp_packet(30), 30 * 960)
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(20)
    assert len(list(read_records((folder / "tracks" / "h1.track").read_bytes()))) == 31
    assert verify_recording(folder) == []


def test_a_chunk_that_was_passed_is_refused_and_a_jump_is_journalled(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    chunks = tone_chunks("opus", 10)
    for chunk in (*chunks[:5], chunks[3], *chunks[7:]):
        recorder.write_chunk(chunk)
    assert recorder.close()
    assert recorder.refused_units == 1
    (gap,) = RecordingReader(folder).summary.gaps
    assert (gap.feed, gap.start, gap.end) == ("opus", 5 * 3840, 7 * 3840)
    assert verify_recording(folder) == []


def test_a_jump_that_the_journal_does_not_explain_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    for chunk in (*tone_chunks("aac", 3), *tone_chunks("aac", 9)[5:]):
        recorder.write_chunk(chunk)
    assert recorder.close()
    journal = folder / "journal.jsonl"
    kept = [line for line in journal.read_bytes().splitlines(keepends=True) if b'"gap"' not in line]
    journal.write_bytes(b"".join(kept))
    assert [finding.file for finding in verify_recording(folder)] == ["aac.m4a"]


def test_a_full_disk_is_told_and_everything_is_there_when_room_returns(tmp_path: Path) -> None:
    folder, disk = tmp_path / "recording", FullDisk(room=20_000)
    recorder, _ = Recorder.open(folder, inits=INITS, disk=disk)
    recorder.write_journal("opened", 0)
    for opus, aac in zip(tone_chunks("opus", 60), tone_chunks("aac", 60), strict=True):
        recorder.write_chunk(opus)
        recorder.write_chunk(aac)
        recorder.write_packet("h1", rtp_packet(opus.number), opus.media_time)
    wait_for(lambda: recorder.status == "full")
    assert recorder.backlog_bytes > 50_000
    assert_opens(folder)
    disk.room = 10 * MB
    wait_for(lambda: recorder.status == "on" and recorder.backlog_bytes == 0)
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(60)
    assert verify_recording(folder) == []
    kinds = [entry.kind for entry in RecordingReader(folder).journal]
    assert JournalKind.FULL in kinds
    assert JournalKind.ROOM in kinds
    assert recorder.dropped_units == 0


def assert_opens(folder: Path) -> None:
    """While the disk is full: no file ends in a torn unit."""
    reader = RecordingReader(folder)
    for feed in reader.feeds:
        view = reader.view(feed)
        if view.media_time:
            assert decoded_samples(view.path) > 0


def test_a_recorder_opens_on_a_full_disk(tmp_path: Path) -> None:
    folder, disk = tmp_path / "recording", FullDisk(room=0)
    recorder, _ = Recorder.open(folder, inits=INITS, disk=disk)
    for chunk in tone_chunks("opus", 10):
        recorder.write_chunk(chunk)
    wait_for(lambda: recorder.status == "full")
    disk.room = MB
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(10)


def test_when_memory_is_full_too_the_oldest_is_lost_and_the_journal_says_what(tmp_path: Path) -> None:
    folder, disk = tmp_path / "recording", FullDisk(room=20_000)
    recorder, _ = Recorder.open(folder, inits=INITS, disk=disk, backlog_bytes_max=30_000)
    recorder.write_journal("opened", 0)
    for number, chunk in enumerate(tone_chunks("opus", 150)):
        recorder.write_chunk(chunk)
        recorder.write_packet("h1", rtp_packet(number), chunk.media_time)
        if number == 10:
            wait_for(lambda: recorder.backlog_bytes == 0)
    assert recorder.status == "losing"
    assert recorder.backlog_bytes <= 32_000
    disk.room = 10 * MB
    wait_for(lambda: recorder.status == "on" and recorder.backlog_bytes == 0)
    assert recorder.close()
    assert verify_recording(folder) == []
    gaps = RecordingReader(folder).summary.gaps
    assert sum(gap.count for gap in gaps) == recorder.dropped_units > 100
    kept = len(RecordingReader(folder).view(FEED_OPUS).records)
    assert kept + sum(gap.count for gap in gaps if gap.feed == "opus") == 150
    assert decoded_samples(folder / "opus.mp4") == kept * 3840 - 312


def test_a_sync_that_fails_is_made_good(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS, disk=FailingSyncDisk(every=4))
    recorder.write_journal("opened", 0)
    for chunk in (*tone_chunks("opus", 60), *tone_chunks("mp3", 20)):
        recorder.write_chunk(chunk)
    wait_for(lambda: recorder.backlog_bytes == 0, 20)
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(60)
    assert verify_recording(folder) == []


def test_an_error_that_is_not_the_disks_is_told(tmp_path: Path) -> None:
    class BrokenDisk(OsDisk):
        def write(self, descriptor: int, content: bytes) -> int:
            raise ValueError("a mistake of ours")

    told: list[BaseException] = []
    recorder, _ = Recorder.open(tmp_path / "recording", inits=INITS, disk=BrokenDisk(), failed=told.append)
    wait_for(lambda: bool(told))
    assert isinstance(told[0], ValueError)
    assert not recorder.close(0.1)


def test_no_call_waits_for_a_disk_that_is_stuck(tmp_path: Path) -> None:
    """The median tells what a call does; the machine's other work is allowed a few outliers."""
    disk = StuckDisk()
    recorder, _ = Recorder.open(tmp_path / "recording", inits=INITS, disk=disk)
    chunks, spent = tone_chunks("opus", 400), []
    for chunk in chunks:
        before = time.perf_counter()
        recorder.write_chunk(chunk)
        recorder.write_packet("h1", rtp_packet(chunk.number), chunk.media_time)
        spent.append(time.perf_counter() - before)
        time.sleep(0.003)
    assert recorder.lag_seconds > 0.9
    assert recorder.status == "on"
    spent.sort()
    assert spent[len(spent) // 2] < 0.000_2
    assert spent[-len(spent) // 50] < 0.001
    disk.go.set()
    assert recorder.close()
    assert (tmp_path / "recording" / "opus.mp4").read_bytes() == opus_bytes(400)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB."""
    place = tmp_path / "small"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not let a file system be mounted")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_real_full_file_system_loses_nothing(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(128 * 1024))
    folder = small_disk / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    for chunk in tone_chunks("opus", 200):
        recorder.write_chunk(chunk)
    wait_for(lambda: recorder.status == "full")
    assert_opens(folder)
    ballast.unlink()
    wait_for(lambda: recorder.status == "on" and recorder.backlog_bytes == 0)
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(200)
    assert verify_recording(folder) == []


def test_a_stage_that_takes_over_on_a_full_disk_goes_on_and_catches_up(small_disk: Path) -> None:
    """The index lacks records, and there is no room for them until later."""
    folder = small_disk / "recording"
    write_recording(folder, {"opus": 60})
    whole = (folder / "opus.index").read_bytes()
    (folder / "opus.index").unlink()
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(bytes(512 * 1024))
    recorder, resumption = Recorder.open(folder, inits=INITS)
    assert resumption is not None
    assert resumption.next_chunk["opus"] == 60
    for chunk in tone_chunks("opus", 80)[60:]:
        recorder.write_chunk(chunk)
    wait_for(lambda: recorder.status == "full")
    ballast.unlink()
    wait_for(lambda: recorder.status == "on" and recorder.backlog_bytes == 0)
    assert recorder.close()
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(80)
    assert (folder / "opus.index").read_bytes().startswith(whole)
    assert verify_recording(folder) == []


_WRITER = """
import sys, time
from pathlib import Path
from hiwar.recording.recorder import Recorder
from tests.recording.sound import INITS, rtp_packet, tone_chunks
recorder, _ = Recorder.open(Path(sys.argv[1]), inits=INITS)
recorder.write_journal("opened", 0)
chunks = {name: tone_chunks(name, 200) for name in ("opus", "aac")}
begun = time.monotonic()
for number in range(200):
    time.sleep(max(0.0, begun + number * 0.08 - time.monotonic()))
    recorder.write_chunk(chunks["opus"][number])
    if number % 4 == 3:
        recorder.write_chunk(chunks["aac"][number // 4])
    recorder.write_packet("h1", rtp_packet(number), number * 3840)
    print(number, flush=True)
"""


def test_after_kill_9_at_most_a_second_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert writer.stdout is not None
    handed = 0
    for line in writer.stdout:
        handed = int(line) + 1
        if handed == 40:
            break
    writer.send_signal(signal.SIGKILL)
    handed += len(writer.stdout.readlines())
    writer.wait()
    recorder, resumption = Recorder.open(folder, inits=INITS)
    assert recorder.close()
    assert resumption is not None
    assert (handed - resumption.next_chunk["opus"]) * 0.08 <= 1.0
    assert len(list(read_records((folder / "tracks" / "h1.track").read_bytes()))) * 0.08 >= handed * 0.08 - 1
    assert (folder / "opus.mp4").read_bytes() == opus_bytes(resumption.next_chunk["opus"])
    assert verify_recording(folder) == []


def test_segments_are_cut_at_the_grid_of_media_time(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    write_recording(folder, {"opus": 100, "aac": 25, "mp3": 33})
    reader = RecordingReader(folder)
    first, second, third = reader.segments(FEED_AAC)
    assert (first.msn, first.offset, first.samples) == (0, len(INITS["aac"]), 184_320)
    assert second.offset == first.offset + first.length
    assert (third.msn, third.samples) == (2, 25 * 15_360 - 2 * 184_320)
    assert third.offset + third.length == (folder / "aac.m4a").stat().st_size


def test_a_reader_follows_a_recording_that_grows(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    for chunk in tone_chunks("opus", 10):
        recorder.write_chunk(chunk)
    reader = RecordingReader(folder)
    wait_for(lambda: bool(reader.feeds) and reader.view(FEED_OPUS).media_time == 38_400)
    assert not reader.ended
    recorder.write_chunk(tone_chunks("opus", 11)[10])
    wait_for(lambda: reader.view(FEED_OPUS).media_time == 42_240)
    recorder.write_journal("ended", 42_240)
    assert recorder.close()
    assert reader.ended


def test_recordings_are_listed_with_who_and_how_long(tmp_path: Path) -> None:
    write_recording(tmp_path / "abcdef12" / "recording", {"opus": 12, "aac": 3, "mp3": 4}, ended=True)
    (tmp_path / "nothing1").mkdir()
    (info,) = list_recordings(tmp_path)
    assert (info.conversation, info.duration, info.ended) == ("abcdef12", 46_080, True)
    assert info.people == ("Host", "Guest")
    assert not info.being_written
    assert info.bytes_total > 10_000
