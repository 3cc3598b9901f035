"""One running Hiwar, and speakers and a listener in real browsers, for each module that wants them."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright

from tests.e2e.chromium import enter_backstage, launch, listen, new_page, open_air, playwright_running
from tests.e2e.lossy import Lossy
from tests.e2e.sound import Samples, speak
from tests.running import Hiwar, Opened

ARABIC = (
    "في هذا المساء نتحدث عن مستقبل الإذاعة العامة في المدن الكبيرة والقرى البعيدة، "
    "وعن أصوات الناس التي لا تصل إلى أحد، وعن حق كل مستمع في أن يسأل وأن يجاب."
)
ENGLISH = (
    "Good evening and welcome. Tonight we ask who still listens to public radio, how it is paid for, "
    "and what happens to a town when the last newsroom in it closes its doors for good."
)


@dataclass(frozen=True)
class Voice:
    """A speech file, and its samples at 48 kHz."""

    path: Path
    samples: Samples


@dataclass
class Studio:
    """A conversation on air: the host speaks Arabic, the guest English, the listener presses play.

    The guest's packets pass a relay that can be cut.
    """

    hiwar: Hiwar
    opened: Opened
    network: Lossy
    arabic: Voice
    english: Voice
    host: Page
    guest: Page
    listener: Page
    spare: Browser

    @property
    def voices(self) -> tuple[Voice, Voice]:
        return self.arabic, self.english


@pytest.fixture(scope="module")
def playwright_here() -> Iterator[Playwright]:
    with playwright_running() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def hiwar() -> Iterator[Hiwar]:
    with Hiwar() as running:
        yield running


@pytest.fixture(scope="module")
def studio(
    hiwar: Hiwar, playwright_here: Playwright, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Studio]:
    folder = tmp_path_factory.mktemp("voices")
    arabic, english = Voice(*speak(ARABIC, "ar", folder)), Voice(*speak(ENGLISH, "en-us", folder))
    with ExitStack() as stack:
        network = stack.enter_context(Lossy())
        one, two = launch(playwright_here, arabic.path), launch(playwright_here, english.path)
        stack.callback(one.close)
        stack.callback(two.close)
        opened = hiwar.open(guests=1)
        host, guest, listener = new_page(one), new_page(two, relay=network.port), new_page(two)
        enter_backstage(host, hiwar, opened, "h1")
        enter_backstage(guest, hiwar, opened, "g1")
        open_air(host)
        listen(listener, hiwar, opened)
        yield Studio(hiwar, opened, network, arabic, english, host, guest, listener, one)
