"""Static files of both doors, from one folder, read once.

With a mark of the content in the address (`?v=`, see `assets.asset_address`) an answer may be kept for
ever; without it, it must be asked for again (ETag). The folder is small and ours, so it is kept in memory
and an address can only name what was found in it at first use.
"""

import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path

from hiwar.door.http import Problem, Request, Response

FILE_BYTES_MAX = 8 * 1024 * 1024
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    body: bytes
    content_type: str
    mark: str


class StaticFiles:
    """The files below `folder`; `prefix` is the start of their addresses, with a slash at its end."""

    def __init__(self, folder: Path, prefix: str = "/static/") -> None:
        self._folder = folder
        self.prefix = prefix

    def answer(self, request: Request) -> Response:
        """The file that the request names.

        Raises:
            Problem: 404, or 405 for anything but GET and HEAD.
        """
        if request.method not in ("GET", "HEAD"):
            raise Problem(405, "A file can only be read.", {"Allow": "GET, HEAD"})
        found = _read_folder(self._folder).get(request.path.removeprefix(self.prefix))
        if found is None:
            raise Problem(404, "There is no such file.", arabic="لا يوجد ملف كهذا.")
        kept = "public, max-age=31536000, immutable" if request.query.get("v") == found.mark else "no-cache"
        headers = {
            "Content-Type": found.content_type,
            "Cache-Control": kept,
            "ETag": f'"{found.mark}"',
            "X-Content-Type-Options": "nosniff",
        }
        if f'"{found.mark}"' in request.headers.get("if-none-match", ""):
            return Response(304, headers)
        return Response(200, headers, found.body)


@cache
def _read_folder(folder: Path) -> dict[str, StaticFile]:
    return {
        path.relative_to(folder).as_posix(): _read(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.stat().st_size <= FILE_BYTES_MAX
    }


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return StaticFile(body, kind, blake2b(body, digest_size=6).hexdigest())
