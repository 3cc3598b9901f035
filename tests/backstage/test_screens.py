"""Every state of the speakers' page in a real browser: it is reached, it fits, it is named for everybody."""

import pytest

from tests.backstage.states import SCHEMES, SIZES, TITLES, State, backstage_states, new_page, show_state

pytestmark = pytest.mark.browser

NAMELESS = """() => [...document.querySelectorAll('button, a, input, select')].filter((node) =>
  node.offsetParent !== null && !(node.textContent.trim() || node.ariaLabel || node.labels?.length)).length"""
TOO_WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
STATES = backstage_states()


@pytest.mark.parametrize(("place", "state"), list(enumerate(STATES)), ids=[state.name for state in STATES])
def test_a_state_is_shown_whole_and_every_control_has_a_name(
    place: int, state: State, browser: object
) -> None:
    """Languages, sizes and schemes take turns, so that together all are seen."""
    language = list(TITLES)[place % 2]
    page = new_page(browser, list(SIZES)[place // 2 % 2], SCHEMES[place // 4 % 2])  # type: ignore[arg-type]
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    try:
        show_state(page, state, language)
        assert errors == []
        assert page.evaluate(TOO_WIDE) <= 0
        assert page.evaluate(NAMELESS) == 0
        assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    finally:
        page.context.close()
