"""The archive's addresses: who may read what, in which form, and how much at once."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hiwar.archive.service import Archive
from hiwar.archive.transfers import Budget
from hiwar.door.http import Problem
from hiwar.packager.ogg import parse_packets
from hiwar.relay.records import Visibility
from hiwar.tokens.token import Kind, Token, render_token
from tests.archive.conftest import COUNTS, ENDED, KEY, LINKED, LIVE, Shelf, read_body
from tests.needs import need_program
from tests.recording.sound import decoded_samples, tone_frames, write_recording

LENGTH = 384_000  # samples of the ended conversation: 100 Opus chunks, 25 AAC chunks
Adder = Callable[[int, int], None]


async def problem_of(shelf: Shelf, conversation: str, name: str, **options: str) -> Problem:
    with pytest.raises(Problem) as caught:
        await shelf.open(conversation, name, **options)
    return caught.value


async def test_a_file_is_served_whole_and_in_ranges(shelf: Shelf) -> None:
    content = (shelf.directory.recording(ENDED) / "aac.m4a").read_bytes()
    whole = await shelf.get(ENDED, "aac.m4a")
    assert (whole.status, whole.body) == (200, content)
    assert whole.headers["Content-Length"] == str(len(content))
    assert whole.headers["Accept-Ranges"] == "bytes"
    part = await shelf.get(ENDED, "aac.m4a", range="bytes=1000-1999")
    assert (part.status, part.body) == (206, content[1000:2000])
    assert part.headers["Content-Range"] == f"bytes 1000-1999/{len(content)}"
    probe = await shelf.get(ENDED, "aac.m4a", range="bytes=0-1")
    assert (probe.status, probe.body) == (206, content[:2])
    again = await shelf.get(ENDED, "aac.m4a", if_none_match=whole.headers["ETag"])
    assert (again.status, again.body) == (304, b"")


async def test_head_says_the_length_and_sends_nothing(shelf: Shelf) -> None:
    for name in ("opus.mp4", "download.opus", "download.m4a", "download.mp3"):
        head, whole = await shelf.get(ENDED, name, method="HEAD"), await shelf.get(ENDED, name)
        assert head.body == b""
        assert head.headers["Content-Length"] == whole.headers["Content-Length"] == str(len(whole.body))
    assert shelf.archive.budget.active == 0


async def test_a_range_beyond_the_end_says_how_long_it_is(shelf: Shelf) -> None:
    size = (shelf.directory.recording(ENDED) / "mp3.mp3").stat().st_size
    problem = await problem_of(shelf, ENDED, "mp3.mp3", range=f"bytes={size}-")
    assert (problem.status, problem.headers["Content-Range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize(
    ("conversation", "name", "options", "status"),
    [
        ("unknown1", "master.m3u8", {}, 404),
        ("NOT-AN-ID", "master.m3u8", {}, 404),
        (ENDED, "mp3.m3u8", {}, 404),
        (ENDED, "journal.jsonl", {}, 404),
        (ENDED, "..%2fjournal.jsonl", {}, 404),
        (ENDED, "aac.m4a", {"method": "POST"}, 405),
        (LINKED, "aac.m4a", {}, 403),
        (LINKED, "people.json", {"proof": "forged"}, 403),
        (ENDED, "aac.m4a", {"proof": "forged"}, 403),
    ],
)
async def test_what_is_not_there_or_not_allowed_is_refused(
    shelf: Shelf, conversation: str, name: str, options: dict[str, str], status: int
) -> None:
    assert (await problem_of(shelf, conversation, name, **options)).status == status


async def test_a_link_only_conversation_opens_to_a_voucher_which_every_address_carries(shelf: Shelf) -> None:
    proof = render_token(Token(Kind.VOUCHER, LINKED, "press"), KEY)
    master = (await shelf.get(LINKED, "master.m3u8", proof=proof)).body.decode()
    assert f"aac.m3u8?t={proof}" in master
    playlist = (await shelf.get(LINKED, "aac.m3u8", proof=proof)).body.decode()
    addresses = [line for line in playlist.splitlines() if line and not line.startswith("#")]
    assert addresses
    assert all(address == f"aac.m4a?t={proof}" for address in addresses)
    assert (await shelf.get(LINKED, "aac.m4a", proof=proof, range="bytes=0-1")).status == 206
    elsewhere = render_token(Token(Kind.VOUCHER, ENDED, "press"), KEY)
    assert (await problem_of(shelf, LINKED, "aac.m4a", proof=elsewhere)).status == 403


async def test_hidden_means_hidden_also_for_a_transfer_that_has_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    shelf.publish(ENDED)
    write_recording(shelf.directory.recording(ENDED), {"opus": 12, "aac": 40, "mp3": 4}, ended=True)
    monkeypatch.setattr("hiwar.archive.sources.BLOCK_BYTES", 1000)
    monkeypatch.setattr("hiwar.archive.transfers.BLOCK_BYTES", 1000)
    begun = await shelf.open(ENDED, "aac.m4a")
    shelf.publish(ENDED, hidden=True)
    monkeypatch.setattr("hiwar.archive.transfers.CHECK_SECONDS", 0.0)
    monkeypatch.setattr("hiwar.archive.library.FRESH_SECONDS", 0.0)
    with pytest.raises(ConnectionAbortedError):
        await read_body(begun.body)
    assert (await problem_of(shelf, ENDED, "aac.m4a")).status == 404


async def test_the_replay_lists_the_whole_conversation_and_its_bytes(shelf: Shelf) -> None:
    content = (shelf.directory.recording(ENDED) / "opus.mp4").read_bytes()
    text = (await shelf.get(ENDED, "opus.m3u8")).body.decode()
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
    assert text.endswith("#EXT-X-ENDLIST\n")
    durations = [float(number) for number in re.findall(r"#EXTINF:([0-9.]+),", text)]
    assert sum(durations) == pytest.approx(8.0)
    mapped = re.search(r'#EXT-X-MAP:URI="opus.mp4",BYTERANGE="([0-9]+)@0"', text)
    assert mapped is not None
    at = int(mapped.group(1))
    for length, offset in re.findall(r"#EXT-X-BYTERANGE:([0-9]+)@([0-9]+)", text):
        assert int(offset) == at
        at += int(length)
    assert at == len(content)


async def test_while_on_air_the_list_grows_and_only_whole_segments_are_listed(
    live: tuple[Shelf, Adder],
) -> None:
    shelf, add = live
    add(0, 14)  # a segment is 12 chunks
    first = (await shelf.get(LIVE, "aac.m3u8")).body.decode()
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in first
    assert "#EXT-X-ENDLIST" not in first
    assert first.count("#EXTINF") == 1
    add(14, 25)
    second = (await shelf.get(LIVE, "aac.m3u8")).body.decode()
    assert second.count("#EXTINF") == 2
    assert second.startswith(first)
    problem = await problem_of(shelf, LIVE, "download.m4a")
    assert problem.status == 409


async def test_while_on_air_a_file_ends_with_its_last_indexed_chunk(live: tuple[Shelf, Adder]) -> None:
    shelf, add = live
    add(0, 5)
    path = shelf.directory.recording(LIVE) / "aac.m4a"
    size = path.stat().st_size
    early = await shelf.get(LIVE, "aac.m4a")
    with path.open("ab") as file:
        file.write(b"torn")
    assert (await shelf.get(LIVE, "aac.m4a")).headers["Content-Length"] == str(size)
    path.write_bytes(path.read_bytes()[:size])
    add(5, 9)
    more = await shelf.get(LIVE, "aac.m4a", range=f"bytes={size}-", if_range=early.headers["ETag"])
    assert more.status == 206
    assert early.body + more.body == path.read_bytes()


async def test_before_the_air_opens_there_is_nothing(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.publish(ENDED, Visibility.PUBLIC)
    for name in ("master.m3u8", "aac.m3u8", "aac.m4a", "people.json"):
        assert (await problem_of(shelf, ENDED, name)).status == 404


async def test_people_are_listed_with_the_times_they_were_there(shelf: Shelf) -> None:
    record = json.loads((await shelf.get(ENDED, "people.json")).body)
    assert (record["duration"], record["ended"]) == (8.0, True)
    assert record["people"] == [
        {"id": "h1", "name": "Host", "role": "host", "on": [[0.0, 8.0]]},
        {"id": "g1", "name": "Guest", "role": "guest", "on": [[0.02, 8.0]]},
    ]


async def test_the_opus_download_holds_every_packet_byte_for_byte(shelf: Shelf) -> None:
    answer = await shelf.get(ENDED, "download.opus")
    frames = tone_frames("opus")
    whole = len(frames) // 4
    expected = [frames[number % whole * 4 + turn] for number in range(COUNTS["opus"]) for turn in range(4)]
    assert parse_packets(answer.body) == expected
    assert re.fullmatch(
        rf'attachment; filename="hiwar-[0-9-]{{10}}-{ENDED}\.opus"', answer.headers["Content-Disposition"]
    )


@pytest.mark.parametrize("name", ["download.opus", "download.m4a", "download.mp3"])
async def test_any_range_of_a_download_is_that_part_of_the_whole(shelf: Shelf, name: str) -> None:
    whole = (await shelf.get(ENDED, name)).body
    for start, end in ((0, 1), (0, 200), (97, 98), (150, 3000), (1234, 20_000), (len(whole) - 5, len(whole))):
        part = await shelf.get(ENDED, name, range=f"bytes={start}-{end - 1}")
        assert (part.status, part.body) == (206, whole[start:end])


@pytest.mark.players
@pytest.mark.parametrize("name", ["download.opus", "download.m4a", "download.mp3"])
async def test_ffmpeg_decodes_a_download_whole_and_knows_its_duration(
    shelf: Shelf, name: str, tmp_path: Path
) -> None:
    ffmpeg, ffprobe = need_program("ffmpeg"), need_program("ffprobe")
    path = tmp_path / name
    path.write_bytes((await shelf.get(ENDED, name)).body)
    decoded = subprocess.run(
        [ffmpeg, "-v", "error", "-i", path, "-f", "s16le", "-ac", "1", "-ar", "48000", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert decoded.stderr == b""
    sound = np.frombuffer(decoded.stdout, np.int16)
    assert abs(len(sound) - LENGTH) < 6000
    assert np.abs(sound[4800:-9600].astype(float)).mean() > 1000
    probed = subprocess.run(
        [ffprobe, "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path],
        capture_output=True, check=True,
    )  # fmt: skip
    assert float(probed.stdout) == pytest.approx(8.0, abs=0.1)
    assert abs(decoded_samples(path) - LENGTH) < 6000


async def test_beyond_the_budget_listeners_are_asked_to_come_back(shelf: Shelf) -> None:
    archive, shelf.archive = shelf.archive, Archive(shelf.archive._library, Budget(2, 2))
    try:
        first, second = await shelf.open(ENDED, "mp3.mp3"), await shelf.open(ENDED, "mp3.mp3")
        problem = await problem_of(shelf, ENDED, "mp3.mp3")
        assert (problem.status, problem.headers["Retry-After"]) == (503, "2")
        assert (await shelf.get(ENDED, "aac.m3u8")).status == 200
        await read_body(first.body)
        assert (await shelf.get(ENDED, "mp3.mp3")).status == 200
        del second
        assert shelf.archive.budget.active == 0
    finally:
        shelf.archive = archive


def test_one_client_cannot_take_the_whole_budget() -> None:
    budget = Budget(10, 2)
    budget.take("a")
    budget.take("a")
    with pytest.raises(Problem) as caught:
        budget.take("a")
    assert caught.value.status == 429
    budget.take("b")
    budget.give_back("a")
    budget.take("a")
    assert (budget.active, budget.refused) == (3, 1)
