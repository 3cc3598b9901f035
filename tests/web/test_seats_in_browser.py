"""The listeners' page in Chromium with a door that is made here: from the tap to the sound, whatever is in
between. The pages and their policies are the real ones; `POST /seat` is answered by the test."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from hiwar.admission.answers import Refusal
from tests.needs import need_program
from tests.screenshots import site
from tests.screenshots_seats import CLAIM, NOTICE, Answer, add_front, admitted, give, turned_away, waiting

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE_S = 30.0
PUZZLE = f"timelock.7.2000.{'0a' * 12}.{'1b' * 16}.{'f' * 255}b"


@pytest.fixture(autouse=True)
def folder() -> None:
    """Instead of the tests' own installation: the site is another process."""


@dataclass
class House:
    """A running site and a browser."""

    address: str
    pages: dict[str, str]
    browser: Browser
    asked: list[dict[str, Any]] = field(default_factory=list)

    def visit(self, answers: list[Answer], page: str = "live", language: str = "en") -> Page:
        """The page in a tab of its own; the door gives `answers` in turn, the last one for ever."""
        self.asked.clear()
        tab = self.browser.new_context(locale=language).new_page()

        def answer(route: Route) -> None:
            self.asked.append(route.request.post_data_json)
            give(answers.pop(0) if len(answers) > 1 else answers[0], route)

        tab.route("**/c/*/seat*", answer)
        tab.goto(self.address + self.pages[page])
        tab.wait_for_selector("html[data-script]")
        return tab


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    chromium = need_program("chromium")
    with (
        tempfile.TemporaryDirectory(prefix="hw-") as scratch,
        site(Path(scratch)) as (address, pages, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield House(address, pages, browser)
        browser.close()


def becomes(page: Page, figure: str, wanted: object, patience_s: float = PATIENCE_S) -> None:
    """Wait for a figure of the page; the page's policy allows no waiting function inside."""
    for _ in range(int(patience_s * 20)):
        if page.evaluate(f"window.hiwar?.{figure}") == wanted:
            return
        page.wait_for_timeout(50)
    raise TimeoutError(f"{figure} is {page.evaluate(f'window.hiwar.{figure}')}, not {wanted}")


def test_in_an_open_house_one_tap_plays_and_no_way_to_a_seat_is_shown(house: House) -> None:
    page = house.visit([admitted()])
    page.click("#play")
    becomes(page, "state", "playing")
    assert house.asked == [{}]
    assert not page.is_visible("#seat")
    page.context.close()


def test_whoever_waits_sees_how_and_hears_the_sound_without_another_tap(house: House) -> None:
    page = house.visit([waiting(1284, 0.21, again_s=1.0), admitted()])
    page.click("#play")
    becomes(page, "seat", "waiting")
    assert page.is_visible("#seat")
    assert not page.is_visible("#player")
    assert page.inner_text("#seat-people") == "1,284"
    assert page.inner_text("#seat-odds") == "about 21 in 100"
    assert page.evaluate("document.activeElement.id") == "seat-title"
    becomes(page, "state", "playing")
    assert house.asked == [{}, {"waiting": "w.x"}]
    assert not page.is_visible("#seat")
    page.context.close()


def test_a_puzzle_is_solved_in_a_worker_and_its_answer_given(house: House) -> None:
    page = house.visit([waiting(9, None, puzzle=PUZZLE), admitted()])
    page.click("#play")
    becomes(page, "state", "playing")
    answer = house.asked[1]["answer"]
    assert answer.rpartition(".")[0] == PUZZLE.rpartition(".")[0]
    assert answer != PUZZLE
    page.context.close()


@pytest.mark.parametrize(
    ("language", "word"), [("en", "protect the speakers"), ("ar", "حفاظًا على صوت")], ids=["en", "ar"]
)
def test_whoever_is_turned_away_is_told_why_and_has_a_claim_to_keep(
    house: House, language: str, word: str
) -> None:
    page = house.visit([turned_away(Refusal.RECORD_ONLY, 60)], language=language)
    page.click("#play")
    becomes(page, "seat", "refused")
    assert word in page.inner_text("#seat-text")
    assert word in page.inner_text("#seat-said")
    page.click("#seat-keep button")
    assert page.input_value("#seat-claim") == f"{house.address}{house.pages['live']}?v={CLAIM}"
    page.click("#seat-stop")
    becomes(page, "seat", "none")
    assert page.is_visible("#play")
    page.context.close()


def test_a_reload_keeps_the_place_and_waits_on_by_itself(house: House) -> None:
    page = house.visit([waiting(3, 0.5)])
    page.click("#play")
    becomes(page, "seat", "waiting")
    page.reload()
    becomes(page, "seat", "waiting")
    assert house.asked == [{}, {"waiting": "w.x"}]
    page.context.close()


def test_a_place_taken_before_the_air_is_listened_with_from_then_on(house: House) -> None:
    page = house.visit([admitted("WyJ0aWNrZXQiXQ.early")], page="green-room")
    page.click("#arm")
    becomes(page, "seat", "seated")
    becomes(page, "state", "connecting")
    page.wait_for_timeout(700)
    assert "You have a place" in page.inner_text("#before-text")
    page.click("#arm")
    becomes(page, "seat", "none")
    assert page.get_attribute("#arm", "aria-pressed") == "false"
    page.context.close()


def test_a_notice_stands_above_the_player_until_it_is_dismissed(house: House) -> None:
    page = house.visit([admitted()])
    front = '{"rung": "limited", "at": 7.5, "arabic": "", "english": "So it is. And more."}'
    page.route("**/c/*/now*", lambda route: add_front(route, front))
    page.wait_for_selector("#front", state="visible")
    assert page.inner_text("#front-text strong") == "So it is."
    page.click("#front-dismiss")
    assert not page.is_visible("#front")
    page.click("#play")
    page.wait_for_selector("#front", state="visible")  # the next one, which the stream brings
    assert NOTICE["english"].startswith(page.inner_text("#front-text strong"))
    page.context.close()
