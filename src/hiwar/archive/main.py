"""The archive's process: one door on a Unix socket, for the edge."""

from prometheus_client import Gauge

from hiwar.archive.library import Library
from hiwar.archive.service import Archive
from hiwar.door.limits import DoorLimits
from hiwar.door.server import DoorServer
from hiwar.ops.loop import run_role
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import load_secrets
from hiwar.ops.settings import Settings
from hiwar.relay.directory import Directory

SOCKET = "archive.http"
CONNECTIONS_MAX = 512  # the edge holds one per request on its way; most are over in milliseconds


async def serve(settings: Settings) -> None:
    """Answer until cancelled."""
    runtime = runtime_dir(settings)
    library = Library(Directory(settings.data, runtime), load_secrets(settings.data).token_key)
    archive = Archive(library)
    transfers = Gauge("hiwar_archive_transfers", "Recordings being fetched from the archive now.")
    transfers.set_function(lambda: archive.budget.active)
    refused = Gauge("hiwar_archive_refused", "Transfers refused since the start, for want of budget.")
    refused.set_function(lambda: archive.budget.refused)
    door = DoorServer(archive.handle, DoorLimits(connections_max=CONNECTIONS_MAX), name="archive")
    await door.serve(unix_path=runtime / SOCKET)


def run(settings: Settings) -> None:
    """Run the archive until SIGTERM."""
    run_role("archive", settings, lambda: serve(settings))
