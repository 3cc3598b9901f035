"""Byte ranges (RFC 9110, section 14): which bytes of a representation a request asks for. Pure.

One range is served. Several, another unit, or what is no range at all is ignored, as section 14.2 allows,
and the whole is sent. A file that is still growing only ever grows at its end, so its older validators
stay good for the bytes that they were given with: `If-Range` accepts them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_RANGE = re.compile(r"bytes=\s*([0-9]{0,18})-([0-9]{0,18})\s*", re.ASCII | re.IGNORECASE)


class Unsatisfiable(ValueError):
    """No byte of the range exists: 416, with the length in Content-Range."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes [start, end)."""

    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


def parse_range(text: str, length: int) -> Span | None:
    """The bytes that a Range header asks of a representation of `length` bytes; None to send it whole.

    Raises:
        Unsatisfiable: it lies wholly beyond the end, or asks for the last 0 bytes.
    """
    match = _RANGE.fullmatch(text)
    if match is None or match.group(1) == match.group(2) == "":
        return None
    first, last = match.group(1), match.group(2)
    if not first:
        start, end = max(0, length - int(last)), length
    else:
        start, end = int(first), min(int(last) + 1 if last else length, length)
        if last and int(last) < start:  # not a range by the grammar (section 14.1.2)
            return None
    if start >= end:
        raise Unsatisfiable(f"The range begins beyond the end; there are {length} bytes.")
    return Span(start, end)


def chosen_span(method: str, headers: Mapping[str, str], length: int, etag: str) -> Span | None:
    """What of `length` bytes to send for this request; None for the whole. Only GET has ranges.

    Raises:
        Unsatisfiable: as `parse_range`.
    """
    text = headers.get("range", "")
    if method != "GET" or not text or not _may_combine(headers.get("if-range", ""), etag):
        return None
    return parse_range(text, length)


def render_etag(name: str, length: int) -> str:
    """A strong validator of the first `length` bytes of something that only grows."""
    return f'"{name}-{length:x}"'


def is_unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """Whether If-None-Match (section 13.1.2) already has this; compared weakly."""
    held = headers.get("if-none-match", "")
    return held.strip() == "*" or etag in (part.strip().removeprefix("W/") for part in held.split(","))


def _may_combine(if_range: str, etag: str) -> bool:
    """Whether bytes that came with `if_range` go together with those of `etag` (section 13.1.5). A date
    never does: files grow many times within its second."""
    if not if_range or if_range == etag:
        return True
    return _growth(if_range)[0] == _growth(etag)[0] and 0 <= _growth(if_range)[1] <= _growth(etag)[1]


def _growth(etag: str) -> tuple[str, int]:
    """The name and the length in a validator of `render_etag`; length -1 if it is none."""
    match = re.fullmatch(r'"([a-z0-9.-]{1,80})-([0-9a-f]{1,16})"', etag, re.ASCII)
    return (match.group(1), int(match.group(2), 16)) if match else ("", -1)
