"""What it costs to turn somebody away: connections unread, and requests with a 429, beside HAProxy and nginx.

The sources sit in a network namespace. The connections come from one network that has long had its share;
HAProxy rejects all of them at the same point (`tcp-request connection reject`). For requests wrk asks over
kept connections, from addresses beyond their rate; nginx answers its `limit_req` with a body of equal size,
at the same rate, and keeps a connection for as many requests. Rounds are interleaved and medians taken; CPU
is that of the process which refuses, less what it uses while nobody comes: Hiwar's is on air meanwhile. The
rounds of requests are so short that no connection is refused in them. wrk repeats one request, which is what
Hiwar's memory of a refusal serves best; nginx judges each.
"""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

from bench import scripted
from bench.harness import Outcome, Progress, cpu_nanoseconds, median
from bench.namespaces import Namespace, namespace
from bench.rounds import CHUNK_BYTES, come_first
from hiwar.admission.limits import LIMITS, Limited
from hiwar.admission.prefix import Level
from hiwar.door.limits import DoorLimits
from tests.running import free_port, until

TITLE = "What it costs to turn somebody away"
CONNECTION_ROUNDS = 5
CONNECTIONS = 6_000  # a round; more than any network's burst before the first of them
WARM_CONNECTIONS = 8_000
REQUEST_ROUNDS, WRK_SECONDS = 7, 1
IDLE_S = 2.0
WRK_CONNECTIONS = 16
PATH = f"/c/{scripted.CONVERSATION}/now"
REQUESTS = re.compile(r"(\d+) requests in")
OTHERS = re.compile(r"Non-2xx or 3xx responses: (\d+)")


def run(progress: Progress) -> Outcome:
    come_first()
    outcome = Outcome()
    with namespace() as inside:
        if inside is None:
            outcome.beside("turning away", None, "x", "needs root and iproute2")
            return outcome
        with scripted.edge(CHUNK_BYTES, EDGE_HOST="0.0.0.0") as edge, rejecting(inside) as haproxy:
            _connections(outcome, progress, inside, edge, haproxy)
            size = _exhaust_requests(inside, edge.port)
            with limiting(inside, size) as nginx:
                _requests(outcome, progress, inside, edge, nginx)
    return outcome


def _connections(
    outcome: Outcome,
    progress: Progress,
    inside: Namespace,
    edge: scripted.Edge,
    haproxy: tuple[int, int] | None,
) -> None:
    _knock(inside, edge.port, WARM_CONNECTIONS, "--hurry")
    refuse = partial(_knock, inside, count=CONNECTIONS)
    ours, theirs = _rounds(
        progress, "connections", CONNECTION_ROUNDS, refuse, (edge.worker, edge.port), haproxy
    )
    outcome.beside("Hiwar, a connection refused unread", median(ours), "us CPU")
    outcome.beside("HAProxy, a connection rejected", median(theirs), "us CPU")
    outcome.at_most("connections: Hiwar over HAProxy", _ratio(median(ours), median(theirs)), "x", 1.25)
    outcome.samples["hiwar_connection_us"], outcome.samples["haproxy_connection_us"] = ours, theirs


def _rounds(
    progress: Progress,
    what: str,
    rounds: int,
    refuse: Callable[[int], int],
    hiwar: tuple[int, int],
    other: tuple[int, int] | None,
) -> tuple[list[float], list[float]]:
    """What it costs Hiwar, and the other if there is one, round by round: microseconds of the process for
    each that `refuse(port)` saw turned away. Both by pid and port."""
    ours: list[float] = []
    theirs: list[float] = []
    idle = {pid: _busy(pid, lambda: sleep(IDLE_S)) for pid, _ in filter(None, (hiwar, other))}
    for number in range(rounds):
        progress(f"{what}, round {number + 1} of {rounds}")
        ours.append(_refused_us(refuse, *hiwar, idle[hiwar[0]]))
        if other is not None:
            theirs.append(_refused_us(refuse, *other, idle[other[0]]))
    return ours, theirs


def _refused_us(refuse: Callable[[int], int], pid: int, port: int, idle: float) -> float:
    began, before = perf_counter(), cpu_nanoseconds(pid)
    refused = refuse(port)
    used = (cpu_nanoseconds(pid) - before) / 1000
    return (used - idle * (perf_counter() - began) * 1e6) / refused


def _busy(pid: int, wait: Callable[[], None]) -> float:
    """The share of a core that the process uses meanwhile."""
    began, before = perf_counter(), cpu_nanoseconds(pid)
    wait()
    return (cpu_nanoseconds(pid) - before) / 1e9 / (perf_counter() - began)


def _knock(inside: Namespace, port: int, count: int, *options: str) -> int:
    """How many of `count` connections were closed unread."""
    knocking = (sys.executable, "-m", "bench.knocking", "--port", str(port), "--count", str(count), *options)
    done = subprocess.run(inside.command(*knocking), check=True, capture_output=True, text=True, timeout=120)
    told = json.loads(done.stdout)
    if told["closed"] < 0.9 * count:
        raise RuntimeError(f"they were not turned away: {told}")
    return int(told["closed"])


def _requests(
    outcome: Outcome,
    progress: Progress,
    inside: Namespace,
    edge: scripted.Edge,
    nginx: tuple[int, int] | None,
) -> None:
    if shutil.which("wrk") is None:
        outcome.beside("requests turned away", None, "us CPU", "wrk is not installed")
        return
    ours, theirs = _rounds(
        progress, "requests", REQUEST_ROUNDS, partial(_wrk, inside), (edge.worker, edge.port), nginx
    )
    outcome.beside("Hiwar, a request answered 429", median(ours), "us CPU")
    outcome.beside("nginx limit_req, the same size", median(theirs), "us CPU")
    outcome.at_most("requests: Hiwar over nginx", _ratio(median(ours), median(theirs)), "x", 1.0)
    outcome.samples["hiwar_request_us"], outcome.samples["nginx_request_us"] = ours, theirs


def _wrk(inside: Namespace, port: int) -> int:
    """How many requests were answered, nearly all of them with an error status."""
    options = (f"-t1 -c{WRK_CONNECTIONS} -d{WRK_SECONDS}s http://{inside.here}:{port}{PATH}").split()
    done = subprocess.run(
        inside.command("wrk", *options), check=True, capture_output=True, text=True, timeout=60
    )
    asked, turned = REQUESTS.search(done.stdout), OTHERS.search(done.stdout)
    if asked is None or turned is None or int(turned[1]) < 0.95 * int(asked[1]):
        raise RuntimeError(f"they were not turned away:\n{done.stdout}")
    return int(asked[1])


def _exhaust_requests(inside: Namespace, port: int) -> int:
    """Ask until the network's share is used up; the size of the answer then, in bytes."""
    code = f"""import http.client
connection = http.client.HTTPConnection("{inside.here}", {port})
for _ in range(20_000):
    connection.request("GET", "{PATH}")
    answer = connection.getresponse()
    body = answer.read()
    if answer.status == 429:
        print(len(body))
        break
"""
    done = subprocess.run(
        inside.command(sys.executable, "-c", code), check=True, capture_output=True, text=True, timeout=60
    )
    return int(done.stdout)


@contextlib.contextmanager
def rejecting(inside: Namespace) -> Iterator[tuple[int, int] | None]:
    """HAProxy with one thread that rejects every connection: its pid and port; None if not installed."""
    program, port = shutil.which("haproxy"), free_port()
    if program is None:
        yield None
        return
    config = (
        "global\n nbthread 1\n maxconn 8000\ndefaults\n mode http\n timeout client 5s\n timeout connect 5s\n"
        f" timeout server 5s\nfrontend f\n bind {inside.here}:{port} backlog 4096\n"
        " tcp-request connection reject\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "haproxy.cfg"
        path.write_text(config)
        process = subprocess.Popen(
            [program, "-db", "-q", "-f", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: _listens(inside.here, port), 5)
            yield process.pid, port
        finally:
            process.kill()
            process.wait()


@contextlib.contextmanager
def limiting(inside: Namespace, size: int) -> Iterator[tuple[int, int] | None]:
    """nginx with one worker that answers 429 with `size` bytes: its pid and port; None if not installed."""
    program, port = shutil.which("nginx"), free_port()
    if program is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        root, rate = Path(folder), LIMITS[Limited.REQUESTS][Level.IPV4_32]
        root.chmod(0o755)
        (root / "logs").mkdir()
        (root / "ok").write_text("ok")
        (root / "nginx.conf").write_text(
            f"""worker_processes 1; daemon off; pid {folder}/pid; error_log /dev/null crit;
events {{ worker_connections 2048; }}
http {{ access_log off; keepalive_requests {DoorLimits().requests_max};
 limit_req_zone $binary_remote_addr zone=z:10m rate={rate.per_second:.0f}r/s;
 server {{ listen {inside.here}:{port} backlog=4096;
  location / {{ limit_req zone=z; limit_req_status 429; limit_req_log_level info; error_page 429 @r;
   root {folder}; try_files /ok =404; }}
  location @r {{ internal; default_type application/problem+json; add_header Retry-After 5 always;
   return 429 "{"x" * size}"; }} }} }}
"""
        )
        process = subprocess.Popen(
            [program, "-p", folder, "-c", f"{folder}/nginx.conf"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: _listens(inside.here, port) and scripted.children(process.pid), 5)
            yield scripted.children(process.pid)[0], port
        finally:
            process.terminate()
            process.wait()


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def _ratio(ours: float | None, theirs: float | None) -> float | None:
    return None if ours is None or not theirs else ours / theirs
