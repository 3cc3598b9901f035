"""What the machine's owner may ask of a worker, on `<runtime>/edge-<pid>.control` (HTTP, mode 0600).

GET  /status      what it serves and counts
POST /interval    {"conversation": "...", "interval_ms": 1280}: lead its listeners there by a ramp
"""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from hiwar.door.client import UpstreamClient
from hiwar.door.http import Problem, Request, Response
from hiwar.edge.rhythm import INTERVAL_MS_MAX, INTERVAL_MS_MIN
from hiwar.edge.stages import Stages
from hiwar.ops.clock import monotonic

ANSWER_BYTES_MAX = 1024 * 1024


class IntervalOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A write interval set by hand, 80 to 1920 ms."""

    conversation: str
    interval_ms: int


def make_control(
    stages: Stages, figures: Callable[[], dict[str, Any]]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a worker's control socket; `figures` are shown in its status."""

    async def answer(request: Request) -> Response:
        if (request.method, request.path) == ("GET", "/status"):
            return _json({**figures(), "conversations": conversation_figures(stages)})
        if (request.method, request.path) == ("POST", "/interval"):
            return _set_interval(stages, request.body)
        raise Problem(404, "There is nothing at this address.")

    return answer


def conversation_figures(stages: Stages) -> dict[str, Any]:
    """Of each conversation: listeners by feed, write interval, and whether its stage is heard."""
    now = monotonic()
    return {
        name: {
            "attached": broadcast.channel.attached,
            "on_air": broadcast.channel.on_air,
            "listeners": broadcast.listeners(now),
            "feeds": {feed: len(fanout.listeners) for feed, fanout in broadcast.fanouts.items()},
            "hls": broadcast.leases.count(now),
            "followers": len(broadcast.board.followers),
            "interval_chunks": broadcast.fanouts["opus"].rhythm.target,
        }
        for name, broadcast in stages.broadcasts.items()
    }


def _set_interval(stages: Stages, body: bytes) -> Response:
    try:
        order = msgspec.json.decode(body, type=IntervalOrder)
    except msgspec.MsgspecError as error:
        raise Problem(400, f"Not an order: {error}") from error
    if not INTERVAL_MS_MIN <= order.interval_ms <= INTERVAL_MS_MAX:
        raise Problem(400, f"interval_ms must be from {INTERVAL_MS_MIN} to {INTERVAL_MS_MAX}.")
    broadcast = stages.broadcasts.get(order.conversation)
    if broadcast is None:
        raise Problem(404, "This worker does not hear that conversation.")
    broadcast.change_interval(order.interval_ms)
    return _json({"listeners": broadcast.listeners(monotonic())})


def _json(record: object) -> Response:
    return Response(200, {"Content-Type": "application/json"}, msgspec.json.encode(record))


async def set_interval(runtime: Path, conversation: str, interval_ms: int) -> int:
    """Lead a conversation's listeners of all workers to a write interval; returns how many workers agreed."""
    order = msgspec.json.encode(IntervalOrder(conversation, interval_ms))
    answers = [
        await _ask(path, "POST", "/interval", order) for path in sorted(runtime.glob("edge-*.control"))
    ]
    return sum(answer is not None for answer in answers)


async def worker_figures(runtime: Path) -> list[dict[str, Any]]:
    """The status of every worker that answers."""
    answers = [await _ask(path, "GET", "/status", b"") for path in sorted(runtime.glob("edge-*.control"))]
    return [msgspec.json.decode(answer) for answer in answers if answer is not None]


async def _ask(path: Path, method: str, target: str, body: bytes) -> bytes | None:
    client = UpstreamClient(path)
    try:
        with contextlib.suppress(ConnectionError):
            answer = await client.request(method, target, [("Host", "edge")], body)
            content = await answer.read(ANSWER_BYTES_MAX)
            return content if answer.status == 200 else None
    finally:
        client.close()
    return None
