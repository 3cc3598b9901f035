"""What the public is told of the front door: when a notice holds, and how pages show it."""

from typing import Any

import pytest
from django.test import Client

from hiwar.ops.clock import wallclock
from hiwar.relay.front import (
    BACK_TO_NORMAL_S,
    STALE_S,
    FrontNotice,
    FrontState,
    FrontWishes,
    Rung,
    shown_notice,
    write_front_state,
    write_front_wishes,
)
from hiwar.relay.records import Phase
from hiwar.web import installation
from hiwar.web.conversations.notices import Notice
from tests.relay.fronts import state as at_ease
from tests.web.test_pages import conversation

ENGLISH = "There are 1,204 requests <now>. Places are drawn by lottery."


def notice(at: float = 100.0, to: Rung = Rung.LIMITED) -> FrontNotice:
    return FrontNotice(
        at_wallclock=at, from_=Rung.BUSY, to=to, arabic="الطلبات كثيرة. بالقرعة.", english=ENGLISH
    )


def state(*notices: FrontNotice, **changes: Any) -> FrontState:
    return at_ease(**{"at_wallclock": 100.0, "rung": Rung.LIMITED, "notices": notices, **changes})


LAST, EARLIER = notice(), notice(90.0, Rung.BUSY)
OPEN = notice(100.0, Rung.OPEN)


@pytest.mark.parametrize(
    ("held", "wishes", "at", "expected"),
    [
        (state(EARLIER, LAST), {}, 100.0, LAST),
        (state(LAST), {}, 100.0 + STALE_S, LAST),
        (state(LAST), {}, 100.1 + STALE_S, None),
        (None, {}, 100.0, None),
        (state(), {}, 100.0, None),
        (state(LAST, rung=Rung.SIEGE), {}, 100.0, None),
        (state(LAST), {"notices": "off"}, 100.0, None),
        (state(LAST), {"notices": "off", "approved": (100.0,)}, 100.0, None),
        (state(LAST), {"notices": "ask"}, 100.0, None),
        (state(EARLIER, LAST), {"notices": "ask", "approved": (90.0,)}, 100.0, None),
        (state(EARLIER, LAST), {"notices": "ask", "approved": (90.0, 100.0)}, 100.0, LAST),
        (state(OPEN, rung=Rung.OPEN), {}, 100.0, OPEN),
        (state(OPEN, rung=Rung.OPEN, at_wallclock=200.0), {}, 100.0 + BACK_TO_NORMAL_S, OPEN),
        (state(OPEN, rung=Rung.OPEN, at_wallclock=200.0), {}, 100.1 + BACK_TO_NORMAL_S, None),
    ],
)
def test_the_last_moves_text_is_shown_while_it_holds_and_the_host_lets_it(
    held: FrontState | None, wishes: dict[str, Any], at: float, expected: FrontNotice | None
) -> None:
    assert shown_notice(held, FrontWishes(**wishes), at) == expected


def proclaim(told: FrontNotice, **wishes: Any) -> None:
    now = wallclock()
    write_front_state(installation.directory(), state(told, rung=told.to, at_wallclock=now))
    if wishes:
        write_front_wishes(installation.directory(), FrontWishes(**wishes))


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED])
def test_a_page_comes_with_the_notice_of_the_moment(client: Client, phase: Phase) -> None:
    found, at = conversation(phase), wallclock() - 3.25
    proclaim(notice(at))
    body = client.get(f"/c/{found.id}").content.decode()
    assert f'data-kind="wait" data-at="{at!r}"' in body
    assert "<strong>There are 1,204 requests &lt;now&gt;.</strong> Places are drawn by lottery." in body
    arabic = client.get(f"/c/{found.id}", headers={"accept-language": "ar"}).content.decode()
    assert "<strong>الطلبات كثيرة.</strong> بالقرعة." in arabic


def test_the_status_has_it_as_the_edge_tells_it(client: Client) -> None:
    found, at = conversation(Phase.GREEN_ROOM), wallclock()
    proclaim(notice(at))
    told = client.get(f"/c/{found.id}/status").json()["front"]
    assert told == {"rung": "limited", "at": at, "arabic": "الطلبات كثيرة. بالقرعة.", "english": ENGLISH}


def test_that_all_is_as_usual_again_is_good_news(client: Client) -> None:
    found = conversation(Phase.LIVE)
    proclaim(notice(wallclock(), Rung.OPEN))
    assert 'id="front" data-kind="good"' in client.get(f"/c/{found.id}").content.decode()


def test_without_a_notice_its_place_is_hidden_and_nothing_is_told(client: Client) -> None:
    found = conversation(Phase.LIVE)
    for wishes in ({}, {"notices": "off"}):
        if wishes:
            proclaim(notice(wallclock()), **wishes)
        assert 'id="front" hidden' in client.get(f"/c/{found.id}").content.decode()
        assert "front" not in client.get(f"/c/{found.id}/status").json()


def test_an_approved_text_is_shown(client: Client) -> None:
    found, at = conversation(Phase.LIVE), wallclock()
    proclaim(notice(at), notices="ask", approved=(at,))
    assert 'id="front" data-kind="wait"' in client.get(f"/c/{found.id}").content.decode()


@pytest.mark.parametrize(
    ("text", "lead", "rest"),
    [
        ("One, two. Three.", "One, two.", " Three."),
        ("حوار مفتوح. ثم آخر.", "حوار مفتوح.", " ثم آخر."),
        ("At 1.5 s it is. So.", "At 1.5 s it is.", " So."),
        ("no end", "no end", ""),
    ],
)
def test_the_first_sentence_leads_as_the_script_has_it(text: str, lead: str, rest: str) -> None:
    told = FrontNotice(at_wallclock=1.0, from_=Rung.BUSY, to=Rung.LIMITED, arabic="", english=text)
    assert (Notice(told).lead, Notice(told).rest) == (lead, rest)
