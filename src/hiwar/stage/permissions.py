"""Who may ask what of the room: one table and one rule.

The table says which role may do a thing at all and how the person it is done to must stand to them.
On oneself, everything that has a target is allowed: muting, unmuting, a new name, one's own gain,
leaving. What the host muted a guest cannot unmute; what somebody muted on their own microphone nobody
else opens (a microphone is never opened from afar): those two rules need the room's state and live there.
"""

from dataclasses import dataclass

from hiwar.relay.messages import CommandKind
from hiwar.relay.records import Role
from hiwar.stage.orders import Refused

RANK = {Role.GUEST: 0, Role.COHOST: 1, Role.HOST: 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """`rank` is the least one needed; `below` means the target must stand strictly below the actor,
    otherwise at most beside them."""

    rank: int
    targeted: bool = True
    below: bool = False


RULES: dict[CommandKind, Rule] = {
    "open_air": Rule(rank=1, targeted=False),
    "end": Rule(rank=1, targeted=False),
    "mute": Rule(rank=1),
    "unmute": Rule(rank=1),
    "gain": Rule(rank=1),
    "rename": Rule(rank=1),
    "remove": Rule(rank=1, below=True),
}


def check_permission(kind: CommandKind, role: Role, *, on_self: bool, target: Role | None) -> None:
    """Return if somebody of `role` may do `kind` (to themselves, or to somebody of role `target`).

    Raises:
        Refused: 403, with the sentence to show.
    """
    rule = RULES[kind]
    if rule.targeted and on_self:
        return
    if RANK[role] < rule.rank:
        raise Refused(403, "Only the host and co-hosts can do this.")
    if target is None:
        return
    allowed = RANK[role] - RANK[target] >= (1 if rule.below else 0)
    if not allowed and rule.below:
        raise Refused(403, "Nobody can remove the host, and only the host can remove a co-host.")
    if not allowed:
        raise Refused(403, "Only the host can change this for the host.")
