"""What the tests demand of a piece of sound, and how they get one."""

import socket
import time

from playwright.sync_api import Page

from tests.e2e.chromium import hear
from tests.e2e.sound import Likeness, Samples, likeness
from tests.running import Hiwar

# Alone, a voice reaches 0.8 and more after Opus; two at once explain half of the energy each, some 0.6.
# A voice that is not there reaches 0.16 in the median and 0.33 in its best second. A
# listener's player may jump to the live edge on a busy machine, so its line may break.
PRESENT = 0.35
ABSENT = 0.25
STEADY_SECONDS = 0.5  # a busy machine makes jitter buffers stretch; a broken line would be seconds off
SHARE, SHARE_OF_STEERED = 0.6, 0.4


def is_present(found: Likeness, *, steered: bool = False) -> bool:
    """Whether the voice is there all the time; in one unbroken line, unless a player `steered` it."""
    if steered:
        return found.share(PRESENT) >= SHARE_OF_STEERED
    return found.share(PRESENT) >= SHARE and found.lag_spread(PRESENT) < STEADY_SECONDS


def is_absent(found: Likeness) -> bool:
    return found.score <= ABSENT and found.share(PRESENT) < 0.1


def assert_present(heard: Samples, rate: int, *sources: Samples, steered: bool = False) -> None:
    for number, source in enumerate(sources):
        found = likeness(heard, rate, source)
        assert is_present(found, steered=steered), f"voice {number}: {describe(found)}"


def assert_absent(heard: Samples, rate: int, source: Samples) -> None:
    found = likeness(heard, rate, source)
    assert is_absent(found), describe(found)


def describe(found: Likeness) -> str:
    return (
        f"median {found.score:.2f} of {len(found.scores)} windows, {found.share(PRESENT):.0%} present, "
        f"spread {found.lag_spread(PRESENT):.3f} s"
    )


def hear_until_present(page: Page, sources: tuple[Samples, ...], seconds_max: float) -> float:
    """Listen on in pieces until all `sources` are there; the seconds it took to the end of that piece.

    Raises:
        AssertionError: they were not within `seconds_max`.
    """
    began, told = time.monotonic(), ""
    while time.monotonic() - began < seconds_max:
        piece = hear(page, 3.0)
        found = [likeness(piece.samples, piece.rate, source) for source in sources]
        if all(is_present(one, steered=True) for one in found):
            return time.monotonic() - began
        told = "; ".join(map(describe, found))
    raise AssertionError(f"not heard again after {seconds_max} s: {told}")


def read_for(hiwar: Hiwar, path: str, seconds: float) -> bytes:
    """The body of a long response, as far as it comes in `seconds`."""
    content, end = bytearray(), time.monotonic() + seconds
    with socket.create_connection(("127.0.0.1", hiwar.edge_port), timeout=15) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        while time.monotonic() < end:
            piece = connection.recv(65_536)
            if not piece:
                break
            content += piece
    return bytes(content).partition(b"\r\n\r\n")[2]
