"""Takes layers out of a Hiwar, for tests only: on PYTHONPATH of an instance, with `ABLATED` naming them.

Python imports this module at the start of every process (site, the standard library). A module that is named
in `PATCHES` is loaded as it is, and then changed, before anybody imports from it.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

NEVER_S = 1e6
ENDLESS = 1 << 40


def deadlines(limits: Any) -> None:
    """No connection is ever closed for taking its time."""
    _set_defaults(limits.DoorLimits, dict.fromkeys(
        ("head_s", "body_s", "idle_s", "write_stall_s", "handshake_s", "handshake_crowded_s"), NEVER_S
    ))  # fmt: skip


def bounds(limits: Any) -> None:
    """A head and a body may be of any size."""
    names = (
        "head_bytes_max",
        "target_bytes_max",
        "body_bytes_max",
        "pipeline_bytes_max",
        "discard_bytes_max",
    )
    _set_defaults(limits.DoorLimits, dict.fromkeys(names, ENDLESS))


def bouncer(module: Any) -> None:
    """Nobody is turned away for what their network does."""
    module.FrontBouncer.opened = lambda self, peer: True
    module.FrontBouncer.closed = lambda self, peer: None
    module.FrontBouncer.refuse = lambda self, draft, client: None


def limits(module: Any) -> None:
    """No network is limited in anything."""
    module.PrefixLimits.wait_s = lambda self, origin, now, cost=1.0: 0.0


def web(module: Any) -> None:
    """As much is asked of web as comes."""
    module.WEB_LIMITS = module.ClientLimits(connections_max=10_000, queue_max=10_000, queue_s=600.0)


def signatures(token: Any) -> None:
    """Every token is taken for ours."""
    token.compare_digest = lambda one, other: True


def newest(usher: Any) -> None:
    """The older connections of a ticket go on."""
    whole = usher.Usher.seat

    def seat(self: Any, serial: int, connection: Any) -> Any:
        self._open.pop(serial, None)
        return whole(self, serial, connection)

    usher.Usher.seat = seat


def caps(shares: Any) -> None:
    """One network may hold every seat."""
    shares.decide_site_cap = lambda seats, free, strained, growth=1.0: seats


def efforts(puzzle: Any) -> None:
    """A puzzle may take as long as the queue is."""
    puzzle.EFFORT_MAX = 9_999_999


def once(spent: Any) -> None:
    """An answer counts as often as it is brought."""
    spent.Spent.look = lambda self, answer, epoch: spent.Standing.FREE
    spent.Spent.take = spent.Spent.look


def attempts(module: Any) -> None:
    """Passwords are tried without end."""
    module.Attempts.allows = lambda self, key, now: True


def lanes(module: Any) -> None:
    """Whatever costs much takes every place."""
    module.PAGES_PLACES = module.OTHERS_PLACES = module.COSTLY_PLACES = module.QUEUE_MAX = 10_000


def grace(seats: Any) -> None:
    """A seat is gone with its connection."""
    seats.GRACE_S = 0.0


PATCHES: dict[str, tuple[tuple[str, Callable[[Any], None]], ...]] = {
    "hiwar.door.limits": (("deadlines", deadlines), ("bounds", bounds)),
    "hiwar.edge.bouncer": (("bouncer", bouncer),),
    "hiwar.tokens.token": (("signatures", signatures),),
    "hiwar.edge.usher": (("newest", newest),),
    "hiwar.admission.shares": (("caps", caps),),
    "hiwar.admission.puzzle": (("efforts", efforts),),
    "hiwar.admission.spent": (("once", once),),
    "hiwar.web.accounts.attempts": (("attempts", attempts),),
    "hiwar.edge.lanes": (("lanes", lanes),),
    "hiwar.edge.passthrough": (("web", web),),
    "hiwar.admission.limits": (("limits", limits),),
    "hiwar.admission.seats": (("grace", grace),),
}
NAMES = tuple(name for patches in PATCHES.values() for name, _ in patches)


class Ablating(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the modules of `PATCHES` as everybody else does, and changes them once they are loaded."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = wanted
        self._finding = False
        self._loaders: dict[str, Any] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in PATCHES or self._finding:
            return None
        self._finding = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._finding = False
        if spec is not None and spec.loader is not None:
            self._loaders[name], spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        made: ModuleType | None = self._loaders[spec.name].create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        self._loaders[module.__name__].exec_module(module)
        for name, change in PATCHES[module.__name__]:
            if name in self._wanted:
                change(module)


def _set_defaults(kind: Any, values: dict[str, Any]) -> None:
    """Other defaults of a dataclass; all its fields have one."""
    names = tuple(kind.__dataclass_fields__)
    kind.__init__.__defaults__ = tuple(
        values.get(name, former) for name, former in zip(names, kind.__init__.__defaults__, strict=True)
    )


if os.environ.get("ABLATED"):
    sys.meta_path.insert(0, Ablating(os.environ["ABLATED"].split(",")))
