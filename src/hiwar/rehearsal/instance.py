"""The throwaway instance: `hiwar serve` in folders and on ports of its own, on loopback, with a mark.

Of this machine's settings it takes what decides how much it carries (`KEPT`); everything that could lead out
of the machine, or to what is really here, it does not. The proxy that it trusts is 127.0.0.1, so that a
rehearsal can also speak for addresses that this machine does not have. With everything that it started, and
its folder, it is gone at the end.
"""

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from hiwar.ops.clock import monotonic, wallclock
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import Settings
from hiwar.rehearsal.aim import LOOPBACK, MARK_CHARS, MARK_VARIABLE, Aim, NotOurs, ask, descendants
from hiwar.rehearsal.certificate import make_certificate
from hiwar.relay.directory import Directory
from hiwar.relay.records import Phase
from hiwar.tokens.token import Kind, Token, render_token

KEPT = (
    "edge_workers", "write_interval_ms", "burst_seconds", "listener_buffer_kb", "seats_max",
    "joins_per_second", "egress_mbit", "lighter_renditions", "speakers_max", "placement", "language",
)  # fmt: skip
TITLE = "بروفة · A rehearsal"
READY_S_MAX = 60.0
END_S_MAX = 20.0
STOP_S_MAX = 15.0
LOG_BYTES_SHOWN = 3000
RTC_PORTS = 200  # for two speakers, and for those of an instance before that are still let go
RTC_LOW, RTC_HIGH = 20_000, 30_000  # below where the kernel takes ports for connections
VOUCHER_S = 3600


class Failed(RuntimeError):
    """The instance does not do what it has to; the text says what, and what it said last."""


class Instance:
    """`with Instance(settings) as instance:` runs it. `secure`: the front door speaks TLS. `given` are
    settings on top, `command` another way to start it (both for tests)."""

    def __init__(
        self,
        settings: Settings,
        *,
        secure: bool = False,
        given: Mapping[str, str] | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "hiwar.rehearsal.leash"),
    ) -> None:
        self.mark = secrets.token_hex(MARK_CHARS // 2)
        self.secure = secure
        self.conversation = ""
        self._scratch = tempfile.TemporaryDirectory(prefix="hiwar-rehearsal-")
        root = Path(self._scratch.name)
        self._log = root / "serve.log"
        self.directory = Directory(root / "data", root / "run")
        self._command = command
        self._serve: subprocess.Popen[bytes] | None = None
        self._passes: dict[str, str] = {}
        self._environment = self._make_environment(settings, given or {})

    @property
    def edge(self) -> Aim:
        """The front door."""
        return Aim(int(self._environment["HIWAR_EDGE_PORT"]), self.mark, os.getpid(), self.secure)

    @property
    def backstage(self) -> Aim:
        return Aim(int(self._environment["HIWAR_BACKSTAGE_PORT"]), self.mark, os.getpid())

    @property
    def passes(self) -> tuple[str, ...]:
        """Of the host and the guest."""
        return tuple(self._passes.values())

    @property
    def environment(self) -> dict[str, str]:
        return dict(self._environment)

    def __enter__(self) -> Self:
        try:
            self._start()
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all that it started, by id, and remove its folder."""
        ours = self._ours()
        if self._serve is not None and self._serve.poll() is None:
            self._serve.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._serve.wait(STOP_S_MAX)
            if self._serve.poll() is None:
                self._serve.kill()
                self._serve.wait()
        for pid in {*ours, *self._stages()}:
            if self._is_marked(pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._scratch.cleanup()

    def log(self) -> str:
        """The last of what it said."""
        try:
            return self._log.read_text(errors="replace")[-LOG_BYTES_SHOWN:]
        except OSError:
            return ""

    # The conversation.

    def open_air(self) -> None:
        """Begin it; the speakers are in."""
        self._command_room("open_air")
        self._until(lambda: self._phase() is Phase.LIVE, "the air was not opened")

    def end(self) -> None:
        """End it, and wait until the recording is closed."""
        self._command_room("end")
        self._until(lambda: self._phase() is Phase.ENDED, "the conversation did not end", END_S_MAX)

    def wish(self, name: str, value: Any) -> None:
        """One wish of the host for the front door, such as `("seats", 500)`."""
        self._ask("front", {name: value})

    def vouchers(self, count: int) -> tuple[str, ...]:
        """Invitations to listen, each one seat for its bearer."""
        key, expires = load_secrets(self.directory.data).token_key, int(wallclock()) + VOUCHER_S
        return tuple(
            render_token(Token(Kind.VOUCHER, self.conversation, secrets.token_hex(8), "p", expires), key)
            for _ in range(count)
        )

    # Its processes.

    def pids(self, role: str) -> list[int]:
        """The living processes of a role (`stage`, `edge`, `web`, ...): for `stage` that of the conversation,
        for `edge` the workers and their parent."""
        if role == "stage":
            return [pid for pid in self._stages()[:1] if self._is_marked(pid)]
        found = (
            int(path.stem.rsplit("-", 1)[1]) for path in self.directory.runtime.glob(f"metrics-{role}-*.sock")
        )
        return sorted(pid for pid in found if Path(f"/proc/{pid}").is_dir())

    def workers(self) -> list[int]:
        """The front door's workers."""
        return [pid for pid in self.pids("edge") if (self.directory.runtime / f"edge-{pid}.control").exists()]

    def _stages(self) -> list[int]:
        pids = []
        for path in self.directory.runtime.glob("*.pid"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                pids.append(int(path.read_text(encoding="ascii").split()[0]))
        return pids

    def _ours(self) -> list[int]:
        return descendants(self._serve.pid) if self._serve is not None else []

    def _is_marked(self, pid: int) -> bool:
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False
        return f"{MARK_VARIABLE}={self.mark}".encode() in environment.split(b"\0")

    # How it starts.

    def _make_environment(self, settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
        kept = settings.as_environment()
        own = {name: kept[name] for key in KEPT if (name := f"HIWAR_{key.upper()}")}
        rtc_low = RTC_LOW + free_port() % (RTC_HIGH - RTC_LOW)
        own |= {
            "HIWAR_DATA_DIR": str(self.directory.data),
            "HIWAR_RUNTIME_DIR": str(self.directory.runtime),
            "HIWAR_EDGE_HOST": LOOPBACK,
            "HIWAR_EDGE_PORT": str(free_port()),
            "HIWAR_BACKSTAGE_HOST": LOOPBACK,
            "HIWAR_BACKSTAGE_PORT": str(free_port()),
            "HIWAR_METRICS_PORT": "0",
            "HIWAR_WAITING_MINUTES": "1",  # a stage whose rehearsal was killed ends by itself
            "HIWAR_RTC_PORT_LOW": str(rtc_low),
            "HIWAR_RTC_PORT_HIGH": str(rtc_low + RTC_PORTS),
            "HIWAR_TRUSTED_PROXIES": f"{LOOPBACK}/32",
            "HIWAR_LOG_LEVEL": "warning",
            "HIWAR_CONFIG": os.devnull,
        }
        if self.secure:
            cert, key = make_certificate(Path(self._scratch.name))
            own |= {"HIWAR_EDGE_TLS_CERT": str(cert), "HIWAR_EDGE_TLS_KEY": str(key)}
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HIWAR_")}
        return {**plain, **own, **given, MARK_VARIABLE: self.mark}

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self._serve = subprocess.Popen(
                (*self._command, str(os.getpid())),
                env=self._environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self._until(self._answers, "the instance did not start", READY_S_MAX)

    def _answers(self) -> bool:
        try:
            self.edge.check()
            return ask(self.backstage, "GET", "/")[0] < 500 and (self.directory.runtime / "web.http").exists()
        except (NotOurs, OSError):
            return False

    def _open(self) -> None:
        command = [sys.executable, "-m", "hiwar", "open", TITLE, "--cohosts", "0", "--guests", "1", "--json"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"no conversation could be opened: {done.stderr[-LOG_BYTES_SHOWN:]}")
        made = json.loads(done.stdout)
        self.conversation = str(made["id"])
        self._passes = {link["role"]: urlsplit(link["address"]).fragment for link in made["links"]}

    def _phase(self) -> Phase:
        return self.directory.read_standing(self.conversation).phase

    def _command_room(self, kind: str) -> None:
        self._ask("commands", {"kind": kind})

    def _ask(self, what: str, body: dict[str, Any]) -> None:
        headers = {"authorization": f"Bearer {self._passes['host']}", "content-type": "application/json"}
        path = f"/b/{self.conversation}/{what}"
        status, answer = ask(self.backstage, "POST", path, json.dumps(body).encode(), headers)
        if status >= 300:
            raise Failed(f"backstage answered {status}: {answer[:300].decode(errors='replace')}")

    def _until(self, condition: Callable[[], bool], failure: str, seconds_max: float = 20.0) -> None:
        end = monotonic() + seconds_max
        while not condition():
            if self._serve is not None and self._serve.poll() is not None:
                raise Failed(f"the instance ended with {self._serve.returncode}:\n{self.log()}")
            if monotonic() > end:
                raise Failed(f"{failure} within {seconds_max:g} s:\n{self.log()}")
            time.sleep(0.05)


def free_port() -> int:
    """A TCP port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
