"""Stage processes as the operating system has them: started, watched by pidfd, ended.

A stage is started in a session of its own, so that no signal meant for backstage reaches it, and its
death is seen at once through a pidfd (pidfd_open(2)), whether it is our child or one that an earlier
backstage left behind. A pid in a file may by now be somebody else's: whoever adopts one must see it
answer on its control socket too.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from hiwar.ops.settings import Settings

LOG_BYTES_MAX = 8 * 1024 * 1024  # of the stages' common log; one older file is kept beside it
STAGE_COMMAND = (sys.executable, "-m", "hiwar", "stage")


class StageProcess:
    """One living process. `ended()` returns when it is dead, and reaps it if it was our child."""

    def __init__(self, pid: int, child: "subprocess.Popen[bytes] | None" = None) -> None:
        """Watch `pid`.

        Raises:
            ProcessLookupError: there is no such process.
        """
        self.pid = pid
        self._child = child
        self._over = asyncio.Event()
        self._pidfd = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._pidfd, self._died)

    @property
    def alive(self) -> bool:
        return not self._over.is_set()

    async def ended(self) -> None:
        await self._over.wait()

    def terminate(self) -> None:
        """Ask it to end; nothing happens if it is dead."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def forget(self) -> None:
        """Watch no more; the process lives on."""
        if self.alive:
            self._close()

    def _died(self) -> None:
        self._close()
        self._over.set()
        if self._child is not None:
            self._child.poll()

    def _close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfd)
        os.close(self._pidfd)


def start_stage(command: Sequence[str], environment: Mapping[str, str], log: Path) -> StageProcess:
    """Start a warm spare; what it says on its outputs is added to `log`.

    Raises:
        OSError: the system could not start it.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    bound_log(log)
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            start_new_session=True,
        )
    return StageProcess(child.pid, child)


def adopt_process(pid_file: Path) -> StageProcess | None:
    """The living process that `pid_file` names, or None."""
    try:
        text = pid_file.read_text(encoding="ascii").strip()
        return StageProcess(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
    except (OSError, UnicodeDecodeError):
        return None


def bound_log(log: Path) -> None:
    """Begin the log anew once it is too long. Writers append, so they go on in the emptied file."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def stage_environment(settings: Settings, base: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a stage reads exactly these settings."""
    return {**base, **settings.as_environment(), "HIWAR_DATA_DIR": str(settings.data)}
