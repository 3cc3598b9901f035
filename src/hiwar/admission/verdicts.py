"""What somebody is told who asks for a seat. Plain records, no behaviour; structs, which are made for each
question in a tenth of a frozen dataclass's time.

`serial` is the number under which they are known from now on: of the seat if they get one, of their entry in
the waiting room until then. It travels, signed, in the ticket or in the waiting token, and stays the same
all the way, so that winning needs no message: who waits looks whether a seat of their number is there.
"""

import msgspec

from hiwar.admission.answers import Refusal
from hiwar.admission.classes import ListenerClass
from hiwar.admission.prefix import Origin


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """Somebody who asks for a seat in a conversation.

    `listener_class` is what they have proved (signatures are checked before), `serial` the number in their
    ticket, voucher or waiting token, 0 of a newcomer. `patient`: they can be told to ask again. `capped`:
    their seat counts against what their network may hold.
    """

    origin: Origin
    listener_class: ListenerClass
    serial: int
    patient: bool
    capped: bool


class Admit(msgspec.Struct, frozen=True, gc=False):
    """They have a seat. `fresh`: it is given by this verdict, and the owner of the table must be told."""

    serial: int
    listener_class: ListenerClass
    fresh: bool


class Wait(msgspec.Struct, frozen=True, gc=False):
    """They wait, and take part in every draw; the owner of the waiting room must be told."""

    serial: int
    listener_class: ListenerClass


class Challenge(msgspec.Struct, frozen=True, gc=False):
    """As `Wait`; a puzzle of this effort would bring them into a better class."""

    serial: int
    listener_class: ListenerClass
    effort: int


class Refuse(msgspec.Struct, frozen=True, gc=False):
    """They do not get a seat, nor a place to wait. `ask_again_s`: not before so many seconds."""

    reason: Refusal
    ask_again_s: float


Verdict = Admit | Wait | Challenge | Refuse
