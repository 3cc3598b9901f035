"""Help of the kernel, where it is wanted and the process may: sources that are refused over and over are
dropped before they cost anything. The shell around `admission.bans` and `admission.nft`.

Rules
- Off by default. It fails open: without the program `nft`, without the right (CAP_NET_ADMIN) or after an
  error the door goes on refusing by itself, and nothing else changes. A trouble is logged once.
- One transaction a second at most, in one process: element by element a kernel takes 42 a second, in one
  batch 100,000 in a third of a second.
- The table is made at the start and removed at the end. Its name stands in `<runtime>/kernel-table` as long
  as it may be there, so that the next start removes what a crash has left, also where the help is off then.
- Whoever flushes all rules of the machine takes our table too; it is made again, with the bans that last.
"""

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import structlog

from hiwar.admission.bans import Bans, Spared
from hiwar.admission.nft import TABLE_NAME, render_bans, render_removal, render_table, table_name
from hiwar.admission.refused import Refusals
from hiwar.ops.clock import monotonic
from hiwar.ops.settings import Settings

BATCH_EVERY_S = 1.0
RETRY_EVERY_S = 60.0  # after a trouble: longer than it takes to mend one by hand, and no load
NFT_S_MAX = 2.0  # what is taken in milliseconds and takes so long does not come at all
SAID_CHARS_MAX = 300

_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not on the path of an ordinary user
_log = structlog.get_logger("edge.kernel")


class NftFailed(RuntimeError):
    """The text is what `nft` said, or why it could not be asked."""


def find_nft() -> str:
    """The program, '' where there is none."""
    return shutil.which("nft") or next(
        (path for folder in _SYSTEM_FOLDERS if (path := shutil.which("nft", path=folder))), ""
    )


def check_nft(settings: Settings) -> str:
    """Why the kernel cannot help this process, '' if it can. Asks the kernel and changes nothing."""
    program = find_nft()
    if not program:
        return "the program nft is not installed"
    try:
        done = subprocess.run(
            [program, "--check", "-f", "-"],
            check=False,
            input=table_script(settings),
            capture_output=True,
            text=True,
            timeout=NFT_S_MAX,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"nft does not answer: {error}"
    return _said(done.stderr) if done.returncode else ""


def table_script(settings: Settings) -> str:
    """The rules as they would be made."""
    host, port = settings.edge_host, settings.edge_port
    return render_table(table_name(host, port), host, port)


class KernelHelp:
    """See the module. `command` is how `nft` is called."""

    def __init__(self, settings: Settings, runtime: Path, command: Sequence[str] = ()) -> None:
        networks = ",".join((settings.trusted_proxies, settings.known_networks)).split(",")
        self.bans = Bans(Spared([text for text in networks if text.strip()]))
        self.stands = False  # the table is there, as far as is known
        self._on = settings.kernel_help == "on"
        self._table = table_name(settings.edge_host, settings.edge_port)
        self._script = table_script(settings)
        self._mark = runtime / "kernel-table"
        self._command = tuple(command) or ((program,) if (program := find_nft()) else ())
        self._troubled = False

    def hear(self, worker: int, refusals: Refusals) -> None:
        """What a worker tells of whom it refuses."""
        if self._on:
            self.bans.hear(worker, refusals)

    async def run(self) -> None:
        """Keep the table up to date until cancelled; returns at once where the help is off. Raises nothing:
        the door does not depend on it."""
        try:
            await self._run()
        except Exception:
            _log.exception("the kernel's help ends by an error")

    async def _run(self) -> None:
        await self._remove_left()
        if not self._on:
            return
        try:
            while True:
                if not self.stands:
                    await self._make()
                await asyncio.sleep(BATCH_EVERY_S if self.stands else RETRY_EVERY_S)
                await self._tick()
        finally:
            await self._remove_left()

    async def _make(self) -> None:
        now = monotonic()
        self._mark.write_text(self._table, encoding="ascii")
        script = self._script + render_bans(self._table, self.bans.lasting(now))
        self.stands = await self._tried(script)
        if self.stands:
            self._troubled = False
            _log.info("the kernel helps", table=self._table)

    async def _tick(self) -> None:
        bans = self.bans.decide(monotonic())
        if bans and self.stands:
            self.stands = await self._tried(render_bans(self._table, bans))
            _log.info("sources are kept away", new=len(bans), total=self.bans.counts["banned"])

    async def _remove_left(self) -> None:
        """Remove the table that is there, or that one before us may have left."""
        self.stands = False
        with contextlib.suppress(OSError, UnicodeDecodeError):
            name = self._mark.read_text(encoding="ascii").strip()
            if not TABLE_NAME.fullmatch(name) or await self._tried(render_removal(name)):
                self._mark.unlink()

    async def _tried(self, script: str) -> bool:
        try:
            await self._apply(script)
        except NftFailed as error:
            if not self._troubled:
                _log.warning("the kernel does not help", because=str(error))
            self._troubled = True
            return False
        return True

    async def _apply(self, script: str) -> None:
        if not self._command:
            raise NftFailed("the program nft is not installed")
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, "-f", "-", stdin=pipe, stdout=asyncio.subprocess.DEVNULL, stderr=pipe
            )
        except OSError as error:
            raise NftFailed(f"nft cannot be started: {error.strerror}") from error
        try:
            async with asyncio.timeout(NFT_S_MAX):
                _, said = await process.communicate(script.encode())
        except TimeoutError as error:
            raise NftFailed("nft did not answer in time") from error
        except RuntimeError as error:  # uvloop's, where it was gone before it could be written to
            raise NftFailed(_said("")) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise NftFailed(_said(said.decode(errors="replace")))


def _said(text: str) -> str:
    """The first line of what nft said: where and what."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:SAID_CHARS_MAX] if lines else "nft failed and did not say why"
