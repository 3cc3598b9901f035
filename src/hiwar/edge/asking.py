"""`POST /c/<id>/seat`: somebody asks for a seat, and is told the truth.

    {"waiting": "<token>", "answer": "<puzzle's answer>"}      both optional; `?t=` has their proof, if any

    200 {"verdict": "admit", "ticket": …}                            listen with `?t=<ticket>`
    202 {"verdict": "wait", "waiting": <token>, "ask_again_s": …}    ask again with the token, not before
    202 {"verdict": "challenge", …, "puzzle": …}                     the same; its answer gives better odds
    202 {…, "reason": "taken-back", …}                               the same; they had a seat, which was
    202 {…, "reason": "no-place", …}                                 the same; the waiting room is full
    429, 503 problem+json with `Retry-After`                         turned away, and why

Every answer but the first says how many wait, how many seats there are, the chance within the next minute,
and has a claim and the words for people in Arabic and English. Nothing of this is ever kept by a cache.

Rules: a puzzle is minted only where it is asked for, and its answer counts once, which the owner of the
seats decides; a wrong, old or used answer is worth nothing and costs nobody their place.
"""

from secrets import token_bytes, token_hex

import msgspec

from hiwar.admission.again import LATER_SPREAD
from hiwar.admission.answers import REASONS, Refusal, tell_challenge, tell_refusal, tell_waiting
from hiwar.admission.classes import ListenerClass
from hiwar.admission.counted import Said
from hiwar.admission.limits import LIMITS, Limited, PrefixLimits
from hiwar.admission.prefix import origin_of
from hiwar.admission.puzzle import NONCE_BYTES, Judgement, Outcome, Puzzles
from hiwar.admission.spent import Spent
from hiwar.admission.timelock import TimeLock, Trapdoor
from hiwar.admission.verdicts import Admit, Challenge, Refuse, Wait
from hiwar.admission.waiting import ABSENT_S
from hiwar.door.http import Problem, Request, Response
from hiwar.edge.orders import Keys, Told
from hiwar.edge.usher import Shown, Usher, said_of
from hiwar.ops.clock import monotonic, wallclock
from hiwar.tokens.token import InvalidToken, Kind, Token, parse_token, render_token

BODY_BYTES_MAX = 4096
WAITING_SECONDS = 3600  # a token outlives the place it stands for; with it one is known again
TAKEN_BACK, NO_PLACE = "taken-back", "no-place"  # why somebody waits who had a seat; or is in no draw
JITTER = 0.2  # of the time until they ask again, either way

_HEADERS = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of the request."""

    waiting: str = ""
    answer: str = ""


class Answered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of the answer; see the module. `chance` (0..1, within a minute), `chance_soon` (within five
    seconds) and `expected_s` are missing while unknown."""

    verdict: str
    reason: str = ""
    ticket: str = ""
    waiting: str = ""
    people: int = 0
    seats: int = 0
    chance: float | None = None
    chance_soon: float | None = None
    expected_s: float | None = None
    ask_again_s: float = 0.0
    puzzle: str = ""
    rung: str = ""
    claim: str = ""
    arabic: str = ""
    english: str = ""


class AskingDesk:
    """Answers everybody who asks. `puzzles` is None until the owner has sent the key of the day."""

    def __init__(self, usher: Usher, key: bytes) -> None:
        self.puzzles: Puzzles | None = None
        self._looked_at = PrefixLimits(LIMITS[Limited.CHALLENGES])
        self._usher = usher
        self._key = key

    def take_keys(self, keys: Keys) -> None:
        """The owner's key of the day: what was minted with an older one is worth nothing any more."""
        trapdoor = Trapdoor(int.from_bytes(keys.modulus, "big"), int.from_bytes(keys.prime, "big"))
        self.puzzles = Puzzles(TimeLock(trapdoor), keys.puzzle_key, Spent())

    async def answer(self, request: Request, conversation: str) -> Response:
        """The answer to one who may hear the conversation.

        Raises:
            Problem: 400 for a body that is none; 429 and 503 with the reason where they are turned away.
        """
        asked = _read(request)
        shown = self._known(request, conversation, asked)
        judged = self._judge(request, conversation, asked.answer) if asked.answer else None
        if judged is not None and shown.listener_class is ListenerClass.STRANGER:
            shown = Shown(shown.serial, ListenerClass.SOLVED, capped=True)
        verdict = self._usher.decide(request, shown, patient=True)
        match verdict:
            case Admit():
                return self._admit(verdict, request, conversation)
            case Refuse(reason, ask_again_s):
                raise refused(reason, ask_again_s, self.render_claim(conversation))
        told = await self._usher.wait(verdict, request, conversation, capped=shown.capped, judged=judged)
        if told is not None and not told.welcome:
            raise refused(*self._usher.unwelcome(), self.render_claim(conversation))
        worth = _worth(verdict, told, judged)
        if told is not None and told.seated:
            seat = Admit(verdict.serial, said_of(shown, worth), fresh=False)
            return self._admit(seat, request, conversation)
        puzzle = self._mint(request, conversation) if worth is ListenerClass.STRANGER else ""
        token = self._render_waiting(verdict.serial, said_of(shown, worth), conversation)
        return self._wait(token, told, puzzle, conversation)

    def _known(self, request: Request, conversation: str, asked: Asked) -> Shown:
        """Who they are: by their waiting token if it is good, else by their proof, else a stranger."""
        shown = self._usher.read_proof(conversation, request.query.get("t", ""))
        if not asked.waiting or shown.serial:
            return shown
        try:
            token = parse_token(
                asked.waiting, self._key, kind=Kind.WAITING, conversation=conversation, wallclock=wallclock()
            )
            listener_class = ListenerClass(int(token.role))
            return Shown(int(token.subject, 16), listener_class, listener_class >= ListenerClass.SOLVED)
        except (InvalidToken, ValueError):
            return shown

    def _judge(self, request: Request, conversation: str, answer: str) -> Judgement | None:
        """What an answer is worth, if it is worth anything; looking costs a sixth of a millisecond, so each
        network has only so many looked at."""
        origin, now = origin_of(request.client), monotonic()
        if self.puzzles is None or self._looked_at.wait_s(origin, now):
            return None
        judgement = self.puzzles.judge(answer, conversation=conversation, site=origin.site, now=now)
        return judgement if judgement.outcome is Outcome.SOLVED else None

    def _admit(self, verdict: Admit, request: Request, conversation: str) -> Response:
        self._usher.give(verdict, request, conversation)
        answer = Answered(verdict="admit", ticket=self._usher.render_ticket(conversation, verdict))
        return Response(200, dict(_HEADERS), msgspec.json.encode(answer))

    def _wait(self, token: str, told: Told | None, puzzle: str, conversation: str) -> Response:
        placed = told is None or told.placed
        again_s = self._ask_again_s(placed=placed)
        people, chance = (told.waiting, told.chance) if told else (1, None)
        tell = tell_challenge if puzzle else tell_waiting
        taken_back = told is not None and told.taken_back
        said = tell(
            waiting=people, chance=chance, retry_s=round(again_s), placed=placed, taken_back=taken_back
        )
        stand = self._usher.stand
        answer = Answered(
            verdict="challenge" if puzzle else "wait",
            reason=TAKEN_BACK if taken_back else "" if placed else NO_PLACE,
            waiting=token,
            people=people,
            seats=stand.seats if stand else 0,
            chance=_rounded(chance, 4),
            chance_soon=_rounded(told.chance_soon, 5) if told else None,
            expected_s=_rounded(told.expected_s, 1) if told else None,
            ask_again_s=round(again_s, 2),
            puzzle=puzzle,
            rung=stand.rung if stand else "",
            claim=self.render_claim(conversation),
            arabic=said.arabic,
            english=said.english,
        )
        return Response(202, dict(_HEADERS), msgspec.json.encode(answer))

    def _render_waiting(self, serial: int, listener_class: ListenerClass, conversation: str) -> str:
        """What they show when they ask again."""
        expires = int(wallclock()) + WAITING_SECONDS
        token = Token(Kind.WAITING, conversation, f"{serial:016x}", f"{listener_class:d}", expires)
        return render_token(token, self._key)

    def _mint(self, request: Request, conversation: str) -> str:
        """A puzzle, while puzzles are awake and where its answer could still be remembered; else they wait
        as they are."""
        effort = self._usher.gate.posture.effort
        if not effort or self.puzzles is None or not self.puzzles.has_room(monotonic()):
            return ""
        return self.puzzles.mint(
            conversation=conversation,
            site=origin_of(request.client).site,
            effort=effort,
            nonce=token_bytes(NONCE_BYTES),
            now=monotonic(),
        )

    def _ask_again_s(self, *, placed: bool) -> float:
        """Spread, so that a crowd does not come back in waves; always in time to keep the place."""
        posture, either_way = self._usher.gate.posture, 2 * int.from_bytes(token_bytes(2), "big") / 65535 - 1
        if not placed:
            return posture.ask_later_s * (1 + LATER_SPREAD * either_way)
        return min(posture.ask_again_s * (1 + JITTER * either_way), ABSENT_S / 2)

    def render_claim(self, conversation: str) -> str:
        """The signed promise of the recording; it never ends."""
        return render_token(Token(Kind.CLAIM, conversation, token_hex(8)), self._key)


def _worth(verdict: Wait | Challenge, told: Told | None, judged: Judgement | None) -> ListenerClass:
    """The class that somebody waits as: the owner's word, for it alone knows which answers were used before
    and who had a seat. Where it is away an answer may be looked at again."""
    if told is not None:
        return ListenerClass(told.listener_class)
    return ListenerClass.STRANGER if judged is not None else verdict.listener_class


def refused(reason: Refusal, ask_again_s: float, claim: str) -> Problem:
    """The answer to who is turned away: in words, and for programs with `Retry-After` and the claim."""
    status = 429 if reason is Refusal.TOO_MANY else 503
    retry_s = max(1, round(ask_again_s + 0.5))
    said: Said = tell_refusal(reason, retry_s=retry_s)
    headers = {"Retry-After": str(retry_s), "Cache-Control": "no-store"}
    why = REASONS[reason]  # a page counts down, and keeps the claim, by itself
    members = {"reason": reason.value, "claim": claim, "arabic": why.arabic, "english": why.english}
    return Problem(status, said.english, headers, arabic=said.arabic, members=members)


def _read(request: Request) -> Asked:
    if not request.body:
        return Asked()
    if len(request.body) > BODY_BYTES_MAX:
        raise Problem(413, "The body is larger than is taken here.", arabic="المحتوى أكبر مما يُقبل هنا.")
    try:
        return msgspec.json.decode(request.body, type=Asked)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Problem(
            400, f"Not a request for a seat: {error}", arabic="ليس هذا طلبًا للحصول على مكان."
        ) from error


def _rounded(number: float | None, digits: int) -> float | None:
    return None if number is None else round(number, digits)
