"""Every page of the site as people see it: Arabic and English, phone and wide, light and dark.

    python -m tests.screenshots [folder [page...]]      default: screenshots/, every page

Runs the web role on a scratch installation with conversations in every phase, behind a small front of its
own (static files and canned live state), and takes each page in Debian's Chromium. To be looked at. The
states in which the door is asked for a seat are in `tests.screenshots_seats`.
"""

import contextlib
import http.client
import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from hiwar.assets import STATIC
from hiwar.ops.clock import utc, wallclock
from tests.needs import need_program
from tests.screenshots_seats import STATES, long_response

SIZES = {"phone": (390, 844), "wide": (1280, 860)}
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
TYPES |= {".png": "image/png", ".ico": "image/x-icon"}
NOW = {
    "phase": "live",
    "listeners": 1284,
    "on_air_seconds": 2712.0,
    "speakers": [
        {"id": "h1", "name": "المضيفة", "role": "host", "muted": False, "connected": True},
        {
            "id": "g1",
            "name": "Guest from the river basin",
            "role": "guest",
            "muted": False,
            "connected": True,
        },
        {"id": "g2", "name": "ضيف من الجامعة", "role": "guest", "muted": True, "connected": True},
        {"id": "c1", "name": "Co-host", "role": "cohost", "muted": False, "connected": False},
    ],
}


def main(folder: Path, only: list[str]) -> None:
    """Take every picture into `folder`, or of the pages named in `only`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="hw-") as scratch,
        site(Path(scratch)) as (address, pages, key),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=need_program("chromium"), args=["--no-sandbox"])
        pages |= {name: pages[state.page] for name, state in STATES.items()}
        wanted = {name: path for name, path in pages.items() if not only or name in only}
        for (name, path), language, size, scheme in product(
            wanted.items(), ("ar", "en"), SIZES, ("light", "dark")
        ):
            take(browser, address, name, path, language, size, scheme, folder, key)


def take(
    browser: Browser,
    address: str,
    name: str,
    path: str,
    language: str,
    size: str,
    scheme: Any,
    folder: Path,
    key: str,
) -> None:
    """One picture of one page."""
    width, height = SIZES[size]
    state = STATES.get(name)
    context = browser.new_context(
        java_script_enabled=state is None or state.scripts,
        viewport={"width": width, "height": height},
        locale=language,
        color_scheme=scheme,
        timezone_id="Asia/Damascus",
        reduced_motion="reduce",
    )
    if name.startswith("desk"):
        context.add_cookies([{"name": "hiwar_session", "value": key, "url": address}])
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.extend([line.text] if line.type == "error" else []))
    if state is not None:
        state.prepare(page)
    page.goto(address + path)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(3800 if name == "live" else 250)
    if state is not None:
        state.act(page)
    page.screenshot(path=folder / f"{name}-{language}-{size}-{scheme}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expected = ("status of", "ERR_FILE_NOT_FOUND")  # refusals; a source given up before it opened
    if wide or [text for text in problems if not any(each in text for each in expected)]:
        print(f"{name} {language} {size}: {'scrolls sideways; ' if wide else ''}{problems}")
    context.close()


@contextmanager
def site(scratch: Path) -> Iterator[tuple[str, dict[str, str], str]]:
    """A running site: its address, its pages by name, and a session of the operator."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "HIWAR_DATA_DIR": str(scratch / "data"),
        "HIWAR_RUNTIME_DIR": str(scratch / "run"),
        "HIWAR_EDGE_PORT": str(port),
    }
    made = subprocess.run(
        [sys.executable, "-c", "from tests.screenshots import furnish; furnish()"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    pages, key = json.loads(made.stdout)
    web = subprocess.Popen([sys.executable, "-m", "hiwar", "web"], env=environment)
    front = http.server.ThreadingHTTPServer(("127.0.0.1", port), front_for(scratch / "run/web.http"))
    threading.Thread(target=front.serve_forever, daemon=True).start()
    try:
        for _ in range(200):
            if (scratch / "run/web.http").exists():
                break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", pages, key
    finally:
        front.shutdown()
        web.send_signal(signal.SIGTERM)
        web.wait(10)


def furnish() -> None:
    """Conversations in every phase; prints the pages and a session's key as JSON."""
    from hiwar.ops.settings import load_settings
    from hiwar.web.start import prepare

    prepare(load_settings())
    from hiwar.relay.records import Person, Phase, Role, Standing, Visibility
    from hiwar.web import installation
    from hiwar.web.conversations.services import create_conversation

    soon, people = utc(wallclock()) + timedelta(days=3, hours=2), ["المضيفة", "ضيف من الجامعة", "Guest"]
    speakers = (
        Person(id="h1", name="المضيفة", role=Role.HOST),
        Person(id="g1", name="ضيف من الجامعة", role=Role.GUEST),
        Person(id="g2", name="Guest from the river basin", role=Role.GUEST),
    )
    long = (
        "من يملك النهر حين يعبر ثلاث دول؟ حوار مفتوح عن السدود والحصص والزراعة، وعن الناس على الضفتين."
        "\n\nWho owns a river that crosses three countries? With questions from listeners."
    )

    def make(title: str, phase: Phase, language: str, hours: int = 1, **fields: Any) -> str:
        made = create_conversation(
            title=title, description=long, language=language, people=people, guests=2, cohosts=1, **fields
        ).specification.id
        opened = wallclock() - 3600.0 * hours
        if phase is not Phase.ANNOUNCED:
            standing = Standing(
                phase=phase,
                opened_wallclock=opened,
                ended_wallclock=opened + 5063,
                duration=5063 * 48_000,
                people=speakers,
            )
            installation.directory().write_standing(made, standing)
        return made

    live = make("الماء بعد السد: من يملك النهر؟", Phase.LIVE, "ar")
    waiting = make("What a city owes its newcomers", Phase.WAITING, "en", 2)
    announced = make("مئة يوم على الانتخابات: ماذا تغيّر؟", Phase.ANNOUNCED, "ar", planned=soon)
    make("Open archives, open questions", Phase.ANNOUNCED, "en", planned=soon + timedelta(days=9))
    green = make("Reporting from the hospital ward", Phase.GREEN_ROOM, "en")
    ended = make("الجامعة والسوق: لمن التعليم؟", Phase.ENDED, "ar", 50)
    make("Three winters without power", Phase.ENDED, "en", 400)
    link = make("Only for the invited", Phase.ANNOUNCED, "en", visibility=Visibility.LINK)
    recording = installation.directory().recording(ended)
    recording.mkdir(parents=True)
    for name, size in (("opus.mp4", 31_000_000), ("aac.m4a", 41_000_000), ("mp3.mp3", 40_500_000)):
        with (recording / name).open("wb") as file:
            file.truncate(size)
    pages = pages_of(live, waiting, announced, green, ended, link)
    print(json.dumps([pages, operators_session()]))


def operators_session() -> str:
    """A session of an operator with a password of their own."""
    from django.test import Client

    from hiwar.web.accounts.models import User

    client = Client()
    client.force_login(User.objects.create_user("operator", "a long password", is_operator=True))
    return str(client.cookies["hiwar_session"].value)


def pages_of(live: str, waiting: str, announced: str, green: str, ended: str, link: str) -> dict[str, str]:
    """The address of every page by the name of its picture."""
    return {
        "home": "/",
        "live": f"/c/{live}",
        "waiting": f"/c/{waiting}",
        "announced": f"/c/{announced}",
        "green-room": f"/c/{green}",
        "replay": f"/c/{ended}",
        "link-only": f"/c/{link}",
        "missing": "/c/zzzzzzzzzz",
        "sign-in": "/login",
        "desk-list": "/manage",
        "desk-new": "/new",
        "desk-one": f"/manage/{live}",
        "desk-password": "/account/password",
    }


def front_for(web: Path) -> type[http.server.BaseHTTPRequestHandler]:
    """A front door for pictures: static files, one canned state, everything else from web."""

    class Front(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith("/static/"):
                file = (STATIC / path.removeprefix("/static/")).resolve()
                found = file.is_relative_to(STATIC) and file.is_file()
                kind = TYPES.get(file.suffix, "application/octet-stream")
                self._answer(
                    200 if found else 404, {"Content-Type": kind}, file.read_bytes() if found else b""
                )
            elif path.endswith("/now"):
                self._answer(200, {"Content-Type": "application/json"}, json.dumps(NOW).encode())
            elif path.endswith("/live.mp4"):
                self._listen()
            else:
                self._from_web()

        def _listen(self) -> None:
            """Silence, as long as somebody hears it."""
            self.send_response(200)
            self.send_header("Content-Type", "audio/mp4")
            self.end_headers()
            with contextlib.suppress(OSError):
                early = self.path.endswith(".early")
                for piece in long_response(NOW | ({"phase": "green_room"} if early else {})):
                    self.wfile.write(piece)

        def _from_web(self) -> None:
            connection = http.client.HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(web))
            connection.request("GET", self.path, headers=dict(self.headers))
            answer = connection.getresponse()
            self._answer(answer.status, dict(answer.headers), answer.read())

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in ("content-length", "connection", "transfer-encoding", "date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    return Front


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots"), sys.argv[2:])
