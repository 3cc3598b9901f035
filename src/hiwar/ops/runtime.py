"""The folder of sockets and pid files: short, private, forgotten at a restart of the machine."""

import os
import tempfile
from hashlib import blake2b
from pathlib import Path

from hiwar.ops.settings import BadSetting, Settings

PATH_BYTES_MAX = 70  # a Unix socket's address has 107 bytes, and our names need some 35


def runtime_dir(settings: Settings) -> Path:
    """The folder, made with mode 0700 if it is missing.

    Without a setting it is one per data folder: under XDG_RUNTIME_DIR where there is one, else under the
    system's temporary folder.

    Raises:
        BadSetting: the path is too long, or belongs to somebody else.
    """
    path = Path(settings.runtime_dir).resolve() if settings.runtime_dir else _chosen(settings)
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        raise BadSetting(f"runtime_dir = {str(path)!r}: must be at most {PATH_BYTES_MAX} bytes long")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = path.stat()
    if state.st_uid != os.getuid():
        raise BadSetting(f"runtime_dir = {str(path)!r}: belongs to another user")
    if state.st_mode & 0o077:
        path.chmod(0o700)
    return path


def _chosen(settings: Settings) -> Path:
    mark = blake2b(os.fsencode(settings.data), digest_size=4).hexdigest()
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and Path(base).is_dir() and len(base) < PATH_BYTES_MAX - 20:
        return Path(base) / f"hiwar-{mark}"
    return Path(tempfile.gettempdir()) / f"hiwar-{os.getuid()}-{mark}"
