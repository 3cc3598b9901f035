"""The control channel's side of the stage: one request, one reply; and notices to whoever watches."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import TypeVar

from hiwar.relay.control import ControlPeer
from hiwar.relay.messages import (
    AddFile,
    Answer,
    Ask,
    Command,
    ControlMessage,
    Done,
    Leave,
    Notice,
    Offer,
    Trickle,
    Watch,
)
from hiwar.relay.ports import RequestFailed
from hiwar.relay.records import Person
from hiwar.stage.live import Live
from hiwar.stage.orders import Refused
from hiwar.stage.sources import FileSource, Source, SourceEvents, WebRtcSource, read_file_packets
from hiwar.stage.webrtc.options import RtcOptions

_Made = TypeVar("_Made", bound=Source)


class Desk:
    """Answers for one `Live`. `live` is set once, right after both are made."""

    live: Live

    def __init__(self, options: RtcOptions) -> None:
        self._options = options
        self._watching: set[ControlPeer] = set()

    async def answer(self, message: ControlMessage, peer: ControlPeer) -> ControlMessage:
        """Carry out one request.

        Raises:
            RequestFailed: it was refused, with the status and sentence for the asker.
        """
        try:
            return await self._answer(message, peer)
        except Refused as error:
            raise RequestFailed(error.status, error.reason) from error

    def notify(self) -> None:
        """The room, whole, to everybody who watches; peers that are gone are forgotten."""
        notice = Notice(room=self.live.describe())
        for peer in tuple(self._watching):
            if peer.transport is None or peer.transport.is_closing():
                self._watching.discard(peer)
            else:
                peer.send(notice)

    async def _answer(self, message: ControlMessage, peer: ControlPeer) -> ControlMessage:
        match message:
            case Offer():
                return await self._offer(message)
            case Trickle(resource=resource, fragment=fragment):
                await self._session(resource).add_candidates(fragment)
            case Leave(resource=resource):
                self._seat(resource)
                await self._close(resource)
            case AddFile():
                await self._add_file(message)
            case Command():
                self.live.command(message)
            case Watch():
                self._watching.add(peer)
            case Ask():
                return Notice(room=self.live.describe())
            case _:
                raise RequestFailed(400, "A stage does not know this request.")
        return Done()

    async def _offer(self, offer: Offer) -> Answer:
        resource, source = self._seat_new(
            offer.person, lambda events: WebRtcSource(self._options, events), resume=offer.resume
        )
        try:
            return Answer(sdp=await source.accept(offer.sdp), resource=resource)
        except BaseException:
            self.live.down(resource)
            raise

    async def _add_file(self, request: AddFile) -> None:
        packets = await asyncio.to_thread(read_file_packets, Path(request.path))
        _, source = self._seat_new(
            request.person, lambda events: FileSource(packets, events, self.live.on_air), resume=False
        )
        assert self.live.tasks is not None
        self.live.tasks.create_task(source.run())

    def _seat_new(
        self, person: Person, make: Callable[[SourceEvents], _Made], *, resume: bool
    ) -> tuple[str, _Made]:
        resource = token_hex(8)
        self.live.arrive(person, resource, resume=resume)
        return resource, self.live.cast.take(resource, person.id, make, self.live)

    def _seat(self, resource: str) -> Source:
        seat = self.live.cast.find(resource)
        if seat is None:
            raise RequestFailed(404, "There is no such session.")
        return seat.source

    def _session(self, resource: str) -> WebRtcSource:
        source = self._seat(resource)
        if not isinstance(source, WebRtcSource):
            raise RequestFailed(409, "This session takes no candidates.")
        return source

    async def _close(self, resource: str) -> None:
        source = self._seat(resource)
        self.live.down(resource)
        await source.close()
