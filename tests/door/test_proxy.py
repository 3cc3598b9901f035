"""The PROXY protocol, version 2: a header is understood whole, or refused."""

import contextlib
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hiwar.door.proxy import REST_BYTES_MAX, START_BYTES, BadProxyHeader, Proxied, parse_header, parse_start

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V4 = socket.inet_pton(socket.AF_INET, "203.0.113.7") + socket.inet_pton(socket.AF_INET, "10.0.0.1")
V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "fd00::1")
MAPPED = socket.inet_pton(socket.AF_INET6, "::ffff:203.0.113.7") * 2
PORTS = b"\x30\x39\x01\xbb"
SSL = b"\x20\x00\x05\x01\x00\x00\x00\x00"
OTHER = b"\x04\x00\x02ab"
PLAIN = b"\x20\x00\x05\x00\x00\x00\x00\x01"


def header(command: int, family: int, rest: bytes, length: int | None = None) -> tuple[bytes, bytes]:
    size = len(rest) if length is None else length
    return SIGNATURE + bytes([command, family]) + size.to_bytes(2, "big"), rest


@pytest.mark.parametrize(
    ("command", "family", "rest", "expected"),
    [
        (0x21, 0x11, V4 + PORTS, Proxied("203.0.113.7", secure=False)),
        (0x21, 0x21, V6 + PORTS, Proxied("2001:db8::7", secure=False)),
        (0x21, 0x21, MAPPED + PORTS, Proxied("203.0.113.7", secure=False)),
        (0x21, 0x11, V4 + PORTS + SSL, Proxied("203.0.113.7", secure=True)),
        (0x21, 0x11, V4 + PORTS + OTHER + SSL + b"\x01\x00\x00", Proxied("203.0.113.7", secure=True)),
        (0x21, 0x11, V4 + PORTS + PLAIN, Proxied("203.0.113.7", secure=False)),
        (0x21, 0x11, V4 + PORTS + b"\x20\x00\x00", Proxied("203.0.113.7", secure=False)),
        (0x20, 0x00, b"", Proxied("", secure=False)),
        (0x20, 0x11, V4 + PORTS + SSL, Proxied("", secure=False)),
        (0x20, 0xFF, b"whatever", Proxied("", secure=False)),
        (0x21, 0x00, b"", Proxied("", secure=False)),
        (0x21, 0x00, b"\x04\x00\x02ab", Proxied("", secure=False)),
    ],
)  # fmt: skip
def test_a_header_names_the_client_or_says_that_there_is_none(
    command: int, family: int, rest: bytes, expected: Proxied
) -> None:
    start, rest = header(command, family, rest)
    assert parse_start(start) == len(rest)
    assert parse_header(start, rest) == expected


@pytest.mark.parametrize(
    ("start", "rest"),
    [
        (b"PROXY TCP4 1.2.3.", b"4 5.6.7.8 1 2\r\n"),
        (b"GET / HTTP/1.1\r\n", b""),
        (b"", b""),
        (SIGNATURE, b""),
        header(0x11, 0x11, V4 + PORTS),
        header(0x31, 0x11, V4 + PORTS),
        header(0x22, 0x11, V4 + PORTS),
        header(0x2F, 0x11, V4 + PORTS),
        header(0x21, 0x12, V4 + PORTS),
        header(0x21, 0x10, V4 + PORTS),
        header(0x21, 0x31, b"a" * 216),
        header(0x21, 0x41, V4 + PORTS),
        header(0x21, 0x11, V4),
        header(0x21, 0x21, V4 + PORTS),
        header(0x21, 0x11, V4 + PORTS, length=13),
        header(0x21, 0x11, V4 + PORTS, length=4),
        header(0x21, 0x11, V4 + PORTS + b"\x20"),
        header(0x21, 0x11, V4 + PORTS + b"\x20\x00"),
        header(0x21, 0x11, V4 + PORTS + b"\x20\x00\x06\x01\x00\x00\x00\x00"),
        header(0x21, 0x11, V4 + PORTS + SSL + b"\x04\xff\xff"),
        header(0x21, 0x11, b"", length=REST_BYTES_MAX + 1),
        header(0x21, 0x11, b"", length=0xFFFF),
    ],
)
def test_a_header_of_another_kind_or_cut_short_is_refused(start: bytes, rest: bytes) -> None:
    with pytest.raises(BadProxyHeader):
        parse_header(start, rest)


@given(
    st.one_of(st.binary(max_size=40), st.binary(min_size=4, max_size=4).map(lambda tail: SIGNATURE + tail)),
    st.binary(max_size=300),
)
def test_any_bytes_are_a_header_or_refused(start: bytes, rest: bytes) -> None:
    with contextlib.suppress(BadProxyHeader):
        assert parse_start(start) <= REST_BYTES_MAX
        said = parse_header(start, rest)
        assert len(start) == START_BYTES
        assert said.client == "" or socket.getaddrinfo(said.client, None, flags=socket.AI_NUMERICHOST)
