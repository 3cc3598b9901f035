"""Setting Django up in any process: the web role, `hiwar open`, tests.

The database is brought up to date when it is not. What is in force is marked in SQLite's own
`user_version`, so that a start without news costs one read; a lock file lets two starts agree.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from zlib import crc32

from hiwar.ops.settings import Settings
from hiwar.web import installation


def prepare(settings: Settings) -> None:
    """Install `settings`, set Django up and migrate if needed. Idempotent; the first call's settings stay."""
    installation.install(settings)
    installation.secrets()
    os.environ["DJANGO_SETTINGS_MODULE"] = "hiwar.web.settings"
    import django

    django.setup()
    migrate(settings.data / "hiwar.sqlite3")


def migrate(database: Path) -> None:
    """Bring `database` up to date, once, whoever asks first."""
    database.parent.mkdir(parents=True, exist_ok=True)
    with (database.parent / ".migrate.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = _mark()
        if _version(database) == wanted:
            return
        from django.core.management import call_command

        call_command("migrate", verbosity=0, interactive=False)
        with sqlite3.connect(database) as connection:
            connection.execute(f"PRAGMA user_version = {wanted}")


def _mark() -> int:
    """A number for the set of migrations that this version has (Django's own included)."""
    import django
    from django.apps import apps

    names = [django.__version__]
    for app in apps.get_app_configs():
        names += sorted(path.name for path in Path(app.path).glob("migrations/0*.py"))
    return crc32("\n".join(names).encode()) >> 1


def _version(database: Path) -> int:
    if not database.exists():
        return 0
    with sqlite3.connect(database) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
