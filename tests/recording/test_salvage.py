"""Salvage: whatever was cut or flipped, every file decodes whole and no whole unit is lost."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hiwar.media.feed import FEEDS, RECORDED_FEEDS
from hiwar.recording.folder import RecordingBusy, index_path, media_path
from hiwar.recording.reader import RecordingReader
from hiwar.recording.recorder import Recorder
from hiwar.recording.repair import decide_feed
from hiwar.recording.salvage import Resumption, salvage_files
from hiwar.recording.tracks import TrackRecord, read_records
from hiwar.recording.verify import salvage_recording, verify_recording
from tests.recording.sound import INITS, decoded_samples, tone_chunks, write_recording

COUNTS = {"opus": 48, "aac": 12, "mp3": 16}  # one segment of each
PRE_SKIP = 312
FEED_NAMES = tuple(COUNTS)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "recording"
    write_recording(folder, COUNTS)
    return folder


def copy_of(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "recording"
    shutil.copytree(pristine, folder)
    return folder


def salvage(folder: Path) -> Resumption | None:
    return salvage_files(folder, RECORDED_FEEDS, INITS, 2000.0)


def assert_decodes(folder: Path, name: str, chunks: int) -> None:
    feed = FEEDS[name]
    expected = chunks * feed.chunk_samples - (PRE_SKIP if name == "opus" and chunks else 0)
    if not chunks:
        return
    assert abs(decoded_samples(media_path(folder, feed)) - expected) <= feed.rendition.frame_samples


def test_a_whole_recording_is_left_as_it_is(pristine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    shutil.copytree(pristine, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk == COUNTS
    assert found.media_time == 184_320
    assert (found.incarnation, found.phase, found.muted) == (2, "live", frozenset({"g1"}))
    assert [person.id for person in found.people if person.here] == ["h1", "g1"]
    assert {path: path.read_bytes() for path in before} == before
    assert salvage_recording(folder) == []
    assert verify_recording(folder) == []


def test_where_nothing_was_recorded_there_is_nothing_to_resume(tmp_path: Path) -> None:
    assert salvage(tmp_path) is None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FEED_NAMES), st.data())
def test_a_media_file_cut_anywhere_keeps_all_whole_chunks_and_decodes(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = copy_of(pristine, tmp_path_factory)
    path = media_path(folder, FEEDS[name])
    cut = data.draw(st.integers(0, path.stat().st_size))
    whole = whole_chunks(name, cut)
    path.write_bytes(path.read_bytes()[:cut])
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk[name] == whole
    assert_decodes(folder, name, whole)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FEED_NAMES), st.data())
def test_an_index_cut_anywhere_is_made_whole_from_the_media_file(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = copy_of(pristine, tmp_path_factory)
    path = index_path(folder, FEEDS[name])
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk == COUNTS
    assert path.read_bytes() == whole


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FEED_NAMES), st.booleans(), st.data())
def test_flipped_bytes_cost_no_other_chunk_and_the_file_decodes(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, name: str, with_index: bool, data: st.DataObject
) -> None:
    """A flip in the last chunk may cost that chunk; everywhere else the length stays."""
    folder = copy_of(pristine, tmp_path_factory)
    feed = FEEDS[name]
    path = media_path(folder, feed)
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    if not with_index:
        index_path(folder, feed).unlink()
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk[name] >= COUNTS[name] - 1
    hit = chunk_at(name, at)
    kept = path.read_bytes()
    for number, (start, end) in enumerate(places(name)):
        if number != hit and number < found.next_chunk[name]:
            assert kept[start:end] == tone_chunks(name, COUNTS[name])[number].payload
    if with_index or hit is None:  # without an index no check tells flipped sound from sound
        assert_decodes(folder, name, found.next_chunk[name])
        assert [f for f in verify_recording(folder) if f.file.startswith(name)] == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(FEED_NAMES), st.data())
def test_a_flipped_byte_in_an_index_changes_no_sound(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, name: str, data: st.DataObject
) -> None:
    folder = copy_of(pristine, tmp_path_factory)
    path = index_path(folder, FEEDS[name])
    whole = path.read_bytes()
    content = bytearray(whole)
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk == COUNTS
    assert path.read_bytes() == whole
    media = media_path(folder, FEEDS[name])
    assert media.read_bytes() == media_path(pristine, FEEDS[name]).read_bytes()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_cut_journals_and_tracks_go_back_to_their_last_whole_line_and_packet(
    pristine: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = copy_of(pristine, tmp_path_factory)
    journal, track = folder / "journal.jsonl", folder / "tracks" / "h1.track"
    lines, packets = journal.read_bytes(), list(read_records(track.read_bytes()))
    cut = data.draw(st.integers(0, len(lines)))
    journal.write_bytes(lines[:cut])
    content = track.read_bytes()
    track.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    left: list[TrackRecord] = list(read_records(track.read_bytes()))
    found = salvage(folder)
    assert found is not None
    assert journal.read_bytes() == lines[: lines.rfind(b"\n", 0, cut) + 1]
    assert list(read_records(track.read_bytes())) == left == packets[: len(left)]
    recorder, _ = Recorder.open(folder, inits=INITS)
    assert recorder.close()


@given(st.sampled_from(FEED_NAMES), st.binary(max_size=400), st.binary(max_size=120))
def test_deciding_never_fails_whatever_the_files_hold(name: str, content: bytes, index: bytes) -> None:
    plan = decide_feed(FEEDS[name], INITS[name] + content, index, INITS[name])
    assert 0 <= plan.length <= len(INITS[name]) + len(content)


def test_damage_in_the_middle_is_kept_aside_and_told_in_the_journal(pristine: Path, tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    shutil.copytree(pristine, folder)
    start, end = places("aac")[5]
    path = folder / "aac.m4a"
    content = bytearray(path.read_bytes())
    content[start + 100 : end] = bytes(end - start - 100)
    path.write_bytes(content)
    assert any("Chunk 5" in finding.text for finding in verify_recording(folder))
    (done,) = salvage_recording(folder)
    assert (done.file, done.replaced_chunks, done.cut_bytes) == ("aac.m4a", 1, 0)
    assert (folder / "damaged" / f"aac-{start}.bin").read_bytes() == bytes(content[start:end])
    assert RecordingReader(folder).journal[-1].kind == "damaged"
    assert verify_recording(folder) == []
    assert_decodes(folder, "aac", 12)


def test_mp3_without_an_index_takes_up_its_numbers_behind_a_journalled_gap(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    recorder, _ = Recorder.open(folder, inits=INITS)
    recorder.write_journal("opened", 0)
    chunks = tone_chunks("mp3", 12)
    for chunk in (*chunks[:4], *chunks[7:]):
        recorder.write_chunk(chunk)
    assert recorder.close()
    whole = (folder / "mp3.index").read_bytes()
    (folder / "mp3.index").unlink()
    found = salvage(folder)
    assert found is not None
    assert found.next_chunk["mp3"] == 12
    assert (folder / "mp3.index").read_bytes() == whole


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    folder.mkdir()
    recorder, _ = Recorder.open(folder, inits=INITS)
    with pytest.raises(RecordingBusy):
        salvage_recording(folder)
    assert recorder.close()
    assert salvage_recording(folder) == []


def places(name: str) -> list[tuple[int, int]]:
    """Where each chunk of the pristine recording lies."""
    at, found = len(INITS[name]), []
    for chunk in tone_chunks(name, COUNTS[name]):
        found.append((at, at + len(chunk.payload)))
        at += len(chunk.payload)
    return found


def whole_chunks(name: str, cut: int) -> int:
    return sum(end <= cut for _, end in places(name))


def chunk_at(name: str, at: int) -> int | None:
    return next((n for n, (start, end) in enumerate(places(name)) if start <= at < end), None)
