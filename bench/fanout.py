"""Fan-out to 8,000 listeners on one worker, beside Icecast and a bare epoll writer with the same writes.

64 kbit/s, one write each 640 ms. CPU is what the serving process used between the end of the joins and
the end of the run, divided by listeners and seconds. Every listener's bytes are compared with what was
sent. With TLS fewer listeners (the crowd's own handshakes and decryption need the other core), so the
price of TLS is measured against the same number without.
"""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import scripted
from bench.harness import Outcome, Progress, cpu_seconds, pss_kb, raise_descriptors
from bench.hls_crowd import measure_hls
from bench.interval import measure_interval
from bench.peers import bare_writer, icecast
from tests.certificate import self_signed
from tests.running import free_port

TITLE = "Fan-out: CPU and memory a listener, joins, change of write interval"
LISTENERS = 8000
LISTENERS_TLS = 2000
CHUNK_BYTES = 640  # 64 kbit/s in 80 ms
TICKS = 8  # 640 ms
INTERVAL_SECONDS = 0.64
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """One round: microseconds of CPU per listener-second, KiB a listener, and what the crowd saw."""

    micros: float
    memory_kb: float
    report: dict[str, float]
    joined_seconds: float


def run(progress: Progress) -> Outcome:
    raise_descriptors(20_000)
    outcome = Outcome()
    rounds: dict[str, list[Measured]] = {"hiwar": [], "bare": [], "icecast": []}
    for number in range(ROUNDS):
        for name, held in rounds.items():
            progress(f"{name}, round {number + 1} of {ROUNDS}: {LISTENERS} listeners")
            measured = _measure(name)
            if measured is not None:
                held.append(measured)
    _compare(outcome, rounds)
    progress("TLS")
    _compare_tls(outcome)
    progress("HLS")
    measure_hls(outcome)
    progress("change of write interval in Chromium")
    measure_interval(outcome)
    return outcome


def _measure(name: str) -> Measured | None:
    if name == "hiwar":
        with scripted.edge(CHUNK_BYTES, WRITE_INTERVAL_MS="640", BURST_SECONDS="0") as edge:
            path = f"/c/{scripted.CONVERSATION}/live.ogg"
            return crowd(edge.port, edge.worker, path, LISTENERS, verify=True)
    port = free_port()
    if name == "bare":
        with bare_writer(port, CHUNK_BYTES, TICKS) as pid:
            return crowd(port, pid, "/", LISTENERS)
    with icecast(port, CHUNK_BYTES) as found:
        return None if found is None else crowd(port, found, "/live", LISTENERS)


def crowd(
    port: int, pid: int, path: str, count: int, *, verify: bool = False, tls: bool = False, rate: float = 2000
) -> Measured:
    """Let a crowd in, and measure the process `pid` while it listens steadily."""
    command = [sys.executable, "-m", "bench.crowd", "--port", str(port), "--path", path]
    command += ["--count", str(count), "--rate", str(rate), "--seconds", "12", "--settle", "4"]
    if verify:
        known = [
            "--chunks",
            "2500",
            "--chunk-bytes",
            str(CHUNK_BYTES),
            "--init-bytes",
            str(len(scripted.INIT)),
        ]
        command += known
    if tls:
        command.append("--tls")
    before = pss_kb(pid)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    joined = json.loads(process.stdout.readline())
    process.stdout.readline()
    start, cpu = time.monotonic(), cpu_seconds(pid)
    memory = (pss_kb(pid) - before) / count
    report = json.loads(process.stdout.readline())
    used = cpu_seconds(pid) - cpu
    micros = used / (time.monotonic() - start) / max(report["served"], 1) * 1e6
    process.wait()
    return Measured(micros, memory, report, joined["seconds"])


def _compare(outcome: Outcome, rounds: dict[str, list[Measured]]) -> None:
    middle = {name: _median([one.micros for one in many]) for name, many in rounds.items()}
    for name, many in rounds.items():
        outcome.samples[f"{name}_micros"] = [one.micros for one in many]
    ours = middle["hiwar"]
    assert ours is not None
    outcome.beside("Hiwar", ours, "us CPU per listener-second")
    outcome.beside("bare epoll writer", middle["bare"], "us CPU per listener-second")
    outcome.beside("Icecast", middle["icecast"], "us CPU per listener-second")
    outcome.at_most("Hiwar over Icecast", _ratio(ours, middle["icecast"]), "x", 0.5)
    outcome.at_most("Hiwar over the bare writer", _ratio(ours, middle["bare"]), "x", 1.25)
    outcome.at_most("memory a listener", _median([one.memory_kb for one in rounds["hiwar"]]), "KB", 6.0)
    joins = rounds["hiwar"]
    outcome.at_least(
        "joins served of 8,000", min(one.report["served"] for one in joins), "listeners", LISTENERS
    )
    outcome.beside(
        "time they took to come", _median([one.joined_seconds for one in joins]), "s", "2,000 a second"
    )
    outcome.at_most("listeners with a wrong byte", max(one.report["wrong"] for one in joins), "listeners", 0)
    outcome.at_most("longest gap", max(one.report["longest_gap"] for one in joins), "s", 2 * INTERVAL_SECONDS)
    if rounds["icecast"]:
        served = min(one.report["served"] for one in rounds["icecast"])
        outcome.beside("Icecast: joins served of 8,000", served, "listeners")


def _compare_tls(outcome: Outcome) -> None:
    plain = []
    secure = []
    for _ in range(ROUNDS):
        with scripted.edge(CHUNK_BYTES, WRITE_INTERVAL_MS="640", BURST_SECONDS="0") as edge:
            plain.append(crowd(edge.port, edge.worker, f"/c/{scripted.CONVERSATION}/live.ogg", LISTENERS_TLS))
        with (
            certified() as settings,
            scripted.edge(CHUNK_BYTES, WRITE_INTERVAL_MS="640", BURST_SECONDS="0", **settings) as edge,
        ):
            path = f"/c/{scripted.CONVERSATION}/live.ogg"
            secure.append(crowd(edge.port, edge.worker, path, LISTENERS_TLS, tls=True, rate=200))
    ratio = _ratio(_median([one.micros for one in secure]), _median([one.micros for one in plain]))
    outcome.at_most("with TLS over without (2,000 listeners)", ratio, "x", 2.0)
    outcome.at_most("memory a listener with TLS", _median([one.memory_kb for one in secure]), "KB", 32.0)
    outcome.samples["tls_micros"] = [one.micros for one in secure]
    outcome.samples["plain_micros"] = [one.micros for one in plain]


@contextlib.contextmanager
def certified() -> Iterator[dict[str, str]]:
    """Settings of a front door with a certificate of its own making."""
    with TemporaryDirectory() as folder:
        cert, key = self_signed(Path(folder))
        yield {"EDGE_TLS_CERT": str(cert), "EDGE_TLS_KEY": str(key)}


def _median(values: list[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else ours / theirs
