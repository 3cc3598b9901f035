"""The archive's budget: how many transfers at once, and each of them as a body that can be stopped.

More than `TRANSFERS_MAX` at once, or `PER_CLIENT_MAX` for one address, are told to come back: time shift
and replays come after everything that is live. A transfer asks once a second whether it still may go on,
so that hiding a conversation also ends downloads that have begun.
"""

from collections import Counter
from collections.abc import Callable

from hiwar.archive.ranges import Span
from hiwar.archive.sources import BLOCK_BYTES, Source
from hiwar.door.http import Problem
from hiwar.ops import clock

TRANSFERS_MAX = 128  # each holds a block of 128 KiB and a descriptor
PER_CLIENT_MAX = 16  # a household, or a few tabs; a segment is over in a moment
RETRY_SECONDS = 2
CHECK_SECONDS = 1.0


class Budget:
    """Counts the transfers that are on their way."""

    def __init__(self, transfers_max: int = TRANSFERS_MAX, per_client_max: int = PER_CLIENT_MAX) -> None:
        self.refused = 0
        self._transfers_max = transfers_max
        self._per_client_max = per_client_max
        self._clients: Counter[str] = Counter()

    @property
    def active(self) -> int:
        return self._clients.total()

    def take(self, client: str) -> None:
        """Count one more transfer of `client`.

        Raises:
            Problem: 503 when there are too many, 429 when this client has too many.
        """
        crowded = self.active >= self._transfers_max
        if crowded or self._clients[client] >= self._per_client_max:
            self.refused += 1
            raise Problem(
                503 if crowded else 429,
                "Too many recordings are being fetched at the moment; try again in a few seconds.",
                {"Retry-After": str(RETRY_SECONDS)},
                arabic="تُجلب تسجيلات كثيرة في هذه اللحظة؛ حاول بعد ثوانٍ.",
            )
        self._clients[client] += 1

    def give_back(self, client: str) -> None:
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


class Transfer:
    """The bytes of `span` of a source, block by block. Gives its place back when it ends, is closed, or is
    thrown away unread."""

    def __init__(
        self, source: Source, span: Span, budget: Budget, client: str, may_go_on: Callable[[], None]
    ) -> None:
        budget.take(client)
        self._source, self._at, self._end = source, span.start, span.end
        self._budget: Budget | None = budget
        self._client, self._may_go_on = client, may_go_on
        self._checked_at = clock.monotonic()

    def __aiter__(self) -> "Transfer":
        return self

    async def __anext__(self) -> bytes:
        if self._at >= self._end:
            await self.aclose()
            raise StopAsyncIteration
        if clock.monotonic() - self._checked_at >= CHECK_SECONDS:
            self._may_go_on()
            self._checked_at = clock.monotonic()
        block = await self._source.read(self._at, min(BLOCK_BYTES, self._end - self._at))
        self._at += len(block)
        return block

    async def aclose(self) -> None:
        self._release()

    def __del__(self) -> None:
        self._release()

    def _release(self) -> None:
        budget, self._budget = getattr(self, "_budget", None), None
        if budget is not None:
            budget.give_back(self._client)
