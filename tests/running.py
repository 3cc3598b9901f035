"""A whole Hiwar for tests and benches: `hiwar serve` in a folder and on ports of its own, on loopback.

Everything it starts it ends by id: `serve`, and the stages that outlive it on purpose.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

READY_SECONDS_MAX = 60.0


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Any, seconds_max: float = 20.0, every: float = 0.05) -> Any:
    """The first true value of `condition()`.

    Raises:
        TimeoutError: it stayed false for `seconds_max`.
    """
    end = time.monotonic() + seconds_max
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(every)
    raise TimeoutError(f"still not so after {seconds_max} s: {condition}")


class Hiwar:
    """`with Hiwar() as hiwar:` runs everything. `environment` adds settings or a preloaded library."""

    def __init__(self, demonstration: bool = False, environment: dict[str, str] | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="hiwar-")
        root = Path(self._scratch.name)
        self.data, self.runtime = root / "data", root / "run"
        self.edge_port, self.backstage_port, self.metrics_port = free_port(), free_port(), free_port()
        low = 20000 + os.getpid() % 20000
        self.settings = {
            "HIWAR_DATA_DIR": str(self.data),
            "HIWAR_RUNTIME_DIR": str(self.runtime),
            "HIWAR_EDGE_PORT": str(self.edge_port),
            "HIWAR_BACKSTAGE_PORT": str(self.backstage_port),
            "HIWAR_METRICS_PORT": str(self.metrics_port),
            "HIWAR_RTC_PORT_LOW": str(low),
            "HIWAR_RTC_PORT_HIGH": str(low + 1000),
            **(environment or {}),
        }
        self._demonstration = demonstration
        self.serve: subprocess.Popen[bytes] | None = None
        self.ready_seconds = 0.0

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HIWAR_")}
        return kept | self.settings

    @property
    def edge(self) -> str:
        return f"http://127.0.0.1:{self.edge_port}"

    @property
    def backstage(self) -> str:
        return f"http://127.0.0.1:{self.backstage_port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._scratch.cleanup()

    def start(self) -> None:
        """Start `hiwar serve` and wait until both doors and the pages answer."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            "-m",
            "hiwar",
            "serve",
            *(["--demonstration"] if self._demonstration else []),
        ]
        began = time.monotonic()
        with (self.data.parent / "serve.log").open("ab") as log:
            self.serve = subprocess.Popen(
                command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until(self._answers, READY_SECONDS_MAX, 0.02)
        self.ready_seconds = time.monotonic() - began

    def log(self) -> str:
        """What `serve` and its children have printed so far."""
        return (self.data.parent / "serve.log").read_text(errors="replace")

    def stop(self) -> None:
        """End `serve`, then every stage of this folder."""
        if self.serve is not None and self.serve.poll() is None:
            self.serve.send_signal(signal.SIGTERM)
            try:
                self.serve.wait(15)
            except subprocess.TimeoutExpired:
                self.serve.kill()
                self.serve.wait()
        for pid in self.stage_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def command(self, *arguments: str) -> str:
        """What `hiwar <arguments>` prints; a failure raises with its error text."""
        done = subprocess.run(
            [sys.executable, "-m", "hiwar", *arguments],
            check=False,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"hiwar {' '.join(arguments)}: {done.stderr or done.stdout}")
        return done.stdout

    def open(self, title: str = "حوار للاختبار", **options: int) -> "Opened":
        """A new conversation."""
        extra = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        return Opened(json.loads(self.command("open", title, "--json", *extra)))

    def status(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads(self.command("status", "--json"))
        return report

    def pids(self, role: str) -> list[int]:
        """The living processes of a role, by their metrics sockets."""
        found = (int(path.stem.rsplit("-", 1)[1]) for path in self.runtime.glob(f"metrics-{role}-*.sock"))
        return sorted(pid for pid in found if Path(f"/proc/{pid}").is_dir())

    def stage_pids(self) -> list[int]:
        return sorted({*self.pids("stage"), *self._pid_files()})

    def _pid_files(self) -> list[int]:
        pids = []
        for path in self.runtime.glob("*.pid"):
            with contextlib.suppress(ValueError, OSError):
                pids.append(int(path.read_text().split()[0]))
        return [pid for pid in pids if _is_hiwar(pid)]

    def get(self, path: str, headers: dict[str, str] | None = None) -> "Answer":
        return ask("GET", self.edge + path, headers=headers)

    def _answers(self) -> bool:
        if self.serve is not None and self.serve.poll() is not None:
            raise RuntimeError(f"hiwar serve ended with {self.serve.returncode}:\n{self.log()[-3000:]}")
        try:
            return self.get("/").status == 200 and ask("GET", self.backstage + "/").status < 500
        except OSError:
            return False


def hls_address(base: str, feed: str) -> str:
    """The address of a feed's live playlist with a ticket of its own, as the multivariant one at `base`
    (a conversation's address) gives it."""
    listed = ask("GET", f"{base}/hls/live.m3u8").body.decode().splitlines()
    return next(f"{base}/hls/{line}" for line in listed if line.startswith(f"{feed}/"))


class Opened:
    """A conversation made by `hiwar open`."""

    def __init__(self, made: dict[str, Any]) -> None:
        self.made = made
        self.id = str(made["id"])
        self.links = {link["serial"]: link["address"] for link in made["links"]}

    def token(self, serial: str) -> str:
        """The pass in a link's fragment."""
        return urlsplit(self.links[serial]).fragment


@contextlib.contextmanager
def whip_speakers(hiwar: Hiwar, opened: Opened, serials: Iterable[str], *options: str) -> Iterator[None]:
    """The people of these links speak, by `tests.whip_speaker` in a process of their own."""
    command = [sys.executable, "-m", "tests.whip_speaker", "--port", str(hiwar.backstage_port)]
    command += ["--conversation", opened.id, *options]
    for serial in serials:
        command += ["--token", opened.token(serial)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        if b"connected" not in process.stdout.readline():
            raise RuntimeError("the speakers could not connect")
        yield
    finally:
        process.kill()
        process.wait()


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None, timeout: float = 15
) -> Answer:
    """One HTTP request to loopback."""
    parts = urlsplit(address)
    if parts.hostname not in ("127.0.0.1", "localhost"):
        raise ValueError("tests speak to this machine only")
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=timeout)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body or None, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


def command_room(hiwar: Hiwar, opened: Opened, serial: str = "h1", **command: str) -> Answer:
    """Send a command to the room as the person of a link."""
    headers = {"authorization": f"Bearer {opened.token(serial)}", "content-type": "application/json"}
    return ask("POST", f"{hiwar.backstage}/b/{opened.id}/commands", json.dumps(command).encode(), headers)


def room(hiwar: Hiwar, opened: Opened, serial: str = "h1") -> dict[str, Any]:
    """The room as backstage shows it to the person of a link."""
    headers = {"authorization": f"Bearer {opened.token(serial)}"}
    answer = ask("GET", f"{hiwar.backstage}/b/{opened.id}/room", headers=headers)
    shown: dict[str, Any] = answer.json()
    return shown


def _is_hiwar(pid: int) -> bool:
    try:
        return b"hiwar" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
