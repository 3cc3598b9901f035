"""Boxes of the ISO base media file format (ISO/IEC 14496-12, section 4.2): rendering and walking.

Rules: rendering trusts its caller, walking trusts nobody. A box whose size is impossible raises
`DamagedBox`; a box that the data ends inside of raises `TruncatedBox`, because for a file that is still
growing, or was cut by a crash, that is an ordinary end and not a fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

_HEADER = Struct(">I4s")
_LARGE_SIZE = Struct(">Q")
_WORD = Struct(">I")

BOX_BYTES_MAX = 64 * 1024 * 1024  # nothing that we write comes near it; a larger size is damage


class BadMedia(ValueError):
    """Bytes that are not the media they should be; the text says what is wrong and where."""


class DamagedBox(BadMedia):
    """A box that cannot be: size too small or too large, or its content does not fit its kind."""


class TruncatedBox(BadMedia):
    """The data ends inside a box."""


@dataclass(frozen=True, slots=True)
class Box:
    """Where a box lies: `start` of its header, `body` and `end`, as offsets into the walked data."""

    kind: bytes
    start: int
    body: int
    end: int


def render_box(kind: bytes, *parts: bytes) -> bytes:
    """A box of four-letter `kind` with `parts` joined as its content."""
    content = b"".join(parts)
    return _HEADER.pack(8 + len(content), kind) + content


def render_full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box that begins with a version and 24 bits of flags."""
    return render_box(kind, _WORD.pack(version << 24 | flags), *parts)


def iterate_boxes(source: bytes | memoryview, start: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes in `source[start:end]`, in order; each step moves at least 8 bytes.

    Raises:
        DamagedBox: a box has an impossible size.
        TruncatedBox: the range ends inside a box (after all whole ones were given).
    """
    limit = len(source) if end is None else end
    offset = start
    while offset < limit:
        box = read_box(source, offset, limit)
        yield box
        offset = box.end


def read_box(source: bytes | memoryview, offset: int, limit: int) -> Box:
    """The box whose header is at `offset`, if it ends at or before `limit`.

    Raises:
        DamagedBox, TruncatedBox: as `iterate_boxes`.
    """
    if limit - offset < 8:
        raise TruncatedBox(f"the data ends inside the header of a box at {offset}")
    size, kind = _HEADER.unpack_from(source, offset)
    body = offset + 8
    if size == 1:  # the real size follows as 64 bits
        if limit - offset < 16:
            raise TruncatedBox(f"the data ends inside the header of a box at {offset}")
        (size,) = _LARGE_SIZE.unpack_from(source, body)
        body += 8
    if size < body - offset or size > BOX_BYTES_MAX:  # size 0, "to the end of the file", is never ours
        raise DamagedBox(f"the box at {offset} claims an impossible size of {size} bytes")
    if offset + size > limit:
        raise TruncatedBox(f"the data ends inside the box at {offset}")
    return Box(kind, offset, body, offset + size)


def find_box(source: bytes | memoryview, kind: bytes, parent: Box) -> Box:
    """The first child of `kind` in `parent`.

    Raises:
        DamagedBox: there is none, or the children are damaged or cut.
    """
    try:
        for box in iterate_boxes(source, parent.body, parent.end):
            if box.kind == kind:
                return box
    except TruncatedBox as error:  # the parent is whole, so a child that overruns it is damage
        raise DamagedBox(str(error)) from error
    raise DamagedBox(f"the box at {parent.start} has no {kind.decode('ascii')} in it")
