"""The whole stage in one process: scripted speakers, a real recorder, a real relay."""

import asyncio
import errno
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import av
import msgspec
import numpy as np
import pytest
from av.audio.codeccontext import AudioCodecContext

from hiwar.media.feed import ALL_FEEDS, FEEDS, LIGHTER_FEEDS, RECORDED_FEEDS, Chunk, full_feed
from hiwar.media.packet import parse_rtp
from hiwar.media.timeline import SAMPLE_RATE
from hiwar.packager.feeds import init_bytes
from hiwar.packager.fmp4 import parse_fragment
from hiwar.recording.journal import JournalKind, parse_journal
from hiwar.recording.tracks import read_records
from hiwar.recording.verify import verify_recording
from hiwar.relay.local import LocalSubscription
from hiwar.relay.messages import AnyData, Ended, Event, Hello, Media
from hiwar.relay.records import Phase, Standing
from hiwar.stage.encoders import AacEncoder
from hiwar.stage.lines import END_GRID
from hiwar.stage.orders import Refused
from tests.recording.disks import FullDisk
from tests.stage.scripted import CONVERSATION, Pcm, ScriptedSource, Stage, decode_opus, power_at, tone


@asynccontextmanager
async def running(stage: Stage) -> AsyncIterator[None]:
    """The stage runs meanwhile, and afterwards is stopped as by SIGTERM if it did not end by itself."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(stage.run())
        await asyncio.wait_for(stage.ready.wait(), 10)
        yield
        task.cancel()


class Ear:
    """A subscriber of the relay that keeps everything."""

    def __init__(self) -> None:
        self.messages: list[AnyData] = []

    async def listen(self, socket: Path) -> None:
        subscription = await LocalSubscription.connect(socket)
        async for message in subscription:
            self.messages.append(message)

    def chunks(self, feed: str) -> list[Chunk]:
        return [m.chunk for m in self.messages if isinstance(m, Media) and m.chunk.feed == feed]

    def states(self) -> list[str]:
        return [
            json.loads(m.body)["phase"] for m in self.messages if isinstance(m, Event) and m.kind == "state"
        ]


async def both_speak(first: ScriptedSource, second: ScriptedSource, one: Pcm, other: Pcm) -> None:
    await asyncio.gather(first.speak(one), second.speak(other))


def chirp(low: float, high: float, seconds: float) -> Pcm:
    times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = 2 * np.pi * (low * times + (high - low) * times**2 / (2 * seconds))
    return (0.25 * np.sin(phase)).astype(np.float32)


def program_packets(chunks: list[Chunk]) -> list[bytes]:
    return [packet for chunk in chunks for packet in parse_fragment(chunk.payload).packets]


def best_piece(track: Pcm, window: Pcm) -> Pcm:
    """The piece of `track` that is most like `window`."""
    size = 1 << (window.size + track.size).bit_length()
    spectrum = np.fft.rfft(track, size) * np.conj(np.fft.rfft(window, size))
    at = int(np.argmax(np.fft.irfft(spectrum, size)[: track.size - window.size]))
    return track[at : at + window.size]


def explained(program: Pcm, tracks: list[Pcm], window_samples: int = 4_800) -> float:
    """How much of the program's energy is a plain sum of the tracks, in the best of its windows: on a busy
    machine this test's senders falter, and jitter buffers stretch (`test_program` shows the exact sum)."""
    shares = []
    for at in range(window_samples, program.size - 2 * window_samples, window_samples):
        window = program[at : at + window_samples]
        pieces = np.stack([best_piece(track, window) for track in tracks], axis=1)
        rest = window - pieces @ np.linalg.lstsq(pieces, window, rcond=None)[0]
        shares.append(1 - float(np.dot(rest, rest) / np.dot(window, window)))
    return max(shares)


def loudest(program: Pcm, hertz: float) -> float:
    """The amplitude of a tone where it is loudest: it may be stretched on a busy machine."""
    return max(power_at(program[at : at + 4_800], hertz) for at in range(0, program.size - 4_800, 4_800))


def track_payloads(stage: Stage, who: str) -> list[bytes]:
    content = (stage.recording / "tracks" / f"{who}.track").read_bytes()
    return [parse_rtp(record.raw, 0.0).payload for record in read_records(content)]


async def test_two_speakers_are_mixed_recorded_and_relayed_as_one_line(tmp_path: Path) -> None:
    stage, ear = Stage(tmp_path), Ear()
    one, other = chirp(300, 1500, 3.0), chirp(2500, 700, 3.0)
    async with running(stage), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(stage.socket))
        host, guest = stage.enter("h1"), stage.enter("g1")
        await stage.open_air()
        await both_speak(host, guest, one, other)
        await asyncio.sleep(0.2)
        stage.ask("h1", "end")

    for who, source in (("h1", host), ("g1", guest)):
        raw = [r.raw for r in read_records((stage.recording / "tracks" / f"{who}.track").read_bytes())]
        assert raw == [packet.raw for packet in source.sent]

    program = decode_opus(program_packets(ear.chunks("opus")))
    tracks = [decode_opus(track_payloads(stage, who)) for who in ("h1", "g1")]
    assert explained(program, tracks) > 0.95

    standing = stage.directory.read_standing(CONVERSATION)
    assert standing.phase is Phase.ENDED
    assert standing.duration % END_GRID == 0
    for feed in FEEDS.values():
        numbers = [chunk.number for chunk in ear.chunks(feed.name)]
        assert numbers == list(range(standing.duration // feed.chunk_samples)), feed.name
    for feed in RECORDED_FEEDS:
        payloads = b"".join(chunk.payload for chunk in ear.chunks(feed.name))
        recorded = (stage.recording / f"{feed.name}.{feed.extension}").read_bytes()
        assert recorded == init_bytes(feed.name) + payloads
    assert ear.messages[-1] == Ended(standing.duration)
    assert ear.states()[-1] == "ended"
    assert "live" in ear.states()
    hellos = [message for message in ear.messages if isinstance(message, Hello)]
    assert hellos[-1].origin_wallclock == standing.opened_wallclock
    events = [e for chunk in ear.chunks("opus") for e in parse_fragment(chunk.payload).events]
    assert {event.kind for event in events} == {"state", "levels"}
    assert json.loads([e for e in events if e.kind == "state"][-1].body)["phase"] == "ended"


async def test_lighter_renditions_are_relayed_beside_the_full_ones_and_not_recorded(tmp_path: Path) -> None:
    stage, ear = Stage(tmp_path, lighter=True), Ear()
    async with running(stage), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(stage.socket))
        host = stage.enter("h1")
        await stage.open_air()
        await host.speak(tone(440, 2.0))
        await asyncio.sleep(0.2)
        stage.ask("h1", "end")
    duration = stage.directory.read_standing(CONVERSATION).duration
    for feed in ALL_FEEDS.values():
        numbers = [chunk.number for chunk in ear.chunks(feed.name)]
        assert numbers == list(range(duration // feed.chunk_samples)), feed.name
    for full, light in (("opus", "opus_light"), ("aac", "aac_light")):
        sounds = [explained_by(ear.chunks(name), full) for name in (full, light)]
        assert loudest(sounds[1], 440) > 0.9 * loudest(sounds[0], 440) > 0.1
    events = [[parse_fragment(c.payload).events for c in ear.chunks(name)] for name in ("opus", "opus_light")]
    assert events[0] == events[1]
    inits = [message.inits for message in ear.messages if isinstance(message, Hello)][-1]
    assert set(inits) == set(ALL_FEEDS)
    assert inits["aac_light"] == inits["aac"]
    assert ear.messages[-1] == Ended(duration)
    assert not list(stage.recording.glob("*light*"))
    assert verify_recording(stage.recording) == []


async def test_a_stage_whose_lighter_encoders_break_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        media_time = 0

        def sound(self, pcm: Pcm, events: Iterable[bytes] = ()) -> Iterable[Chunk]:
            raise RuntimeError("no more")

    monkeypatch.setattr("hiwar.stage.broadcast.lighter_lines", lambda: (Broken(),))
    stage, ear = Stage(tmp_path, lighter=True), Ear()
    async with running(stage), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(stage.socket))
        host = stage.enter("h1")
        await stage.open_air()
        await host.speak(tone(440, 0.5))
        stage.ask("h1", "end")
    duration = stage.directory.read_standing(CONVERSATION).duration
    assert ear.messages[-1] == Ended(duration)
    assert [chunk.number for chunk in ear.chunks("mp3")] == list(range(duration // 11_520))
    assert ear.chunks("mp3_light") == []


def explained_by(chunks: list[Chunk], codec: str) -> Pcm:
    """What a decoder makes of them."""
    packets = program_packets(chunks)
    return decode_opus(packets) if codec == "opus" else decode_aac(packets)


def decode_aac(packets: list[bytes]) -> Pcm:
    decoder = cast(AudioCodecContext, av.CodecContext.create("aac", "r"))
    decoder.extradata = AacEncoder().audio_specific_config
    return np.concatenate([f.to_ndarray()[0] for p in packets for f in decoder.decode(av.Packet(p))])


async def test_a_speaker_hears_the_others_and_not_themselves_also_before_the_air_opens(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path)
    async with running(stage):
        host, guest = stage.enter("h1"), stage.enter("g1")
        await both_speak(host, guest, tone(440, 1.5), tone(1000, 1.5))
        heard_by_host, heard_by_guest = host.heard_pcm(), guest.heard_pcm()
    assert power_at(heard_by_host, 1000) > 0.2
    assert power_at(heard_by_host, 440) < 0.005
    assert power_at(heard_by_guest, 440) > 0.2
    assert power_at(heard_by_guest, 1000) < 0.005
    assert not stage.recording.exists()
    assert stage.directory.read_standing(CONVERSATION).phase is Phase.GREEN_ROOM


async def test_muted_means_neither_heard_nor_recorded(tmp_path: Path) -> None:
    stage, ear = Stage(tmp_path), Ear()
    async with running(stage), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(stage.socket))
        host, guest = stage.enter("h1"), stage.enter("g1")
        await stage.open_air()
        stage.ask("h1", "mute", "g1")
        await asyncio.sleep(0.1)
        await both_speak(host, guest, tone(440, 1.0), tone(1000, 1.0))
        assert power_at(host.heard_pcm(25), 1000) < 0.005
        said_while_muted = len(guest.sent)
        stage.ask("h1", "unmute", "g1")
        await asyncio.sleep(0.1)
        await guest.speak(tone(1000, 1.0))
        await asyncio.sleep(0.2)
        assert power_at(host.heard_pcm(25), 1000) > 0.1
        stage.ask("h1", "end")
    records = read_records((stage.recording / "tracks" / "g1.track").read_bytes())
    assert [record.raw for record in records] == [packet.raw for packet in guest.sent[said_while_muted:]]
    kinds = [e.kind for e in parse_journal((stage.recording / "journal.jsonl").read_bytes())[0]]
    assert kinds == [
        JournalKind.PREPARED,
        JournalKind.JOINED,
        JournalKind.JOINED,
        JournalKind.OPENED,
        JournalKind.MUTED,
        JournalKind.UNMUTED,
        JournalKind.ENDED,
    ] or kinds[:2] == [JournalKind.PREPARED, JournalKind.OPENED]


async def test_all_drop_the_conversation_waits_and_ends_by_itself(tmp_path: Path) -> None:
    stage = Stage(tmp_path, waiting_minutes=0.01)
    async with running(stage):
        host = stage.enter("h1")
        await stage.open_air()
        await host.speak(tone(440, 0.5))
        await host.close()
        async with asyncio.timeout(10):
            while stage.live.describe().ends_in_seconds is None:
                await asyncio.sleep(0.02)
            assert stage.directory.read_standing(CONVERSATION).phase in (Phase.LIVE, Phase.WAITING)
            while stage.directory.read_standing(CONVERSATION).phase is not Phase.ENDED:
                await asyncio.sleep(0.02)
    with pytest.raises(Refused):
        stage.enter("h1")


async def test_somebody_who_comes_back_keeps_the_track_and_the_place(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    async with running(stage):
        first = stage.enter("h1")
        await stage.open_air()
        await first.speak(tone(440, 0.5))
        with pytest.raises(Refused):
            stage.enter("h1")
        second = stage.enter("h1", resume=True)
        await second.speak(tone(440, 0.5))
        await asyncio.sleep(0.1)
        assert first.closed
        assert [speaker.person.id for speaker in stage.live.describe().speakers] == ["h1"]
        stage.ask("h1", "end")
    records = read_records((stage.recording / "tracks" / "h1.track").read_bytes())
    assert [record.raw for record in records] == [packet.raw for packet in first.sent + second.sent]


async def test_a_second_stage_goes_on_with_one_unbroken_media_time(tmp_path: Path) -> None:
    """The first is stopped in mid-sentence; what follows has silence for the time between."""
    first, ear = Stage(tmp_path), Ear()
    async with running(first):
        host = first.enter("h1")
        await first.open_air()
        await host.speak(tone(440, 1.0))
    await asyncio.sleep(1.0)

    second = Stage(tmp_path)
    async with running(second), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(second.socket))
        host = second.enter("h1", resume=True)
        assert second.live.room.phase is Phase.LIVE
        await host.speak(tone(660, 1.0))
        await asyncio.sleep(0.1)
        second.ask("h1", "end")

    standing = second.directory.read_standing(CONVERSATION)
    hello = next(message for message in ear.messages if isinstance(message, Hello))
    assert hello.incarnation == 2
    assert hello.origin_wallclock == pytest.approx(standing.opened_wallclock or 0, abs=0.001)
    content = (second.recording / "opus.mp4").read_bytes()
    at, packets = len(init_bytes("opus")), list[bytes]()
    while at < len(content):
        fragment = parse_fragment(content, at)
        assert fragment.media_time == len(packets) * 960
        packets += fragment.packets
        at = fragment.end
    assert len(packets) * 960 == standing.duration
    program = decode_opus(packets)
    assert loudest(program[: 2 * SAMPLE_RATE], 440) > 0.1
    assert loudest(program[2 * SAMPLE_RATE :], 660) > 0.1
    for feed in RECORDED_FEEDS:
        first_number = ear.chunks(feed.name)[0].number
        numbers = [chunk.number for chunk in ear.chunks(feed.name)]
        assert numbers == list(range(first_number, standing.duration // feed.chunk_samples)), feed.name
    entries = parse_journal((second.recording / "journal.jsonl").read_bytes())[0]
    kinds = [entry.kind for entry in entries]
    assert kinds.count(JournalKind.RESUMED) == 1
    gap = next(entry for entry in entries if entry.kind is JournalKind.GAP)
    assert 0.5 < (gap.number("until") - gap.media_time) / SAMPLE_RATE < 4


async def test_a_second_stage_goes_on_with_the_lighter_renditions_too(tmp_path: Path) -> None:
    """They begin again with the first whole chunk: what was before is a hole, which edges fill."""
    first, ear = Stage(tmp_path, lighter=True), Ear()
    async with running(first):
        host = first.enter("h1")
        await first.open_air()
        await host.speak(tone(440, 0.5))
    await asyncio.sleep(0.3)
    second = Stage(tmp_path, lighter=True)
    async with running(second), asyncio.TaskGroup() as tasks:
        tasks.create_task(ear.listen(second.socket))
        host = second.enter("h1", resume=True)
        await host.speak(tone(660, 1.0))
        await asyncio.sleep(0.1)
        second.ask("h1", "end")
    duration = second.directory.read_standing(CONVERSATION).duration
    journal = parse_journal((second.recording / "journal.jsonl").read_bytes())[0]
    resumed = next(entry.media_time for entry in journal if entry.kind is JournalKind.RESUMED)
    for feed in LIGHTER_FEEDS.values():
        numbers = [chunk.number for chunk in ear.chunks(feed.name)]
        assert numbers == list(range(numbers[0], duration // feed.chunk_samples)), feed.name
        assert 0 < numbers[0] * feed.chunk_samples - resumed < 0.1 * SAMPLE_RATE + feed.chunk_samples
        assert numbers[0] > ear.chunks(full_feed(feed).name)[0].number


async def test_a_stage_that_finds_the_recording_ended_says_so_and_is_done(tmp_path: Path) -> None:
    """The one before died after the last line of the journal, and before it told anybody."""
    first = Stage(tmp_path)
    async with running(first):
        await first.enter("h1").speak(tone(440, 0.1))
        await first.open_air()
        before = first.directory.read_standing(CONVERSATION)
        first.ask("h1", "end")
        async with asyncio.timeout(10):
            while first.directory.read_standing(CONVERSATION).phase is not Phase.ENDED:
                await asyncio.sleep(0.02)
    ended = first.directory.read_standing(CONVERSATION)
    first.directory.write_standing(CONVERSATION, msgspec.structs.replace(before, phase=Phase.LIVE))
    second = Stage(tmp_path)
    async with asyncio.timeout(15):
        await second.run()
    again = second.directory.read_standing(CONVERSATION)
    assert again.phase is Phase.ENDED
    assert again.duration == ended.duration


async def test_a_conversation_that_ends_on_a_full_disk_is_kept_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(room=30_000)
    monkeypatch.setattr("hiwar.recording.recorder.OsDisk", lambda: disk)
    monkeypatch.setattr("hiwar.stage.live.STANDING_SECONDS", 0.05)
    stage = Stage(tmp_path)
    async with running(stage):
        host = stage.enter("h1")
        await stage.open_air()
        await host.speak(tone(440, 2.5))
        await until(lambda: stage.live.describe().recording == "full")
        unwritable(stage, monkeypatch, refusals=3)
        stage.ask("h1", "end")
        await asyncio.sleep(0.5)
        assert stage.live.describe().recording == "full"
        assert stage.directory.read_standing(CONVERSATION).phase is Phase.LIVE
        disk.room = 10_000_000
        await until(lambda: stage.directory.read_standing(CONVERSATION).phase is Phase.ENDED)
        assert stage.live.describe().recording == "off"
    assert verify_recording(stage.recording) == []
    entries = parse_journal((stage.recording / "journal.jsonl").read_bytes())[0]
    assert entries[-1].kind is JournalKind.ENDED
    assert entries[-1].media_time == stage.directory.read_standing(CONVERSATION).duration
    assert len(track_payloads(stage, "h1")) == 125


async def test_a_standing_that_the_disk_refused_is_written_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hiwar.stage.live.STANDING_SECONDS", 0.05)
    stage = Stage(tmp_path)
    unwritable(stage, monkeypatch, refusals=4)
    async with running(stage):
        stage.enter("h1")
        await stage.open_air()
        await until(lambda: stage.directory.read_standing(CONVERSATION).phase is Phase.LIVE)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.02)


def unwritable(stage: Stage, monkeypatch: pytest.MonkeyPatch, refusals: int) -> None:
    """The next standings cannot be written."""
    write, left = stage.directory.write_standing, iter(range(refusals))

    def refuse(conversation: str, standing: Standing) -> None:
        if next(left, None) is not None:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(conversation, standing)

    monkeypatch.setattr(stage.directory, "write_standing", refuse)
