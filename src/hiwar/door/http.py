"""Requests and responses as the doors' handlers see them. No sockets here.

A handler is `async def handle(request: Request) -> Response | Takeover`. It may raise `Problem`, which
becomes an answer of `application/problem+json` (RFC 9457), a page, or plain text, as the request accepts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hiwar.door.connection import DoorConnection


@dataclass(frozen=True, slots=True)
class Request:
    """One parsed request.

    `path` is percent-decoded and free of dot segments; `query` has the first value of each key;
    `headers` are lower-case names (several lines of one name joined with ", "); `client` is the
    address of the person (of the peer, or by X-Forwarded-For from a trusted one); `body` is whole
    (bounded by the door's `body_bytes_max`, larger ones were answered 413).
    """

    method: str
    path: str
    raw_target: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str
    secure: bool
    body: bytes = b""

    def bearer(self) -> str:
        """The token of `Authorization: Bearer` (RFC 6750), or ''."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""


@dataclass(frozen=True, slots=True)
class FileSlice:
    """Bytes of a file as a body: `length` bytes from `offset`, never read into memory whole."""

    path: Path
    offset: int
    length: int


@dataclass(slots=True)
class Response:
    """`body` is bytes, slices of files (sent in order, with a Content-Length), or an iterator
    (as long as a Content-Length in `headers` says, else chunked, or until the connection closes for
    HTTP/1.0). `cookies` are values of Set-Cookie, the one header that may come several times."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | list[FileSlice | bytes] | AsyncIterator[bytes] = b""
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Takeover:
    """The handler wants the connection itself: `attach` is called with it, in the loop, once, when
    everything before has been written. The door forgets the connection but for its closing."""

    attach: Callable[["DoorConnection"], None]


class Problem(Exception):
    """An answer that is not a success: status, one clear sentence, and headers (Retry-After, Allow).

    `arabic` is the same sentence for who reads Arabic; without it they get the status's own sentence.
    `members` are what a program gets beside it (RFC 9457, section 3.2).
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        arabic: str = "",
        members: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.arabic = arabic
        self.members = dict(members or {})


Handler = Callable[[Request], Awaitable[Response | Takeover]]
