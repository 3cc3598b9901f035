"""The relay as each side sees it. The local adapter (`relay.local`) speaks over Unix sockets; one
contract suite (`tests/relay/contract.py`) holds for every adapter.
"""

from collections.abc import AsyncIterator
from typing import Protocol

from hiwar.media.feed import Chunk
from hiwar.relay.messages import AnyData, ControlMessage, Event, Health, Hello, Notice


class Publisher(Protocol):
    """The stage's end of the data channel. No method waits; the calls come from the loop's thread."""

    def hello(self, hello: Hello) -> None: ...
    def chunk(self, chunk: Chunk) -> None: ...
    def event(self, event: Event) -> None: ...
    def health(self, health: Health) -> None: ...
    def ended(self, media_time: int) -> None: ...
    @property
    def listeners(self) -> int:
        """The people that all subscribers last reported, added up."""
        ...

    async def close(self) -> None: ...


class Subscription(Protocol):
    """An edge's end: iterate for messages, in order; ends with the stage (not with the conversation)."""

    def __aiter__(self) -> AsyncIterator[AnyData]: ...
    def report(self, listeners: int) -> None: ...
    async def close(self) -> None: ...


class ControlClient(Protocol):
    async def request(self, message: ControlMessage) -> ControlMessage:
        """Send and wait for the reply with the same `call`.

        Raises:
            RequestFailed: the other side answered `Failed`.
            ConnectionError: the other side is gone.
        """
        ...

    def notices(self) -> AsyncIterator[Notice]:
        """Notices after `Watch`, until the other side is gone."""
        ...

    async def close(self) -> None: ...


class RequestFailed(Exception):
    """The other side said no: an HTTP status that fits, and one clear sentence."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
