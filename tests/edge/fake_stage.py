"""A stage's end of the relay for tests: real chunks of made-up packets, pushed by hand or by the clock."""

import asyncio

from hiwar.media.feed import ALL_FEEDS, FEEDS, Chunk, Codec, Feed
from hiwar.media.timeline import CHUNK_SAMPLES
from hiwar.packager.feeds import init_bytes, render_chunk
from hiwar.relay.directory import Directory
from hiwar.relay.local import LocalPublisher
from hiwar.relay.messages import Event, Hello
from hiwar.relay.records import Specification, Visibility

STATE = b'{"phase":"live","listeners":0,"on_air_seconds":1.0,"speakers":[]}'


def made_up_chunk(feed: Feed, number: int) -> Chunk:
    """Chunk `number`, whose every byte says which one it is; its length says of which rendition."""
    rendition = feed.rendition
    frame = bytes([number % 251]) * (rendition.bitrate * rendition.frame_samples // (8 * 48_000))
    if rendition.codec is Codec.MP3:
        return Chunk(feed.name, number, frame * feed.frames_per_chunk)
    return render_chunk(feed, number, [frame] * feed.frames_per_chunk)


def specification(conversation: str, **changes: object) -> Specification:
    return Specification(id=conversation, title="A conversation", **changes)  # type: ignore[arg-type]


class FakeStage:
    """Publishes one conversation into a directory's data socket."""

    def __init__(
        self,
        directory: Directory,
        conversation: str,
        visibility: Visibility = Visibility.PUBLIC,
        *,
        lighter: bool = False,
    ) -> None:
        self.directory = directory
        self.specification = specification(conversation, visibility=visibility)
        self.publisher = LocalPublisher()
        self.media_time = 0
        self.feeds = ALL_FEEDS if lighter else FEEDS
        self.sent: dict[str, list[Chunk]] = {name: [] for name in self.feeds}

    async def start(self, media_time: int = 0) -> None:
        self.media_time = media_time
        self.directory.write_specification(self.specification)
        await self.publisher.start(self.directory.data_socket(self.specification.id))
        inits = {name: init_bytes(name) for name in self.feeds}
        self.publisher.hello(Hello(self.specification, 1, 1_700_000_000.0, inits))
        self.publisher.event(Event(media_time, "state", STATE))

    def step(self, count: int = 1) -> None:
        """`count` times 80 ms of sound."""
        for _ in range(count):
            self.media_time += CHUNK_SAMPLES
            for feed in self.feeds.values():
                if self.media_time % feed.chunk_samples == 0:
                    chunk = made_up_chunk(feed, self.media_time // feed.chunk_samples - 1)
                    self.sent[feed.name].append(chunk)
                    self.publisher.chunk(chunk)

    async def run(self, seconds_per_step: float = 0.08) -> None:
        """Step by the clock until cancelled, without drift."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self.step()
            due += seconds_per_step
            await asyncio.sleep(max(0.0, due - loop.time()))
