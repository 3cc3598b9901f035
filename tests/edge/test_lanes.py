"""Lanes to web: places, queues, and who is told to come again."""

import asyncio

import pytest

from hiwar.door.http import Problem, Request
from hiwar.edge.lanes import Lane, Lanes


def ask(path: str, method: str = "GET") -> Request:
    return Request(method, path, path, {}, {}, "192.0.2.1", secure=False)


async def test_a_lane_has_so_many_places_and_the_next_waits_for_one() -> None:
    lane, done = Lane(1, wait_s=1.0), asyncio.Event()

    async def pass_through() -> None:
        async with lane:
            await done.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(pass_through())
        await asyncio.sleep(0)
        group.create_task(pass_through())
        await asyncio.sleep(0)
        assert lane.counts["through"] == 1
        done.set()
    assert lane.counts["through"] == 2


async def test_who_waits_too_long_or_finds_the_queue_full_is_told_when_to_come_again() -> None:
    lane = Lane(1, queue_max=1, wait_s=0.05)
    async with lane:
        waiting = asyncio.gather(*(enter(lane) for _ in range(2)), return_exceptions=True)
        outcomes = await waiting
    assert all(isinstance(each, Problem) and each.status == 503 for each in outcomes)
    assert all(each.headers["Retry-After"] for each in outcomes if isinstance(each, Problem))
    assert lane.counts["busy"] == 2
    await enter(lane)


async def enter(lane: Lane) -> None:
    async with lane:
        pass


@pytest.mark.parametrize(
    ("request_", "conversation", "name"),
    [
        (ask("/c/abcdef1"), True, "pages"),
        (ask("/c/nothing1"), False, "others"),
        (ask("/login"), False, "others"),
        (ask("/login", "POST"), False, "costly"),
        (ask("/c/abcdef1", "DELETE"), True, "costly"),
    ],
)
def test_what_is_costly_never_takes_the_place_of_a_page(
    request_: Request, conversation: bool, name: str
) -> None:
    lanes = Lanes()
    assert lanes.of(request_, conversation=conversation) is getattr(lanes, name)
