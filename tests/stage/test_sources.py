"""A file in a speaker's place: read with care, paced like a browser, gone at its end."""

import asyncio
from pathlib import Path

import pytest

from hiwar.media.opus_packet import packet_samples
from hiwar.media.packet import SpeakerPacket
from hiwar.media.timeline import FRAME_SAMPLES
from hiwar.ops.clock import monotonic
from hiwar.packager.ogg import render_headers, render_page
from hiwar.stage.opus import OpusEncoder
from hiwar.stage.orders import Refused
from hiwar.stage.sources import FileSource, SourceEvents, read_file_packets
from tests.stage.scripted import tone


def opus_packets(count: int) -> list[bytes]:
    encoder = OpusEncoder(48_000, 5)
    return [encoder.encode(frame) for frame in tone(440, count / 50).reshape(-1, FRAME_SAMPLES)]


class Told:
    def __init__(self) -> None:
        self.packets: list[SpeakerPacket] = []
        self.said: list[str] = []
        self.events = SourceEvents(
            self.packets.append,
            lambda: self.said.append("up"),
            lambda: self.said.append("silent"),
            lambda: self.said.append("down"),
        )


async def test_a_file_waits_for_the_air_then_speaks_at_its_own_pace_and_leaves() -> None:
    told, go, packets = Told(), asyncio.Event(), opus_packets(15)
    source = FileSource(packets, told.events, go)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(source.run())
        await asyncio.sleep(0.05)
        assert told.said == ["up"]
        assert not told.packets
        go.set()
        begin = monotonic()
    assert monotonic() - begin >= 14 * 0.02
    assert told.said == ["up", "down"]
    assert [packet.payload for packet in told.packets] == packets
    assert [packet.sequence for packet in told.packets] == list(range(15))
    assert [packet.timestamp for packet in told.packets] == [960 * number for number in range(15)]


async def test_a_file_that_is_closed_is_gone_at_once_and_says_so_once() -> None:
    told, go = Told(), asyncio.Event()
    source = FileSource(opus_packets(500), told.events, go)
    go.set()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(source.run())
        await asyncio.sleep(0.1)
        await source.close()
    assert told.said == ["up", "down"]
    assert len(told.packets) < 100
    await source.close()


def test_the_packets_of_a_file_are_read_without_its_headers(tmp_path: Path) -> None:
    packets = opus_packets(20)
    path = tmp_path / "a.opus"
    path.write_bytes(render_headers() + render_page(packets, granule=20 * FRAME_SAMPLES, sequence=2))
    assert read_file_packets(path) == packets
    assert sum(map(packet_samples, packets)) == 20 * FRAME_SAMPLES


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 415),
        (b"RIFF....WAVE", 415),
        (render_headers() + render_page([b""], granule=960, sequence=2), 415),
        (render_headers()[:40], 415),
        (None, 404),
    ],
)
def test_what_is_no_opus_file_is_refused_with_a_status(
    tmp_path: Path, content: bytes | None, status: int
) -> None:
    path = tmp_path / "a.opus"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Refused) as refused:
        read_file_packets(path)
    assert refused.value.status == status


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hiwar.stage.sources.FILE_BYTES_MAX", 10)
    path = tmp_path / "a.opus"
    path.write_bytes(bytes(11))
    with pytest.raises(Refused) as refused:
        read_file_packets(path)
    assert refused.value.status == 413
