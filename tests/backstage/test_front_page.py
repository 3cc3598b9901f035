"""The host's hand on the front door in a real browser: nothing is wished by accident, and silence is seen."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.backstage.front_door import front_door
from tests.backstage.states import State, new_page, show_state

pytestmark = pytest.mark.browser

LIVE = {"phase": "live", "recording": "on"}


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    page = new_page(browser, "wide", "light")
    yield page
    page.context.close()


def show(page: Any, language: str = "en", role: str = "host", **wishes: Any) -> None:
    front = front_door("limited", **wishes)
    show_state(page, State("front", "live", role=role, enter=True, room=LIVE, front=front), language)


def wished(page: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("stubs.wished")
    return found


def tell(page: Any, content: dict[str, Any]) -> None:
    page.evaluate("content => stubs.tellFront(content)", content)


def test_a_guest_sees_no_front_door(page: Any) -> None:
    show(page, role="guest")
    assert page.locator("#front").count() == 0


def test_a_number_of_seats_may_be_written_as_people_write_it_and_else_is_not_sent(page: Any) -> None:
    show(page, "ar")
    page.click("#front summary")
    for text in ("many", "0", "10.5", "-5", "99999999"):
        page.fill("#front-seats", text)
        page.click("#front-seats-set")
        assert page.locator("#front form[data-invalid]").count() == 1
    for text in ("١٢٬٠٠٠", "12,000", " ۱۲۰۰۰ ", ""):
        page.fill("#front-seats", text)
        page.press("#front-seats", "Enter")
    assert wished(page) == [{"seats": 12000}, {"seats": 12000}, {"seats": 12000}, {"seats": None}]


def test_choosing_a_state_says_what_it_means_and_wishes_nothing_until_it_is_set(page: Any) -> None:
    show(page)
    page.click("#front summary")
    for hold, means in (("limited", "by lottery"), ("siege", "without an invitation")):
        page.select_option("#front-hold", hold)
        assert means in page.inner_text("#front .front-fields")
    assert wished(page) == []
    page.click("#front-hold-set")
    assert wished(page) == [{"hold": "siege"}]
    page.wait_for_selector("#front .hint:has-text('follows in a moment')")


def test_what_somebody_else_wished_is_shown_but_not_over_a_field_being_filled_in(page: Any) -> None:
    show(page)
    page.click("#front summary")
    page.fill("#front-seats", "70")
    tell(page, front_door("limited", hold="busy", seats=900, notices="off"))
    assert page.input_value("#front-hold") == "busy"
    assert page.input_value("#front-notices") == "off"
    assert page.input_value("#front-seats") == "70"


def test_what_is_typed_while_a_wish_is_under_way_is_not_written_over(page: Any) -> None:
    show(page)
    page.click("#front summary")
    page.evaluate(
        """() => {
            const field = document.querySelector("#front-seats");
            const type = (text) => { field.value = text; field.dispatchEvent(new Event("input")); };
            type("50");
            field.form.requestSubmit();
            type("7");
        }"""
    )
    page.wait_for_function("stubs.wished.length === 1")
    tell(page, front_door("limited", seats=50))
    assert page.input_value("#front-seats") == "7"
    page.press("#front-seats", "Enter")
    assert wished(page) == [{"seats": 50}, {"seats": 7}]


def test_nobody_is_offered_to_take_all_listeners_off(page: Any) -> None:
    show(page, hold="open")
    values = page.eval_on_selector_all("#front-hold option", "options => options.map(each => each.value)")
    assert values == ["", "busy", "limited", "siege"]
    assert page.input_value("#front-hold") == ""


def test_more_and_a_draft_are_one_press_each(page: Any) -> None:
    show(page, notices="ask")
    page.click("#front-more")
    page.click("#front-fewer")
    page.click("#front-publish")
    at = front_door("limited")["state"]["notices"][0]["at_wallclock"]
    assert wished(page) == [{"more": True}, {"fewer": True}, {"approve": at}]


def test_a_door_that_falls_silent_is_said_to_be_and_comes_back(page: Any) -> None:
    show(page)
    page.wait_for_selector("#front[data-state=limited]")
    page.evaluate("stubs.silence()")
    tell(page, front_door(None))
    page.wait_for_selector("#front[data-state=silent]")
    assert page.is_visible("#front-more")
    tell(page, front_door("busy"))
    page.wait_for_selector("#front[data-state=busy]")


def test_a_door_is_not_called_silent_where_we_hear_nothing(page: Any) -> None:
    show(page)
    page.evaluate("stubs.refuse(503, 'busy')")
    tell(page, {**front_door("busy"), "age_s": 9.0})
    page.wait_for_selector("#front[data-state=unheard]")
    page.evaluate("stubs.refuse()")
    tell(page, front_door("busy"))
    page.wait_for_selector("#front[data-state=busy]")


def test_whoever_missed_the_news_asks_once_and_has_it(page: Any) -> None:
    show(page)
    tell(page, {**front_door("busy"), "age_s": 9.0})
    page.wait_for_selector("#front[data-state=limited]")  # as the answer to the question says


def test_news_without_what_is_long_leave_the_picture_as_it_was(page: Any) -> None:
    show(page)
    text = page.get_attribute("#front .front-history", "aria-label")
    assert re.search(r"at most [0-9,]+ waiting", text)
    news = front_door("limited")
    del news["state"]["history"], news["state"]["notices"]
    tell(page, {**news, "state": {**news["state"], "taken": 777}})
    assert "777 of 12,000" in page.inner_text("#front")
    assert page.get_attribute("#front .front-history", "aria-label") == text
    assert page.is_visible("#front .front-draft")


def test_a_refused_wish_is_said(page: Any) -> None:
    show(page)
    page.evaluate("stubs.refuse(403, 'forbidden')")
    page.click("#front-more")
    page.wait_for_selector(".toast")
    assert "You cannot do this." in page.inner_text("#toasts")
