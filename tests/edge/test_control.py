"""What the machine's owner asks of a worker, and what is no order."""

import json
from collections import Counter
from typing import cast

import pytest

from hiwar.door.http import Problem, Request, Response
from hiwar.edge.broadcast import Broadcast, Manner
from hiwar.edge.control import make_control
from hiwar.edge.hls import Waiters
from hiwar.edge.stages import Stages
from hiwar.media.feed import ALL_FEEDS
from hiwar.relay.messages import Hello, Media
from tests.edge.fake_stage import made_up_chunk, specification

ID = "abcdef1"


class Hearing:
    """As far as the control socket knows it: a worker's `Stages` with one broadcast."""

    def __init__(self, *, lighter_made: bool) -> None:
        self.broadcast = Broadcast(ID, Manner(160, 1.0, 65_536), Counter(), Waiters())
        self.broadcasts = {ID: self.broadcast}
        inits = dict.fromkeys(ALL_FEEDS, b"") if lighter_made else {"opus": b""}
        self.broadcast.receive(Hello(specification(ID), 1, 0.0, inits), 0.0)

    async def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        control = make_control(cast(Stages, self), lambda: {"pid": 1})
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await control(Request(method, path, path, {}, {}, "", False, content))
        assert isinstance(response, Response)
        answer: dict[str, object] = json.loads(response.body)
        return answer


@pytest.mark.parametrize("made", [True, False])
async def test_lighter_renditions_are_ordered_and_shown(made: bool) -> None:
    hearing = Hearing(lighter_made=made)
    for lighter in (True, False):
        answer = await hearing.ask("POST", "/lighter", {"conversation": ID, "lighter": lighter})
        assert answer == {"listeners": 0, "made": made}
        status = await hearing.ask("GET", "/status")
        figures = cast(dict[str, dict[str, object]], status["conversations"])[ID]
        assert (figures["lighter"], figures["lighter_made"]) == (lighter, made)


async def test_what_an_order_releases_is_sent_at_once() -> None:
    hearing = Hearing(lighter_made=True)
    for number in range(3):
        for feed in ALL_FEEDS.values():
            hearing.broadcast.receive(Media(made_up_chunk(feed, number)), 0.0)
    await hearing.ask("POST", "/lighter", {"conversation": ID, "lighter": True})
    hearing.broadcast.receive(Media(made_up_chunk(ALL_FEEDS["opus"], 3)), 0.0)
    assert hearing.broadcast.fanouts["opus"].tick == 2
    await hearing.ask("POST", "/lighter", {"conversation": ID, "lighter": False})
    assert hearing.broadcast.fanouts["opus"].tick == 3


async def test_an_interval_is_ordered_and_shown() -> None:
    hearing = Hearing(lighter_made=False)
    await hearing.ask("POST", "/interval", {"conversation": ID, "interval_ms": 640})
    status = await hearing.ask("GET", "/status")
    assert cast(dict[str, dict[str, object]], status["conversations"])[ID]["interval_chunks"] == 8


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/lighter", {"conversation": ID, "lighter": 1}, 400),
        ("/lighter", {"conversation": ID}, 400),
        ("/lighter", {"conversation": ID, "lighter": True, "more": 1}, 400),
        ("/lighter", b"no", 400),
        ("/lighter", {"conversation": "another1", "lighter": True}, 404),
        ("/interval", {"conversation": ID, "interval_ms": 79}, 400),
        ("/interval", {"conversation": ID, "interval_ms": "80"}, 400),
        ("/interval", {"conversation": "another1", "interval_ms": 80}, 404),
        ("/other", {}, 404),
    ],
)
async def test_what_is_no_order_is_refused(path: str, body: object, status: int) -> None:
    with pytest.raises(Problem) as caught:
        await Hearing(lighter_made=True).ask("POST", path, body)
    assert caught.value.status == status
