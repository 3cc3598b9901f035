"""One connection of a door: bytes from the transport to requests, responses back, and its deadline.

Theory of operation: the reader holds what came; at most one request is being answered, in one task. Every
state has one absolute deadline on the server's wheel: a silent or dripping connection is closed by it, no
matter what it sends. After a problem in reading the answer is written, the sending side is shut, and what
still comes is thrown away for a moment (`linger_s`), so that a reset does not destroy the answer.

A request that the door's `refuse` turns away is answered at once, with no task and no drain. Until the door
has it forgotten, at latest after `refusal_s`, the same bytes get the same answer without being read or asked
about again: a flood on one connection then costs hardly more than the system's read and write. No clock is
read for a repetition, no deadline moved, and it is counted when it is forgotten. Who does not read such
answers, or has sent the next request before this one was answered, is let go.

An answer is given time by how fast it is taken: from one pause of the transport to the next, the client must
have taken what lies between the marks of its buffer within `write_stall_s`. Who does not is closed with RST,
so that the kernel too forgets what they have not read.

After a `Takeover` reader and request are dropped; what remains is this object's slots and the transport.
"""

import asyncio
import contextlib
import fcntl
import socket
import struct
import sys
import termios
from typing import TYPE_CHECKING, Protocol, cast

import structlog

from hiwar.door.head import REMEMBERED_BYTES_MAX, Draft
from hiwar.door.headers import render_head
from hiwar.door.http import Problem, Request, Response, Takeover
from hiwar.door.problems import render_problem
from hiwar.door.reader import Awaiting, RequestReader
from hiwar.door.respond import ResponseWriter
from hiwar.door.wheel import NEVER

if TYPE_CHECKING:
    from hiwar.door.server import DoorServer

_log = structlog.get_logger("door")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_RESET = struct.pack("ii", 1, 0)  # struct linger: on, 0 seconds


class Owner(Protocol):
    """Who took a connection over. Called in the loop; nothing is called after `connection_lost`."""

    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...
    def connection_lost(self) -> None: ...


class DoorConnection(asyncio.Protocol):
    """A connection. `transport` is None before it is made and after it is lost.

    `peer` is the address at the other end, or `UNIX_PEER`, or whom a proxy named by the PROXY protocol;
    `asked`: the bouncer was asked about it; `made`: the transport was there once.
    """

    __slots__ = (
        "_awaiting", "_closed_by", "_closing", "_discarded", "_owner", "_paused", "_reader",
        "_reading_paused", "_refusal", "_refused", "_repeats_left", "_repeats_max", "_requests", "_task",
        "_trusted", "_waiter", "asked", "deadline", "made", "peer", "scheduled", "secure", "server",
        "transport",
    )  # fmt: skip

    def __init__(self, server: "DoorServer", peer: str, *, secure: bool, trusted: bool) -> None:
        self.server = server
        self.secure = secure
        self.transport: asyncio.Transport | None = None
        self.peer = peer
        self.asked = not trusted
        self.made = False
        self.deadline = NEVER
        self.scheduled = 0
        self._trusted = trusted  # its headers may name the client
        self._reader: RequestReader | None = RequestReader(server.limits, server.body_bound, server.heads)
        self._requests = 0
        self._refused = b""  # the request just turned away, as it came; b'' once it is forgotten
        self._refusal = b""
        self._repeats_max = 0  # of it, before the connection's last request
        self._repeats_left = 0
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._owner: Owner | None = None
        self._paused = False
        self._reading_paused = False
        self._closing = False
        self._closed_by = 0.0  # once it is being closed
        self._discarded = 0
        self._awaiting: Awaiting | None = Awaiting.HEAD  # what the running deadline is for

    def introduce(self, client: str, *, secure: bool, trusted: bool, asked: bool) -> None:
        """A proxy has said whose connection this is (see `proxy`)."""
        self.peer = client
        self.secure = self.secure or secure
        self._trusted = trusted
        self.asked = asked

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.made = True
        self.transport.set_write_buffer_limits(high=self.server.limits.write_buffer_bytes)
        if self._closing:  # the door did, meanwhile
            self.transport.abort()
            return
        self.server.schedule(self, self.server.limits.head_s)

    def data_received(self, data: bytes) -> None:
        if data == self._refused and self._repeats_left and self.transport is not None:
            self._repeats_left -= 1
            self.transport.write(self._refusal)
            return
        self.forget_refusal()
        reader = self._reader
        if reader is None or self._closing:
            self._discard(len(data))
            return
        alone = not reader.buffered
        reader.feed(data)
        if self._task is None:
            self._read_on(reader, data if alone else b"")
        elif reader.buffered > self.server.limits.pipeline_bytes_max and self.transport:
            self.transport.pause_reading()
            self._reading_paused = True

    def eof_received(self) -> bool:
        """The client closed; half closed looks the same, and who asks by it gets no answer (nor by nginx)."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.deadline = NEVER
        self.forget_refusal()
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
        self.forget_refusal()
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
        if self.transport is None or self._is_leaving():
            return
        if self._task is not None:
            self.server.counts["stalled"] += 1
            self._reset()
            return
        if reader is None or self._closing or reader.awaiting is Awaiting.NOTHING:
            self.transport.abort()
            return
        self.server.counts["expired"] += 1
        self._refuse(Problem(408, "The request took too long."))

    # What handlers, responses and owners use.

    @property
    def closing(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    def write(self, piece: bytes | memoryview) -> None:
        """Give bytes to the transport; without `drain` (or an owner's pause) nothing bounds them."""
        if self.transport is not None:
            self.transport.write(piece)

    async def drain(self) -> None:
        """Wait until the transport's buffer is below its limit.

        Raises:
            ConnectionResetError: the client went away, or took too little within `write_stall_s`.
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
        self.forget_refusal()
        if self.transport is not None:
            self._leave()
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

    def _read_on(self, reader: RequestReader, received: bytes = b"") -> None:
        """Take up the next request, if it is whole; `received`: what the reader holds, if it came as one."""
        try:
            draft = reader.next_request()
        except Problem as problem:
            self._refuse(problem)
            return
        if draft is None:
            self._wait_for(reader)
            return
        self._take_up(draft, reader, received)

    def _take_up(self, draft: Draft, reader: RequestReader, received: bytes) -> None:
        """A whole request: turn it away, or have it answered."""
        server = self.server
        self._requests += 1
        client, secure = self.peer, self.secure
        if self._trusted:
            client, secure = server.trusted.origin(client, draft.headers, secure=secure)
        answer = server.refuse(draft, client) if server.refuse is not None else None
        if answer is not None:
            self._turn_away(draft, reader, answer, received)
            return
        server.counts["requests"] += 1
        self.deadline = NEVER
        self._awaiting = None
        self._task = server.start(self._answer(draft, client, secure=secure))

    def _turn_away(self, draft: Draft, reader: RequestReader, answer: bytes, received: bytes) -> None:
        server = self.server
        server.counts["turned_away"] += 1
        if self._paused or self.transport is None:  # who does not even read that they are turned away
            self._reset()
            return
        if draft.method == "HEAD":
            answer = answer[: answer.index(b"\r\n\r\n") + 4]
        if reader.buffered or self._is_last(draft):
            self.transport.write(answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            self._linger()
            return
        self.transport.write(answer)
        self._awaiting = Awaiting.NOTHING
        server.schedule(self, server.limits.refusal_s + server.limits.idle_s)  # repetitions do not move it
        if 0 < len(received) <= REMEMBERED_BYTES_MAX and not draft.length and not self._paused:
            self._refused, self._refusal = received, answer
            self._repeats_max = self._repeats_left = server.limits.requests_max - 1 - self._requests
            server.remember(self)

    def forget_refusal(self) -> None:
        """Whatever comes next is read and asked about; how often that was not done is counted now."""
        if not self._refused:
            return
        repeated = self._repeats_max - self._repeats_left
        self._requests += repeated
        self.server.counts["turned_away"] += repeated
        self._refused = b""

    def _is_last(self, draft: Draft) -> bool:
        """Whether the connection is closed after the answer to this request."""
        return self._closing or not draft.keep_alive or self._requests >= self.server.limits.requests_max

    def _wait_for(self, reader: RequestReader) -> None:
        """Set the deadline where the state changed: one that is running is never moved."""
        limits, awaiting = self.server.limits, reader.awaiting
        if reader.take_expectation():
            self.write(_CONTINUE)
        if awaiting is self._awaiting or (awaiting is Awaiting.NOTHING and self._awaiting is Awaiting.HEAD):
            return  # an empty line before the first request does not make it an idle connection
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
        """Shut the sending side and throw away what comes, until the client closes or `linger_s`; a TLS
        transport does both itself."""
        self._closing = True
        self._reader = None
        self._discarded = 0
        if self.transport is None:
            return
        if not self.transport.can_write_eof():
            self.close()
            return
        self.transport.write_eof()
        self._resume_reading()
        self._leave()

    def _leave(self) -> None:
        limits = self.server.limits
        self._closed_by = self.server.now() + limits.write_stall_s
        self.server.schedule(self, limits.linger_s)

    def _is_leaving(self) -> bool:
        """Being closed, with an answer still on its way: it gets another moment, until `_closed_by`."""
        if not self._closing or self.server.now() >= self._closed_by or not self._is_sending():
            return False
        self.server.schedule(self, self.server.limits.linger_s)
        return True

    def _is_sending(self) -> bool:
        """Whether not all of the answer has gone. A TLS transport hides what lies in the one below it: but
        while something does, the kernel's queue is not empty either."""
        transport = self.transport
        if transport is None or transport.get_write_buffer_size() > 0:
            return transport is not None
        peer = transport.get_extra_info("socket") if self.secure else None
        return peer is not None and _unacknowledged(peer.fileno()) > 0

    def _reset(self) -> None:
        """Close with RST, whatever is buffered here or in the kernel."""
        if self.transport is None:
            return
        peer = self.transport.get_extra_info("socket")
        if peer is not None:  # else TLS has just lost the one below it
            with contextlib.suppress(OSError):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def _discard(self, count: int) -> None:
        self._discarded += count
        if self._discarded > self.server.limits.discard_bytes_max and self.transport is not None:
            self.transport.abort()

    def _resume_reading(self) -> None:
        if self._reading_paused and self.transport is not None:
            self._reading_paused = False
            self.transport.resume_reading()

    # From a request to its answer.

    async def _answer(self, draft: Draft, client: str, *, secure: bool) -> None:
        """The task of one request. Nothing that a handler raises gets further than this."""
        keep = False
        try:
            outcome = await self._ask(draft, client, secure=secure)
            if isinstance(outcome, Takeover):
                self._hand_over(outcome)
                return
            writer = ResponseWriter(
                self,
                head_only=draft.method == "HEAD",
                http_1_0=draft.http_1_0,
                close=self._is_last(draft),
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

    async def _ask(self, draft: Draft, client: str, *, secure: bool) -> Response | Takeover:
        request = Request(
            draft.method, draft.path, draft.raw_target, draft.query, draft.headers, client, secure, draft.body
        )
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


def _unacknowledged(descriptor: int) -> int:
    """Bytes that the kernel has not seen acknowledged (SIOCOUTQ, tcp(7)); 0 where it cannot say."""
    try:
        answer = fcntl.ioctl(descriptor, termios.TIOCOUTQ, b"\0" * 4)
    except OSError:
        return 0
    return int.from_bytes(answer, sys.byteorder)
