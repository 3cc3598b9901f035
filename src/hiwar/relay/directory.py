"""Where conversations and their processes are found on one machine: folders, files and sockets.

    <data>/conversations/<id>/specification.json   written by web (or `hiwar open`), read by all
                              standing.json        written by the stage, read by all
                              links.json           written by backstage: the links, and which are revoked
                              recording/           written by the stage only
    <runtime>/<id>.data, <id>.control, <id>.pid    a stage's two sockets and its process
    <runtime>/spare-<pid>.control                  a warm spare stage, waiting for `Assign`
    <runtime>/front.json                           written by the edge's parent: how the front door stands
              front-wishes.json                    written by backstage: what the host wishes of it

Every file is replaced whole (write, fsync, rename), so a reader never sees half of one; those of the
runtime folder without the fsync.
Reading fails closed: no specification means no conversation.
"""

import os
import re
from pathlib import Path
from typing import TypeVar

import msgspec

from hiwar.relay.links import Link
from hiwar.relay.records import Specification, Standing

_ID = re.compile(r"[a-z0-9]{6,32}", re.ASCII)
_Record = TypeVar("_Record")


def is_conversation_id(text: str) -> bool:
    """Whether `text` has the form of a conversation's id (it may still be unknown)."""
    return _ID.fullmatch(text) is not None


class Directory:
    """The folders of one machine. `data` keeps, `runtime` is forgotten at a restart."""

    def __init__(self, data: Path, runtime: Path) -> None:
        self.data = data
        self.runtime = runtime

    def folder(self, conversation: str) -> Path:
        """Everything kept of a conversation.

        Raises:
            ValueError: `conversation` has not the form of an id.
        """
        if not is_conversation_id(conversation):
            raise ValueError("not a conversation's id")
        return self.data / "conversations" / conversation

    def recording(self, conversation: str) -> Path:
        return self.folder(conversation) / "recording"

    def conversations(self) -> list[str]:
        """The ids of all conversations on this machine, sorted."""
        root = self.data / "conversations"
        if not root.is_dir():
            return []
        return sorted(entry.name for entry in root.iterdir() if is_conversation_id(entry.name))

    def read_specification(self, conversation: str) -> Specification | None:
        if not is_conversation_id(conversation):
            return None
        return _read(self.folder(conversation) / "specification.json", Specification)

    def write_specification(self, specification: Specification) -> None:
        replace_file(self.folder(specification.id) / "specification.json", msgspec.json.encode(specification))

    def read_standing(self, conversation: str) -> Standing:
        """Where it stands; `announced` where no stage ever wrote."""
        if not is_conversation_id(conversation):
            return Standing()
        return _read(self.folder(conversation) / "standing.json", Standing) or Standing()

    def write_standing(self, conversation: str, standing: Standing) -> None:
        replace_file(self.folder(conversation) / "standing.json", msgspec.json.encode(standing))

    def read_links(self, conversation: str) -> tuple[Link, ...]:
        """The links as last written; none where there is no file."""
        if not is_conversation_id(conversation):
            return ()
        return _read(self.folder(conversation) / "links.json", tuple[Link, ...]) or ()

    def write_links(self, conversation: str, links: tuple[Link, ...]) -> None:
        replace_file(self.folder(conversation) / "links.json", msgspec.json.encode(links), mode=0o600)

    def data_socket(self, conversation: str) -> Path:
        return self.runtime / f"{conversation}.data"

    def control_socket(self, conversation: str) -> Path:
        return self.runtime / f"{conversation}.control"

    def stage_pid_file(self, conversation: str) -> Path:
        return self.runtime / f"{conversation}.pid"

    @property
    def front_file(self) -> Path:
        return self.runtime / "front.json"

    @property
    def front_wishes_file(self) -> Path:
        return self.runtime / "front-wishes.json"

    def stages(self) -> list[str]:
        """Conversations that have, or lately had, a stage (its data socket exists), sorted."""
        found = (path.stem for path in self.runtime.glob("*.data"))
        return sorted(name for name in found if is_conversation_id(name))


def _read(path: Path, kind: type[_Record]) -> _Record | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None


def replace_file(path: Path, content: bytes, mode: int = 0o644, synced: bool = True) -> None:
    """Write `content` to `path` so that a reader sees the old file or the new one, and where it is
    `synced` so does whoever starts after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
        file.write(content)
        file.flush()
        if synced:
            os.fsync(file.fileno())
    scratch.replace(path)
