"""Is the speaker still there? Consent freshness (RFC 7675), asked often enough to notice in seconds.

While sound comes in, sound is the answer, and only every fifth second a STUN check asks as the RFC wants.
When it stops, checks go out each second. No sign of life for `DISCONNECTED_SECONDS` is "disconnected",
for `FAILED_SECONDS` "failed"; any sign in between is "connected" again.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from aioice.stun import TransactionError

from hiwar.ops import clock
from hiwar.stage.webrtc import patches
from hiwar.stage.webrtc.options import SessionState

LOOK_SECONDS = 1.0
ASK_SECONDS = 5.0  # RFC 7675 section 5.1
DISCONNECTED_SECONDS = 2.5
FAILED_SECONDS = 12.0  # RFC 7675 allows up to 30; a speaker is better off coming back anew


def judge_silence(silent_seconds: float) -> SessionState:
    """What so long a silence means."""
    if silent_seconds >= FAILED_SECONDS:
        return "failed"
    return "disconnected" if silent_seconds >= DISCONNECTED_SECONDS else "connected"


async def watch_consent(
    connection: Any, heard: Callable[[], float], on_state: Callable[[SessionState], None]
) -> None:
    """Runs from the end of ICE until the speaker is lost or the session is closed (cancelled).

    `heard` says when media last came (monotonic seconds). `on_state` is called at every look.
    """
    answered = asked = clock.monotonic()
    while True:
        await asyncio.sleep(LOOK_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 - RFC 7675: spread
        now = clock.monotonic()
        if now - max(heard(), answered) >= LOOK_SECONDS or now - asked >= ASK_SECONDS:
            asked = now
            if await _answers(connection):
                answered = clock.monotonic()
        state = judge_silence(clock.monotonic() - max(heard(), answered))
        on_state(state)
        if state == "failed":
            return


async def _answers(connection: Any) -> bool:
    """One STUN check on the selected pair, sent twice at most (1.5 s)."""
    pair = patches.selected_pair(connection)
    if pair is None:
        return False
    request = connection.build_request(pair, nominate=False)
    key = connection.remote_password.encode()
    try:
        await pair.protocol.request(request, pair.remote_addr, integrity_key=key, retransmissions=1)
    except (TransactionError, OSError, RuntimeError):
        return False
    return True
