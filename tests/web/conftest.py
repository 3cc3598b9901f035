"""Django on a database of its own for the whole run; each test in a transaction and a folder of its own."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hiwar.ops.settings import Settings, load_settings
from hiwar.web import installation

if TYPE_CHECKING:
    from django.test import Client

_home = Path(tempfile.mkdtemp(prefix="hiwar-web-"))


def settings_in(folder: Path, **overrides: str) -> Settings:
    """Settings of an installation in `folder`, with nothing of this machine's environment."""
    environment = {"HIWAR_DATA_DIR": str(folder / "data"), "HIWAR_RUNTIME_DIR": str(folder / "run")}
    environment |= {"HIWAR_LANGUAGE": "en", "HIWAR_PUBLIC_URL": "http://talk.test"}
    environment |= {f"HIWAR_{key.upper()}": value for key, value in overrides.items()}
    return load_settings(environment, Path(os.devnull))


def pytest_configure() -> None:
    """Before any test module imports a model."""
    from hiwar.web.start import prepare

    prepare(settings_in(_home))


@pytest.fixture(autouse=True)
def folder() -> Iterator[Path]:
    """The installation of one test: an empty data folder, and a database as if nothing had been."""
    from django.db import connection, transaction

    from hiwar.web.conversations import services

    installation.secrets()
    key = installation.secrets()
    with tempfile.TemporaryDirectory(prefix="hw-") as name:
        path = Path(name)
        installation.install(settings_in(path))
        (path / "data").mkdir()
        (path / "data/secrets.json").write_bytes(_encoded(key))
        (path / "data/secrets.json").chmod(0o600)
        services._seen.clear()
        with transaction.atomic():
            yield path
            transaction.set_rollback(True)
    connection.close()


@pytest.fixture
def client() -> "Client":
    """A visitor; their browser asks for English."""
    from django.test import Client

    return Client(headers={"accept-language": "en"})


@pytest.fixture
def operator(client: "Client") -> "Client":
    """The same, signed in as the operator with a password of their own."""
    from hiwar.web.accounts.models import User

    client.force_login(User.objects.create_user("chief", "a long password", is_operator=True))
    return client


def _encoded(key: object) -> bytes:
    import msgspec

    return msgspec.json.encode(key)
