"""What the director tells its crowd and its attackers, and what they tell it: a line of JSON each.

Each is told its aim first (`Begin`), and checks it before anything else (`aim`). Nothing here names a host.
"""

import msgspec

SEATED = "seated"  # the group that listens throughout; every other is of one act


class Order(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Base of what is said either way."""


class Begin(Order, frozen=True):
    """First of all: the port of the instance, its mark, and the conversation on air there."""

    port: int
    mark: str
    secure: bool
    conversation: str


class Come(Order, frozen=True):
    """`count` people of a group come, `per_s` a second; who listens stays for `stay_s` (0: until told)."""

    group: str
    count: int
    per_s: float
    stay_s: float = 0.0
    one_address: bool = False
    proofs: tuple[str, ...] = ()  # vouchers, one for each of them


class Interval(Order, frozen=True):
    """The write interval in force."""

    ms: int


class BeginAct(Order, frozen=True):
    """From now on figures are counted anew."""


class Leave(Order, frozen=True):
    """Everybody of a group leaves, and nobody more comes."""

    group: str


class Tell(Order, frozen=True):
    """Answer with `Crowded`."""


class Attack(Order, frozen=True):
    """Bring an attack, for `seconds`: `per_s` of what it does each second, `at_once` connections at most,
    from `machines` addresses in `prefixes` networks. It ends by itself."""

    kind: str
    seconds: float
    per_s: float
    at_once: int
    machines: int
    prefixes: int


class End(Order, frozen=True):
    """Close everything and end."""


class Living(Order, frozen=True):
    """From the crowd, twice a second: how many listen, wait, ask; and of the newcomers of this act."""

    listening: int
    waiting: int
    came: int
    answered: int
    seated: int
    longest_gap_s: float
    thrown_out: int


class Kept(msgspec.Struct, kw_only=True):
    """What people were told of their chances, and what came of it: `told` chances, the `wins` they were told
    of, what the chances add up to (`expected`), and the variance of that sum (`spread`)."""

    told: int = 0
    wins: int = 0
    expected: float = 0.0
    spread: float = 0.0

    def add(self, chance: float, *, won: bool) -> None:
        self.told += 1
        self.wins += won
        self.expected += chance
        self.spread += chance * (1 - chance)

    def merge(self, other: "Kept") -> None:
        self.told += other.told
        self.wins += other.wins
        self.expected += other.expected
        self.spread += other.spread


class GroupFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a group in an act; times in seconds, percentiles by nearest rank, None of nobody.
    `present` were there at its end, `listening` of them heard; the rest as in `people.Fate`."""

    came: int
    answered: int
    present: int
    listening: int
    first_answer_p50_s: float | None
    first_answer_p95_s: float | None
    seated: int
    seated_p50_s: float | None
    sound_p50_s: float | None
    waited: int
    refused: int
    unanswered: int
    soon: Kept
    minute: Kept
    solved: int
    unsolved: int
    effort: int
    dropped: int
    thrown_out: int
    back_s: float | None
    gap_s: float
    gap_seen_s: float
    gap_intervals: float
    gaps_over: int


class Crowded(Order, frozen=True):
    """From the crowd: what became of each group since `BeginAct`. `inattention`: the share of the time in
    which the crowd itself did not look; `not_begun` connections that this machine could not even begin."""

    groups: dict[str, GroupFigures]
    inattention: float
    not_begun: int


class Attacked(Order, frozen=True):
    """From the attackers, twice a second and at the end (`over`): what they did, by name, and for how long
    the door kept their slow connections (seconds, as far as they are over)."""

    counts: dict[str, int]
    open: int
    kept_p50_s: float | None = None
    kept_max_s: float | None = None
    over: bool = False


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """To the speakers: backstage's port, the mark, and a pass for each of them."""

    port: int
    mark: str
    conversation: str
    passes: tuple[str, ...]


class SpokenSoFar(msgspec.Struct, frozen=True, kw_only=True):
    """From the speakers: packets that all have sent, that all have heard, that were lost on the way to them;
    and how many are connected."""

    sent: int
    heard: int
    lost: int
    connected: int


ToCrowd = Begin | Come | Interval | BeginAct | Leave | Tell | End
ToAttackers = Begin | Attack | End
FromChild = Living | Crowded | Attacked
