"""The five rungs of the ladder, and what each of them means. Tables; nothing is decided here.

Each rung gives up what stands lower in the order of sacrifice before the next gives up more: everything
else and the archive at `busy` (before any live seat is refused), fresh pages and first-come at `limited`,
newcomers at `siege`, listening itself at `record-only`. A rung never changes what the speakers or the
recording get.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from hiwar.admission.classes import ListenerClass


class Rung(StrEnum):
    """In the order of severity."""

    OPEN = "open"
    BUSY = "busy"
    LIMITED = "limited"
    SIEGE = "siege"
    RECORD_ONLY = "record-only"

    @property
    def severity(self) -> int:
        """0 (`open`) to 4 (`record-only`)."""
        return _SEVERITY[self]


RUNGS = tuple(Rung)
_SEVERITY = {rung: number for number, rung in enumerate(RUNGS)}


class Pages(StrEnum):
    """Where pages come from."""

    FRESH = "fresh"  # from web, through the one-second cache
    CACHED = "cached"  # from the cache where it has them, however old; from web where not
    CACHE_ONLY = "cache-only"


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds on a rung.

    `comers`: the classes of which somebody may be given a seat. `seated`: who holds one goes on listening.
    `lottery`: seats are drawn, and not given to whoever comes first. `puzzle`: it may be asked for. `pages`:
    where they come from. `archive`: time shift and replays are served. `rest`: search, feeds, uploads and
    whatever else a site has are served.
    """

    comers: frozenset[ListenerClass]
    seated: bool
    lottery: bool
    puzzle: bool
    pages: Pages
    archive: bool
    rest: bool


_EVERYBODY = frozenset(ListenerClass)
_KNOWN = frozenset({ListenerClass.RETURNING, ListenerClass.INVITED})

RULES: Mapping[Rung, Rules] = MappingProxyType(
    {
        Rung.OPEN: Rules(_EVERYBODY, True, False, False, Pages.FRESH, True, True),
        Rung.BUSY: Rules(_EVERYBODY, True, False, False, Pages.FRESH, False, False),
        Rung.LIMITED: Rules(_EVERYBODY, True, True, True, Pages.CACHED, False, False),
        Rung.SIEGE: Rules(_KNOWN, True, True, False, Pages.CACHE_ONLY, False, False),
        Rung.RECORD_ONLY: Rules(frozenset(), False, False, False, Pages.CACHE_ONLY, False, False),
    }
)

LEGAL: Mapping[Rung, frozenset[Rung]] = MappingProxyType(
    {
        Rung.OPEN: frozenset({Rung.BUSY, Rung.LIMITED, Rung.SIEGE}),
        Rung.BUSY: frozenset({Rung.OPEN, Rung.LIMITED, Rung.SIEGE}),
        Rung.LIMITED: frozenset({Rung.BUSY, Rung.SIEGE}),
        Rung.SIEGE: frozenset({Rung.LIMITED, Rung.RECORD_ONLY}),
        Rung.RECORD_ONLY: frozenset({Rung.SIEGE}),
    }
)
"""Down by any number of rungs, but to `record-only` only from `siege`; up by one."""


class IllegalMove(ValueError):
    """A move that `LEGAL` does not have, or a hold that is none."""


def check_move(origin: Rung, to: Rung) -> None:
    """Return if the ladder has this move.

    Raises:
        IllegalMove: it has not.
    """
    if to not in LEGAL[origin]:
        raise IllegalMove(f"from {origin} to {to}")
