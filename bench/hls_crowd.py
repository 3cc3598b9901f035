"""Players of HLS with parts: what they cost beside the long response.

`python -m bench.hls_crowd` is the crowd, in a process of its own, on 127.0.0.1 only: each player keeps one
connection, takes a seat by the multivariant playlist, and asks in turns, as hls.js does over HTTP/1.1, for
the AAC playlist with the part that comes next (blocking reload, delta) and for that part. Every part is
compared with what was sent, and every playlist must name the part it was asked for.
"""

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from urllib.parse import urljoin

import uvloop

from bench import scripted
from bench.crowd import chunk_bytes
from bench.harness import Outcome, cpu_seconds, median, raise_descriptors
from bench.rounds import CHUNK_BYTES, LIVE, STEADY, known, let_in
from hiwar.media.timeline import CHUNK_SAMPLES, PART_SAMPLES, SAMPLE_RATE, SEGMENT_SAMPLES

PLAYERS = 200
PLAYERS_MAX = 2000
JOIN_SECONDS = 2.0  # over which they come
WARM_SECONDS = 1.0
SECONDS = 6.0
UNDER_WAY = 2  # parts that may be on their way at the beginning and at the end
ROUNDS = 3
PARTS = SEGMENT_SAMPLES // PART_SAMPLES  # in a segment
CHUNKS = PART_SAMPLES // CHUNK_SAMPLES  # in a part
ADDRESS = f"/c/{scripted.CONVERSATION}/hls/aac/"
_PART = re.compile(rb'#EXT-X-PART:[^\n]*URI="([0-9]+)\.([0-9]+)\.m4s(\?k=[0-9a-f]+)"')
_TICKET = re.compile(rb"^aac/live\.m3u8\?(t=\S+)$", re.MULTILINE)
_LENGTH = re.compile(rb"content-length: ([0-9]{1,9})", re.IGNORECASE)


def measure_hls(outcome: Outcome) -> None:
    """Players of HLS and listeners of the long response at one door, in turns."""
    second, request, long, reports = [], [], [], []
    with scripted.edge(CHUNK_BYTES, **STEADY) as edge:
        for _ in range(ROUNDS):
            used, report = _play(edge.port, edge.worker)
            second.append(used / report["seconds"] / PLAYERS * 1e6)
            request.append(used / max(report["requests"], 1) * 1e6)
            reports.append(report)
            long.append(let_in(edge.worker, edge.port, LIVE, PLAYERS, *known()).micros)
    unit = "us CPU per listener-second"
    outcome.beside("HLS with parts (AAC)", median(second), unit, f"{PLAYERS} players, parts of 320 ms")
    outcome.beside("HLS: a request", median(request), "us CPU")
    outcome.beside(f"the long response, {PLAYERS} listeners", median(long), unit)
    served = min(report["served"] for report in reports)
    outcome.at_least(f"HLS: players served fully, of {PLAYERS}", served, "players", PLAYERS)
    outcome.at_most("HLS: wrong answers", max(report["wrong"] for report in reports), "answers", 0)
    outcome.samples["hls_micros"] = second
    outcome.samples["hls_request_micros"] = request
    outcome.samples["hls_long_response_micros"] = long


def _play(port: int, pid: int) -> tuple[float, dict[str, float]]:
    """CPU seconds that `pid` used while the crowd played steadily, and the crowd's report."""
    command = [sys.executable, "-m", "bench.hls_crowd", "--port", str(port), "--count", str(PLAYERS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        cpu = cpu_seconds(pid)
        report = json.loads(process.stdout.readline())
        return cpu_seconds(pid) - cpu, report


class Player:
    """One player. `parts` are those it got in time and whole; `wrong` counts answers that were not right."""

    def __init__(self, port: int) -> None:
        self.parts = self.requests = self.wrong = 0
        self._port = port
        self._ticket = self._key = ""

    async def play(self) -> None:
        """Until cancelled, or until something was wrong."""
        try:
            await self._play()
        except (OSError, EOFError):  # refused, or closed in the middle
            self.wrong += 1

    async def _play(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            status, body = await self._ask(reader, writer, "../live.m3u8")
            ticket = _TICKET.search(body)
            if status != 200 or not ticket:
                self.wrong += 1
                return
            self._ticket = ticket[1].decode()
            status, body = await self._ask(reader, writer, f"live.m3u8?{self._ticket}")
            found = _PART.findall(body)
            if status != 200 or not found:
                self.wrong += 1
                return
            self._key = found[-1][2].decode()
            number = int(found[-1][0]) * PARTS + int(found[-1][1])
            while not self.wrong:
                number += 1
                await self._next(reader, writer, number)
        finally:
            writer.close()

    async def _next(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        msn, part = divmod(number, PARTS)
        leaf = f"{msn}.{part}.m4s"
        status, body = await self._ask(
            reader, writer, f"live.m3u8?{self._ticket}&_HLS_msn={msn}&_HLS_part={part}&_HLS_skip=YES"
        )
        self.wrong += status != 200 or leaf.encode() not in body
        status, body = await self._ask(reader, writer, leaf + self._key)
        expected = chunk_bytes(number * CHUNKS + CHUNKS - 1, CHUNK_BYTES) * CHUNKS
        self.wrong += status != 200 or body != expected
        self.parts += 1

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, leaf: str
    ) -> tuple[int, bytes]:
        target = urljoin(ADDRESS, leaf)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: p\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        self.requests += 1
        return int(head[9:12]), body


async def play_all(options: argparse.Namespace) -> None:
    """Let the players come, then count for `seconds`."""
    players = [Player(options.port) for _ in range(options.count)]
    async with asyncio.TaskGroup() as group:
        tasks = []
        for player in players:
            tasks.append(group.create_task(player.play()))
            await asyncio.sleep(JOIN_SECONDS / options.count)
        await asyncio.sleep(WARM_SECONDS)
        print(json.dumps({"steady": True}), flush=True)
        print(json.dumps(await _count(players, options.seconds)), flush=True)
        for task in tasks:
            task.cancel()


async def _count(players: list[Player], seconds: float) -> dict[str, float]:
    """What they get in the next `seconds`; served fully is who got every part but those under way."""
    began, before = time.monotonic(), [(player.parts, player.requests) for player in players]
    await asyncio.sleep(seconds)
    passed = time.monotonic() - began
    least = int(passed * SAMPLE_RATE / PART_SAMPLES) - UNDER_WAY
    pairs = list(zip(players, before, strict=True))
    return {
        "seconds": passed,
        "requests": sum(player.requests - asked for player, (_, asked) in pairs),
        "served": sum(player.parts - parts >= least for player, (parts, _) in pairs),
        "wrong": sum(player.wrong for player in players),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=PLAYERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    if options.count > PLAYERS_MAX or options.seconds > 60:
        sys.exit(f"at most {PLAYERS_MAX} players for 60 s")
    raise_descriptors(options.count + 64)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play_all(options))


if __name__ == "__main__":
    main()
