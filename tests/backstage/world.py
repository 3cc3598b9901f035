"""A conversation with its links, and a site in front of a stage that answers as the test tells it."""

from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from hiwar.backstage.context import Context, Rooms
from hiwar.backstage.site import Site
from hiwar.backstage.supervision import Stages
from hiwar.door.http import Request, Response
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.directory import Directory
from hiwar.relay.links import first_links
from hiwar.relay.messages import Answer, ControlMessage, Done, Notice, Offer
from hiwar.relay.ports import ControlClient, RequestFailed
from hiwar.relay.records import Phase, Room, Specification
from hiwar.tokens.token import Kind, Token, render_token

CONVERSATION = "abc123"
KEY = bytes(range(32))
OFFER = b"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
FRAGMENT = b"a=ice-ufrag:x\r\na=ice-pwd:y\r\nm=audio 9 X 0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n"


class ScriptedStage:
    """Keeps what it was asked; answers with `reply`, which may raise."""

    def __init__(self) -> None:
        self.asked: list[ControlMessage] = []
        self.reply: Callable[[ControlMessage], ControlMessage] = _obliging

    async def request(self, message: ControlMessage) -> ControlMessage:
        self.asked.append(message)
        return self.reply(message)

    async def notices(self) -> AsyncIterator[Notice]:
        none: tuple[Notice, ...] = ()
        for notice in none:
            yield notice

    async def close(self) -> None: ...


def _obliging(message: ControlMessage) -> ControlMessage:
    return Answer(sdp="v=0\r\n", resource="session1") if isinstance(message, Offer) else Done()


class ScriptedStages:
    """Stands for `Stages`: one stage, or none."""

    def __init__(self) -> None:
        self.stage: ScriptedStage | None = ScriptedStage()
        self.wanted: list[str] = []

    def want(self, specification: Specification) -> None:
        self.wanted.append(specification.id)

    async def client(self, specification: Specification) -> ControlClient:
        if self.stage is None:
            raise RequestFailed(503, "The stage is being started again; please try once more.")
        return self.stage

    def has_stage(self, conversation: str) -> bool:
        return self.stage is not None


class World:
    """`ask` sends one request and gives the response, refusals among them."""

    def __init__(self, folder: Path, **settings: str) -> None:
        environment = {
            "HIWAR_DATA_DIR": str(folder),
            **{f"HIWAR_{k.upper()}": v for k, v in settings.items()},
        }
        self.settings: Settings = load_settings(environment)
        self.directory = Directory(self.settings.data, folder / "runtime")
        self.directory.write_specification(Specification(id=CONVERSATION, title="حوار"))
        self.directory.write_links(CONVERSATION, first_links(1, 2))
        self.rooms = Rooms()
        self.stages = ScriptedStages()
        self.context = Context(self.settings, self.directory, KEY, self.rooms, cast(Stages, self.stages))
        self.site = Site(self.context)

    @property
    def asked(self) -> list[ControlMessage]:
        assert self.stages.stage is not None
        return self.stages.stage.asked

    async def ask(
        self,
        method: str,
        path: str,
        *,
        serial: str = "h1",
        token: str | None = None,
        body: bytes = b"",
        query: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Response:
        bearer = pass_of(serial) if token is None else token
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if bearer:
            named["authorization"] = f"Bearer {bearer}"
        return await self.site.handle(
            Request(method, path, path, query or {}, named, "127.0.0.1", False, body)
        )

    async def post_offer(self, serial: str = "h1", body: bytes = OFFER, **headers: str) -> Response:
        kept: dict[str, Any] = {"content_type": "application/sdp", **headers}
        return await self.ask("POST", f"/whip/{CONVERSATION}", serial=serial, body=body, **kept)


def pass_of(serial: str, *, conversation: str = CONVERSATION, key: bytes = KEY, expires: int = 0) -> str:
    role = {"h": "host", "c": "cohost", "g": "guest"}[serial[0]]
    return render_token(Token(Kind.PASS, conversation, serial, role, expires), key)


def a_room(**changes: object) -> Room:
    room = Room(conversation=CONVERSATION, title="حوار", phase=Phase.LIVE, incarnation=1)
    return msgspec.structs.replace(room, **changes)
