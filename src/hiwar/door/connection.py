"""One connection of a door: bytes from the transport to requests, responses back, and its deadline.

Theory of operation: the reader holds what came; at most one request is being answered, in one task. Every
state has one absolute deadline on the server's wheel: a silent or dripping connection is closed by it, no
matter what it sends. After a problem in reading the answer is written, the sending side is shut, and what
still comes is thrown away for a moment (`linger_s`), so that a reset does not destroy the answer.

After a `Takeover` reader and request are dropped; what remains is this object's slots and the transport.
"""

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from hiwar.door.headers import render_head
from hiwar.door.http import Problem, Request, Response, Takeover
from hiwar.door.problems import render_problem
from hiwar.door.reader import Awaiting, Draft, RequestReader
from hiwar.door.respond import ResponseWriter
from hiwar.door.trusted import UNIX_PEER, plain_address
from hiwar.door.wheel import NEVER

if TYPE_CHECKING:
    from hiwar.door.server import DoorServer

_log = structlog.get_logger("door")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Owner(Protocol):
    """Who took a connection over. Called in the loop; nothing is called after `connection_lost`."""

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def connection_lost(self) -> None: ...


class DoorConnection(asyncio.Protocol):
    """A connection. `transport` is None before it is made and after it is lost."""

    __slots__ = (
        "_awaiting", "_closing", "_discarded", "_owner", "_paused", "_reader",
        "_reading_paused", "_task", "_waiter", "deadline", "peer", "scheduled", "secure", "server",
        "transport",
    )  # fmt: skip

    def __init__(self, server: "DoorServer", *, secure: bool) -> None:
        self.server = server
        self.secure = secure
        self.transport: asyncio.Transport | None = None
        self.peer = UNIX_PEER
        self.deadline = NEVER
        self.scheduled = 0
        self._reader: RequestReader | None = RequestReader(server.limits, server.body_bound)
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._owner: Owner | None = None
        self._paused = False
        self._reading_paused = False
        self._closing = False
        self._discarded = 0
        self._awaiting: Awaiting | None = Awaiting.HEAD  # what the running deadline is for

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.peer = plain_address(peer[0])
        self.transport.set_write_buffer_limits(high=self.server.limits.write_buffer_bytes)
        if not self.server.admit(self):
            self.transport.abort()
            return
        self.server.schedule(self, self.server.limits.head_s)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        if reader is None or self._closing:
            self._discard(len(data))
            return
        reader.feed(data)
        if self._task is None:
            self._read_on(reader)
        elif reader.buffered > self.server.limits.pipeline_bytes_max and self.transport:
            self.transport.pause_reading()
            self._reading_paused = True

    def eof_received(self) -> bool:
        """The client closed; half closed looks the same, and who asks by it gets no answer (nor by nginx)."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.deadline = NEVER
        self.server.forget(self)
        if self._task is not None:
            self._task.cancel()
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(ConnectionResetError("the client went away"))
        if self._owner is not None:
            self._owner.connection_lost()
        self._reader = self._owner = None

    def pause_writing(self) -> None:
        self._paused = True
        if self._owner is not None:
            self._owner.pause_writing()

    def resume_writing(self) -> None:
        self._paused = False
        if self._owner is not None:
            self._owner.resume_writing()
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def expired(self) -> None:
        """The wheel: the deadline of the present state has passed."""
        reader = self._reader
        if self.transport is None:
            return
        if reader is None or self._closing or self._task is not None or reader.awaiting is Awaiting.NOTHING:
            self.transport.abort()
            return
        self.server.counts["expired"] += 1
        self._refuse(Problem(408, "The request took too long."))

    # What handlers, responses and owners use.

    @property
    def closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def write(self, piece: bytes) -> None:
        """Give bytes to the transport; without `drain` (or an owner's pause) nothing bounds them."""
        if self.transport is not None:
            self.transport.write(piece)

    async def drain(self) -> None:
        """Wait until the transport's buffer is below its limit.

        Raises:
            ConnectionResetError: the client went away, or took nothing for `write_stall_s`.
        """
        if self.transport is None:
            raise ConnectionResetError("the client went away")
        if not self._paused:
            return
        self.server.schedule(self, self.server.limits.write_stall_s)
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self.deadline = NEVER

    def close(self) -> None:
        """Send what is buffered, then close; at latest after `write_stall_s`."""
        self._closing = True
        if self.transport is not None:
            self.server.schedule(self, self.server.limits.write_stall_s)
            self.transport.close()

    def abort(self) -> None:
        """Close at once, whatever is buffered."""
        if self.transport is not None:
            self.transport.abort()

    def take(self, owner: Owner) -> None:
        """From now on `owner` is told of pauses and of the end; what the client sends is thrown away."""
        self._owner = owner
        self._reader = None
        self.deadline = NEVER
        if self._paused:
            owner.pause_writing()

    def close_gracefully(self) -> None:
        """The door closes: whoever is being answered gets the answer, everybody else is closed now."""
        if self._task is None and self._owner is None:
            self.close()
        self._closing = True

    # From bytes to a request.

    def _read_on(self, reader: RequestReader) -> None:
        try:
            draft = reader.next_request()
        except Problem as problem:
            self._refuse(problem)
            return
        if draft is None:
            self._wait_for(reader)
            return
        self.deadline = NEVER
        self._awaiting = None
        self._task = self.server.start(self._answer(draft))

    def _wait_for(self, reader: RequestReader) -> None:
        """Set the deadline where the state changed: one that is running is never moved."""
        limits, awaiting = self.server.limits, reader.awaiting
        if reader.take_expectation():
            self.write(_CONTINUE)
        if awaiting is self._awaiting:
            return
        self._awaiting = awaiting
        seconds = {
            Awaiting.NOTHING: limits.idle_s,
            Awaiting.HEAD: limits.head_s,
            Awaiting.BODY: limits.body_s,
        }
        self.server.schedule(self, seconds[awaiting])

    def _refuse(self, problem: Problem) -> None:
        response = render_problem({}, problem)
        assert isinstance(response.body, bytes)
        framed = {**response.headers, "Content-Length": str(len(response.body))}
        self.server.counts["refused"] += 1
        self.write(render_head(response.status, framed, close=True) + response.body)
        self._linger()

    def _linger(self) -> None:
        """Shut the sending side and throw away what comes, until the client closes or `linger_s`."""
        self._closing = True
        self._reader = None
        self._discarded = 0
        if self.transport is None:
            return
        if not self.transport.can_write_eof():
            self.close()
            return
        unsent = self.transport.get_write_buffer_size() > 0
        self.transport.write_eof()
        self._resume_reading()
        limits = self.server.limits
        self.server.schedule(self, limits.write_stall_s if unsent else limits.linger_s)

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > self.server.limits.discard_bytes_max and self.transport is not None:
            self.transport.abort()

    def _resume_reading(self) -> None:
        if self._reading_paused and self.transport is not None:
            self._reading_paused = False
            self.transport.resume_reading()

    # From a request to its answer.

    async def _answer(self, draft: Draft) -> None:
        """The task of one request. Nothing that a handler raises gets further than this."""
        keep = False
        try:
            outcome = await self._ask(draft)
            if isinstance(outcome, Takeover):
                self._hand_over(outcome)
                return
            writer = ResponseWriter(
                self,
                head_only=draft.method == "HEAD",
                http_1_0=draft.http_1_0,
                close=self._closing or not draft.keep_alive,
            )
            keep = await writer.write(outcome)
        except ConnectionError:
            self.abort()
        except Exception:
            _log.exception("response failed", door=self.server.name, path=draft.path)
            self.server.counts["failed"] += 1
            self.abort()
        finally:
            self._task = None
        self._answered(keep=keep)

    async def _ask(self, draft: Draft) -> Response | Takeover:
        client, secure = self.server.trusted.origin(self.peer, draft.headers, secure=self.secure)
        request = Request(
            draft.method, draft.path, draft.raw_target, draft.query, draft.headers, client, secure, draft.body
        )
        self.server.counts["requests"] += 1
        try:
            return await self.server.handler(request)
        except Problem as problem:
            return render_problem(draft.headers, problem)
        except ConnectionError:
            raise
        except Exception:
            _log.exception("handler failed", door=self.server.name, path=draft.path)
            self.server.counts["failed"] += 1
            return render_problem(draft.headers, Problem(500, "Something went wrong here."))

    def _hand_over(self, takeover: Takeover) -> None:
        self._reader = None
        self._discarded = 0
        self._resume_reading()
        if self.transport is not None:
            takeover.attach(self)

    def _answered(self, *, keep: bool) -> None:
        reader = self._reader
        if self.transport is None or self.transport.is_closing():
            return
        if not keep or self._closing or reader is None:
            self._linger()
            return
        self._resume_reading()
        self._read_on(reader)
