"""Which installation this process belongs to: settings, secrets and folders, set once at start.

`hiwar.web.settings` is imported by Django by name and cannot take arguments; it asks here. Without
`install()` the settings are read as every command reads them (`hiwar.toml`, `HIWAR_*`).
"""

from functools import cache

from hiwar.ops.runtime import runtime_dir
from hiwar.ops.secrets import Secrets, load_secrets
from hiwar.ops.settings import Settings, load_settings
from hiwar.relay.directory import Directory

_installed: Settings | None = None


def install(settings: Settings) -> None:
    """Make `settings` those of this process, before Django is set up."""
    global _installed
    _installed = settings
    secrets.cache_clear()
    directory.cache_clear()


def settings() -> Settings:
    """The settings of this process."""
    global _installed
    if _installed is None:
        _installed = load_settings()
    return _installed


@cache
def secrets() -> Secrets:
    """The installation's keys, made at the first call of the first start."""
    return load_secrets(settings().data)


@cache
def directory() -> Directory:
    """Where conversations lie on this machine."""
    return Directory(settings().data, runtime_dir(settings()))
