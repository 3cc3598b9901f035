"""The host's hand on the front door.

    GET  /b/<id>/front   how it stands and what is wished of it (see `front_view`)
    POST /b/<id>/front   one wish; the answer is all wishes as they are then
         {"hold": "siege" | null}     not an easier rung than this; null: as the door finds right. Nobody
                                      orders `record-only`: only the speakers' health leads there
         {"seats": 5000 | null}       not more seats than this; null: as many as the machine carries
         {"more": true}               let more people in, by one step; {"fewer": true} the other way
         {"notices": "auto" | "ask" | "off"}   what becomes of the texts that moves of the ladder draft
         {"approve": 1767225600.25}   publish the draft of this `at_wallclock`, where notices are asked for

A wish is a line in a file that the front door reads; it is kept also while that door does not report.
The front door is the machine's, so whoever leads a conversation here wishes for all of them.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from hiwar.admission.rungs import Rung
from hiwar.backstage.bodies import read_json, render_json
from hiwar.backstage.context import Context, problem
from hiwar.backstage.front_view import tell_news
from hiwar.backstage.passes import Admission
from hiwar.door.http import Request, Response
from hiwar.ops.clock import wallclock
from hiwar.relay.front import NOTICES_MAX, SEATS_MAX, FrontState, FrontWishes

_replace = msgspec.structs.replace


async def answer_front(context: Context, request: Request, conversation: str) -> Response:
    """Answer a request for /b/<conversation>/front."""
    context.specification(conversation)
    admission = context.admit(request, conversation)
    if not admission.leads:
        raise problem(403, "Only the host and co-hosts see and lead the front door.", "forbidden")
    if request.method == "GET":
        return render_json(200, context.front.content(wallclock()))
    context.refuse_ended(conversation)
    wishes = _wished(context, admission, *_read_wish(request))
    try:
        context.front.wish(wishes)
    except OSError as error:
        raise problem(503, "The wish could not be written down; please try once more.", "busy") from error
    tell_news(context.front, context.rooms)
    return render_json(200, wishes)


class Wish(NamedTuple):
    """One kind of wish: the form of its value, what to say where it has another, what it changes."""

    form: Any
    sentence: str
    change: Callable[[FrontWishes, Any, FrontState | None], FrontWishes]


def _step(wishes: FrontWishes, name: str) -> FrontWishes:
    return _replace(wishes, **{name: getattr(wishes, name) + 1})


def _set_notices(wishes: FrontWishes, mode: str, state: FrontState | None) -> FrontWishes:
    """What was public before one is asked stays so; only what comes from now on waits."""
    approved = wishes.approved
    if mode == "ask" and wishes.notices == "auto" and state is not None:
        approved = tuple(notice.at_wallclock for notice in state.notices)
    return _replace(wishes, notices=mode, approved=approved)


def _approve(wishes: FrontWishes, at_wallclock: float, state: FrontState | None) -> FrontWishes:
    """The draft may be shown. Of those allowed before, whatever the door still knows is kept."""
    if wishes.notices != "ask":
        raise problem(409, "Notices are not asked about, so none waits to be published.", "failed")
    known = [notice.at_wallclock for notice in state.notices] if state is not None else []
    if at_wallclock not in known:
        raise problem(404, "There is no such draft, or not any more.", "unknown")
    kept = [at for at in known if at in wishes.approved or at == at_wallclock]
    return _replace(wishes, approved=tuple(kept[-NOTICES_MAX:]))


_SEATS = Annotated[int, msgspec.Meta(ge=1, le=SEATS_MAX)]
WISHES: dict[str, Wish] = {
    "hold": Wish(
        Literal["open", "busy", "limited", "siege"] | None,
        "A state to hold is one of open, busy, limited, siege, or null.",
        lambda wishes, rung, _: _replace(wishes, hold=None if rung is None else Rung(rung)),
    ),
    "seats": Wish(
        _SEATS | None,
        f"A number of seats is a whole number from 1 to {SEATS_MAX}, or null.",
        lambda wishes, seats, _: _replace(wishes, seats=seats),
    ),
    "more": Wish(bool, "More people are let in by true.", lambda wishes, *_: _step(wishes, "more")),
    "fewer": Wish(bool, "Fewer people are let in by true.", lambda wishes, *_: _step(wishes, "fewer")),
    "notices": Wish(Literal["auto", "ask", "off"], "Notices are auto, ask or off.", _set_notices),
    "approve": Wish(float, "A draft is named by its at_wallclock, a number.", _approve),
}


def _read_wish(request: Request) -> tuple[Wish, Any]:
    """The one wish of a body.

    Raises:
        Problem: 400, 413 or 415, with a sentence.
    """
    body = read_json(request, dict[str, msgspec.Raw])
    if len(body) != 1 or not body.keys() <= WISHES.keys():
        raise problem(400, f"A body has exactly one of {', '.join(WISHES)}.", "failed")
    ((name, raw),) = body.items()
    wish = WISHES[name]
    try:
        value = msgspec.json.decode(raw, type=wish.form)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise problem(400, wish.sentence, "failed") from error
    if value is False:
        raise problem(400, wish.sentence, "failed")
    return wish, value


def _wished(context: Context, admission: Admission, wish: Wish, value: Any) -> FrontWishes:
    wishes = wish.change(context.front.wishes, value, context.front.state)
    return _replace(wishes, by=admission.link.serial, at_wallclock=wallclock())
