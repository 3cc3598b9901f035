"""Brings listeners to their seats: the shell around one worker's `admission.gate`.

    POST /c/<id>/seat   asks for a seat, or asks again (`edge.asking` has the words)
    GET  a long response or a playlist: with a ticket its seat, without one as somebody who cannot wait

Rules
- A proof in the address (`t`) is judged by its signature once; then it is a serial and a class. A ticket is
  its seat. A personal voucher (role `p`, or `a` of an account) is one seat for its bearer, however often it
  is shown. A link's voucher, which many have, and a claim open the conversation and are no seat.
- A ticket without a seat only claims to come back: tickets are to be had for a moment's listening in calm
  times, and are good for hours. What the claim is worth the owner of the seats says (`admission.former`).
- What a known network speaks for it speaks for within it. A ticket or a waiting token made there says of its
  bearer what is so anywhere, or one machine there could hand out places that no network's share bounds.
- The newest connection of a seat wins: here at once, at another worker by the owner's word.
- Without an owner (it is being started again) seats that exist go on, and newcomers wait: fails closed for
  them, open for who is inside.

Theory of operation: the gate decides from what the owner last said and from the table, which is only read
here; what it decides is told over the socket pair. Connections are marked by a number of this worker's own,
so that a late goodbye is never taken for a newer connection's.
"""

import asyncio
import contextlib
import socket
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from secrets import randbits

import msgspec

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.gate import Gate
from hiwar.admission.limits import Exempt
from hiwar.admission.prefix import Origin, hashed, origin_of
from hiwar.admission.puzzle import Judgement
from hiwar.admission.readings import WorkerReading
from hiwar.admission.rungs import RULES, Rules, Rung
from hiwar.admission.seat_rows import SeatView
from hiwar.admission.verdicts import Admit, Arrival, Challenge, Verdict, Wait
from hiwar.door.connection import DoorConnection
from hiwar.door.http import Request
from hiwar.edge.orders import (
    PATIENCE_S,
    Connect,
    Disconnect,
    Dismiss,
    Enter,
    FromParent,
    Give,
    Keys,
    Ours,
    Renew,
    Report,
    Stand,
    Talkers,
    Told,
)
from hiwar.ops.clock import monotonic, wallclock
from hiwar.relay.framing import FramedProtocol, render_frame
from hiwar.tokens.ticket import parse_ticket, render_ticket
from hiwar.tokens.token import InvalidToken, Kind, claimed_kind, parse_token

TICKET_SECONDS = 12 * 3600  # a long evening; a seat that is used renews nothing, coming back gives a new one
RENEW_EVERY_S = 3.0  # a quarter of a lease: a playlist with parts is asked for three times a second
RENEWED_MAX = 20_000  # leases whose last renewal is remembered; the oldest is renewed once too often
SITES_CACHED = 8192
PERSONAL_ROLES = ("p", "a")

_decode = msgspec.msgpack.Decoder(FromParent).decode


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody showed: the number that they are known by (0: none), the class that it gives, and whether
    their seat counts against what their network may hold."""

    serial: int
    listener_class: ListenerClass
    capped: bool


class ParentEnd(FramedProtocol):
    """The worker's end of the socket pair."""

    def __init__(self, hear: Callable[[FromParent], None]) -> None:
        super().__init__()
        self._hear = hear

    def body_received(self, body: bytes) -> None:
        self._hear(_decode(body))

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def tell(self, message: Ours) -> None:
        if self.transport is not None:
            self.transport.write(render_frame(message))


class Usher:
    """See the module. `stand` is what the owner last said, None before it has spoken; `on_stand` is called
    with each. `key` signs tokens and hides networks in the table."""

    def __init__(
        self,
        seats: SeatView,
        key: bytes,
        exempt: Exempt,
        on_stand: Callable[[Stand], None],
        on_keys: Callable[[Keys], None],
    ) -> None:
        self.gate = Gate(seats, lambda: randbits(64) or 1, exempt)
        self.stand: Stand | None = None
        self._seats = seats
        self._key = key
        self._exempt = exempt
        self._on_stand = on_stand
        self._on_keys = on_keys
        self._parent: ParentEnd | None = None
        self._calls = 0
        self._marks = 0
        self._asked: dict[int, asyncio.Future[Told]] = {}
        self._open: dict[int, tuple[int, DoorConnection]] = {}  # mark and connection of a seat, by serial
        self._renewed: OrderedDict[int, float] = OrderedDict()
        self.site = lru_cache(SITES_CACHED)(lambda site: hashed(site, key))

    @property
    def rules(self) -> Rules:
        """What holds on the rung on which the front door stands; without an owner, as in calm."""
        return RULES[Rung(self.stand.rung)] if self.stand else RULES[Rung.OPEN]

    async def attend(self, end: socket.socket) -> None:
        """Hear and tell the owner over this socket from now on."""
        loop = asyncio.get_running_loop()
        _, self._parent = await loop.create_connection(lambda: ParentEnd(self._hear), sock=end)

    # What arrivals show, and what they are told.

    def read_proof(self, conversation: str, proof: str) -> Shown:
        """What a proof that opens the conversation is worth here; one that does not is worth nothing."""
        kind = claimed_kind(proof)
        with contextlib.suppress(InvalidToken):
            if kind is Kind.TICKET:
                serial, former = parse_ticket(
                    proof, self._key, conversation=conversation, wallclock=wallclock()
                )
                return Shown(serial, ListenerClass.RETURNING, former >= ListenerClass.SOLVED)
            if kind is Kind.VOUCHER:
                token = parse_token(
                    proof, self._key, kind=kind, conversation=conversation, wallclock=wallclock()
                )
                if token.role in PERSONAL_ROLES:
                    return Shown(personal_serial(conversation, token.subject), ListenerClass.INVITED, False)
        return Shown(0, ListenerClass.STRANGER, True)

    def decide(self, request: Request, shown: Shown, *, patient: bool) -> Verdict:
        """The gate's verdict; a seat that it gives is to be told to the owner (`give`)."""
        origin = origin_of(request.client)
        listener_class, capped = self._within(origin, shown.listener_class, shown.capped)
        seen = Origin(origin.finest, self.site(origin.site), origin.prefixes)
        arrival = Arrival(seen, listener_class, shown.serial, patient, capped)
        verdict = self.gate.decide(arrival, monotonic())
        if isinstance(verdict, Admit):
            said = said_of(shown, verdict.listener_class)
            if said is not verdict.listener_class:
                return Admit(verdict.serial, said, verdict.fresh)
        return verdict

    def give(self, verdict: Admit, request: Request, conversation: str) -> None:
        """Tell the owner of a fresh seat."""
        if verdict.fresh:
            origin = origin_of(request.client)
            held_as, _ = self._within(origin, verdict.listener_class, capped=False)
            site = self.site(origin.site)
            self._tell(Give(verdict.serial, conversation_key(conversation), held_as, site))

    def _within(
        self, origin: Origin, listener_class: ListenerClass, capped: bool
    ) -> tuple[ListenerClass, bool]:
        """Class, and whether capped, of somebody in their network: a known one speaks for its people."""
        if origin in self._exempt:
            return min(listener_class, ListenerClass.INVITED), False
        return listener_class, capped

    def unwelcome(self) -> tuple[Refusal, float]:
        """Why the owner turned away somebody whom the gate had let wait, and when they may ask again."""
        reason = Refusal.SIEGE if self.rules.comers else Refusal.RECORD_ONLY
        return reason, self.gate.posture.refused_again_s

    async def wait(
        self,
        verdict: Wait | Challenge,
        request: Request,
        conversation: str,
        *,
        capped: bool,
        judged: Judgement | None,
    ) -> Told | None:
        """Enter somebody into the waiting room, or let them ask again; None where the owner is away.
        `judged` is the solved puzzle's that came with the request."""
        origin = origin_of(request.client)
        _, counts = self._within(origin, verdict.listener_class, capped)
        self._calls += 1
        call = self._calls
        answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()
        self._asked[call] = answer
        self._tell(
            Enter(
                call,
                verdict.serial,
                conversation_key(conversation),
                verdict.listener_class,
                self.site(origin.site),
                region_of(origin),
                counts,
                judged.seed if judged else b"",
                judged.epoch if judged else 0,
            )
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._asked[call]

    def render_ticket(self, conversation: str, verdict: Admit) -> str:
        expires = int(wallclock()) + TICKET_SECONDS
        return render_ticket(verdict.serial, conversation, verdict.listener_class, expires, self._key)

    # What becomes of their connections.

    def seat(self, serial: int, connection: DoorConnection) -> Callable[[], None]:
        """A connection takes its seat; the older one of the same ticket is closed. Returns what is to be
        called when the connection is over."""
        self._marks += 1
        mark = self._marks
        former = self._open.get(serial)
        self._open[serial] = (mark, connection)
        self._tell(Connect(serial, mark))
        if former is not None:
            former[1].close()
        return lambda: self._unseat(serial, mark)

    def renew(self, serial: int) -> None:
        """A playlist was asked for with this ticket."""
        now, last = monotonic(), self._renewed.get(serial, 0.0)
        if now - last < RENEW_EVERY_S:
            return
        self._renewed[serial] = now
        self._renewed.move_to_end(serial)
        if len(self._renewed) > RENEWED_MAX:
            self._renewed.popitem(last=False)
        self._tell(Renew(serial))

    def report(self, reading: WorkerReading) -> None:
        self._tell(Report(reading))

    def tell_refused(self, talkers: Talkers) -> None:
        if talkers.refused:
            self._tell(talkers)

    def _unseat(self, serial: int, mark: int) -> None:
        held = self._open.get(serial)
        if held is not None and held[0] == mark:
            del self._open[serial]
        self._tell(Disconnect(mark))

    # The owner's word.

    def _tell(self, message: Ours) -> None:
        if self._parent is not None:
            self._parent.tell(message)

    def _hear(self, message: FromParent) -> None:
        match message:
            case Stand():
                self.stand = message
                self.gate.posture = message.posture
                self._on_stand(message)
            case Keys():
                self._on_keys(message)
            case Told(call):
                answer = self._asked.get(call)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case Dismiss(serial, displaced, mark):
                self._dismiss(serial, mark, displaced=displaced)

    def _dismiss(self, serial: int, mark: int, *, displaced: bool) -> None:
        if not displaced:
            self.gate.forget(serial)
        held = self._open.get(serial)
        if held is not None and held[0] == mark:
            del self._open[serial]
            held[1].close()


def said_of(shown: Shown, listener_class: ListenerClass) -> ListenerClass:
    """What a token may say of somebody to whom `listener_class` applies here and now."""
    bounded = shown.capped and listener_class < ListenerClass.SOLVED
    return ListenerClass.STRANGER if bounded else listener_class


@lru_cache(1024)
def conversation_key(conversation: str) -> int:
    """What stands for a conversation in the seat table, 64 bits."""
    return int.from_bytes(blake2b(conversation.encode(), digest_size=8).digest(), "big")


def personal_serial(conversation: str, subject: str) -> int:
    """The seat of a personal voucher: the same each time it is shown."""
    named = f"{conversation}/{subject}".encode()
    return int.from_bytes(blake2b(named, digest_size=8, person=b"voucher").digest(), "big") or 1


def region_of(origin: Origin) -> int:
    """The key of the larger network around a site: IPv4 /16, IPv6 /32."""
    return origin.prefixes[-1] >> (8 if len(origin.prefixes) == 2 else 16)
