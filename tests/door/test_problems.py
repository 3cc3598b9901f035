"""Errors as people and programs get them."""

import json

import pytest

from hiwar.door.http import Problem
from hiwar.door.problems import language_of, render_problem


def test_a_program_gets_problem_json() -> None:
    response = render_problem({}, Problem(404, "Nothing here.", {"Retry-After": "3"}))
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "3"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["detail"] == "Nothing here."


def test_a_browser_gets_a_page_in_its_language() -> None:
    headers = {"accept": "text/html,*/*", "accept-language": "ar-EG,en;q=0.5"}
    response = render_problem(headers, Problem(404, "Nothing <here>.", arabic="لا شيء."))
    assert isinstance(response.body, bytes)
    page = response.body.decode()
    assert 'lang="ar" dir="rtl"' in page
    assert "لا شيء." in page
    english = render_problem({"accept": "text/html"}, Problem(404, "Nothing <here>."))
    assert isinstance(english.body, bytes)
    assert "Nothing &lt;here&gt;." in english.body.decode()


def test_who_asks_for_text_gets_a_line() -> None:
    assert render_problem({"accept": "text/plain"}, Problem(400, "No.")).body == b"No.\n"


@pytest.mark.parametrize(
    ("headers", "language"),
    [
        ({}, "en"),
        ({"accept-language": "fr,ar;q=0.5,en;q=0.4"}, "ar"),
        ({"accept-language": "en,ar;q=0.9"}, "en"),
        ({"accept-language": "ar;q=x,en;q=0.1"}, "en"),
        ({"accept-language": "en", "cookie": "a=b; hiwar_language=ar"}, "ar"),
        ({"cookie": "hiwar_language=xx"}, "en"),
    ],
)
def test_the_language_is_the_cookies_else_the_better_liked(headers: dict[str, str], language: str) -> None:
    assert language_of(headers) == language
