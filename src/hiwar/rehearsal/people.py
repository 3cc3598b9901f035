"""An honest listener, as the listening page is one: asks for a seat, obeys what is said, and listens.

    asking ── 200 ──> listening ── the sound ends ──> asking, with the ticket
       ├───── 202 ──> waiting ──── when it was said ──> asking, with the waiting token
       ├───── 202 and a puzzle ──> the same, and the answer goes in as soon as the device has it
       └───── 429, 503 ──> refused ── after Retry-After ──> asking

Rules
- Not before the door said so is it asked again; nobody answering is tried again soon, doubling.
- A puzzle takes as long as the person's device needs (`squaring_us` each, drawn by who makes them). This
  machine does the work meanwhile; where it cannot in time, that counts as a device too slow, and no more.
- What was told about chances is kept beside what came of it: the chance within five seconds until the next
  question, and the first chance within a minute until the act is over. What somebody was told who then
  solved a puzzle was told to somebody else.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from random import Random
from typing import Protocol

import msgspec

from hiwar.admission import pace
from hiwar.admission.odds import EPOCH_S, SHOWN_S, SOON_S
from hiwar.admission.pace import RAMP_MS_PER_SECOND
from hiwar.admission.puzzle import parse_puzzle
from hiwar.admission.waiting import ASK_AGAIN_S
from hiwar.rehearsal.exchange import Answered, Exchange, render_request
from hiwar.rehearsal.orders import Kept
from hiwar.rehearsal.sockets import Line, Poll

PATIENCE_S = 8.0  # for an answer
KEEP_S = 8.0  # how often who solves asks, so that the place in the draw is kept
AGAIN_S_MIN, AGAIN_S_MAX, AGAIN_S_UNSAID = 1.0, 120.0, 10.0
FIRST_S, LAST_S, LAST_UNANSWERED_S = 0.15, 15.0, 2.2  # between tries that failed
JITTER = 0.2
HEARD_S = ASK_AGAIN_S / 2  # after being drawn, on average: at the next question
MINUTE_S_MIN = 45.0  # of a minute, to judge what was told of one
GAP_S_MAX, GAP_INTERVALS_MAX = 2.5, 2.0  # of a seated listener's silence
SEATLESS = ("full", "siege", "record-only")  # refusals that nobody gets who holds a seat
RAMP_PER_S, ANNOUNCED_S = RAMP_MS_PER_SECOND / 1000, pace.ANNOUNCED_S
LEARNT_S = 1.5  # after the door has changed its interval: a file written each second, read four times in one
LOOKED_AT = 1.25  # intervals: of a longer silence it is found out how much was this process's own


class State(StrEnum):
    ASKING = "asking"
    WAITING = "waiting"
    REFUSED = "refused"
    SEATED = "seated"  # with a ticket, and no sound yet
    LISTENING = "listening"
    GONE = "gone"


class Told(msgspec.Struct):
    """Of an answer of `POST /c/<id>/seat`, what a page acts on."""

    verdict: str = ""
    ticket: str = ""
    waiting: str = ""
    chance: float | None = None
    chance_soon: float | None = None
    ask_again_s: float = 0.0
    puzzle: str = ""
    reason: str = ""


@dataclass(slots=True)
class Said:
    """A chance in each second, said at a moment; `won_at`: when it had brought the seat."""

    at: float
    each_epoch: float
    won_at: float = inf

    def within(self, seconds: float) -> float:
        """The chance of that time, which is so many draws and perhaps one more."""
        whole = int(seconds / EPOCH_S)
        return 1 - (1 - self.each_epoch) ** whole * (1 - self.each_epoch * (seconds / EPOCH_S - whole))


class Solver(Protocol):
    def solve(self, challenge: str, done: Callable[[str], None]) -> bool:
        """Begin; `done` gets the answer. False: too much is being solved already."""


@dataclass(slots=True)
class Fate:
    """What became of one person. Times in seconds since they came; None: not yet.

    `soon`: of each stretch of waiting, the chance that was told until the next question; `minute`: the first
    chance that was told of a minute, once the act is over. The time until the first answer and `gap_s`, the
    longest silence, are what is certain: without the time in which this process did not look. `gap_seen_s` is
    as it looked, `gap_intervals` the former in write intervals."""

    first_answer_s: float | None = None
    seated_s: float | None = None
    sound_s: float | None = None
    asked: int = 0
    unanswered: int = 0
    refused: int = 0
    waited: bool = False
    solved: int = 0
    unsolved: int = 0
    effort: int = 0
    soon: Kept = field(default_factory=Kept)
    minute: Kept = field(default_factory=Kept)
    gap_s: float = 0.0
    gap_seen_s: float = 0.0
    gap_intervals: float = 0.0
    gaps_over: int = 0
    dropped: int = 0
    thrown_out: int = 0
    back_s: list[float] = field(default_factory=list)


class Cadence:
    """The write interval to which the door leads its listeners, as far as the crowd knows (seconds)."""

    def __init__(self, target_s: float) -> None:
        self.target_s = target_s
        self.changed_at = float("-inf")

    def change(self, target_s: float, now: float) -> None:
        if target_s != self.target_s:
            self.target_s, self.changed_at = target_s, now

    def led(self, interval_s: float, since: float, now: float) -> float:
        """What an interval of `since` has become by now, and never too short: the crowd learns of a change
        late, so what gets longer may have begun sooner than it seems."""
        longer = self.target_s > interval_s
        begun = self.changed_at + ANNOUNCED_S - (LEARNT_S if longer else 0.0)
        moved = RAMP_PER_S * max(0.0, now - max(since, begun))
        if longer:
            return min(self.target_s, interval_s + moved)
        return max(self.target_s, interval_s - moved)


@dataclass(frozen=True, slots=True)
class House:
    """What all of a crowd share; `solver` solves puzzles, None: these people's devices cannot."""

    conversation: str
    poll: Poll
    random: Random
    cadence: Cadence
    solver: Solver | None = None


_told = msgspec.json.Decoder(Told).decode


class Person:
    """See the module. `feed` is what they listen to: `live.mp4` as browsers, `live.ogg` as players."""

    def __init__(
        self, house: House, source: str, *, proof: str = "", feed: str = "live.mp4", squaring_us: float = 4.0
    ) -> None:
        self.state = State.ASKING
        self.fate = Fate()
        self.came = house.poll.now
        self.ticket = ""
        self._house = house
        self._source = source
        self._proof = proof
        self._feed = feed
        self._squaring_us = squaring_us
        self._waiting = ""
        self._puzzle = ""
        self._failures = 0
        self._call = 0
        self._soon: Said | None = None
        self._minute: Said | None = None
        self._exchange: Exchange | None = None
        self._line: Line | None = None
        self._head = b""
        self._heard = 0.0
        self._lost_at: float | None = None
        self._sat_at = self._paced_at = 0.0
        self._interval_s = house.cadence.target_s

    @property
    def listening(self) -> bool:
        return self.state is State.LISTENING

    @property
    def away_s(self) -> float | None:
        """Since when the sound is lost, in seconds; None while it is not."""
        return None if self._lost_at is None else self._house.poll.now - self._lost_at

    def arrive(self) -> None:
        """Ask for a seat."""
        self._ask()

    def leave(self) -> None:
        """Nobody listens here any more."""
        self.look()
        self.state = State.GONE
        self._call += 1
        if self._exchange is not None:
            self._exchange.drop()
        if self._line is not None:
            self._line.close()

    def begin_act(self) -> Fate:
        """The fate so far; from now on it is counted anew."""
        self.look()
        former, self.fate = self.fate, Fate()
        return former

    def look(self) -> None:
        """Take in a silence that goes on, and what came of a chance: an act is over."""
        self._look_at_silence()
        self._settle_minute()

    # Asking.

    def _ask(self, answer: str = "") -> None:
        poll = self._house.poll
        self._call += 1
        self.fate.asked += 1
        proof = self.ticket or self._proof
        target = f"/c/{self._house.conversation}/seat" + (f"?t={proof}" if proof else "")
        body = {"waiting": self._waiting, "answer": answer}
        content = msgspec.json.encode({name: value for name, value in body.items() if value})
        request = render_request("POST", target, content, {"Content-Type": "application/json"})
        call = self._call

        def done(answered: Answered) -> None:
            if call == self._call and self.state is not State.GONE:
                self._hear(answered, poll.now)

        if self._exchange is not None and self._exchange.open:
            self._exchange.again(request, done, PATIENCE_S)
        else:
            self._exchange = Exchange(poll, self._source, request, done, patience_s=PATIENCE_S, keep=True)

    def _hear(self, answered: Answered, now: float) -> None:
        fate = self.fate
        if answered.status == 0:
            fate.unanswered += 1
            self._again_after(self._delay_s(LAST_UNANSWERED_S))
            return
        if fate.first_answer_s is None:
            fate.first_answer_s = now - self.came - self._house.poll.inattention_s(self.came)
        told = _read(answered.body)
        self._settle_odds(now, won=answered.status == 200)
        if answered.status == 200 and told.ticket:
            self._sit(told.ticket, now)
        elif answered.status == 202:
            self._wait(told, now)
        elif answered.status in (429, 503):
            self._refuse(answered, told.reason)
        elif self.ticket or self._waiting:  # what they show is worth nothing any more
            self._evicted()
            self.ticket = self._waiting = ""
            self._again_after(0.0)
        else:
            self._again_after(self._delay_s(LAST_S))

    def _sit(self, ticket: str, now: float) -> None:
        self._failures = 0
        self.ticket, self._waiting, self._puzzle = ticket, "", ""
        if self.fate.seated_s is None:
            self.fate.seated_s = now - self.came
        self.state = State.SEATED
        self._listen()

    def _wait(self, told: Told, now: float) -> None:
        self._failures = 0
        if self.ticket:
            self._evicted()
            self.ticket = ""
        self._waiting = told.waiting or self._waiting
        self.fate.waited = True
        self.state = State.WAITING
        if told.chance_soon is not None:
            self._soon = _said(now, told.chance_soon, SOON_S)
        if told.chance is not None and self._minute is None:
            self._minute = _said(now, told.chance, SHOWN_S)
        if told.puzzle and not self._puzzle:
            self._solve(told.puzzle, now)
        self._again_after(KEEP_S if self._puzzle else _bounded(told.ask_again_s))

    def _refuse(self, answered: Answered, reason: str) -> None:
        self._failures = 0
        if self.ticket and reason in SEATLESS:
            self._evicted()
        self.fate.refused += 1
        self.state = State.REFUSED
        try:
            retry_s = float(answered.headers.get("retry-after", ""))
        except ValueError:
            retry_s = AGAIN_S_UNSAID
        spread = 1 + JITTER * (2 * self._house.random.random() - 1)
        self._again_after(_bounded(retry_s) * spread)

    def _evicted(self) -> None:
        if self._lost_at is not None or self.listening:
            self.fate.thrown_out += 1
        self._lost_at = None

    def _again_after(self, seconds: float) -> None:
        call = self._call

        def due() -> None:
            if call == self._call and self.state is not State.GONE:
                self._ask()

        self._house.poll.call_at(self._house.poll.now + seconds, due)

    def _delay_s(self, last_s: float) -> float:
        ceiling = min(last_s, FIRST_S * 2.0**self._failures)
        self._failures += 1
        return ceiling / 2 + self._house.random.random() * ceiling / 2

    def _settle_odds(self, now: float, *, won: bool) -> None:
        """What was told about this stretch of waiting, and what came of it."""
        if self._soon is not None:
            self.fate.soon.add(self._soon.within(now - self._soon.at), won=won)
            self._soon = None
        if won and self._minute is not None and self._minute.won_at == inf:
            self._minute.won_at = now

    def _settle_minute(self) -> None:
        """The same of the minute, as far as it has passed."""
        said, self._minute = self._minute, None
        if said is not None:
            lasted_s = min(SHOWN_S, self._house.poll.now - said.at - HEARD_S)
            if lasted_s >= MINUTE_S_MIN:
                self.fate.minute.add(said.within(lasted_s), won=said.won_at <= said.at + lasted_s + HEARD_S)

    # The puzzle.

    def _solve(self, challenge: str, now: float) -> None:
        effort = parse_puzzle(challenge).effort
        self.fate.effort = max(self.fate.effort, effort)
        ready = now + effort * self._squaring_us / 1e6

        def solved(answer: str) -> None:
            if self._puzzle == challenge and self.state is not State.GONE:
                self._house.poll.call_at(
                    max(ready, self._house.poll.now), lambda: self._bring(challenge, answer)
                )

        if self._house.solver is not None and self._house.solver.solve(challenge, solved):
            self._puzzle = challenge
        else:
            self.fate.unsolved += 1

    def _bring(self, challenge: str, answer: str) -> None:
        if self._puzzle == challenge and self.state in (State.WAITING, State.ASKING, State.REFUSED):
            self._puzzle = ""
            self._soon = self._minute = None
            self.fate.solved += 1
            self._ask(answer)

    # Listening.

    def _listen(self) -> None:
        self._head = b""
        self._line = self._house.poll.dial(self._source, self)
        if self._line is None:
            self._ended()

    def opened(self, line: Line) -> None:
        target = f"/c/{self._house.conversation}/{self._feed}?t={self.ticket}"
        line.send(render_request("GET", target))

    def received(self, line: Line, data: bytes) -> None:
        now = self._house.poll.now
        if self.listening:
            self._look_at_silence(ends=True)
            self._heard = now
            return
        self._head = (self._head + data)[:4096]
        if b"\r\n\r\n" not in self._head:
            return
        if not self._head.startswith(b"HTTP/1.1 200"):
            line.close()
            self._ended()
            return
        if self.fate.sound_s is None:
            self.fate.sound_s = now - self.came
        if self._lost_at is not None:
            self.fate.back_s.append(now - self._lost_at)
            self._look_at_silence(ends=True)
            self._lost_at = None
        self._failures = 0
        self._heard = self._sat_at = self._paced_at = now
        self._interval_s = self._house.cadence.target_s
        self.state = State.LISTENING

    def lost(self, line: Line) -> None:
        self._ended()

    def _ended(self) -> None:
        """Sound, or the way to it, is over: ask for the seat of the ticket."""
        if self.state is State.GONE:
            return
        now = self._house.poll.now
        if self.listening:
            self._look_at_silence()
            self.fate.dropped += 1
            self._lost_at = now
        self._line = None
        self.state = State.ASKING
        self._call += 1
        self._again_after(self._delay_s(LAST_UNANSWERED_S))

    def _keep_pace(self, now: float) -> float:
        """The write interval that this listener has by now; a newcomer's is the door's at once."""
        cadence = self._house.cadence
        if now - self._sat_at < LEARNT_S:
            self._interval_s = max(self._interval_s, cadence.target_s)
        else:
            self._interval_s = cadence.led(self._interval_s, self._paced_at, now)
        self._paced_at = now
        return self._interval_s

    def _look_at_silence(self, *, ends: bool = False) -> None:
        if not self._heard or not (self.listening or self._lost_at is not None):
            return
        poll, fate = self._house.poll, self.fate
        interval_s = max(self._interval_s, self._keep_pace(poll.now))
        gap_s = certain_s = poll.now - self._heard
        if gap_s > LOOKED_AT * interval_s:
            certain_s -= poll.inattention_s(self._heard)
        intervals = certain_s / interval_s
        fate.gap_seen_s = max(fate.gap_seen_s, gap_s)
        fate.gap_s = max(fate.gap_s, certain_s)
        fate.gap_intervals = max(fate.gap_intervals, intervals)
        fate.gaps_over += ends and (certain_s > GAP_S_MAX or intervals > GAP_INTERVALS_MAX)


def _said(now: float, chance: float, seconds: float) -> Said:
    return Said(now, 1 - (1 - min(chance, 1.0)) ** (EPOCH_S / seconds))


def _read(body: bytes) -> Told:
    try:
        return _told(body)
    except msgspec.MsgspecError:
        return Told()


def _bounded(seconds: float) -> float:
    return min(AGAIN_S_MAX, max(AGAIN_S_MIN, seconds)) if seconds > 0 else AGAIN_S_UNSAID
