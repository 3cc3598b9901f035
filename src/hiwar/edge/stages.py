"""Which stages there are, and hearing each of them.

The runtime folder is looked at every `WATCH_SECONDS`; whoever has a data socket there is subscribed to,
and again when the subscription breaks: a stage that was killed is heard again as soon as its successor
listens. Fails open: while no stage answers, broadcasts stay as they are, with everybody in them.
"""

import asyncio
import contextlib
from collections import Counter

import structlog

from hiwar.edge.access import Access
from hiwar.edge.broadcast import Broadcast, Manner
from hiwar.edge.events import HEARTBEAT_SECONDS
from hiwar.edge.hls import Waiters
from hiwar.ops.clock import monotonic
from hiwar.relay.directory import Directory
from hiwar.relay.local import LocalSubscription
from hiwar.relay.messages import Ended
from hiwar.relay.records import Phase

WATCH_SECONDS = 0.2
REPORT_SECONDS = 1.0
KEPT_SECONDS = 120.0  # after the end: playlists that were given out stay good for a while
BROADCASTS_MAX = 256
GREETING_SECONDS_MAX = 0.5

_log = structlog.get_logger("edge.stages")


class Stages:
    """The broadcasts of this worker. `counts` are shared with the long responses."""

    def __init__(self, directory: Directory, access: Access, manner: Manner) -> None:
        self.broadcasts: dict[str, Broadcast] = {}
        self.counts: Counter[str] = Counter()
        self.waiters = Waiters()
        self._directory = directory
        self._access = access
        self._manner = manner
        self._followed: dict[str, LocalSubscription] = {}
        self._reported: dict[str, int] = {}

    async def run(self, started: asyncio.Event) -> None:
        """Watch until cancelled; `started` is set once what is on air at the start has been heard."""
        async with asyncio.TaskGroup() as group:
            await self._watch_once(group)
            if self._followed:
                await asyncio.sleep(GREETING_SECONDS_MAX / 5)
            started.set()
            group.create_task(self._keep_house())
            while True:
                await asyncio.sleep(WATCH_SECONDS)
                await self._watch_once(group)

    async def _watch_once(self, group: asyncio.TaskGroup) -> None:
        for conversation in self._directory.stages():
            if conversation in self._followed or not self._has_room(conversation):
                continue
            with contextlib.suppress(OSError):
                path = self._directory.data_socket(conversation)
                subscription = await LocalSubscription.connect(path)
                self._followed[conversation] = subscription
                group.create_task(self._follow(conversation, subscription))

    def _has_room(self, conversation: str) -> bool:
        return conversation in self.broadcasts or len(self.broadcasts) < BROADCASTS_MAX

    async def _follow(self, conversation: str, subscription: LocalSubscription) -> None:
        broadcast = self.broadcasts.get(conversation)
        if broadcast is None:
            broadcast = Broadcast(conversation, self._manner, self.counts, self.waiters)
            self.broadcasts[conversation] = broadcast
        broadcast.channel.attached = True
        try:
            async for message in subscription:
                broadcast.receive(message, monotonic())
        except (ValueError, OSError):
            _log.exception("a stage spoke what is not understood", conversation=conversation)
        finally:
            broadcast.channel.attached = False
            del self._followed[conversation]
            self._reported.pop(conversation, None)
            await subscription.close()

    async def _keep_house(self) -> None:
        """Once a second: counts to the stages, and who may no longer hear; now and then a heartbeat."""
        beat = 0.0
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            now = monotonic()
            beats = now - beat >= HEARTBEAT_SECONDS
            beat = now if beats else beat
            for conversation, broadcast in tuple(self.broadcasts.items()):
                self._report(conversation, broadcast.listeners(now))
                self._enforce(conversation, broadcast)
                if beats:
                    broadcast.board.beat()
                self._end_unheard(conversation, broadcast, now)
                over = broadcast.ended_at and now - broadcast.ended_at > KEPT_SECONDS
                if over or broadcast.forsaken:
                    del self.broadcasts[conversation]

    def _report(self, conversation: str, listeners: int) -> None:
        subscription = self._followed.get(conversation)
        if subscription is not None and self._reported.get(conversation, 0) != listeners:
            self._reported[conversation] = listeners
            subscription.report(listeners)

    def _end_unheard(self, conversation: str, broadcast: Broadcast, now: float) -> None:
        """A stage may have ended the conversation while this worker had lost it: then its file says so."""
        if broadcast.channel.attached or broadcast.channel.ended:
            return
        standing = self._access.known(conversation).standing
        if standing.phase is Phase.ENDED:
            broadcast.receive(Ended(standing.duration), now)

    def _enforce(self, conversation: str, broadcast: Broadcast) -> None:
        if not self._access.open_to(conversation, proven=False):
            broadcast.dismiss(keep_proven=self._access.open_to(conversation, proven=True))
