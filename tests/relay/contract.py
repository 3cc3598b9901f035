"""What every adapter of the relay keeps. A test module of an adapter subclasses `RelayContract`."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from hiwar.media.feed import Chunk
from hiwar.relay.messages import AnyData, Ended, Event, Health, Hello, Media
from hiwar.relay.ports import Publisher, Subscription
from hiwar.relay.records import Specification

SPECIFICATION = Specification(id="contract1", title="حوار & dialogue")
HELLO = Hello(SPECIFICATION, incarnation=1, origin_wallclock=1000.0, inits={"opus": b"init"})


def chunk(number: int, size: int = 500) -> Chunk:
    return Chunk("opus", number, number.to_bytes(4, "big") * (size // 4))


async def take(subscription: Subscription, count: int) -> list[AnyData]:
    """The next `count` messages (or fewer, if the stage ends)."""
    taken: list[AnyData] = []
    async with asyncio.timeout(10):
        async for message in subscription:
            taken.append(message)
            if len(taken) == count:
                break
    return taken


class Bench:
    """One publisher and the means to subscribe to it."""

    publisher: Publisher

    async def subscribe(self) -> Subscription:
        raise NotImplementedError


class RelayContract:
    def bench(self) -> AbstractAsyncContextManager[Bench]:
        raise NotImplementedError

    async def test_messages_arrive_whole_and_in_order(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            subscription = await bench.subscribe()
            assert await take(subscription, 1) == [HELLO]
            for number in range(50):
                bench.publisher.chunk(chunk(number))
            bench.publisher.event(Event(0, "levels", b"{}"))
            taken = await take(subscription, 51)
            assert [m.chunk for m in taken if isinstance(m, Media)] == [chunk(n) for n in range(50)]
            assert taken[-1] == Event(0, "levels", b"{}")

    async def test_the_speakers_health_is_told_to_who_is_there_and_not_kept(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            early = await bench.subscribe()
            assert await take(early, 1) == [HELLO]
            bench.publisher.health(Health(1.5, 2.0, 0.25))
            assert await take(early, 1) == [Health(1.5, 2.0, 0.25)]
            late = await bench.subscribe()
            assert await take(late, 1) == [HELLO]
            bench.publisher.event(Event(0, "levels", b"{}"))
            assert await take(late, 1) == [Event(0, "levels", b"{}")]

    async def test_a_newcomer_gets_hello_then_the_last_state_then_the_backlog(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            for number in range(2000):
                bench.publisher.chunk(chunk(number))
            bench.publisher.event(Event(1, "state", b"old"))
            bench.publisher.event(Event(2, "state", b"new"))
            subscription = await bench.subscribe()
            taken = await take(subscription, 3)
            assert taken[:2] == [HELLO, Event(2, "state", b"new")]
            first = taken[2]
            assert isinstance(first, Media)
            assert 1999 - first.chunk.number in range(750, 850)  # a minute of 80 ms chunks, and little more

    async def test_whoever_subscribes_before_hello_gets_everything_from_hello_on(self) -> None:
        async with self.bench() as bench:
            subscription = await bench.subscribe()
            await asyncio.sleep(0.05)
            bench.publisher.hello(HELLO)
            bench.publisher.chunk(chunk(0))
            assert await take(subscription, 2) == [HELLO, Media(chunk(0))]

    async def test_one_that_does_not_read_costs_the_others_nothing_and_memory_is_bounded(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            stuck = await bench.subscribe()
            stuck.transport.pause_reading()  # type: ignore[attr-defined]
            lively = await bench.subscribe()
            sent = 400
            reading = asyncio.gather(take(lively, sent + 1))
            for number in range(sent):
                bench.publisher.chunk(chunk(number, 100_000))
                await asyncio.sleep(0)
            (taken,) = await reading
            assert [m.chunk.number for m in taken if isinstance(m, Media)] == list(range(sent))
            assert bench.publisher.dropped > 0  # type: ignore[attr-defined]

    async def test_listeners_reported_by_all_subscribers_are_added_up(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            first, second = await bench.subscribe(), await bench.subscribe()
            first.report(3)
            second.report(4)
            await _until(lambda: bench.publisher.listeners == 7)
            await second.close()
            await _until(lambda: bench.publisher.listeners == 3)

    async def test_the_end_is_told_to_those_who_come_after_it_too(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            bench.publisher.ended(960)
            assert await take(await bench.subscribe(), 2) == [HELLO, Ended(960)]

    async def test_iteration_ends_when_the_stage_is_gone(self) -> None:
        async with self.bench() as bench:
            bench.publisher.hello(HELLO)
            subscription = await bench.subscribe()
            await take(subscription, 1)
            await bench.publisher.close()
            assert await take(subscription, 1) == []


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
