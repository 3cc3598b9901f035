"""Lanes to web: what costs much, or may be anything, never takes the place of a conversation's page.

Rules
- Each request to web goes through one lane. A lane has so many places and so long a queue; who does not get
  through is told 503 and when to come again, at once or after `wait_s`.
- The lanes together have no more places than web has connections for, so that no lane waits for another.
"""

import asyncio
from collections import Counter
from types import TracebackType
from typing import Self

from hiwar.door.http import Problem, Request

PAGES_PLACES = 8  # a conversation's page, its status; each asked for once a second at most
OTHERS_PLACES = 6  # every other page; a flood of addresses that do not exist ends here
COSTLY_PLACES = 2  # a password is 19 ms of one core: 100 a second of two would be all of it
QUEUE_MAX = 32
WAIT_S = 2.0


class Lane:
    """`async with lane:` has a place of it, or raises Problem 503. `counts` has `through` and `busy`."""

    def __init__(self, places: int, queue_max: int = QUEUE_MAX, wait_s: float = WAIT_S) -> None:
        self.counts: Counter[str] = Counter()
        self._places = asyncio.Semaphore(places)
        self._queue_max = queue_max
        self._queued = 0
        self._wait_s = wait_s

    async def __aenter__(self) -> Self:
        if self._places.locked() and self._queued >= self._queue_max:
            raise self._busy()
        self._queued += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise self._busy() from error
        finally:
            self._queued -= 1
        self.counts["through"] += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._places.release()

    def _busy(self) -> Problem:
        self.counts["busy"] += 1
        return Problem(503, "The site is very busy; try again in a moment.", {"Retry-After": "2"})


class Lanes:
    """The lanes of one worker."""

    def __init__(self) -> None:
        self.pages = Lane(PAGES_PLACES)
        self.others = Lane(OTHERS_PLACES)
        self.costly = Lane(COSTLY_PLACES)

    def of(self, request: Request, *, conversation: bool) -> Lane:
        """The lane of a request; `conversation`: it is for the page of one that exists."""
        if request.method not in ("GET", "HEAD"):
            return self.costly
        return self.pages if conversation else self.others
