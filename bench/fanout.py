"""Fan-out to 8,000 listeners on one worker, beside Icecast and a bare epoll writer with the same writes.

64 kbit/s, one write each 640 ms; Icecast is fed 640 ms at once, so that it writes as seldom as it can be
made to. CPU is what the serving process used while everybody listened, after the joins, divided by
listeners and seconds. Rounds are interleaved and medians taken, so that what else the machine does falls on
all alike. Every listener's bytes are compared with what was sent. With TLS fewer listeners (the crowd's own
handshakes and decryption need the other core), so the price of TLS is measured against the same number
without.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import scripted
from bench.harness import Outcome, Progress, median, raise_descriptors
from bench.hls_crowd import measure_hls
from bench.interval import measure_interval
from bench.peers import bare_writer, icecast
from bench.rounds import CHUNK_BYTES, INTERVAL_SECONDS, LIVE, STEADY, Measured, come_first, known, let_in
from tests.certificate import self_signed
from tests.running import free_port

TITLE = "Fan-out: CPU and memory a listener, joins, change of write interval"
LISTENERS = 8000
LISTENERS_TLS = 2000
TICKS = 8  # 640 ms
ROUNDS = 3
ICECAST_PENDING = 5  # its queue of arrivals (ICE_LISTEN_QUEUE): more at once would wait for seconds
TLS_RATE = 400
DESCRIPTORS = 20_000


def run(progress: Progress) -> Outcome:
    raise_descriptors(DESCRIPTORS)
    come_first()
    outcome = Outcome()
    rounds: dict[str, list[Measured]] = {"hiwar": [], "bare": [], "icecast": []}
    for number in range(ROUNDS):
        for name, held in rounds.items():
            progress(f"{name}, round {number + 1} of {ROUNDS}: {LISTENERS} listeners")
            measured = measure(name)
            if measured is not None:
                held.append(measured)
    _compare(outcome, rounds)
    _compare_joins(outcome, rounds)
    progress("TLS")
    _compare_tls(outcome)
    progress("HLS")
    measure_hls(outcome)
    progress("change of write interval in Chromium")
    measure_interval(outcome)
    return outcome


def measure(name: str) -> Measured | None:
    """One round of the door, the bare writer or Icecast (None where it is not installed)."""
    if name == "hiwar":
        with scripted.edge(CHUNK_BYTES, **STEADY) as edge:
            return let_in(edge.worker, edge.port, LIVE, LISTENERS, *known())
    port = free_port()
    if name == "bare":
        with bare_writer(port, CHUNK_BYTES, TICKS) as pid:
            return let_in(pid, port, "/", LISTENERS)
    with icecast(port, CHUNK_BYTES, TICKS) as found:
        if found is None:
            return None
        return let_in(found, port, "/live", LISTENERS, "--pending", str(ICECAST_PENDING))


def _compare(outcome: Outcome, rounds: dict[str, list[Measured]]) -> None:
    middle = {name: median([one.micros for one in many]) for name, many in rounds.items()}
    for name, many in rounds.items():
        outcome.samples[f"{name}_micros"] = [one.micros for one in many]
        outcome.samples[f"{name}_memory_kb"] = [one.memory_kb for one in many]
    ours = middle["hiwar"]
    outcome.beside("Hiwar", ours, "us CPU per listener-second")
    outcome.beside("bare epoll writer", middle["bare"], "us CPU per listener-second")
    outcome.beside("Icecast", middle["icecast"], "us CPU per listener-second")
    outcome.at_most("Hiwar over Icecast", _ratio(ours, middle["icecast"]), "x", 0.5)
    outcome.at_most("Hiwar over the bare writer", _ratio(ours, middle["bare"]), "x", 1.25)
    outcome.at_most("memory a listener", median([one.memory_kb for one in rounds["hiwar"]]), "KB", 6.0)


def _compare_joins(outcome: Outcome, rounds: dict[str, list[Measured]]) -> None:
    joins = [one.report for one in rounds["hiwar"]]
    outcome.at_least("joins served of 8,000", min(each["served"] for each in joins), "listeners", LISTENERS)
    came = median([one.joined_seconds for one in rounds["hiwar"]])
    outcome.beside("time they took to come", came, "s", "2,000 a second")
    first = median([each["first_byte_p99"] for each in joins])
    outcome.beside("from connecting to the first byte, p99", first, "s")
    outcome.at_most("listeners with a wrong byte", max(each["wrong"] for each in joins), "listeners", 0)
    longest = max(max(each["join_gap"], each["longest_gap"]) for each in joins)
    outcome.at_most("longest gap, while 8,000 join and after", longest, "s", 2 * INTERVAL_SECONDS)
    outcome.beside("longest time the crowd did not look", max(each["blind"] for each in joins), "s")
    for name, many in rounds.items():
        outcome.samples[f"{name}_join_gap"] = [one.report["join_gap"] for one in many]
        outcome.samples[f"{name}_longest_gap"] = [one.report["longest_gap"] for one in many]
        outcome.samples[f"{name}_served"] = [one.report["served"] for one in many]
        if many and name != "hiwar":
            served = min(one.report["served"] for one in many)
            outcome.beside(f"{name}: served of 8,000", served, "listeners")


def _compare_tls(outcome: Outcome) -> None:
    plain, secure = [], []
    for _ in range(ROUNDS):
        with scripted.edge(CHUNK_BYTES, **STEADY) as edge:
            plain.append(let_in(edge.worker, edge.port, LIVE, LISTENERS_TLS, *known()))
        with certified() as settings, scripted.edge(CHUNK_BYTES, **STEADY, **settings) as edge:
            options = (*known(), "--tls", "--rate", str(TLS_RATE))
            secure.append(let_in(edge.worker, edge.port, LIVE, LISTENERS_TLS, *options))
    ratio = _ratio(median([one.micros for one in secure]), median([one.micros for one in plain]))
    served = min(one.report["served"] for one in secure)
    outcome.at_most("with TLS over without (2,000 listeners)", ratio, "x", 2.0)
    outcome.at_most("memory a listener with TLS", median([one.memory_kb for one in secure]), "KB", 32.0)
    outcome.at_least("with TLS: served of 2,000", served, "listeners", LISTENERS_TLS)
    outcome.at_most("with TLS: with a wrong byte", max(one.report["wrong"] for one in secure), "listeners", 0)
    outcome.samples["tls_micros"] = [one.micros for one in secure]
    outcome.samples["plain_micros"] = [one.micros for one in plain]


@contextlib.contextmanager
def certified() -> Iterator[dict[str, str]]:
    """Settings of a front door with a certificate of its own making."""
    with TemporaryDirectory() as folder:
        cert, key = self_signed(Path(folder))
        yield {"EDGE_TLS_CERT": str(cert), "EDGE_TLS_KEY": str(key)}


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else ours / theirs
