"""The way out: from the opened air to the closed recording, and what listeners are sent meanwhile.

`Broadcast` owns the recorder, the threads of the slower encoders and the publisher, and gives the program
its air. Everything here runs in the loop's thread except where a docstring says otherwise; whatever may
wait for the disk runs in a worker thread and is awaited.

    start    opens (or salvages and goes on with) the recording; program and media time begin
    publish  chunks and events to the relay, once per frame
    end      the last chunks, ENDED in the journal, everything on disk, however long a full disk refuses it
    leave    everything on disk that can be, and no end: another stage goes on
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import structlog

from hiwar.media.feed import ALL_FEEDS, FEEDS, Chunk
from hiwar.media.packet import SpeakerPacket
from hiwar.media.timeline import samples
from hiwar.ops.clock import monotonic, wallclock
from hiwar.packager.feeds import init_bytes
from hiwar.recording.journal import JournalKind
from hiwar.recording.recorder import CLOSE_SECONDS, Recorder, read_boot_id
from hiwar.recording.salvage import Resumption
from hiwar.relay.messages import Event, Hello
from hiwar.relay.ports import Publisher
from hiwar.relay.records import Specification
from hiwar.stage.air import Air, record_chunks
from hiwar.stage.continuity import Moment, elapsed_samples, lay_silence, outage_fields, start_media_time
from hiwar.stage.lighter import lighter_lines
from hiwar.stage.lines import OpusLine, opus_line, slow_lines
from hiwar.stage.program import Program
from hiwar.stage.slow import SlowLines

END_SECONDS_MAX = 7 * 24 * 3600.0  # that the end of a recording is kept in memory until somebody makes room
SILENCE_BYTES_MAX = 24 * 1024 * 1024  # that wait for the disk while hours are filled; the rest is for sound
LIGHTER_FRAMES_MAX = 50  # a second that waits for the lighter encoders: edges give full chunks long before
PUBLISHED_SILENCE_SECONDS = 64  # of an outage, as much as the relay keeps: older silence is only recorded

_log = structlog.get_logger()


def read_clocks() -> Moment:
    return Moment(read_boot_id(), monotonic(), wallclock())


def feed_inits(feeds: Iterable[str]) -> dict[str, bytes]:
    """The header bytes of each feed."""
    return {name: init_bytes(name) for name in feeds}


class Broadcast:
    """See the module. `failed` is told, in any thread, of an error that the stage cannot outlive; `lighter`
    says whether lighter renditions are made."""

    def __init__(
        self,
        specification: Specification,
        folder: Path,
        program: Program,
        publisher: Publisher,
        failed: Callable[[BaseException], None],
        *,
        lighter: bool = False,
    ) -> None:
        self.incarnation = 1
        self.opened_wallclock: float | None = None
        self.length = 0  # media time at the end, once it is known
        self._specification = specification
        self._folder = folder
        self._program = program
        self._publisher = publisher
        self._failed = failed
        self._loop = asyncio.get_running_loop()
        self._recorder: Recorder | None = None
        self._slow: SlowLines | None = None
        self._lighter: SlowLines | None = None
        self._makes_lighter = lighter
        self._air: Air | None = None
        self._closing = False
        self._closed = False
        self._length_known = asyncio.Event()
        self._publish_from = 0

    @property
    def media_time(self) -> int:
        """Of the frame that is being made; the length after the end; 0 before the air opened."""
        return self.length or (self._air.media_time if self._air else 0)

    @property
    def recording(self) -> str:
        """As `Room.recording`: "off" again when everything is on disk."""
        return "off" if self._recorder is None or self._closed else self._recorder.status

    @property
    def recorder_lag_seconds(self) -> float:
        return self._recorder.lag_seconds if self._recorder is not None else 0.0

    @property
    def recorder_dropped(self) -> int:
        """Chunks, packets and lines that were lost for want of disk and memory."""
        return self._recorder.dropped_units if self._recorder is not None else 0

    @property
    def slow_behind(self) -> int:
        """Frames that wait for the slower encoders."""
        return self._slow.behind if self._slow is not None else 0

    @property
    def slow_dropped(self) -> int:
        return self._slow.frames_dropped if self._slow is not None else 0

    def greet(self) -> None:
        """Tell subscribers what this is; again when the origin of media time is known."""
        origin = self.opened_wallclock or 0.0
        inits = feed_inits(ALL_FEEDS if self._makes_lighter else FEEDS)
        self._publisher.hello(Hello(self._specification, self.incarnation, origin, inits))

    async def start(self) -> None:
        """Open the air, or go on with the recording that an earlier stage left. If that one had ended it,
        there is no air, and `length` is known.

        Raises:
            RecordingBusy: another process records this conversation.
            OSError: the recording cannot be read.
        """
        recorder, resumption = await asyncio.to_thread(
            Recorder.open, self._folder, inits=feed_inits(FEEDS), failed=self._failed
        )
        self._recorder = recorder
        if resumption is None:
            self.opened_wallclock = wallclock()
            self.greet()
            self._go_on_air(opus_line(), None, self._first_frame)
            return
        self.incarnation = resumption.incarnation
        self.opened_wallclock = resumption.anchor.wallclock
        self._publish_from = elapsed_samples(resumption.anchor, read_clocks())
        self._publish_from -= samples(PUBLISHED_SILENCE_SECONDS)
        self.greet()
        if resumption.ended:
            self.length = resumption.media_time
            await self._close(END_SECONDS_MAX)
        else:
            await self._resume(resumption)

    def publish(self, chunks: Sequence[Chunk]) -> None:
        """To the relay, in order."""
        for chunk in chunks:
            if chunk.media_time >= self._publish_from:
                self._publisher.chunk(chunk)

    def announce(self, kind: str, body: bytes) -> None:
        """An event to all who listen, however they do."""
        self._publisher.event(Event(self.media_time, kind, body))
        if self._air is not None:
            self._air.announce(kind, body)

    def journal(self, kind: JournalKind, fields: dict[str, Any]) -> None:
        """A line at this media time; nothing before the air opened."""
        if self._recorder is not None:
            self._recorder.write_journal(kind, self.media_time, **fields)

    def keep_packet(self, person: str, packet: SpeakerPacket) -> None:
        """Record a packet that arrived now; nothing unless the air is open."""
        if self._recorder is not None and self._air is not None and not self._closing:
            self._recorder.write_packet(person, packet, self._air.media_time)

    def frame_ended(self, length: int) -> None:
        """The program's last frame says the conversation's length."""
        self.length = length
        self._length_known.set()

    async def end(self) -> None:
        """Close the air and the recording. Afterwards all of it is on disk, and `length` is known. On a full
        disk this waits for room: what is in memory is all there is of it."""
        finished = asyncio.Event()
        self._closing = True
        self._program.end_air(lambda: self._call(finished.set))
        await finished.wait()
        await self._length_known.wait()
        self.journal(JournalKind.ENDED, {})
        await self._close(END_SECONDS_MAX)
        await self._stop(self._lighter)

    async def leave(self) -> None:
        """Get what there is onto the disk; the conversation goes on elsewhere. Harmless after the end."""
        await self._stop(self._lighter)
        await self._stop(self._slow)
        await self._close(CLOSE_SECONDS)

    @staticmethod
    async def _stop(encoders: SlowLines | None) -> None:
        if encoders is not None:
            await asyncio.to_thread(encoders.stop)

    async def _close(self, seconds_max: float) -> None:
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close, seconds_max)
            self._closed = True

    def _go_on_air(self, line: OpusLine, next_chunk: dict[str, int] | None, begin: Callable[[], int]) -> None:
        assert self._recorder is not None
        slow = self._slow = SlowLines(slow_lines(next_chunk), self._deliver, self._failed, self._may_lay)
        slow.start()
        if self._makes_lighter:
            self._lighter = SlowLines(
                lighter_lines(),
                self._deliver,
                self._lighter_failed,
                name="lighter-encoders",
                frames_max=LIGHTER_FRAMES_MAX,
            )
            self._lighter.start()
        self._air = Air(self._recorder, line, slow, begin, self._lighter)
        self._program.go_on_air(self._air)

    def _lighter_failed(self, error: BaseException) -> None:
        """That thread. Nobody is worse off than without lighter renditions: the stage goes on."""
        _log.error("the lighter renditions broke", error=repr(error), exc_info=error)

    def _may_lay(self) -> bool:
        """Whether the recorder keeps up with a long silence. Any thread. Nobody waits for a disk that
        refuses: to be on air again counts for more than silence."""
        recorder = self._recorder
        return recorder is None or recorder.status != "on" or recorder.backlog_bytes < SILENCE_BYTES_MAX

    async def _resume(self, resumption: Resumption) -> None:
        line = opus_line(resumption.next_chunk)
        await asyncio.to_thread(
            lay_silence, line, resumption.anchor, read_clocks, self._deliver, self._may_lay
        )
        self._go_on_air(line, resumption.next_chunk, lambda: self._resumed_frame(resumption))

    def _first_frame(self) -> int:
        """The clock's thread, at the first frame on air."""
        assert self._recorder is not None
        self._recorder.write_journal(JournalKind.OPENED, 0)
        return 0

    def _resumed_frame(self, resumption: Resumption) -> int:
        """Likewise, for a stage that goes on: where, and what the journal says of it."""
        assert self._recorder is not None
        start = start_media_time(resumption.anchor, read_clocks(), resumption.media_time)
        for person in resumption.people:
            if person.here:
                self._recorder.write_journal(JournalKind.LEFT, resumption.media_time, person=person.id)
        self._recorder.write_journal(JournalKind.GAP, resumption.media_time, **outage_fields(start))
        self._recorder.write_journal(JournalKind.RESUMED, start, incarnation=resumption.incarnation)
        return start

    def _deliver(self, chunks: Sequence[Chunk]) -> None:
        """Chunks that were not made by the frame clock. Any thread."""
        if self._recorder is not None:
            record_chunks(self._recorder, chunks)
        fresh = [chunk for chunk in chunks if chunk.media_time >= self._publish_from]
        if fresh:
            self._call(self.publish, fresh)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)
