"""Prometheus metrics: each process shows its own on a private socket, one address shows them all.

A process calls `expose(role, runtime)`: its registry is answered, as text, to whoever connects to
`<runtime>/metrics-<role>-<pid>.sock`. `gather(runtime)` asks every socket and joins the families, each
sample with the labels `role` and `pid`, so that two workers never overwrite each other.
"""

import asyncio
import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

ANSWER_BYTES_MAX = 4 * 1024 * 1024
ASK_SECONDS_MAX = 1.0


async def expose(role: str, runtime: Path) -> asyncio.Server:
    """Answer this process's metrics on its socket until the returned server is closed."""
    path = runtime / f"metrics-{role}-{os.getpid()}.sock"
    path.unlink(missing_ok=True)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(generate_latest(REGISTRY))
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(answer, str(path))


async def gather(runtime: Path) -> str:
    """The metrics of all processes that answer, as one Prometheus text exposition."""
    families: dict[str, Metric] = {}
    for path in sorted(runtime.glob("metrics-*-*.sock")):
        _, role, pid = path.stem.split("-", 2)
        for family in _families(await _ask(path)):
            held = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                held.samples.append(sample._replace(labels={**sample.labels, "role": role, "pid": pid}))
    return generate_latest(_Gathered(families.values())).decode()


class _Gathered:
    """What `generate_latest` reads in place of a registry."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _families(text: str) -> Iterable[Metric]:
    return text_string_to_metric_families(text)


async def _ask(path: Path) -> str:
    """The text behind one socket; '' where nobody answers any more (its file is then removed)."""
    try:
        async with asyncio.timeout(ASK_SECONDS_MAX):
            reader, writer = await asyncio.open_unix_connection(str(path))
            try:
                return (await reader.read(ANSWER_BYTES_MAX)).decode()
            finally:
                writer.close()
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except (OSError, TimeoutError):
        pass
    return ""
