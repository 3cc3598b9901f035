"""The table of who may do what."""

import contextlib
from itertools import product
from typing import get_args

import pytest

from hiwar.relay.messages import CommandKind
from hiwar.relay.records import Role
from hiwar.stage.orders import Refused
from hiwar.stage.permissions import RULES, check_permission

H, C, G = Role.HOST, Role.COHOST, Role.GUEST
ALLOWED_ON_OTHERS = {
    (kind, actor, target)
    for kind in ("mute", "unmute", "gain", "rename")
    for actor, target in [(H, H), (H, C), (H, G), (C, C), (C, G)]
} | {("remove", actor, target) for actor, target in [(H, C), (H, G), (C, G)]}


def test_every_command_has_a_rule() -> None:
    assert set(RULES) == set(get_args(CommandKind))


@pytest.mark.parametrize("kind", [kind for kind, rule in RULES.items() if rule.targeted])
def test_who_may_do_what_to_whom(kind: CommandKind) -> None:
    for actor, target in product(Role, Role):
        allowed = (kind, actor, target) in ALLOWED_ON_OTHERS
        with contextlib.nullcontext() if allowed else pytest.raises(Refused):
            check_permission(kind, actor, on_self=False, target=target)
        check_permission(kind, actor, on_self=True, target=actor)


@pytest.mark.parametrize("kind", ["open_air", "end"])
def test_host_and_cohosts_hold_the_air(kind: CommandKind) -> None:
    check_permission(kind, H, on_self=False, target=None)
    check_permission(kind, C, on_self=False, target=None)
    with pytest.raises(Refused):
        check_permission(kind, G, on_self=False, target=None)
