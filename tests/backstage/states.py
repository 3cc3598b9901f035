"""Every state of the speakers' page, shown in a real browser without a server or a microphone.

The product has no pretended states: here the browser's own doors (fetch, getUserMedia, RTCPeerConnection)
are replaced before the page's scripts run, and the page does the rest by itself.

    python -m tests.backstage.states FOLDER [NAME …]    writes NAME-LANGUAGE-SIZE-SCHEME.png
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, sync_playwright

from hiwar.assets import STATIC
from hiwar.backstage.pages import SECURITY_HEADERS, answer_page
from hiwar.door.http import Request
from hiwar.door.static import StaticFiles
from tests.backstage.front_door import front_door
from tests.backstage.world import CONVERSATION

STUBS = Path(__file__).with_name("stubs.js").read_text(encoding="utf-8")
SIZES = {"phone": (390, 844), "wide": (1280, 860)}
SCHEMES = ("light", "dark")
TITLES = {"ar": "مستقبل الإذاعة العامة: مَن يسمع مَن؟", "en": "Who still listens? The future of public radio"}
NAMES = {
    "ar": ("المضيفة", "الضيف الأول", "ضيف من بعيد"),
    "en": ("The host", "First guest", "A guest from afar"),
}


@dataclass(frozen=True)
class State:
    """`shown` is what the root element's data-state must be in the end; `after` is done in the room."""

    name: str
    shown: str
    role: str = "guest"
    room: dict[str, Any] = field(default_factory=dict)
    standing: str = "green_room"
    microphone: str = "granted"
    enter: bool = False
    refusal: tuple[int, str] | None = None
    whip: tuple[int, str] | None = None
    origin: str = "http://localhost"
    fragment: str = "#pass"
    after: Callable[[Page], None] | None = None
    front: dict[str, Any] | None = field(default_factory=lambda: front_door("calm"))
    whole: bool = False  # pictured whole, not only what the window shows


def backstage_states() -> list[State]:
    """All states that a person can see."""
    return [*_lobby_states(), *_room_states(), *_front_states(), *_closed_states()]


def _lobby_states() -> Iterator[State]:
    yield State("lobby", "lobby", role="host")
    yield State("lobby-on-air", "lobby", standing="live", room={"phase": "live"})
    yield State("lobby-ask", "lobby", microphone="prompt")
    yield State("lobby-missing", "lobby", after=lambda page: page.click("#enter"))
    for reason in ("denied", "none", "busy", "unsupported"):
        yield State(f"microphone-{reason}", "lobby", microphone=reason)
    yield State("microphone-insecure", "lobby", origin="http://speakers.example")


def _room_states() -> Iterator[State]:
    live = {"phase": "live", "recording": "on", "on_air_seconds": 754.0, "listeners": 12480}
    yield State("connecting", "connecting", enter=True, whip=(503, "busy"))
    yield State("green-room", "green_room", role="host", enter=True)
    yield State("green-room-alone", "green_room", role="host", enter=True, room={"people": 1})
    yield State("green-room-guest", "green_room", enter=True, room={"absent": "h1"})
    yield State("on-air-host", "live", role="host", enter=True, room=live, after=_open_panel)
    yield State("on-air-guest", "live", enter=True, room=live)
    yield State("on-air-muted", "live", enter=True, room=live, after=lambda page: page.click("#mute"))
    yield State("host-gone", "live", role="cohost", enter=True, room={**live, "absent": "h1"})
    yield State("disk-full", "live", role="host", enter=True, room={**live, "recording": "full"})
    yield State(
        "waiting",
        "waiting",
        role="host",
        enter=True,
        room={**live, "phase": "waiting", "ends_in_seconds": 431},
    )
    yield State("reconnecting", "reconnecting", enter=True, room=live, after=_lose_stage)
    yield State("signalling-lost", "live", enter=True, room=live, after=_lose_events)
    yield State(
        "end-dialog", "live", role="host", enter=True, room=live, after=lambda page: page.click("#end")
    )
    yield State("leave-dialog", "live", enter=True, room=live, after=lambda page: page.click("#leave"))


def _front_states() -> Iterator[State]:
    """The host's picture of the front door."""
    live = {"phase": "live", "recording": "on", "on_air_seconds": 754.0, "listeners": 11874}
    shown: dict[str, tuple[dict[str, Any] | None, Callable[[Page], None] | None]] = {
        "open": (front_door("calm"), None),
        "busy": (front_door("busy"), None),
        "limited": (front_door("limited"), None),
        "siege-held": (front_door("siege", hold="siege", seats=9000), _open_hand),
        "record-only": (front_door("record-only", seats=None), None),
        "ask": (front_door("limited", notices="ask"), _open_hand),
        "silent": (front_door(None, hold="busy"), _open_hand),
        "stale": ({**front_door("calm"), "age_s": 8.0}, None),
        "loading": (None, None),
        "unheard": (front_door("busy"), _lose_events),
        "seats-wrong": (front_door("busy"), _wish_wrongly),
    }
    for place, (name, (front, after)) in enumerate(shown.items()):
        role = "cohost" if place % 4 == 3 else "host"
        yield State(
            f"front-{name}", "live", role=role, enter=True, room=live, front=front, after=after, whole=True
        )


def _closed_states() -> Iterator[State]:
    for status, reason in ((401, "expired"), (403, "revoked"), (404, "unknown"), (503, "busy")):
        yield State(f"refused-{reason}", "refused", refusal=(status, reason))
    yield State("refused-no-pass", "refused", fragment="")
    yield State("refused-taken", "refused", enter=True, whip=(409, "taken"))
    yield State("ended", "ended", standing="ended")
    yield State(
        "removed", "removed", enter=True, after=lambda page: _tell(page, "out", {"reason": "removed"})
    )
    yield State("left", "left", enter=True, after=_leave)


def _open_panel(page: Page) -> None:
    page.click("[data-person=g1] .person-tools .button:last-child")


def _open_hand(page: Page) -> None:
    page.click("#front summary")


def _wish_wrongly(page: Page) -> None:
    _open_hand(page)
    page.fill("#front-seats", "many")
    page.click("#front-seats-set")


def _lose_stage(page: Page) -> None:
    _tell(page, "stage", {"state": "lost"})


def _lose_events(page: Page) -> None:
    page.evaluate("stubs.closeEvents()")


def _leave(page: Page) -> None:
    page.click("#leave")
    page.click("dialog .actions .button:last-child")


def _tell(page: Page, name: str, content: object) -> None:
    page.evaluate("([name, content]) => stubs.tell(name, content)", [name, content])


def _room(state: State, language: str) -> dict[str, Any]:
    names = NAMES[language]
    own = {"host": 0, "cohost": 1, "guest": 1}[state.role]
    second = {"host": "guest", "cohost": "cohost", "guest": "guest"}[state.role]
    people = [("h1", names[0], "host"), ("c1" if own and second == "cohost" else "g1", names[1], second)]
    people.append(("g2", names[2], "guest"))
    changes = dict(state.room)
    absent, shown = changes.pop("absent", ""), changes.pop("people", 3)
    speakers = [
        {
            "person": {"id": key, "name": name, "role": role, "muted": key == "g2",
                       "connected": key != absent},
            "level_dbfs": level, "loss_percent": loss, "jitter_ms": 3.0, "buffer_ms": 40.0, "gain_db": 0.0,
            "source": "webrtc",
        }
        for (key, name, role), level, loss in zip(
            people[:shown], (-18, -34, -127), (0.0, 3.5, 11.0), strict=False
        )
    ]  # fmt: skip
    room = {
        "conversation": CONVERSATION, "title": TITLES[language], "phase": "green_room", "incarnation": 1,
        "media_time": 0, "on_air_seconds": 0.0, "listeners": 0, "recording": "off", "ends_in_seconds": None,
        "speakers": speakers,
    }  # fmt: skip
    return {**room, **changes}


def _content(state: State, language: str) -> dict[str, Any]:
    room = _room(state, language)
    own = {"host": "h1", "cohost": "c1", "guest": "g1"}[state.role]
    address = f"https://speakers.example.org/b/{CONVERSATION}#WyJwYXNzIiwiYWJjMTIzIl0"
    rows = [
        ("h1", "host", "", False),
        ("c1", "cohost", "", False),
        ("g1", "guest", NAMES[language][1], False),
    ]
    rows += [("g2", "guest", "", False), ("g3", "guest", "", True)]
    return {
        "microphone": state.microphone, "refusal": state.refusal, "whip": state.whip, "room": room,
        "front": None if state.role == "guest" else state.front,
        "links": [
            {"serial": key, "role": role, "name": name, "revoked": gone, "own": key == own,
             "address": None if gone else address}
            for key, role, name, gone in rows
        ],
        "here": {
            "conversation": {"id": CONVERSATION, "title": TITLES[language],
                             "description": "", "language": ""},
            "you": {"id": own, "role": state.role, "name": NAMES[language][0 if own == "h1" else 1]},
            "phase": state.standing, "stage": "ready", "room": None if state.standing == "ended" else room,
            "ice_servers": [], "listener_address": f"https://talk.example.org/c/{CONVERSATION}",
        },
    }  # fmt: skip


def show_state(page: Page, state: State, language: str) -> None:
    """Lead `page` to `state`."""
    page.route("**/*", _serve)
    page.add_init_script(f"const STATE = {json.dumps(_content(state, language))};\n{STUBS}")
    page.goto(f"{state.origin}/b/{CONVERSATION}?lang={language}{state.fragment}")
    if state.enter:
        page.check("#agree")
        page.click("#enter")
        page.wait_for_function("() => document.documentElement.dataset.state !== 'lobby'")
    if state.after is not None:
        page.wait_for_function(
            "() => ['lobby', 'green_room', 'live'].includes(document.documentElement.dataset.state)"
        )
        state.after(page)
    page.wait_for_function(f"() => document.documentElement.dataset.state === '{state.shown}'")
    if state.front is not None and state.enter and state.role != "guest":
        page.evaluate("stubs.tellFront()")
    page.wait_for_timeout(250)


def _serve(route: Route) -> None:
    path = "/" + route.request.url.split("/", 3)[3]
    bare, _, query = path.partition("?")
    asked = dict(pair.split("=") for pair in query.split("&") if "=" in pair)
    request = Request("GET", bare, path, asked, {}, "127.0.0.1", False)
    response = (
        StaticFiles(STATIC).answer(request)
        if bare.startswith("/static/")
        else answer_page(request, "en", 200)
    )
    assert isinstance(response.body, bytes)
    route.fulfill(
        status=response.status, headers={**response.headers, **SECURITY_HEADERS}, body=response.body
    )


def new_page(browser: Browser, size: str, scheme: str) -> Page:
    """A fresh page of one size and colour scheme."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=size == "phone",
        reduced_motion="reduce",
    )
    return context.new_page()


def write_screenshots(folder: Path, wanted: list[str]) -> None:
    """All states in both languages, sizes and schemes."""
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for state in backstage_states():
            if wanted and state.name not in wanted:
                continue
            for language in TITLES:
                for size in SIZES:
                    for scheme in SCHEMES:
                        page = new_page(browser, size, scheme)
                        show_state(page, state, language)
                        path = folder / f"{state.name}-{language}-{size}-{scheme}.png"
                        page.screenshot(path=path, full_page=state.whole)
                        page.context.close()
        browser.close()


if __name__ == "__main__":
    write_screenshots(Path(sys.argv[1]), sys.argv[2:])
