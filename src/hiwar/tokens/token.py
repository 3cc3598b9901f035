"""One signed format for every kind of token.

    base64url(JSON array [kind, conversation, subject, role, expires]) "." base64url(BLAKE2b-128)

The MAC is keyed BLAKE2b (RFC 7693) over the first half, personalised per kind, so that one kind can
never be passed off as another. Tokens travel in addresses and headers: they are plain ASCII without
padding, at most `TOKEN_CHARS_MAX` long. The signature proves; who is revoked, seated or used up is
the verifier's own table. Time is an argument: `wallclock` in UTC seconds.

Checking goes from the cheapest to the dearest, because most of what arrives in an attack is not ours:
length and alphabet, the MAC, and only then, on bytes that we wrote ourselves, decoding. A MAC is compared
as text, so that each token has exactly one spelling.
"""

from binascii import a2b_base64, b2a_base64
from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest

import msgspec

TOKEN_CHARS_MAX = 512
KEY_BYTES = 32
MAC_CHARS = 22  # 16 bytes in base64 without padding
OPENING_CHARS = 8  # 6 bytes of JSON: a bracket, a quote, and the four letters in which the kinds differ
KEYED_MAX = 16  # hash states made ready: six kinds, and three keys in a change of keys


class Kind(StrEnum):
    PASS = "pass"  # noqa: S105 - a speaker's or host's admission backstage; subject: the link's serial
    TICKET = "ticket"  # a live listener's seat
    WAITING = "waiting"  # a place among those who wait for one; subject: the seat's serial to be
    VOUCHER = "voucher"  # an invitation to listen
    CLAIM = "claim"  # the promise of the recording
    RESUME = "resume"  # the right to take up a broken connection; subject: the speaker's id


class InvalidToken(ValueError):
    """Not a token, not signed by this key, of another kind or conversation, or past its time."""


class Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """`expires` is wallclock seconds, 0 for never; `subject` and `role` mean what the kind says."""

    kind: Kind
    conversation: str
    subject: str
    role: str = ""
    expires: int = 0


_decode = msgspec.json.Decoder(Token).decode
_encode = msgspec.json.Encoder().encode
_TO_URL = bytes.maketrans(b"+/", b"-_")  # RFC 4648, section 5
_FROM_URL = bytes.maketrans(b"-_", b"+/")


def render_token(token: Token, key: bytes) -> str:
    """The token as text, signed with `key` (32 bytes)."""
    body = _base64url(_encode(token))
    return (body + b"." + _mac(body, token.kind, key)).decode("ascii")


def parse_token(text: str, key: bytes, *, kind: Kind, conversation: str, wallclock: float) -> Token:
    """The token in `text`, if it is whole, signed by `key`, of this kind and conversation, and in time.

    Raises:
        InvalidToken: with one sentence that may be shown to the person who sent it.
    """
    if len(text) > TOKEN_CHARS_MAX or not text.isascii():
        raise InvalidToken("This link is not valid.")
    body, _, signature = text.encode("ascii").partition(b".")
    if len(signature) != MAC_CHARS or not compare_digest(signature, _mac(body, kind, key)):
        raise InvalidToken("This link is not valid.")
    try:
        token = _decode(a2b_base64(body.translate(_FROM_URL) + b"=="))
    except (ValueError, msgspec.MsgspecError) as error:  # signed by us, so only an old format gets here
        raise InvalidToken("This link is of an older form.") from error
    if token.kind is not kind or token.conversation != conversation:
        raise InvalidToken("This link belongs to another conversation.")
    if token.expires and wallclock >= token.expires:
        raise InvalidToken("This link has expired.")
    return token


def claimed_kind(text: str) -> Kind | None:
    """The kind that `text` says it is, unproven; None where it is no token. Tells which one to check."""
    return _OPENINGS.get(text[:OPENING_CHARS])


def _base64url(raw: bytes) -> bytes:
    return b2a_base64(raw, newline=False).translate(_TO_URL).rstrip(b"=")


def _mac(body: bytes, kind: Kind, key: bytes) -> bytes:
    state = _keyed(kind, key).copy()
    state.update(body)
    return b2a_base64(state.digest(), newline=False).translate(_TO_URL)[:MAC_CHARS]


@lru_cache(KEYED_MAX)
def _keyed(kind: Kind, key: bytes) -> blake2b:
    """The hash with key and person set, to be copied: that costs half of setting them anew."""
    return blake2b(digest_size=16, key=key, person=kind.encode("ascii"))


_OPENINGS = {_base64url(f'["{kind}'.encode()[:6]).decode("ascii"): kind for kind in Kind}
assert len(_OPENINGS) == len(Kind)
