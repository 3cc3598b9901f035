"""Slow attacks on the front door, 5,000 connections each: how long they are kept, and who notices.

Headers, bodies and slow reads are slowhttptest's, five of it, from a network namespace: it cannot choose its
address, so each has one of its own there, in a network of its own, and stays below what one may open. All
others come from 250 networks, twenty each: what ends them is the deadlines and no limit of a network; nobody
may be turned away, or it was not measured. Half open connections are of two kinds: those of which only the
first packet ever comes, and those whose client is gone in the middle of a head, without a word.

Each attack comes thrice to the same worker: what the third takes beyond the second is growth. Meanwhile 200
listeners hear by a long response, and a newcomer asks twice a second. The attackers get of the processor what
nobody else wants, for they would have machines of their own: slowhttptest turns in circles while it waits.
How long nginx and HAProxy, as Debian configures them, keep the same clients is shown beside it.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import scripted
from bench.fanout import certified
from bench.harness import Outcome, Progress, raise_descriptors
from bench.held import Look, Watch, descriptors, memory_kib
from bench.namespaces import Namespace, namespace
from bench.newcomer import Newcomer
from bench.rounds import CHUNK_BYTES, LIVE, come_first, known
from bench.slow_peers import compare_peers
from hiwar.door.limits import DoorLimits
from hiwar.edge.control import worker_figures
from tests.running import until

TITLE = "Slow attacks: how long they are kept, and who notices"
CONNECTIONS = 5_000
CAME_MIN = 0.95  # of them, else it was no attack
TOOLS = 5  # of slowhttptest; 1,000 connections each, of the 1,200 that one address may have
WAVES = 3
RATE = 2_000  # connections a second
LISTENERS = 200
INTERVAL_S = 0.16
SETTINGS = {"WRITE_INTERVAL_MS": "160", "BURST_SECONDS": "0"}
TOLERANCE_S = 3.0
ARRIVAL_S = 12.0  # that a wave may take to come, at most
KEPT_MAX_S = 15.0  # beyond the deadline; then it is given up, and shown as what it is
SLACK_S = 8.0  # of a wave: to come and to be gone
SYN_S = 6.0
QUIET_PORTS = range(18_000, 18_100)  # below those that the kernel gives to clients
GROWTH = 1.1
PLAIN_KIB, TLS_KIB, SHAKING_KIB = 8.0, 64.0, 306.0  # the last two with what `DoorLimits` says of TLS
PIPED: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
UNHEARD: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "text": True}
LARGE = "/static/vendor/hls.js"  # 370 KB, for who reads slowly
LIMITS = DoorLimits()


@dataclass(frozen=True, slots=True)
class Act:
    """An attack: by `tool` (options of slowhttptest) or the kind of `bench.slow_crowd`; `deadline_s` is by
    when the door closes it, `kib_max` the memory that a connection may take. `gone`: the clients vanish once
    they have come."""

    name: str
    deadline_s: float
    kib_max: float
    kind: str = ""
    tool: str = ""
    secure: bool = False
    inside: bool = False
    gone: bool = False


ACTS = (
    Act("slow headers (slowhttptest -H)", LIMITS.head_s, PLAIN_KIB, tool="-H -i 1"),
    Act("slow body (slowhttptest -B)", LIMITS.body_s, PLAIN_KIB, tool="-B -i 1 -s 4096"),
    Act("slow read (slowhttptest -X)", LIMITS.write_stall_s, PLAIN_KIB, tool="-X -n 5 -z 32 -w 512 -y 1024"),
    Act("silent", LIMITS.head_s, PLAIN_KIB, kind="silent"),
    Act("half open: a SYN and no more", 0.0, 0.0, kind="syn", inside=True),
    Act("half open: gone without a word", LIMITS.head_s, PLAIN_KIB, kind="begun", inside=True, gone=True),
    Act("TLS: slow headers (slowhttptest -H)", LIMITS.head_s, TLS_KIB, tool="-H -i 1", secure=True),
    Act("TLS: silent", LIMITS.handshake_s, SHAKING_KIB, kind="silent", secure=True),
    Act("TLS: never finished", LIMITS.handshake_s, SHAKING_KIB, kind="hello", secure=True),
)


@dataclass(slots=True)
class Seen:
    """What was seen of one act: the worker's descriptors and memory (KiB) before and after, what there was to
    see in each wave, what the listeners report, and how long newcomers waited."""

    act: Act
    before: tuple[int, int]
    after: tuple[int, int] = (0, 0)
    waves: list[list[Look]] = field(default_factory=list)
    came: int = CONNECTIONS  # in the smaller wave
    longest_s: float = 0.0
    report: dict[str, float] = field(default_factory=dict)
    newcomer_s: list[float] = field(default_factory=list)
    waited_s: float = 0.0  # for a core, while it could have run
    turned_away: int = 0

    @property
    def most_held(self) -> int:
        return max(look.held for wave in self.waves for look in wave)

    def most_kib(self, wave: int) -> int:
        return max(look.memory_kib for look in self.waves[wave])


def run(progress: Progress) -> Outcome:
    raise_descriptors(20_000)
    come_first()
    outcome = Outcome()
    seen: list[Seen] = []
    with namespace() as inside:
        for act in ACTS:
            if _possible(outcome, act, inside):
                seen.append(_play(progress, act, inside))
                _tell(outcome, seen[-1])
    _tell_all(outcome, seen)
    progress("nginx and HAProxy")
    compare_peers(outcome)
    return outcome


def _possible(outcome: Outcome, act: Act, inside: Namespace | None) -> bool:
    missing = ""
    if inside is None and (act.inside or act.tool):
        missing = "needs root and iproute2"
    elif act.tool and shutil.which("slowhttptest") is None:
        missing = "slowhttptest is not installed"
    if missing:
        outcome.beside(act.name, None, "s", missing)
    return not missing


def _quiet_port() -> int:
    """A port that is free at every address, and from which no client of this machine speaks: thousands that
    are gone keep theirs for a minute."""
    for port in QUIET_PORTS:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("0.0.0.0", port))
            return port
    raise RuntimeError("no port is free")


def _play(progress: Progress, act: Act, inside: Namespace | None) -> Seen:
    settings = SETTINGS | {"EDGE_PORT": str(_quiet_port())}
    if inside is not None:
        settings["EDGE_HOST"] = "0.0.0.0"
    with contextlib.ExitStack() as stack:
        if act.secure:
            settings |= stack.enter_context(certified())
        edge = stack.enter_context(scripted.edge(CHUNK_BYTES, **settings))
        crowd = stack.enter_context(_listening(act, edge.port))
        pid = edge.worker
        seen = Seen(act, (descriptors(pid), memory_kib(pid)))
        waited = _waited_s(pid)
        with Newcomer(edge.port, f"/c/{scripted.CONVERSATION}/now", secure=act.secure) as newcomer:
            for wave in range(WAVES):
                progress(f"{act.name}, {wave + 1} of {WAVES}")
                _strike(seen, inside, edge, wave)
        seen.newcomer_s = newcomer.waited_s
        with contextlib.suppress(TimeoutError):  # what is left then is told
            until(lambda: descriptors(pid) <= seen.before[0], TOLERANCE_S)
        seen.waited_s = _waited_s(pid) - waited
        seen.after = (descriptors(pid), memory_kib(pid))
        if crowd.poll() is None:  # else it heard the end of the attack no more
            seen.report = json.loads(crowd.communicate(timeout=120)[0].splitlines()[-1])
        (figures,) = asyncio.run(worker_figures(edge.runtime))
        seen.turned_away = sum(figures["turned_away"].values()) + figures["door"].get("full", 0)
    return seen


@contextlib.contextmanager
def _listening(act: Act, port: int) -> Iterator["subprocess.Popen[str]"]:
    """The listeners, seated, for as long as the attack may take."""
    seconds = WAVES * (max(act.deadline_s, SYN_S) + SLACK_S)
    command = [sys.executable, "-m", "bench.crowd", "--port", str(port), "--path", LIVE]
    command += ["--count", str(LISTENERS), "--rate", "200", "--seconds", str(seconds), *known()]
    with _ended(subprocess.Popen([*command, *(["--tls"] if act.secure else [])], **PIPED)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        steady = json.loads(process.stdout.readline())["steady"]
        if steady < LISTENERS:
            raise RuntimeError(f"only {steady} of {LISTENERS} listeners were seated")
        yield process


@contextlib.contextmanager
def _ended(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _strike(seen: Seen, inside: Namespace | None, edge: scripted.Edge, wave: int) -> None:
    """One wave: until all of them have come and gone."""
    act = seen.act
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(Watch(edge.port, edge.worker))
        for command in _attackers(act, inside, edge.port, wave):
            attacker = stack.enter_context(_ended(subprocess.Popen(command, **UNHEARD)))
            os.sched_setscheduler(attacker.pid, os.SCHED_IDLE, os.sched_param(0))
        if act.kind == "syn":
            time.sleep(SYN_S)
        else:
            with contextlib.suppress(TimeoutError):
                until(lambda: watch.came >= CAME_MIN * CONNECTIONS, ARRIVAL_S)
            if act.gone and inside is not None:
                stack.enter_context(inside.vanished())
            with contextlib.suppress(TimeoutError):
                until(lambda: not watch.held, act.deadline_s + KEPT_MAX_S)
        seen.came = min(seen.came, watch.came)
        seen.waves.append(watch.looks)
        seen.longest_s = max(seen.longest_s, watch.longest_s, watch.oldest_s)


def _attackers(act: Act, inside: Namespace | None, port: int, wave: int) -> list[list[str]]:
    if act.tool and inside is not None:
        return [_tool(act, inside, port, wave * TOOLS + number) for number in range(TOOLS)]
    command = [sys.executable, "-m", "bench.slow_crowd", "--port", str(port), "--kinds", act.kind]
    command += ["--count", str(CONNECTIONS), "--rate", str(RATE), "--seconds", str(act.deadline_s + 30)]
    if act.inside and inside is not None:
        return [inside.command(*command, "--inside")]
    return [command]


def _tool(act: Act, inside: Namespace, port: int, number: int) -> list[str]:
    """slowhttptest for its share of the connections, from an address of its own, for a bounded time."""
    scheme, path = "https" if act.secure else "http", LARGE if "-X" in act.tool else "/"
    options = f"-c {CONNECTIONS // TOOLS} -r {RATE // TOOLS} -l {act.deadline_s + KEPT_MAX_S:.0f} -v 0"
    address = f"{scheme}://{inside.here_for(number)}:{port}{path}"
    return inside.command("slowhttptest", *act.tool.split(), *options.split(), "-u", address)


def _waited_s(pid: int) -> float:
    """For how long a process could have run and had no core (proc(5), schedstat)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9


def _tell(outcome: Outcome, seen: Seen) -> None:
    act, report = seen.act, seen.report
    note = f"{seen.most_held} at once"
    if act.kind == "syn":
        most = max(look.half_open for wave in seen.waves for look in wave)
        taken = max(look.descriptors for wave in seen.waves for look in wave) - seen.before[0]
        note = f"at most {most} in the kernel, the others as cookies"
        outcome.at_most(f"{act.name}: descriptors taken", taken, "descriptors", 2, note)
    else:
        kept_s = None if seen.came < CAME_MIN * CONNECTIONS else seen.longest_s
        note += "" if kept_s is not None else f", and only {seen.came} came: this is no measurement"
        outcome.at_most(f"{act.name}: longest kept", kept_s, "s", act.deadline_s + TOLERANCE_S, note)
    blind = "it ended too soon"
    if report:
        blind = f"the crowd did not look for {report['blind']:.2f} s; the door waited {seen.waited_s:.1f} s"
        blind += " for a core"
    gap = report.get("longest_gap")
    outcome.at_most(f"{act.name}: longest gap of a listener", gap, "s", 2 * INTERVAL_S, blind)
    outcome.beside(f"{act.name}: a newcomer's first answer, at most", max(seen.newcomer_s), "s")
    for wave, looks in enumerate(seen.waves, 1):
        for name in ("held", "half_open", "descriptors", "memory_kib"):
            outcome.samples[f"{act.name}, {wave}: {name}"] = [getattr(look, name) for look in looks[::5]]
    outcome.samples[f"{act.name}: newcomer_s"] = [round(waited, 3) for waited in seen.newcomer_s]


def _tell_all(outcome: Outcome, seen: list[Seen]) -> None:
    """What must be so in every act."""
    left = max((each.after[0] - each.before[0] for each in seen), default=None)
    outcome.at_most("descriptors left over, in any", left, "descriptors", 0)
    for each in seen:
        if each.act.kind != "syn":  # of which nothing comes to the process
            _tell_memory(outcome, each)
    reports = [each.report for each in seen if each.report]
    lost = sum(report["closed"] + report["wrong"] for report in reports)
    outcome.at_most("listeners lost or with a wrong byte, in all", lost, "listeners", 0)
    away = sum(each.turned_away for each in seen)
    outcome.at_most("connections that a limit turned away, in all", away, "connections", 0)


def _tell_memory(outcome: Outcome, seen: Seen) -> None:
    before, most = seen.before[1], [seen.most_kib(wave) for wave in range(WAVES)]
    shown = ", ".join(f"{kib / 1024:.0f}" for kib in most)
    note = f"{before / 1024:.0f} before, {shown} at most, {seen.after[1] / 1024:.0f} MiB after"
    taken = (max(most) - before) / max(seen.most_held, 1)
    outcome.at_most(f"{seen.act.name}: memory a connection", taken, "KiB", seen.act.kib_max, note)
    growth = (most[-1] - before) / max(most[-2] - before, 1)
    name = f"{seen.act.name}: memory, third wave over second"
    if seen.act.secure:  # a place for TLS comes to its full size in time, and that is bounded above
        outcome.beside(name, growth, "x")
    else:
        outcome.at_most(name, growth, "x", GROWTH)
