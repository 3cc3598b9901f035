"""Writing responses: what is held for a slow reader is a view, not a copy."""

import pytest

from hiwar.door.http import Response
from hiwar.door.respond import BLOCK_BYTES, TOGETHER_BYTES_MAX, ResponseWriter


class Sink:
    def __init__(self) -> None:
        self.pieces: list[bytes | memoryview] = []
        self.waited: list[int] = []  # after so many pieces

    def write(self, piece: bytes | memoryview) -> None:
        self.pieces.append(piece)

    async def drain(self) -> None:
        self.waited.append(len(self.pieces))

    @property
    def sent(self) -> bytes:
        return b"".join(self.pieces)


async def write(response: Response, *, head_only: bool = False) -> Sink:
    sink = Sink()
    assert await ResponseWriter(sink, head_only=head_only, http_1_0=False, close=False).write(response)
    return sink


@pytest.mark.parametrize("length", [0, 1, TOGETHER_BYTES_MAX])
async def test_a_short_body_goes_out_with_its_head(length: int) -> None:
    sink = await write(Response(200, {}, b"x" * length))
    assert len(sink.pieces) == 1
    assert sink.sent.endswith(b"\r\n\r\n" + b"x" * length)


@pytest.mark.parametrize("in_slices", [False, True])
async def test_a_long_body_goes_out_in_views_of_it_never_faster_than_it_is_taken(in_slices: bool) -> None:
    body = bytes(range(256)) * (10 * BLOCK_BYTES // 256) + b"end"
    sink = await write(Response(200, {}, [body] if in_slices else body))
    head, *views = sink.pieces
    assert b"Content-Length: %d\r\n" % len(body) in bytes(head)
    assert all(isinstance(view, memoryview) and view.obj is body for view in views)
    assert max(map(len, views)) == BLOCK_BYTES
    assert sink.waited[: len(views)] == list(range(2, len(views) + 2))
    assert b"".join(views) == body


async def test_a_head_alone_has_the_length_of_a_long_body() -> None:
    sink = await write(Response(200, {}, b"x" * 100_000), head_only=True)
    assert b"Content-Length: 100000\r\n" in sink.sent
    assert sink.sent.endswith(b"\r\n\r\n")
