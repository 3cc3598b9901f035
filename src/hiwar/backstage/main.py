"""The process of backstage: its door, its rooms, and the care for the stages."""

import asyncio

import structlog

from hiwar.backstage.context import Context, Rooms
from hiwar.backstage.front_view import follow_front
from hiwar.backstage.sdp import SDP_BYTES_MAX
from hiwar.backstage.site import Site
from hiwar.backstage.supervision import Stages
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer, bind_tcp, tls_context
from hiwar.ops.loop import run_role
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import Settings
from hiwar.relay.directory import Directory

CONNECTIONS_MAX = 2000  # speakers' pages, two connections each; nobody else comes here
_log = structlog.get_logger()


def run(settings: Settings) -> None:
    """Run backstage until the process is asked to end. Stages live on."""
    run_role("backstage", settings, lambda: serve(settings))


async def serve(settings: Settings) -> None:
    """The same inside a running loop, until cancelled."""
    directory = Directory(settings.data, runtime_dir(settings))
    rooms = Rooms()
    stages = Stages(settings, directory, rooms)
    context = Context(settings, directory, load_secrets(settings.data).token_key, rooms, stages)
    site = Site(context)
    limits = DoorLimits(connections_max=CONNECTIONS_MAX, body_bytes_max=SDP_BYTES_MAX)
    door = DoorServer(site.handle, limits, trusted=settings.trusted_proxies, name="backstage")
    bound = bind_tcp(settings.backstage_host, settings.backstage_port)
    tls = tls_context(settings.backstage_tls_cert, settings.backstage_tls_key)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stages.run())
        tasks.create_task(follow_front(context.front, rooms))
        tasks.create_task(door.serve(sockets=[bound], ssl_context=tls))
        _log.info("backstage is open", address=settings.speaker_address)
