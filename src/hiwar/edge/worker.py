"""One worker of the front door: `python -m hiwar.edge.worker <listening> <owner> <number> <parent's pid>`,
the first two being descriptors that it inherits.

It accepts on the listening socket, hears the stages by itself, brings listeners to seats that the parent
owns (`edge.usher`), and shares nothing with the other workers: killed at any moment, it takes only its own
connections with it, and its successor has the live window from the stages' backlog before it accepts the
first of them.
"""

import asyncio
import gc
import os
import resource
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from hiwar.admission.limits import Exempt
from hiwar.admission.refused import RefusedSources
from hiwar.assets import STATIC
from hiwar.door.client import UpstreamClient
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer, tls_context
from hiwar.door.static import StaticFiles
from hiwar.edge.access import Access
from hiwar.edge.asking import AskingDesk
from hiwar.edge.bouncer import FrontBouncer
from hiwar.edge.broadcast import Manner
from hiwar.edge.control import make_control
from hiwar.edge.orders import Keys, Stand, Talkers
from hiwar.edge.passthrough import ARCHIVE_LIMITS, WEB_LIMITS, CachedPassThrough, PassThrough
from hiwar.edge.reading import Meter
from hiwar.edge.routes import FrontDoor
from hiwar.edge.stages import Stages
from hiwar.edge.table import view_table
from hiwar.edge.usher import Usher
from hiwar.ops.allocation import keep_large_apart
from hiwar.ops.clock import monotonic
from hiwar.ops.loop import die_with_parent, run_role
from hiwar.ops.machine import descriptors_max
from hiwar.ops.placement import EDGE_WORKER
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.directory import Directory

GARBAGE_THRESHOLD = 50_000  # connections are freed by counting; searching 8,000 of them finds nothing
FOLLOWERS_PART = 5  # of the door's places: event streams have no seat, and must not hold those of who has
DESCRIPTORS_SPARE = 256  # beside the listeners': files, sockets of other processes


class Worker:
    """The parts of a worker, put together."""

    def __init__(self, settings: Settings, listening: socket.socket, owner: socket.socket) -> None:
        self._settings = settings
        self._listening = listening
        self._owner = owner
        self._runtime = runtime_dir(settings)
        directory = Directory(settings.data, self._runtime)
        key = load_secrets(settings.data).token_key
        access = Access(directory, key)
        manner = Manner(
            settings.write_interval_ms, settings.burst_seconds, settings.listener_buffer_kb * 1024 * 3 // 4
        )
        self.stages = Stages(directory, access, manner)
        self.web = PassThrough(UpstreamClient(self._runtime / "web.http", WEB_LIMITS))
        self.archive = PassThrough(UpstreamClient(self._runtime / "archive.http", ARCHIVE_LIMITS))
        self.pages = CachedPassThrough(
            self.web,
            settings.language,
            pages=lambda: self.usher.rules.pages,
            is_conversation=access.is_page_of_one,
        )
        exempt = Exempt([part for part in settings.known_networks.split(",") if part.strip()])
        self._refused = RefusedSources(monotonic()) if settings.kernel_help == "on" else None
        self.bouncer = FrontBouncer(exempt, self._refused, direct=not settings.trusted_proxies)
        self.usher = Usher(
            view_table(self._runtime / "seats"),
            key,
            exempt,
            on_stand=self._stand,
            on_keys=self._take_keys,
        )
        self._desk = AskingDesk(self.usher, key)
        limits = DoorLimits(connections_max=raise_descriptor_limit() - DESCRIPTORS_SPARE)
        front = FrontDoor(
            self.stages.broadcasts,
            access,
            usher=self.usher,
            desk=self._desk,
            pages=self.pages,
            archive=self.archive,
            static=StaticFiles(STATIC),
            followers_max=limits.connections_max // FOLLOWERS_PART,
        )
        self.door = DoorServer(
            front.answer,
            limits,
            trusted=settings.trusted_proxies,
            name="edge",
            bouncer=self.bouncer,
            refuse=self.bouncer.refuse,
            proxy_protocol=settings.proxy_protocol,
        )

    async def run(self) -> None:
        """Serve until cancelled."""
        context = tls_context(self._settings.edge_tls_cert, self._settings.edge_tls_key)
        control = DoorServer(make_control(self.stages, self.figures), name="edge control")
        path = self._runtime / f"edge-{os.getpid()}.control"
        collector = Figures(self)
        REGISTRY.register(collector)
        started = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                await self.usher.attend(self._owner)
                group.create_task(Meter(self.door, self.stages, self.usher.gate).run(self.usher.report))
                if self._refused is not None:
                    group.create_task(self._tell_refused(self._refused))
                group.create_task(self.stages.run(started))
                group.create_task(control.serve(unix_path=path))
                await started.wait()
                group.create_task(self.door.serve(sockets=[self._listening], ssl_context=context))
        finally:
            REGISTRY.unregister(collector)

    async def _tell_refused(self, refused: RefusedSources) -> None:
        """Who is refused over and over, once a second, for the kernel's help."""
        while True:
            await asyncio.sleep(1.0)
            self.usher.tell_refused(Talkers.of(refused.take(monotonic())))

    def _take_keys(self, keys: Keys) -> None:
        self._desk.take_keys(keys)

    def _stand(self, stand: Stand) -> None:
        """What the owner says holds for every conversation that is heard here."""
        for broadcast in self.stages.broadcasts.values():
            broadcast.order(stand.interval_ms, lighter=stand.lighter, parts=stand.parts)
            broadcast.tell_front(stand.notice)

    def figures(self) -> dict[str, Any]:
        """Counts since the start, for the control socket."""
        return {
            "pid": os.getpid(),
            "connections": self.door.connections,
            "door": dict(self.door.counts),
            "fanout": dict(self.stages.counts),
            "pages": {**self.pages.counts, "entries": len(self.pages.cache), "bytes": self.pages.cache.bytes},
            "web": dict(self.web.counts),
            "archive": dict(self.archive.counts),
            "waiting": self.stages.waiters.count,
            "turned_away": dict(self.bouncer.counts),
            "verdicts": dict(self.usher.gate.counts),
            "stand": msgspec.to_builtins(self.usher.stand) if self.usher.stand else None,
        }


class Figures(Collector):
    """The counts as Prometheus metrics, made when they are asked for: they cost the fan-out nothing."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def collect(self) -> Iterable[Metric]:
        worker, now = self._worker, monotonic()
        listeners = GaugeMetricFamily(
            "hiwar_edge_listeners", "People who hear a conversation from here.", labels=["conversation"]
        )
        for name, broadcast in worker.stages.broadcasts.items():
            listeners.add_metric([name], broadcast.listeners(now))
        yield listeners
        yield GaugeMetricFamily("hiwar_edge_connections", "Open connections.", value=worker.door.connections)
        for name, doc, counts in (
            ("hiwar_edge_door", "Connections and requests, by what became of them.", worker.door.counts),
            ("hiwar_edge_fanout", "Long responses: joins, writes, bytes, skips.", worker.stages.counts),
            ("hiwar_edge_pages", "Pages from the cache and past it.", worker.pages.counts),
            ("hiwar_edge_web", "Requests passed on to web.", worker.web.counts),
            ("hiwar_edge_archive", "Requests passed on to archive.", worker.archive.counts),
            ("hiwar_edge_turned_away", "Turned away unheard, by what was too often.", worker.bouncer.counts),
            ("hiwar_edge_verdicts", "What was answered to who asked for a seat.", worker.usher.gate.counts),
        ):
            family = CounterMetricFamily(name, doc, labels=["kind"])
            for kind, value in sorted(counts.items()):
                family.add_metric([kind], value)
            yield family


def raise_descriptor_limit() -> int:
    """As many descriptors as this process is allowed to have; returns how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = descriptors_max()
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


def main(arguments: list[str]) -> None:
    """The process: the settings come by the environment, from the parent."""
    die_with_parent(int(arguments[3]))
    settings = load_settings(file=Path(os.devnull))
    listening, owner = (socket.socket(fileno=int(text)) for text in arguments[:2])
    listening.setblocking(False)
    keep_large_apart()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD, 20, 50)
    run_role("edge", settings, lambda: Worker(settings, listening, owner).run(), post=EDGE_WORKER)


if __name__ == "__main__":
    main(sys.argv[1:])
