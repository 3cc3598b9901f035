"""The live conversation: holds the room, carries out what it orders, and tells everybody what changed.

Theory of operation. The room decides at once, in the loop's thread. What is quick is done at once too (a
voice is muted, a session closed); what may wait for the disk goes through one queue, in order, so that a
standing is never written before the air that it tells of. A ticker asks the room ten times a second what is
due by time alone, and sends at most one notice and one state for everything that changed since.

The frame clock runs in its own thread from the beginning to the end, and hands over once a frame.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from math import inf

import structlog

from hiwar.media.timeline import seconds
from hiwar.ops.clock import monotonic, wallclock
from hiwar.ops.supervision import wait_until
from hiwar.relay.directory import Directory
from hiwar.relay.messages import Command, Health
from hiwar.relay.ports import Publisher
from hiwar.relay.records import Person, Specification, Standing
from hiwar.relay.records import Room as RoomRecord
from hiwar.stage.broadcast import Broadcast
from hiwar.stage.bulletins import render_levels, render_state, somebody_speaks
from hiwar.stage.cast import Cast
from hiwar.stage.clock import FrameClock, stay
from hiwar.stage.lateness import LATE_SECONDS
from hiwar.stage.orders import (
    AdjustVoice,
    CloseSession,
    EndConversation,
    JournalLine,
    LeaveStage,
    Notify,
    OpenAir,
    Order,
    Orders,
    WriteStanding,
)
from hiwar.stage.program import FrameMade, Program
from hiwar.stage.room import Room
from hiwar.stage.roster import describe_speakers

TICK_SECONDS = 0.1  # and so at most ten notices a second
STATE_SECONDS = 2.0  # listeners get the state at least so often
HEALTH_SECONDS = 0.5
STANDING_SECONDS = 2.0  # after which a standing that the disk refused is tried again
LAST_WORDS_SECONDS = 1.0  # from Ended until the sockets close, so that the edges have it all
JOURNAL_LINES_MAX = (
    1_000  # that wait for the disk; a room makes a few a second at most, then they are dropped
)

_log = structlog.get_logger()


class StageBroken(RuntimeError):
    """One of the stage's threads ended by an error: the stage must be replaced."""


@dataclass(slots=True)
class _News:
    """What the ticker has to tell."""

    changed: bool = True
    levels: bool = False
    state_at: float = 0.0
    recording: str = "off"
    spoke: bool = False
    health_at: float = 0.0
    skipped: int = 0  # frames, when the health was told last


class Live:
    """One conversation on this stage. `notify` is called when the room page should be told; `lighter` says
    whether lighter renditions are made; `place_clock` is called in the frame clock's thread as it begins."""

    def __init__(
        self,
        specification: Specification,
        directory: Directory,
        publisher: Publisher,
        *,
        speakers_max: int,
        waiting_minutes: float,
        notify: Callable[[], None],
        lighter: bool = False,
        place_clock: Callable[[], None] = stay,
    ) -> None:
        self.specification = specification
        self.room = Room(speakers_max, waiting_minutes * 60)
        self.program = Program(speakers_max, self._frame_from_clock)
        self.clock = FrameClock(self.program.frame, self._broken, place=place_clock)
        self.broadcast = Broadcast(
            specification,
            directory.recording(specification.id),
            self.program,
            publisher,
            self._broken,
            lighter=lighter,
        )
        self.cast = Cast(self.program, self.broadcast.keep_packet)
        self.levels: dict[str, int] = {}
        self.on_air = asyncio.Event()  # set from the first opening on
        self._directory = directory
        self._publisher = publisher
        self._notify = notify
        self._loop = asyncio.get_running_loop()
        self._orders: asyncio.Queue[Order] = asyncio.Queue()  # lines are bounded; the others come once
        self._over = asyncio.Event()
        self._error: BaseException | None = None
        self._ended_wallclock: float | None = None
        self._news = _News()
        self._standing_due = False
        self.journal_dropped = 0
        self.tasks: asyncio.TaskGroup | None = None

    async def run(self, ready: asyncio.Event) -> None:
        """From the assignment to the end; `ready` is set when requests can be answered.

        Raises:
            StageBroken: a thread ended by an error.
            RecordingBusy, OSError: the recording of an earlier stage cannot be taken up.
        """
        async with asyncio.TaskGroup() as self.tasks:
            try:
                self._take_up()
                self.clock.start()
                ticker = self.tasks.create_task(self._tick())
                worker = self.tasks.create_task(self._carry_out_slowly())
                ready.set()
                await self._over.wait()
                for task in (ticker, worker):
                    task.cancel()
            finally:
                await self._leave()
        if self._error is not None:
            raise StageBroken("a thread of the stage ended by an error") from self._error

    # What comes in from the desk and the sources, in the loop's thread.

    def arrive(self, person: Person, resource: str, *, resume: bool) -> None:
        """Somebody asks for their place. Raises Refused."""
        self.carry_out(self.room.arrive(person, resource, monotonic(), resume=resume))

    def up(self, resource: str) -> None:
        self.carry_out(self.room.connected(resource, monotonic()))

    def fallen_silent(self, resource: str) -> None:
        self.carry_out(self.room.fallen_silent(resource, monotonic()))

    def down(self, resource: str) -> None:
        """A source is over: its voice leaves the mix, its place is kept."""
        self.cast.clear(resource)
        self.carry_out(self.room.gone(resource, monotonic()))

    def command(self, command: Command) -> None:
        """Raises Refused."""
        self.carry_out(self.room.command(command, monotonic()))

    def describe(self) -> RoomRecord:
        """The room as its page shows it."""
        room, broadcast = self.room, self.broadcast
        return RoomRecord(
            conversation=self.specification.id,
            title=self.specification.title,
            phase=room.phase,
            incarnation=broadcast.incarnation,
            media_time=broadcast.media_time,
            on_air_seconds=round(seconds(broadcast.media_time), 2),
            listeners=self._publisher.listeners,
            recording=broadcast.recording,
            ends_in_seconds=None if room.ends_at is None else max(0.0, room.ends_at - monotonic()),
            speakers=describe_speakers(room, self.cast, self.levels),
        )

    def carry_out(self, orders: Orders) -> None:
        """Do what is quick, queue what may wait for the disk."""
        for order in orders:
            match order:
                case AdjustVoice():
                    self.cast.adjust(order)
                case CloseSession(resource):
                    self._close(resource)
                case Notify():
                    self._news.changed = True
                case _:
                    self._queue(order)

    def _queue(self, order: Order) -> None:
        """For the worker. One standing in the queue is enough: it is made when it is written."""
        if isinstance(order, WriteStanding):
            if self._standing_due:
                return
            self._standing_due = True
        if isinstance(order, JournalLine) and self._orders.qsize() >= JOURNAL_LINES_MAX:
            self.journal_dropped += 1
            return
        self._orders.put_nowait(order)

    def _close(self, resource: str) -> None:
        source = self.cast.clear(resource)
        if source is not None and self.tasks is not None:
            self.tasks.create_task(source.close())

    # What takes its time.

    def _take_up(self) -> None:
        """Begin, or go on where an earlier stage of this conversation died. Salvaging, and hours of silence,
        may take seconds: people can come in meanwhile."""
        standing = self._directory.read_standing(self.specification.id)
        self.room.take_up(standing.phase, standing.people, monotonic())
        if self.room.on_air:
            self.carry_out((OpenAir(),))
        else:
            self.broadcast.greet()

    async def _open_air(self) -> None:
        await self.broadcast.start()
        self.on_air.set()
        if self.broadcast.length:
            await self._end_again()

    async def _carry_out_slowly(self) -> None:
        while True:
            order = await self._orders.get()
            match order:
                case OpenAir():
                    await self._open_air()
                case JournalLine(kind, fields):
                    self.broadcast.journal(kind, fields)
                case WriteStanding():
                    self._standing_due = False
                    if not await self._write_standing():
                        self._loop.call_later(STANDING_SECONDS, self.carry_out, (order,))
                case EndConversation():
                    await self._end()
                case LeaveStage():
                    self._over.set()

    async def _write_standing(self) -> bool:
        """False if the disk refused, which must not end the conversation: it is tried again."""
        standing = Standing(
            phase=self.room.phase,
            opened_wallclock=self.broadcast.opened_wallclock,
            ended_wallclock=self._ended_wallclock,
            duration=self.broadcast.length,
            people=self.room.people,
        )
        try:
            await asyncio.to_thread(self._directory.write_standing, self.specification.id, standing)
        except OSError as error:
            _log.error("the standing could not be written", reason=str(error))
            return False
        return True

    async def _end(self) -> None:
        """Everything whole and on disk, then told, then over."""
        self._tell_state()
        await self.broadcast.end()
        await self._say_ended()

    async def _end_again(self) -> None:
        """The earlier stage died after the recording was whole, and before everybody was told."""
        self.room.end_at_once()
        await self._say_ended()

    async def _say_ended(self) -> None:
        """The standing first, however long the disk refuses: without it another stage would begin again."""
        self._ended_wallclock = wallclock()
        await wait_until(self._write_standing, inf, every=STANDING_SECONDS)
        self._publisher.ended(self.broadcast.length)
        self._notify()
        await asyncio.sleep(LAST_WORDS_SECONDS)
        self._over.set()

    async def _leave(self) -> None:
        """Stop the clock; close every source; what is recorded goes to the disk."""
        await asyncio.to_thread(self.clock.stop)
        await asyncio.gather(*(seat.source.close() for seat in self.cast.seats()))
        await self.broadcast.leave()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self.carry_out(self.room.tick(monotonic()))
            news = self._news
            if news.recording != self.broadcast.recording:
                news.recording, news.changed = self.broadcast.recording, True
            self.cast.read_health()
            self._tell_health()
            if (news.changed or monotonic() - news.state_at >= STATE_SECONDS) and not self.broadcast.length:
                self._tell_state()
            if news.changed or news.levels:
                news.changed = news.levels = False
                self._notify()

    def _tell_health(self) -> None:
        """How punctual the frames of the last second were, for who must cut back before speakers notice."""
        news, now = self._news, monotonic()
        if now - news.health_at < HEALTH_SECONDS or self.broadcast.length:
            return
        latest, late = self.clock.lateness.recent(LATE_SECONDS)
        skipped, news.skipped = self.clock.skipped - news.skipped, self.clock.skipped
        passed_over = skipped / (now - news.health_at)
        news.health_at = now
        self._publisher.health(Health(latest * 1000, late + passed_over, self.broadcast.recorder_lag_seconds))

    def _tell_state(self) -> None:
        self._news.state_at = monotonic()
        body = render_state(
            self.room.phase,
            self._publisher.listeners,
            seconds(self.broadcast.media_time),
            self.room.people,
        )
        self.broadcast.announce("state", body)

    # What comes from the clock's thread.

    def _frame_from_clock(self, made: FrameMade) -> None:
        self._loop.call_soon_threadsafe(self._frame_made, made)

    def _frame_made(self, made: FrameMade) -> None:
        for source, packet in made.returns:
            source.send(packet)
        self.broadcast.publish(made.chunks)
        if made.ended is not None:
            self.broadcast.frame_ended(made.ended)
        if made.levels is not None:
            self._take_levels(made.levels)

    def _take_levels(self, levels: dict[str, int]) -> None:
        """Levels while somebody speaks, and once more when all have fallen silent."""
        self.levels = levels
        speaks = somebody_speaks(levels)
        if speaks or self._news.spoke:
            self._news.levels = True
            if self.room.on_air:
                self.broadcast.announce("levels", render_levels(levels))
        self._news.spoke = speaks

    def _broken(self, error: BaseException) -> None:
        """Any thread: a stage that cannot do all its work is replaced, at once."""
        _log.error("a thread of the stage broke", error=repr(error), exc_info=error)
        self._error = error
        self._loop.call_soon_threadsafe(self._over.set)
