"""Attacks on the seats: asking, hoarding, forging, replaying, solving, as a botnet does that wants all."""

import base64
from collections import deque
from ipaddress import IPv6Address

import msgspec

from hiwar.admission.classes import ListenerClass
from hiwar.admission.puzzle import parse_puzzle
from hiwar.rehearsal.attack import PATIENCE_S, Assault, Holder, Scene
from hiwar.rehearsal.attacks_pages import KeptFlood
from hiwar.rehearsal.exchange import Answered, Exchange, render_request
from hiwar.rehearsal.orders import Attack
from hiwar.rehearsal.people import Told
from hiwar.rehearsal.sites import PROXY
from hiwar.rehearsal.sockets import Line
from hiwar.tokens.token import Token

BOTS_KEPT = 20_000  # that wait; the oldest is forgotten
AGAIN_S = 1.0  # how often a bot asks, whatever it was told
_JSON = {"Content-Type": "application/json"}
_told = msgspec.json.Decoder(Told).decode


def render_asking(
    base: str, *, proof: str = "", waiting: str = "", answer: str = "", client: str = ""
) -> bytes:
    """A request for a seat; `client`: for whom a proxy says it is."""
    content = {"waiting": waiting, "answer": answer}
    body = msgspec.json.encode({name: value for name, value in content.items() if value})
    headers = {**_JSON, "X-Forwarded-For": client} if client else _JSON
    return render_request("POST", f"{base}/seat" + (f"?t={proof}" if proof else ""), body, headers)


class Bots(Assault):
    """A bot comes at each strike, asks once a second without listening to what it is told, takes a seat if it
    gets one, and never leaves. `solves`: with answers to puzzles, as far as there is time for them."""

    solves = False
    stays = True

    def strike(self, number: int) -> None:
        self.counts["bots"] += 1
        _Bot(self, self.source(number)).ask()


class _Bot(Holder):
    def __init__(self, assault: Bots, source: str) -> None:
        super().__init__(assault)
        self._bots = assault
        self._source = source
        self._waiting = ""
        self._ticket = ""

    def ask(self, answer: str = "") -> None:
        bots = self._bots
        if bots.over or len(bots.scene.poll) >= bots.order.at_once:
            bots.counts["held back"] += not bots.over
            return
        request = render_asking(bots.scene.base, waiting=self._waiting, answer=answer)
        Exchange(bots.scene.poll, self._source, request, self._hear, patience_s=PATIENCE_S)

    def _hear(self, answer: Answered) -> None:
        bots, poll = self._bots, self._bots.scene.poll
        bots.answered(answer)
        told = _read(answer)
        if told.ticket:
            bots.counts["seats"] += 1
            self._ticket = told.ticket
            if bots.stays and len(poll) < bots.order.at_once:
                poll.dial(self._source, self)
            return
        self._waiting = told.waiting or self._waiting
        if told.puzzle:
            bots.counts["hardest"] = max(bots.counts["hardest"], parse_puzzle(told.puzzle).effort)
        if told.puzzle and bots.solves and bots.scene.solver.solve(told.puzzle, self._solved):
            return
        poll.call_at(poll.now + AGAIN_S, self.ask)

    def _solved(self, answer: str) -> None:
        self._bots.counts["solved"] += 1
        self.ask(answer)

    def opened(self, line: Line) -> None:
        super().opened(line)
        line.send(render_request("GET", f"{self._bots.scene.base}/live.ogg?t={self._ticket}"))


class Hoarders(Bots):
    """The same, slowly, and for ever: patience is all that they have."""


class Inflation(Bots):
    """Bots that make the queue long, and solve what they can, to make puzzles dear for everybody else."""

    solves = True
    stays = False


class Forgery(KeptFlood):
    """Tickets that nobody gave: cut, of another kind, with another signature; and one good ticket shown from
    every machine at once."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        super().__init__(scene, order)
        self._ticket = ""

    def begin(self) -> None:
        def got(answer: Answered) -> None:
            self._ticket = _read(answer).ticket

        Exchange(self.scene.poll, self.source(0), render_asking(self.scene.base), got, patience_s=PATIENCE_S)
        super().begin()

    def strike(self, number: int) -> None:
        if self._ticket and number % 8 == 0:
            if len(self.scene.poll) < self.order.at_once:
                self.scene.poll.dial(self.source(number), _Replaying(self, self._ticket))
            return
        super().strike(number)

    def request(self, number: int) -> bytes:
        base, kind = self.scene.base, number % 3
        if kind == 0:
            return render_asking(base, proof=self._forged("ticket"), waiting=self._forged("waiting"))
        if kind == 1:
            return render_request("GET", f"{base}/live.ogg?t={self._forged('ticket')}")
        return render_request("GET", f"{base}/hls/aac/live.m3u8?t={self._forged('voucher')}")

    def _forged(self, kind: str) -> str:
        random = self.scene.random
        said = [kind, self.scene.conversation, f"{random.getrandbits(64):016x}", "0", 4_000_000_000]
        body = base64.urlsafe_b64encode(msgspec.json.encode(said)).decode().rstrip("=")
        mac = base64.urlsafe_b64encode(random.randbytes(16)).decode().rstrip("=")
        return f"{body}.{mac}"


class _Replaying(Holder):
    def __init__(self, assault: Assault, ticket: str) -> None:
        super().__init__(assault)
        self._ticket = ticket

    def opened(self, line: Line) -> None:
        super().opened(line)
        self.assault.counts["replayed"] += 1
        line.send(render_request("GET", f"{self.assault.scene.base}/live.ogg?t={self._ticket}"))


class AnswersReplayed(Assault):
    """One puzzle is solved, and its answer brought by everybody of the same network, again and again.
    `counted` are those of whom it was believed."""

    def __init__(self, scene: Scene, order: Attack) -> None:
        super().__init__(scene, order)
        self._answers: deque[str] = deque(maxlen=8)
        self._solving = False
        self._waiting: deque[str] = deque(maxlen=BOTS_KEPT)

    def source(self, number: int) -> str:
        return super().source(number * self.order.prefixes)  # all of one network

    def strike(self, number: int) -> None:
        answer = self._answers[number % len(self._answers)] if self._answers else ""
        waiting = self._waiting.popleft() if self._waiting and number % 2 else ""
        self.counts["replayed"] += bool(answer)
        if len(self.scene.poll) >= self.order.at_once:
            self.counts["held back"] += 1
            return
        request = render_asking(self.scene.base, waiting=waiting, answer=answer)
        fresh = bool(answer) and not waiting

        def hear(answered: Answered) -> None:
            self._hear(answered, fresh=fresh)

        Exchange(self.scene.poll, self.source(number), request, hear, patience_s=PATIENCE_S)

    def _hear(self, answer: Answered, *, fresh: bool) -> None:
        self.answered(answer)
        told = _read(answer)
        self.counts["seats"] += bool(told.ticket)
        self.counts["counted"] += fresh and _class_of(told.waiting) == ListenerClass.SOLVED
        if told.waiting:
            self._waiting.append(told.waiting)
        if told.puzzle and not self._solving and len(self._answers) < 4:
            self._solving = self.scene.solver.solve(told.puzzle, self._solved)

    def _solved(self, answer: str) -> None:
        self._solving = False
        self.counts["solved"] += 1
        self._answers.append(answer)


class RandomNetworks(KeptFlood):
    """Ever new /48s, to fill every table that has an entry for each: said by the proxy that is trusted."""

    def source(self, number: int) -> str:
        return PROXY

    def request(self, number: int) -> bytes:
        client = str(IPv6Address(0x2001 << 112 | self.scene.random.getrandbits(112)))
        if number % 2:
            return render_asking(self.scene.base, client=client)
        return render_request("GET", f"{self.scene.base}/now", headers={"X-Forwarded-For": client})


def _class_of(waiting: str) -> int:
    """The class that a waiting token names; anybody can read it, nobody else can write it. -1 where none."""
    try:
        body = base64.urlsafe_b64decode(waiting.partition(".")[0] + "==")
        return int(msgspec.json.decode(body, type=Token).role)
    except (ValueError, msgspec.MsgspecError):
        return -1


def _read(answer: Answered) -> Told:
    try:
        return _told(answer.body) if answer.status else Told()
    except msgspec.MsgspecError:
        return Told()
