"""States of the listeners' page in which the door is asked for a seat, for `tests.screenshots`.

The door's answers are made here by the texts that the real one uses; its long response is silence in the
packager's own bytes. A state is a page, what the door answers, and what the visitor does before the picture.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from playwright.sync_api import Page, Route

from hiwar.admission.answers import Refusal, tell_challenge, tell_refusal, tell_waiting
from hiwar.admission.notices import draft_notice
from hiwar.admission.rungs import Rung
from hiwar.edge.asking import NO_PLACE, TAKEN_BACK
from hiwar.media.feed import FEED_OPUS
from hiwar.ops.clock import monotonic
from hiwar.packager.feeds import init_bytes, render_chunk
from hiwar.packager.fmp4 import render_event

SILENCE = [bytes([0xF8, 0xFF, 0xFE])] * 4  # four Opus packets of nothing
NO_SOUND = (
    "HTMLMediaElement.prototype.play = async () => { throw new DOMException('no', 'NotAllowedError'); }"
)
CHUNK_S = 0.08
CHUNKS_MAX = 1000  # nobody looks for longer
CLAIM = "WyJjbGFpbSIsImFiYzEyMzQ1NjciLCI5ZjEyYWMwMyIsIiIsMF0.2mWnq0X1Yd3Zk4Qb5Rv7tA"
PUZZLE = f"timelock.7.1040000.{'0a' * 12}.{'1b' * 16}.{'f' * 255}b"  # some seconds


def told(at: float, origin: Rung, to: Rung) -> dict[str, Any]:
    """What the front door tells everybody after a move, as its event `front` has it."""
    notice = draft_notice(origin, to, asked=48_210, seated=8000)
    return {"rung": to.value, "at": at, "arabic": notice.arabic, "english": notice.english}


NOTICE = told(1.9e9, Rung.BUSY, Rung.LIMITED)
BACK = told(1.9e9 + 60, Rung.BUSY, Rung.OPEN)


@dataclass(frozen=True)
class Answer:
    """One answer of the door, as it is sent."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


@dataclass(frozen=True)
class State:
    """`page` is a name of `screenshots.pages_of`; `act` is called when it is loaded; `fronts` are told of the
    front door, one after the other; `kept` is what this tab kept from before; `scripts`:
    the browser runs them; `silent`: it plays no sound without a tap."""

    page: str
    answer: Answer | None = None
    act: Callable[[Page], None] = lambda _: None
    fronts: tuple[dict[str, Any], ...] = ()
    kept: str = ""
    scripts: bool = True
    silent: bool = False

    def prepare(self, page: Page) -> None:
        """Before the page is opened."""
        if self.answer is not None:
            page.route("**/c/*/seat*", partial(give, self.answer))
        if self.fronts:
            told = [json.dumps(each) for each in self.fronts]
            page.route(
                "**/c/*/now*", lambda route: add_front(route, told.pop(0) if len(told) > 1 else told[0])
            )
        if self.silent:
            page.add_init_script(NO_SOUND)
        if self.kept:
            page.add_init_script(
                f"sessionStorage.setItem('hiwar-seat-' + location.pathname.slice(3), {json.dumps(self.kept)})"
            )


def give(answer: Answer, route: Route) -> None:
    headers = {"Content-Type": "application/json", **answer.headers}
    route.fulfill(status=answer.status, body=json.dumps(answer.body), headers=headers)


def add_front(route: Route, front: str) -> None:
    answer = route.fetch()
    route.fulfill(response=answer, json={**answer.json(), "front": json.loads(front)})


def admitted(ticket: str = "WyJ0aWNrZXQiXQ.x") -> Answer:
    return Answer(200, {"verdict": "admit", "ticket": ticket}, {})


def waiting(
    people: int,
    chance: float | None,
    *,
    puzzle: str = "",
    again_s: float = 8.4,
    reason: str = "",
) -> Answer:
    tell = tell_challenge if puzzle else tell_waiting
    said = tell(
        waiting=people,
        chance=chance,
        retry_s=round(again_s),
        placed=reason != NO_PLACE,
        taken_back=reason == TAKEN_BACK,
    )
    body: dict[str, Any] = {"verdict": "challenge" if puzzle else "wait", "waiting": "w.x", "people": people}
    body |= {"seats": 8000, "ask_again_s": again_s, "rung": "limited", "claim": CLAIM, "puzzle": puzzle}
    body |= {"arabic": said.arabic, "english": said.english}
    body |= {"reason": reason} if reason else {}
    return Answer(202, body if chance is None else {**body, "chance": chance}, {})


def turned_away(reason: Refusal, retry_s: int) -> Answer:
    said = tell_refusal(reason, retry_s=retry_s)
    status = 429 if reason is Refusal.TOO_MANY else 503
    body = {"status": status, "title": said.english, "detail": said.english, "reason": reason.value}
    body |= {"claim": CLAIM, "arabic": said.arabic, "english": said.english}
    return Answer(status, body, {"Retry-After": str(retry_s)})


def tap(page: Page, button: str = "#play", pause_ms: int = 2200) -> None:
    """Press a button, and wait until there is something to see."""
    page.wait_for_timeout(900)
    page.click(button)
    page.wait_for_timeout(pause_ms)


def look(page: Page, pause_ms: int = 5500) -> None:
    page.wait_for_timeout(pause_ms)


def give_way(page: Page) -> None:
    """Another tab begins to listen with the same seat."""
    tap(page, pause_ms=300)
    page.evaluate(
        "new BroadcastChannel('hiwar-seats').postMessage({say: 'here', seat: 's1', from: 0, to: null,"
        " conversation: location.pathname.slice(3)})"
    )
    page.wait_for_timeout(600)


OWN_SEAT = admitted("WyJ0aWNrZXQiLCIiLCJzMSJd.x")  # of the serial s1
EARLY = "WyJ0aWNrZXQiXQ.early"  # with it the long response carries events only
KEPT_PLACE = json.dumps({"ticket": "", "waiting": "w.x", "at": 9e12})
STATES = {
    "seat-waiting": State("live", waiting(1284, 0.21), tap),
    "seat-unknown": State("live", waiting(1, None), tap, fronts=(NOTICE,)),
    "seat-least": State("live", waiting(52_310, 0.004), tap),
    "seat-solving": State("live", waiting(1284, 0.21, puzzle=PUZZLE), partial(tap, pause_ms=900)),
    "seat-siege": State("live", turned_away(Refusal.SIEGE, 45), tap),
    "seat-record-only": State("live", turned_away(Refusal.RECORD_ONLY, 60), tap),
    "seat-too-many": State("live", turned_away(Refusal.TOO_MANY, 20), tap),
    "seat-taken-back": State("live", waiting(1284, 0.93, reason=TAKEN_BACK), tap),
    "seat-no-place": State("live", waiting(65_536, None, reason=NO_PLACE, again_s=17.2), tap),
    "seat-won": State("live", admitted(), partial(look, pause_ms=1500), kept=KEPT_PLACE, silent=True),
    "seat-elsewhere": State("live", OWN_SEAT, give_way),
    "seat-early": State("green-room", admitted(EARLY), partial(tap, button="#arm")),
    "seat-early-waiting": State("green-room", waiting(312, 0.64), partial(tap, button="#arm")),
    "listening": State("live", admitted(), partial(tap, pause_ms=3000)),
    "notice": State("live", act=look, fronts=(NOTICE,)),
    "notice-back": State("live", act=look, fronts=(NOTICE, BACK)),
    "plain": State("live", scripts=False),
}


def long_response(state: dict[str, Any]) -> Iterator[bytes]:
    """`live.mp4` of somebody who listens to silence while the public is told something: header, events, and
    on air the chunks as they are spoken."""
    yield init_bytes("opus")
    began, on_air = monotonic(), state["phase"] == "live"
    for number in range(CHUNKS_MAX):
        time.sleep(max(0.0, began + (number - 8) * CHUNK_S - monotonic()))
        if number % 12 == 0:
            for kind, body in (("state", state), ("front", NOTICE if on_air else {})):
                yield render_event(kind, json.dumps(body).encode(), media_time=number * 3840)
        if on_air:
            yield render_chunk(FEED_OPUS, number, SILENCE).payload
