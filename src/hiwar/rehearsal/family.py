"""The director's side of its children: started, told, heard and ended, each by its own process object."""

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from hiwar.ops.clock import monotonic
from hiwar.rehearsal.instance import Failed

STOP_S_MAX = 5.0
READ_BYTES = 1 << 16
LINE_BYTES_MAX = 4 << 20
SAID_SHOWN = 2000

_Said = TypeVar("_Said")
_Wanted = TypeVar("_Wanted")
_encode = msgspec.json.Encoder().encode


class Relative(Generic[_Said]):
    """`python -m <module>`, which hears lines of JSON and says some of `kind`, a type or a union of such."""

    def __init__(self, module: str, kind: Any, *arguments: str, alone: bool = False) -> None:
        """`alone`: in a session of its own, as a stage is; the system shares out the processor by sessions
        first (sched(7), autogroup), and by priority only within each."""
        self._name = module.rpartition(".")[2]
        decoder: msgspec.json.Decoder[_Said] = msgspec.json.Decoder(kind)
        self._decode = decoder.decode
        self._held = b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            start_new_session=alone,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def tell(self, order: object) -> None:
        """One line.

        Raises:
            Failed: it is gone; the text has what it said last.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(_encode(order) + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._lost() from error

    def hear(self, seconds: float = 0.0) -> list[_Said]:
        """What it has said, waiting for at most `seconds` for something.

        Raises:
            Failed: it is gone.
        """
        return [self._decode(line) for line in self.hear_lines(seconds)]

    def hear_lines(self, seconds: float = 0.0) -> list[bytes]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        lines: list[bytes] = []
        while select.select([descriptor], [], [], 0.0 if lines else seconds)[0]:
            data = os.read(descriptor, READ_BYTES)
            if not data or len(self._held) > LINE_BYTES_MAX:
                raise self._lost()
            *whole, self._held = (self._held + data).split(b"\n")
            lines += whole
        return lines

    def wait_for(self, wanted: type[_Wanted], seconds_max: float) -> _Wanted:
        """The next thing of this kind that it says; what it says before is passed over.

        Raises:
            Failed: it is gone, or says nothing of the kind in time.
        """
        end = monotonic() + seconds_max
        while monotonic() < end:
            for said in self.hear(0.1):
                if isinstance(said, wanted):
                    return said
        raise Failed(f"the {self._name} did not answer within {seconds_max:g} s")

    def close(self) -> None:
        """Close its input, which ends it; after a while make it."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._errors.close()

    def _lost(self) -> Failed:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace")[-SAID_SHOWN:]
        return Failed(f"the {self._name} ended with {self._process.returncode}: {said}")
