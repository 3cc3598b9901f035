"""The front door as backstage sees it: two small files, looked at once a second, told to who leads.

An event `front` is {"state", "age_s", "wishes", "step"}: `relay.front.FrontState` (null where the front
door does not report), how old it was when it was sent, `FrontWishes`, and by how many seats one "let more
people in" goes. What is long in a state (`notices`, `history`) is left out where it is as told before, so
that a host's phone spends its line on the sound.

A look is a `stat`, and a read of a few kilobytes where the file was replaced. Nothing here waits for the
edge: where its file is missing or damaged there is no state, and wishes are written all the same.
"""

import asyncio
from pathlib import Path
from typing import Any, Protocol

import msgspec
import structlog

from hiwar.backstage.feed import render_event
from hiwar.ops.clock import wallclock
from hiwar.relay.directory import Directory
from hiwar.relay.front import (
    FrontState,
    FrontWishes,
    read_front_state,
    read_front_wishes,
    seats_step,
    write_front_wishes,
)

LOOK_S = 1.0  # as often as the edge's parent writes
_LONG = ("notices", "history")
_NOTHING = dict.fromkeys(_LONG)
_log = structlog.get_logger()


class Audience(Protocol):
    """The pages of all who lead."""

    @property
    def led(self) -> bool: ...

    def tell_front(self, news: bytes, whole: bytes) -> None: ...


class FrontView:
    """What is known of the front door now. This process is the one writer of the wishes."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._seen: tuple[int, ...] | None = None
        self._state: FrontState | None = None
        self._wishes = read_front_wishes(directory) or FrontWishes()
        self._told: tuple[FrontState | None, FrontWishes] | None = None
        self._told_long: dict[str, Any] = _NOTHING

    @property
    def state(self) -> FrontState | None:
        """The state as it lies there, however old; None where there is none that can be read."""
        seen = _signature(self._directory.front_file)
        if seen != self._seen:
            self._seen = seen
            state = read_front_state(self._directory)
            if state is None and self._state is not None:
                _log.warning("the front door's state is gone or cannot be read")
            self._state = state
        return self._state

    @property
    def wishes(self) -> FrontWishes:
        return self._wishes

    def wish(self, wishes: FrontWishes) -> None:
        """From now on these are the wishes.

        Raises:
            OSError: they could not be written, and are as before.
        """
        write_front_wishes(self._directory, wishes)
        self._wishes = wishes

    def content(self, now_wallclock: float) -> dict[str, Any]:
        """All that is known."""
        state = self.state
        return {
            "state": None if state is None else msgspec.to_builtins(state),
            "age_s": None if state is None else round(max(0.0, now_wallclock - state.at_wallclock), 3),
            "wishes": self._wishes,
            "step": None if state is None else seats_step(state.seats),
        }

    def whole(self, now_wallclock: float) -> bytes:
        """The same as an event."""
        return render_event("front", self.content(now_wallclock))

    def news(self, now_wallclock: float) -> bytes:
        """An event with what changed since the last call; b'' where nothing did."""
        if self._told == (self.state, self._wishes):
            return b""
        self._told = (self._state, self._wishes)
        content = self.content(now_wallclock)
        long = {name: (content["state"] or _NOTHING)[name] for name in _LONG}
        for name in _LONG:
            if content["state"] is not None and long[name] == self._told_long[name]:
                del content["state"][name]
        self._told_long = long
        return render_event("front", content)


def tell_news(view: FrontView, audience: Audience) -> None:
    """Tell who leads, if somebody is there and there is anything new."""
    if not audience.led:
        return
    now = wallclock()
    if news := view.news(now):
        audience.tell_front(news, view.whole(now))


async def follow_front(view: FrontView, audience: Audience) -> None:
    """Tell the news of the front door as it comes, until cancelled."""
    while True:
        await asyncio.sleep(LOOK_S)
        try:
            tell_news(view, audience)
        except Exception:  # whatever is wrong with the front must not close the speakers' entrance
            _log.exception("the front door could not be looked at")


def _signature(path: Path) -> tuple[int, ...] | None:
    """What differs when a file was replaced; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_ino, found.st_size)
