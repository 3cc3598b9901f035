"""Fan-out to 8,000 listeners on one worker, beside Icecast and a bare epoll writer with the same writes.

64 kbit/s, one write each 640 ms; Icecast is fed 640 ms at once, so that it writes as seldom as it can be
made to. CPU is what the serving process used while everybody listened, after the joins, divided by
listeners and seconds. Rounds are interleaved and medians taken, so that what else the machine does falls on
all alike. Every listener's bytes are compared with what was sent. With TLS and beside Icecast there are fewer
listeners (the crowd's own decryption needs the other core, and Icecast takes minutes to let 8,000 in), so
these are measured against the same number at the door without TLS.
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
from hiwar.rehearsal.certificate import make_certificate
from tests.running import free_port

TITLE = "Fan-out: CPU and memory a listener, joins, change of write interval"
LISTENERS = 8000
LISTENERS_FEW = 2000
TICKS = 8  # 640 ms
ROUNDS = 3
ICECAST_OPTIONS = ("--rate", "500", "--pending", "100")  # its queue of arrivals is short
TLS_OPTIONS = ("--rate", "400", "--tls")
DESCRIPTORS = 20_000
UNIT = "us CPU per listener-second"
Rounds = dict[str, list[Measured]]


def run(progress: Progress) -> Outcome:
    raise_descriptors(DESCRIPTORS)
    come_first()
    outcome = Outcome()
    _compare(outcome, _rounds(progress, LISTENERS, ("hiwar", "bare")))
    _compare_few(outcome, _rounds(progress, LISTENERS_FEW, ("hiwar", "tls", "icecast")))
    progress("HLS")
    measure_hls(outcome)
    progress("change of write interval in Chromium")
    measure_interval(outcome)
    return outcome


def _rounds(progress: Progress, count: int, names: tuple[str, ...]) -> Rounds:
    """`ROUNDS` of each, in turns."""
    rounds: Rounds = {name: [] for name in names}
    for number in range(ROUNDS):
        for name in names:
            progress(f"{name}, round {number + 1} of {ROUNDS}: {count} listeners")
            measured = measure(name, count)
            if measured is not None:
                rounds[name].append(measured)
    return rounds


def measure(name: str, count: int) -> Measured | None:
    """One round of the door (with TLS or without), the bare writer, or Icecast (None: not installed)."""
    if name == "hiwar":
        with scripted.edge(CHUNK_BYTES, **STEADY) as edge:
            return let_in(edge.worker, edge.port, LIVE, count, *known())
    if name == "tls":
        with certified() as settings, scripted.edge(CHUNK_BYTES, **STEADY, **settings) as edge:
            return let_in(edge.worker, edge.port, LIVE, count, *known(), *TLS_OPTIONS)
    port = free_port()
    if name == "bare":
        with bare_writer(port, CHUNK_BYTES, TICKS) as pid:
            return let_in(pid, port, "/", count)
    with icecast(port, CHUNK_BYTES, TICKS) as found:
        return None if found is None else let_in(found, port, "/live", count, *ICECAST_OPTIONS)


def _compare(outcome: Outcome, rounds: Rounds) -> None:
    """8,000 listeners: cost beside the bare writer, memory, joins."""
    _keep(outcome, rounds, LISTENERS)
    ours, bare = _micros(rounds["hiwar"]), _micros(rounds["bare"])
    outcome.beside("Hiwar, 8,000 listeners", ours, UNIT)
    outcome.beside("bare epoll writer, 8,000", bare, UNIT)
    outcome.at_most("Hiwar over the bare writer", _ratio(ours, bare), "x", 1.25)
    outcome.at_most("memory a listener", median([one.memory_kb for one in rounds["hiwar"]]), "KB", 6.0)
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


def _compare_few(outcome: Outcome, rounds: Rounds) -> None:
    """2,000 listeners: beside Icecast, which does not take 8,000 in a bounded time here, and with TLS."""
    _keep(outcome, rounds, LISTENERS_FEW)
    ours, peer, secure = (_micros(rounds[name]) for name in ("hiwar", "icecast", "tls"))
    outcome.beside("Hiwar, 2,000 listeners", ours, UNIT)
    outcome.beside("Icecast, 2,000", peer, UNIT, "fed 640 ms at once")
    outcome.at_most("Hiwar over Icecast", _ratio(ours, peer), "x", 0.5)
    served = min((one.report["served"] for one in rounds["icecast"]), default=None)
    outcome.beside("Icecast: served of 2,000", served, "listeners")
    tls = [one.report for one in rounds["tls"]]
    outcome.at_most("with TLS over without", _ratio(secure, ours), "x", 2.0)
    outcome.at_most(
        "memory a listener with TLS", median([one.memory_kb for one in rounds["tls"]]), "KB", 32.0
    )
    served = min(each["served"] for each in tls)
    outcome.at_least("with TLS: served of 2,000", served, "listeners", LISTENERS_FEW)
    outcome.at_most("with TLS: with a wrong byte", max(each["wrong"] for each in tls), "listeners", 0)


def _keep(outcome: Outcome, rounds: Rounds, count: int) -> None:
    for name, many in rounds.items():
        outcome.samples[f"{name}_{count}_micros"] = [one.micros for one in many]
        outcome.samples[f"{name}_{count}_memory_kb"] = [one.memory_kb for one in many]
        for figure in ("served", "join_gap", "longest_gap", "blind", "first_byte_p99"):
            outcome.samples[f"{name}_{count}_{figure}"] = [one.report[figure] for one in many]


def _micros(many: list[Measured]) -> float | None:
    return median([one.micros for one in many])


@contextlib.contextmanager
def certified() -> Iterator[dict[str, str]]:
    """Settings of a front door with a certificate of its own making."""
    with TemporaryDirectory() as folder:
        cert, key = make_certificate(Path(folder), "localhost")
        yield {"EDGE_TLS_CERT": str(cert), "EDGE_TLS_KEY": str(key)}


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else ours / theirs
