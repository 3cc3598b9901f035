"""What the machine's owner may ask of a worker, on `<runtime>/edge-<pid>.control` (HTTP, mode 0600).

GET  /status      what it serves and counts
POST /interval    {"conversation": "...", "interval_ms": 1280}: lead its listeners there by a ramp; from then
                  on the load does not choose it any more
POST /lighter     {"conversation": "...", "lighter": true}: give them the lighter renditions, or no longer
"""

import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from hiwar.door.client import UpstreamClient
from hiwar.door.http import Problem, Request, Response
from hiwar.edge.broadcast import Broadcast
from hiwar.edge.rhythm import INTERVAL_MS_MAX, INTERVAL_MS_MIN
from hiwar.edge.stages import Stages
from hiwar.ops.clock import monotonic

ANSWER_BYTES_MAX = 1024 * 1024

Order = TypeVar("Order", bound=msgspec.Struct)


class IntervalOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A write interval set by hand, 80 to 1920 ms."""

    conversation: str
    interval_ms: int


class LighterOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lighter renditions for everybody, or the full ones again."""

    conversation: str
    lighter: bool


def make_control(
    stages: Stages, figures: Callable[[], dict[str, Any]]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of a worker's control socket; `figures` are shown in its status."""

    async def answer(request: Request) -> Response:
        if (request.method, request.path) == ("GET", "/status"):
            return _json({**figures(), "conversations": conversation_figures(stages)})
        if (request.method, request.path) == ("POST", "/interval"):
            return _set_interval(stages, request.body)
        if (request.method, request.path) == ("POST", "/lighter"):
            return _set_lighter(stages, request.body)
        raise Problem(404, "There is nothing at this address.")

    return answer


def conversation_figures(stages: Stages) -> dict[str, Any]:
    """Of each conversation: listeners by feed, write interval, whether its stage is heard, and whether
    lighter renditions are wished for (`lighter`) and made."""
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
            "lighter": broadcast.channel.lighter,
            "lighter_made": broadcast.channel.lighter_made,
        }
        for name, broadcast in stages.broadcasts.items()
    }


def _set_interval(stages: Stages, body: bytes) -> Response:
    order = _read_order(body, IntervalOrder)
    if not INTERVAL_MS_MIN <= order.interval_ms <= INTERVAL_MS_MAX:
        raise Problem(400, f"interval_ms must be from {INTERVAL_MS_MIN} to {INTERVAL_MS_MAX}.")
    broadcast = _find(stages, order.conversation)
    broadcast.interval_by_hand = True
    broadcast.change_interval(order.interval_ms)
    return _json({"listeners": broadcast.listeners(monotonic())})


def _set_lighter(stages: Stages, body: bytes) -> Response:
    """The wish is kept also where the stage makes none (`made` is false): its successor may."""
    order = _read_order(body, LighterOrder)
    broadcast = _find(stages, order.conversation)
    broadcast.use_lighter(order.lighter)
    made = broadcast.channel.lighter_made
    return _json({"listeners": broadcast.listeners(monotonic()), "made": made})


def _read_order(body: bytes, kind: type[Order]) -> Order:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise Problem(400, f"Not an order: {error}") from error


def _find(stages: Stages, conversation: str) -> Broadcast:
    broadcast = stages.broadcasts.get(conversation)
    if broadcast is None:
        raise Problem(404, "This worker does not hear that conversation.")
    return broadcast


def _json(record: object) -> Response:
    return Response(200, {"Content-Type": "application/json"}, msgspec.json.encode(record))


async def set_interval(runtime: Path, conversation: str, interval_ms: int) -> int:
    """Lead a conversation's listeners of all workers to a write interval; returns how many workers agreed."""
    return await _order(runtime, "/interval", IntervalOrder(conversation, interval_ms))


async def set_lighter(runtime: Path, conversation: str, lighter: bool) -> int:
    """Give a conversation's listeners of all workers the lighter renditions, or no longer; returns how many
    workers agreed."""
    return await _order(runtime, "/lighter", LighterOrder(conversation, lighter))


async def _order(runtime: Path, target: str, order: msgspec.Struct) -> int:
    body = msgspec.json.encode(order)
    answers = [await _ask(path, "POST", target, body) for path in sorted(runtime.glob("edge-*.control"))]
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
