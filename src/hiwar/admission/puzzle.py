"""A puzzle that makes every try for a seat cost the visitor a little time: texts, minting, judging.

Rules
- Dormant until needed: whoever calls decides when to mint, and with what effort (`effort.py`).
- Minting keeps nothing and costs one keyed hash, so that asking for challenges is no attack.
- An answer is good once, for one conversation, from one site (a network prefix), in the epoch of its
  challenge and the next.
- Judging goes from cheap to costly: form, epoch, tag, used before, and only then the work itself.
- It fails closed: what cannot be remembered as used is refused (`spent.py`). A wrong answer uses nothing up;
  else wrong answers, which cost their sender nothing, would fill the memory of the right ones.

    challenge = work "." epoch "." effort "." nonce "." seed "." statement
    answer    = work "." epoch "." effort "." nonce "." seed "." solution

`epoch` and `effort` are decimal, the rest lower-case hexadecimal. Nonce and seed have a fixed length; nothing
else has leading zeros. So each has one spelling.

Theory of operation: the seed is BLAKE2b (RFC 7693) keyed with the door's secret, over everything in the
challenge, the conversation and the site. It is the tag that proves the challenge to be ours and the start of
the work in one, so that nobody can work ahead. Conversation and site stand in no text: the judge knows them
from the request.

Binding to a site means that a farm's answers are of use only where the farm's own addresses are, and there
the caps per prefix meet them. The price: whoever changes networks on the way (Wi-Fi to mobile, or a carrier
that moves its customers between prefixes) has worked for nothing and works again, for at most `SOLVE_S_MAX`;
the caller softens that by giving a wider prefix. Strangers behind one carrier's address share a site and
could use each other's answers; each of them still counts once, so that gains nobody anything.

Epochs are counted on the monotonic clock, which all processes of one machine share and machines do not.
"""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from hmac import compare_digest
from typing import NamedTuple, Protocol

from hiwar.admission.spent import Spent, Standing

EPOCH_S = 60  # twelve times what the hardest puzzle takes a slow phone
SLOWEST_SQUARING_US = 8.6  # measured in phones' browsers: 2.4 to 8.6
SOLVE_S_MAX = 5.0  # longer than that, people leave
EFFORT_MAX = 580_000  # squarings: SOLVE_S_MAX / SLOWEST_SQUARING_US, rounded down
NONCE_BYTES = 12
SEED_BYTES = 16
TEXT_CHARS_MAX = 352  # what the form below allows
_FORM = re.compile(
    r"([a-z]{1,16})\.(0|[1-9][0-9]{0,11})\.([1-9][0-9]{0,6})"
    r"\.([0-9a-f]{24})\.([0-9a-f]{32})\.(0|[1-9a-f][0-9a-f]{0,255})"
)


class Work(Protocol):
    """A kind of work. Effort is counted in squarings whatever the work is: what takes a slow phone
    `SLOWEST_SQUARING_US`. Seeds, statements and solutions are lower-case hexadecimal without leading zeros
    (the seed: 32 letters)."""

    @property
    def name(self) -> str:
        """1 to 16 letters a-z; the first field of its texts."""

    def statement(self, effort: int) -> str:
        """What a solver must know beside seed and effort; 1 to 256 letters."""

    def holds(self, seed: str, effort: int, solution: str) -> bool:
        """Whether the work was done; `solution` is of the right form and else anything."""


class Outcome(StrEnum):
    SOLVED = "solved"
    MALFORMED = "malformed"  # not an answer to this kind of puzzle
    EXPIRED = "expired"  # of an epoch that is over, or has not begun
    FORGED = "forged"  # not minted with this key for this conversation and site: or they changed networks
    SPENT = "spent"  # used before
    FULL = "full"  # its epoch has had all the answers that can be remembered
    WRONG = "wrong"  # the work was not done


@dataclass(frozen=True, slots=True)
class Judgement:
    """`effort`, `epoch` and `seed` (16 bytes, the answer's identity) are those of a solved answer."""

    outcome: Outcome
    effort: int = 0
    epoch: int = 0
    seed: bytes = b""


class PuzzleText(NamedTuple):
    """A challenge (`last` is its statement) or an answer (`last` is its solution)."""

    work: str
    epoch: int
    effort: int
    nonce: str
    seed: str
    last: str


def parse_puzzle(text: str) -> PuzzleText:
    """A challenge or an answer, taken apart.

    Raises:
        ValueError: it is neither; nothing of the text is in the message.
    """
    found = _FORM.fullmatch(text) if len(text) <= TEXT_CHARS_MAX else None
    if found is None:
        raise ValueError("not a puzzle's text")
    work, epoch, effort, nonce, seed, last = found.groups()
    return PuzzleText(work, int(epoch), int(effort), nonce, seed, last)


def render_puzzle(puzzle: PuzzleText) -> str:
    return ".".join(map(str, puzzle))


class Puzzles:
    """Mints and judges puzzles of one kind of work with one key (32 bytes, shared by all who judge)."""

    def __init__(self, work: Work, key: bytes, spent: Spent) -> None:
        self.counts: Counter[Outcome] = Counter()  # of judgements
        self._work = work
        self._keyed = blake2b(digest_size=SEED_BYTES, key=key, person=b"puzzle")
        self._spent = spent

    def mint(self, *, conversation: str, site: int, effort: int, nonce: bytes, now: float) -> str:
        """A challenge of `effort` squarings, 1..EFFORT_MAX. `site`: a prefix key (`prefix.py`). `nonce`:
        NONCE_BYTES that this key has not minted with in this epoch; they need not be secret."""
        assert 1 <= effort <= EFFORT_MAX
        assert len(nonce) == NONCE_BYTES
        head = f"{self._work.name}.{puzzle_epoch(now)}.{effort}.{nonce.hex()}"
        return f"{head}.{self._seed(head, effort, conversation, site)}.{self._work.statement(effort)}"

    def has_room(self, now: float) -> bool:
        """Whether answers to what is minted now can still be remembered; else do not mint: nobody should
        work for an answer that will be refused."""
        self._spent.turn(puzzle_epoch(now))
        return not self._spent.is_full(puzzle_epoch(now))

    def judge(self, answer: str, *, conversation: str, site: int, now: float) -> Judgement:
        """What an answer is worth; a solved one is used up by this call. Raises nothing."""
        judgement = self._judge(answer, conversation, site, puzzle_epoch(now))
        self.counts[judgement.outcome] += 1
        return judgement

    def _judge(self, answer: str, conversation: str, site: int, current: int) -> Judgement:
        try:
            work, epoch, effort, nonce, seed, solution = parse_puzzle(answer)
        except ValueError:
            return Judgement(Outcome.MALFORMED)
        if work != self._work.name:
            return Judgement(Outcome.MALFORMED)
        if not 0 <= current - epoch <= 1:
            return Judgement(Outcome.EXPIRED)
        head = f"{work}.{epoch}.{effort}.{nonce}"
        if not compare_digest(seed, self._seed(head, effort, conversation, site)):
            return Judgement(Outcome.FORGED)
        return self._judge_ours(epoch, effort, seed, solution, current)

    def _judge_ours(self, epoch: int, effort: int, seed: str, solution: str, current: int) -> Judgement:
        identity = bytes.fromhex(seed)
        self._spent.turn(current)
        standing = self._spent.look(identity, epoch)
        if standing is not Standing.FREE:
            return Judgement(_REFUSED[standing])
        if not self._work.holds(seed, effort, solution):
            return Judgement(Outcome.WRONG)
        self._spent.take(identity, epoch)
        return Judgement(Outcome.SOLVED, effort, epoch, identity)

    def _seed(self, head: str, effort: int, conversation: str, site: int) -> str:
        """The conversation comes last: it is the one part that might hold a dot."""
        seed = self._keyed.copy()
        seed.update(f"{head}.{self._work.statement(effort)}.{site:x}.{conversation}".encode())
        return seed.hexdigest()


_REFUSED = {Standing.SPENT: Outcome.SPENT, Standing.FULL: Outcome.FULL, Standing.OVER: Outcome.EXPIRED}


def puzzle_epoch(now: float) -> int:
    """The number of the time window in which a challenge made at `now` (monotonic seconds) is new."""
    return int(now // EPOCH_S)
