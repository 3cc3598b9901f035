"""The states of a conversation as a table. An illegal move raises and changes nothing."""

from hiwar.relay.records import Phase

MOVES: dict[Phase, frozenset[Phase]] = {
    Phase.ANNOUNCED: frozenset({Phase.GREEN_ROOM}),
    Phase.GREEN_ROOM: frozenset({Phase.ANNOUNCED, Phase.LIVE}),
    Phase.LIVE: frozenset({Phase.WAITING, Phase.ENDED}),
    Phase.WAITING: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset(),
}

ON_AIR = frozenset({Phase.LIVE, Phase.WAITING})


class IllegalMove(ValueError):
    """A move that the table does not have."""


def move(phase: Phase, to: Phase) -> Phase:
    """`to`, if it may follow `phase`.

    Raises:
        IllegalMove: when the table has no such move.
    """
    if to not in MOVES[phase]:
        raise IllegalMove(f"a conversation cannot go from {phase} to {to}")
    return to
