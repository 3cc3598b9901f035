"""What both doors show: design, scripts, fonts and vendored packages. Files only, and their addresses."""

from functools import cache
from hashlib import blake2b
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@cache
def asset_address(name: str) -> str:
    """The address of `static/<name>`, with a mark of its content so that caches may keep it for ever.

    Raises:
        FileNotFoundError: there is no such file.
    """
    mark = blake2b((STATIC / name).read_bytes(), digest_size=6).hexdigest()
    return f"/static/{name}?v={mark}"
