"""Ogg pages (RFC 3533) of Opus (RFC 7845), written and read.

Rules: a chunk is one page; its sequence number is 2 plus the chunk's number (the two headers come
before) and its granule position is the media time at its end, so that any page can follow the header
pages and nothing is rewritten for a listener. One mono stream, one fixed serial, no packet across pages.

Ogg's checksum is CRC-32 with the polynomial of zlib's, but without reflection and without the two
inversions. Reflecting the bits of every byte before, and of the result after, lets zlib do the work:
a few microseconds a page where a loop in Python takes hundreds.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct, pack

from hiwar.media.timeline import SAMPLE_RATE
from hiwar.packager.boxes import BadMedia
from hiwar.packager.fmp4 import OPUS_PRE_SKIP

SERIAL = 0x48495741  # "HIWA": one stream a response, so any number will do
HEADER_PAGES = 2
FLAG_CONTINUED, FLAG_FIRST, FLAG_LAST = 1, 2, 4
PACKETS_MAX = 4_000_000  # in a file that is read whole: 22 hours of 20 ms
LACING_VALUES_MAX = 255
PACKET_BYTES_MAX = 61_440  # RFC 7845, section 3: the largest Opus packet of one stream

_HEADER = Struct("<4sBBqIIIB")
_CHECKSUM = slice(22, 26)
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class BadOgg(BadMedia):
    """Bytes that are not Ogg/Opus; the text says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page read back. `packets` ended on it (a packet that began on earlier pages is whole here)."""

    packets: tuple[bytes, ...]
    granule: int
    sequence: int
    serial: int
    flags: int


def render_headers(comments: Sequence[str] = ()) -> bytes:
    """The two header pages; `comments` like "TITLE=..." (RFC 7845, section 5.2)."""
    head = pack("<8sBBHIhB", b"OpusHead", 1, 1, OPUS_PRE_SKIP, SAMPLE_RATE, 0, 0)
    vendor = b"Hiwar"
    fields = b"".join(pack("<I", len(text)) + text for text in (comment.encode() for comment in comments))
    tags = pack("<8sI", b"OpusTags", len(vendor)) + vendor + pack("<I", len(comments)) + fields
    first = render_page([head], granule=0, sequence=0, flags=FLAG_FIRST)
    return first + render_page([tags], granule=0, sequence=1)


def render_page(packets: Sequence[bytes], *, granule: int, sequence: int, flags: int = 0) -> bytes:
    """One page of whole `packets`; `granule` is the media time at its end, `sequence` modulo 2^32.

    Raises:
        ValueError: the packets need more than 255 lacing values (about 64 KB).
    """
    lacing = bytearray()
    for packet in packets:
        full, rest = divmod(len(packet), 255)
        lacing += b"\xff" * full
        lacing.append(rest)
    if len(lacing) > LACING_VALUES_MAX:
        raise ValueError(f"{len(packets)} packets do not fit on one page")
    head = _HEADER.pack(b"OggS", 0, flags, granule, SERIAL, sequence & 0xFFFFFFFF, 0, len(lacing))
    body = b"".join((lacing, *packets))
    checksum = crc(head + body).to_bytes(4, "little")
    return b"".join((head[:22], checksum, head[26:], body))


def crc(page: bytes) -> int:
    """Ogg's CRC-32 (RFC 3533, section 6, item 7) of a page whose checksum field is zero."""
    reflected = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")


def iterate_pages(source: bytes) -> Iterator[Page]:
    """The pages of one stream, in order, with their packets put together.

    Pages may be missing only directly after the headers, as for a listener who joined late.

    Raises:
        BadOgg: damage, a wrong checksum, missing pages, a second stream, or an end inside a page.
    """
    offset = 0
    rest = b""
    previous: Page | None = None
    while offset < len(source):
        pieces, page = _read_page(source, offset)
        if previous is not None:
            _check_succession(previous, page, offset)
        if bool(page.flags & FLAG_CONTINUED) != bool(rest):
            raise BadOgg(f"a packet is broken at the page at {offset}")
        packets, rest = _join(pieces, rest)
        previous = Page(tuple(packets), page.granule, page.sequence, page.serial, page.flags)
        yield previous
        offset += _page_bytes(source, offset)


def _check_succession(previous: Page, page: Page, offset: int) -> None:
    if page.serial != previous.serial:
        raise BadOgg("the file holds more than one stream; only plain Opus files are read")
    joined_late = previous.sequence == HEADER_PAGES - 1 and page.sequence > previous.sequence
    if page.sequence != (previous.sequence + 1) & 0xFFFFFFFF and not joined_late:
        raise BadOgg(f"pages are missing before the one at {offset}")


def parse_packets(source: bytes) -> list[bytes]:
    """The Opus packets of an Ogg/Opus file with one mono or stereo stream, without its headers.

    Raises:
        BadOgg: it is not such a file, or it is damaged; the text is one clear sentence.
    """
    packets: list[bytes] = []
    for page in iterate_pages(source):
        packets.extend(page.packets)
        if len(packets) > PACKETS_MAX:
            raise BadOgg(f"the file holds more than {PACKETS_MAX} packets")
    if not packets or not packets[0].startswith(b"OpusHead") or len(packets[0]) < 19:
        raise BadOgg("the file is not Ogg/Opus: its first packet is not an Opus header")
    if packets[0][8] >> 4 or packets[0][18]:
        raise BadOgg("the file is of a version or channel mapping that is not read here")
    if len(packets) < HEADER_PAGES or not packets[1].startswith(b"OpusTags"):
        raise BadOgg("the file is not Ogg/Opus: its second packet is not a comment header")
    return packets[HEADER_PAGES:]


def _read_page(source: bytes, offset: int) -> tuple[list[bytes], Page]:
    """The segments-joined pieces of the page at `offset`; the last may be unfinished (see `_join`)."""
    size = _page_bytes(source, offset)
    _, _, flags, granule, serial, sequence, checksum, count = _HEADER.unpack_from(source, offset)
    page = bytearray(source[offset : offset + size])
    page[_CHECKSUM] = bytes(4)
    if crc(bytes(page)) != checksum:
        raise BadOgg(f"the page at {offset} has a wrong checksum")
    pieces = []
    cursor = offset + 27 + count
    for lace in source[offset + 27 : offset + 27 + count]:
        pieces.append(source[cursor : cursor + lace])
        cursor += lace
    return pieces, Page((), granule, sequence, serial, flags)


def _page_bytes(source: bytes, offset: int) -> int:
    if not source.startswith(b"OggS\0", offset):
        raise BadOgg(f"there is no Ogg page at {offset}")
    lacing = offset + 27
    if len(source) < lacing or len(source) < lacing + source[offset + 26]:
        raise BadOgg(f"the data ends inside the page at {offset}")
    count = source[offset + 26]
    size = 27 + count + sum(source[lacing : lacing + count])
    if len(source) < offset + size:
        raise BadOgg(f"the data ends inside the page at {offset}")
    return size


def _join(pieces: list[bytes], begun: bytes) -> tuple[list[bytes], bytes]:
    """Whole packets out of lacing pieces, and what of a packet goes on on the next page."""
    packets = []
    for piece in pieces:
        begun += piece
        if len(begun) > PACKET_BYTES_MAX:
            raise BadOgg(f"a packet is longer than {PACKET_BYTES_MAX} bytes")
        if len(piece) < 255:
            packets.append(begun)
            begun = b""
    return packets, begun
