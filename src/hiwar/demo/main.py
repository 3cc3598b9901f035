"""Keeping the demonstration on air: one conversation a loop, the speakers coming from files.

Theory of operation: `hiwar open --demonstration` (a process that ends, so no database lives here) makes
the conversation and removes the demonstrations before the last; then everything goes the way people go,
with the host's pass through backstage's own addresses. A loop that fails is told once and tried again.
"""

import asyncio
import contextlib
import http.client
import json
import ssl
import sys
from typing import Any
from urllib.parse import urlsplit

import structlog

from hiwar.demo import VOICE_FILES
from hiwar.ops.loop import run_role
from hiwar.ops.runtime import runtime_dir
from hiwar.ops.settings import Settings
from hiwar.relay.control import LocalControlClient
from hiwar.relay.directory import Directory
from hiwar.relay.messages import Command
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Phase, Role

TITLE = "حوار تجريبي · A demonstration"
DESCRIPTION = (
    "حوار قصير بالعربية والإنجليزية بين مضيف وضيف، بأصوات مصنوعة.\n"
    "A short dialogue in Arabic and English between a host and a guest, with synthetic voices."
)
AGAIN_SECONDS = 5.0
POLL_SECONDS = 1.0
_LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what listens everywhere is reached here


def run(settings: Settings) -> None:
    """Run until asked to end; the conversation then on air is ended, so that it is whole."""
    run_role("demonstrate", settings, lambda: _loop(settings))


async def _loop(settings: Settings) -> None:
    while True:
        try:
            await _one(settings)
        except (OSError, http.client.HTTPException, DemonstrationFailed) as error:
            structlog.get_logger().warning("the demonstration could not go on air", reason=str(error))
        await asyncio.sleep(AGAIN_SECONDS)


class DemonstrationFailed(RuntimeError):
    """A step was refused; the text says which and why."""


async def _one(settings: Settings) -> None:
    made = await _open()
    entrance = Entrance(settings, made)
    try:
        for role, file in VOICE_FILES.items():
            await entrance.send(
                "sources", {"serial": entrance.serial(role), "name": _name(role), "file": file.name}
            )
        await entrance.send("commands", {"kind": "open_air"})
        directory = Directory(settings.data, runtime_dir(settings))
        while directory.read_standing(made["id"]).phase is not Phase.WAITING:
            await asyncio.sleep(POLL_SECONDS)
            if directory.read_standing(made["id"]).phase is Phase.ENDED:
                return
    finally:
        await _end(settings, made["id"], entrance.serial("host"))


async def _end(settings: Settings, conversation: str, host: str) -> None:
    """Tell the stage itself, which is there even when everything else is being stopped with us."""
    directory = Directory(settings.data, runtime_dir(settings))
    with contextlib.suppress(OSError, RequestFailed):
        client = await LocalControlClient.connect(directory.control_socket(conversation))
        await client.request(Command(kind="end", actor=host, role=Role.HOST))
        await client.close()


def _name(role: str) -> str:
    return {"host": "المضيف · Host", "guest": "الضيف · Guest"}[role]


async def _open() -> dict[str, Any]:
    texts = ["--description", DESCRIPTION, "--cohosts", "0", "--guests", "1"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hiwar", "open", TITLE, *texts, "--demonstration", "--json"),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise DemonstrationFailed("hiwar open failed")
    made: dict[str, Any] = json.loads(out)
    return made


class Entrance:
    """Backstage's addresses for one conversation, asked with the host's pass."""

    def __init__(self, settings: Settings, made: dict[str, Any]) -> None:
        self._settings = settings
        self._links = {link["role"]: link for link in made["links"]}
        self._prefix = f"/b/{made['id']}/"
        self._pass = urlsplit(self._links["host"]["address"]).fragment

    def serial(self, role: str) -> str:
        """The serial of the first link of `role`."""
        return str(self._links[role]["serial"])

    async def send(self, what: str, body: dict[str, str]) -> None:
        """POST to `/b/<id>/<what>`.

        Raises:
            DemonstrationFailed: backstage said no; the text has its reason.
            OSError: backstage is not there.
        """
        status, answer = await asyncio.to_thread(self._post, self._prefix + what, json.dumps(body).encode())
        if status >= 300:
            raise DemonstrationFailed(f"{what}: {status} {answer[:200].decode(errors='replace')}")

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            headers = {"authorization": f"Bearer {self._pass}", "content-type": "application/json"}
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(65536)
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        host = _LOCAL.get(self._settings.backstage_host, self._settings.backstage_host)
        if not self._settings.backstage_tls_cert:
            return http.client.HTTPConnection(host, self._settings.backstage_port, timeout=15)
        context = ssl.create_default_context(cafile=self._settings.backstage_tls_cert)
        context.check_hostname = False  # our own port on this machine, and our own certificate
        return http.client.HTTPSConnection(host, self._settings.backstage_port, timeout=15, context=context)
