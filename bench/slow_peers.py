"""How long nginx and HAProxy keep slow clients, with the deadlines that Debian's configuration gives them.

nginx sets none of its own, so its built-in ones hold (60 s); HAProxy's file says 50 s for a client. Both are
told to take the whole body before they pass a request on, as the front door does; there is nobody to pass it
on to. A few clients of each kind are enough: how long one is kept does not depend on how many there are.
"""

import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.harness import Outcome
from tests.running import free_port, until

KINDS = ("silent", "head", "body")
EACH = 20
SECONDS = 75
NGINX = """worker_processes 1; daemon off; pid {folder}/pid; error_log /dev/null crit;
events {{ worker_connections 768; }}
http {{ access_log off;
 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{nobody}; }} }} }}
"""
HAPROXY = """defaults
 mode http
 timeout connect 5000
 timeout client 50000
 timeout server 50000
frontend f
 bind 127.0.0.1:{port}
 option http-buffer-request
 default_backend b
backend b
 server s 127.0.0.1:{nobody}
"""


def compare_peers(outcome: Outcome) -> None:
    """The longest time that each kept a client of each kind, as far as was waited."""
    with contextlib.ExitStack() as stack:
        crowds = {}
        for name, program, config, options in (
            ("nginx", "nginx", NGINX, ("-p", "{folder}", "-c", "{folder}/config")),
            ("HAProxy", "haproxy", HAPROXY, ("-db", "-q", "-f", "{folder}/config")),
        ):
            port = stack.enter_context(_peer(program, config, options))
            crowds[name] = None if port is None else stack.enter_context(_crowd(port))
        for name, crowd in crowds.items():
            _tell(outcome, name, crowd)


def _tell(outcome: Outcome, name: str, crowd: "subprocess.Popen[str] | None") -> None:
    if crowd is None:
        outcome.beside(f"{name} keeps them", None, "s", "not installed")
        return
    kept = json.loads(crowd.communicate(timeout=SECONDS + 30)[0].splitlines()[-1])
    for kind in KINDS:
        left = kept[kind]["left"]
        value = SECONDS if left else kept[kind]["longest_s"]
        note = f"{left} of {EACH} still kept when the bench had waited so long" if left else ""
        outcome.beside(f"{name} keeps them: {kind}", value, "s", note)


def _crowd(port: int) -> "subprocess.Popen[str]":
    count = EACH * len(KINDS)
    command = [sys.executable, "-m", "bench.slow_crowd", "--port", str(port), "--kinds", ",".join(KINDS)]
    command += ["--count", str(count), "--rate", str(count), "--seconds", str(SECONDS)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@contextlib.contextmanager
def _peer(program: str, config: str, options: tuple[str, ...]) -> Iterator[int | None]:
    """The peer's port; None if it is not installed."""
    path, port = shutil.which(program), free_port()
    if path is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "logs").mkdir()
        filled = config.format(folder=folder, port=port, nobody=free_port())
        (Path(folder) / "config").write_text(filled, encoding="ascii")
        process = subprocess.Popen(
            [path, *(each.format(folder=folder) for each in options)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: _listens(port), 5)
            yield port
        finally:
            process.terminate()
            process.wait()


def _listens(port: int) -> bool:
    """Looked at, not tried: a connection to try would be one of those it keeps."""
    ours = f":{port:04X}"
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
    return any(ours in line and line.split()[3] == "0A" for line in lines)
