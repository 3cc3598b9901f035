"""Secrets: made at the first start into `<data>/secrets.json` (mode 600), never in the code.

Losing the file makes every link, ticket and session invalid; nothing else.
"""

import os
import secrets
from pathlib import Path

import msgspec


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """`token_key` signs tokens (32 bytes); `django_key` is Django's SECRET_KEY."""

    token_key: bytes
    django_key: str


class BadSecrets(RuntimeError):
    """The file is there and is not ours, or others may read it."""


def load_secrets(data: Path) -> Secrets:
    """The secrets of this installation, made if there are none yet.

    Raises:
        BadSecrets: the file is damaged, or readable by others; the text says how to mend it.
    """
    path = data / "secrets.json"
    data.mkdir(parents=True, exist_ok=True)
    made = Secrets(token_key=secrets.token_bytes(32), django_key=secrets.token_urlsafe(50))
    try:
        _create(path, msgspec.json.encode(made))
    except FileExistsError:
        return _read(path)
    return made


def _create(path: Path, content: bytes) -> None:
    """Create whole or not at all: written beside, then linked, so that two first starts agree."""
    scratch = path.with_name(f".secrets.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(scratch, path)
    finally:
        scratch.unlink()


def _read(path: Path) -> Secrets:
    if path.stat().st_mode & 0o077:
        raise BadSecrets(f"{path} can be read by others: chmod 600 {path}")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Secrets)
    except msgspec.MsgspecError as error:
        raise BadSecrets(f"{path} is damaged: restore it, or delete it to make new secrets") from error
