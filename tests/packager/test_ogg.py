"""Ogg pages: parse of render is the identity, the checksum is Ogg's, damage is named in one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.packager import ogg
from hiwar.packager.ogg import (
    FLAG_CONTINUED,
    FLAG_FIRST,
    FLAG_LAST,
    BadOgg,
    Page,
    crc,
    iterate_pages,
    parse_packets,
    render_headers,
    render_page,
)

PACKETS = st.lists(st.binary(max_size=700), max_size=8)


def slow_crc(page: bytes) -> int:
    """RFC 3533, section 6, item 7, bit by bit."""
    register = 0
    for byte in page:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1) ^ (0x04C11DB7 if register & 0x80000000 else 0)
            register &= 0xFFFFFFFF
    return register


def resealed(page: bytes) -> bytes:
    """The page with a right checksum again."""
    clean = page[:22] + bytes(4) + page[26:]
    return clean[:22] + crc(clean).to_bytes(4, "little") + clean[26:]


@given(st.binary(max_size=300))
def test_the_checksum_is_that_of_the_rfc(page: bytes) -> None:
    assert crc(page) == slow_crc(page)


@given(PACKETS, st.integers(0, 2**62), st.integers(0, 2**32 - 1), st.sampled_from([0, FLAG_FIRST, FLAG_LAST]))
def test_a_rendered_page_is_parsed_back(
    packets: list[bytes], granule: int, sequence: int, flags: int
) -> None:
    page = render_page(packets, granule=granule, sequence=sequence, flags=flags)
    assert list(iterate_pages(page)) == [Page(tuple(packets), granule, sequence, ogg.SERIAL, flags)]


@given(st.lists(PACKETS, max_size=5), st.sampled_from([0, 450_000]))
def test_the_packets_of_a_file_come_back_without_its_headers(pages: list[list[bytes]], first: int) -> None:
    source = render_headers(["TITLE=حوار"])
    for number, packets in enumerate(pages):
        source += render_page(packets, granule=number, sequence=2 + first + number)
    assert parse_packets(source) == [packet for packets in pages for packet in packets]


@given(st.data())
def test_a_file_cut_or_changed_anywhere_raises_only_bad_ogg(data: st.DataObject) -> None:
    source = bytearray(render_headers() + render_page([b"a" * 300, b"b"], granule=960, sequence=2))
    if data.draw(st.booleans()):
        source = source[: data.draw(st.integers(0, len(source)))]
    elif source:
        source[data.draw(st.integers(0, len(source) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parse_packets(bytes(source))
    except BadOgg:
        return
    assert len(source) in (len(render_headers()), len(render_headers()) + 27 + 3 + 301)


@given(st.binary(max_size=120))
def test_no_bytes_raise_anything_but_bad_ogg(source: bytes) -> None:
    with pytest.raises(BadOgg):
        parse_packets(source)


def test_a_packet_over_two_pages_is_put_together() -> None:
    begun = bytearray(render_page([b"x" * 255], granule=-1, sequence=2))
    assert begun[26] == 2  # 255, 0: take the final 0 away, so that it goes on
    begun = bytearray(begun[:26] + b"\x01\xff" + begun[29:])
    rest = render_page([b"yz"], granule=960, sequence=3, flags=FLAG_CONTINUED)
    source = render_headers() + resealed(bytes(begun)) + rest
    assert parse_packets(source) == [b"x" * 255 + b"yz"]
    with pytest.raises(BadOgg, match="broken"):
        parse_packets(render_headers() + resealed(bytes(begun)) + render_page([b"n"], granule=0, sequence=3))


HEADERS = render_headers()
OTHER_STREAM = resealed(HEADERS[:14] + b"\0\0\0\0" + HEADERS[18 : 27 + 1 + 19])


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"", "not an Opus header"),
        (b"RIFF....WAVE", "no Ogg page"),
        (render_page([b"\x01vorbis"], granule=0, sequence=0, flags=FLAG_FIRST), "not an Opus header"),
        (render_page([b"OpusHead"], granule=0, sequence=0, flags=FLAG_FIRST), "not an Opus header"),
        (
            render_page([b"OpusHead" + bytes([16, *[0] * 10])], granule=0, sequence=0),
            "version or channel mapping",
        ),
        (HEADERS[: 27 + 1 + 19], "comment header"),
        (HEADERS + render_page([b"x"], granule=0, sequence=2, flags=FLAG_CONTINUED), "broken"),
        (HEADERS[:-1], "ends inside"),
        (HEADERS + b"OggS\0", "ends inside"),
        (HEADERS[:-1] + b"!", "wrong checksum"),
        (HEADERS + OTHER_STREAM, "more than one stream"),
        (
            HEADERS
            + render_page([b"x"], granule=0, sequence=9)
            + render_page([b"x"], granule=0, sequence=11),
            "pages are missing",
        ),
    ],
)
def test_what_is_not_opus_is_named_in_one_sentence(source: bytes, sentence: str) -> None:
    with pytest.raises(BadOgg, match=sentence):
        parse_packets(source)


def test_a_page_takes_no_more_than_it_can_hold() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        render_page([b""] * 256, granule=0, sequence=0)


def test_endless_packets_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogg, "PACKETS_MAX", 3)
    with pytest.raises(BadOgg, match="more than 3 packets"):
        parse_packets(HEADERS + render_page([b"", b""], granule=0, sequence=2))
    monkeypatch.setattr(ogg, "PACKET_BYTES_MAX", 100)
    with pytest.raises(BadOgg, match="longer than 100"):
        parse_packets(HEADERS + render_page([b"x" * 101], granule=0, sequence=2))
