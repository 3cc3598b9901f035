"""A live listener's ticket: the signed number of a seat. Pure.

A ticket is a token of the kind `ticket`; its subject is the seat's serial in 16 hexadecimal digits, its
role the listener's class as one digit (what the classes mean is admission's business). It proves that the
seat was given; whether it still is, the seat table says.
"""

from hiwar.tokens.token import InvalidToken, Kind, Token, parse_token, render_token

SERIAL_CHARS = 16  # 64 bits, always written in full, so that tickets of a conversation have one length
CLASS_MAX = 9  # one digit

_TICKET = Kind.TICKET
_CLASSES = {str(number): number for number in range(CLASS_MAX + 1)}


def render_ticket(serial: int, conversation: str, listener_class: int, expires: int, key: bytes) -> str:
    """The ticket as text: `serial` 1..2^64-1, `listener_class` 0..9, `expires` in wallclock seconds."""
    assert 0 < serial < 1 << 64
    assert 0 <= listener_class <= CLASS_MAX
    return render_token(Token(_TICKET, conversation, f"{serial:016x}", f"{listener_class:d}", expires), key)


def parse_ticket(text: str, key: bytes, *, conversation: str, wallclock: float) -> tuple[int, int]:
    """The serial and the class of a ticket that is whole, signed by `key`, of this conversation, in time.

    Raises:
        InvalidToken: with one sentence that may be shown to the person who sent it.
    """
    token = parse_token(text, key, kind=_TICKET, conversation=conversation, wallclock=wallclock)
    try:
        serial, listener_class = int(token.subject, 16), _CLASSES[token.role]
    except (ValueError, KeyError) as error:  # signed by us, so only an old format gets here
        raise InvalidToken("This link is of an older form.") from error
    if serial <= 0 or len(token.subject) != SERIAL_CHARS:
        raise InvalidToken("This link is of an older form.")
    return serial, listener_class
