"""JSON in and out: bodies of requests checked against a record, answers never kept by anybody."""

from typing import TypeVar

import msgspec

from hiwar.backstage.context import problem
from hiwar.door.http import Request, Response

JSON_BYTES_MAX = 8192
_Record = TypeVar("_Record")


def read_json(request: Request, kind: type[_Record]) -> _Record:
    """The body as `kind`.

    Raises:
        Problem: 415 not JSON, 413 longer than `JSON_BYTES_MAX`, 400 another form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise problem(415, "The body must be of the type application/json.", "failed")
    if len(request.body) > JSON_BYTES_MAX:
        raise problem(413, f"The body must not be longer than {JSON_BYTES_MAX} bytes.", "failed")
    try:
        return msgspec.json.decode(request.body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise problem(400, f"The body is not understood: {error}", "failed") from error


def render_json(status: int, content: object) -> Response:
    """An answer with JSON."""
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(status, headers, msgspec.json.encode(content))
