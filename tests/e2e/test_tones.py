"""Each speaker sends one pure tone: the other's is in what they hear, their own is not."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, Playwright

from tests.e2e.chromium import enter_backstage, hear, launch, listen, new_page, open_air
from tests.e2e.sound import tone_level, write_tone
from tests.running import Hiwar

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HOST_HZ, GUEST_HZ = 440.0, 1_000.0
HEARD_DB, NOT_HEARD_DB = -40.0, -65.0


def levels(page: Page) -> tuple[float, float]:
    """The levels of the host's and of the guest's tone in what a page hears."""
    heard = hear(page, 4)
    return tone_level(heard.samples, heard.rate, HOST_HZ), tone_level(heard.samples, heard.rate, GUEST_HZ)


def test_a_speaker_hears_the_others_tone_and_nothing_of_their_own(
    hiwar: Hiwar, playwright_here: Playwright, tmp_path: Path
) -> None:
    one = launch(playwright_here, write_tone(HOST_HZ, tmp_path))
    two = launch(playwright_here, write_tone(GUEST_HZ, tmp_path))
    try:
        opened = hiwar.open(guests=1)
        host, guest, listener = new_page(one), new_page(two), new_page(two)
        enter_backstage(host, hiwar, opened, "h1")
        open_air(host)
        enter_backstage(guest, hiwar, opened, "g1")
        listen(listener, hiwar, opened)
        host.wait_for_timeout(2_000)
        at_host, at_guest, at_listener = levels(host), levels(guest), levels(listener)
    finally:
        one.close()
        two.close()
    assert at_host[0] < NOT_HEARD_DB < HEARD_DB < at_host[1]
    assert at_guest[1] < NOT_HEARD_DB < HEARD_DB < at_guest[0]
    assert min(at_listener) > HEARD_DB
