"""One signed format for every kind of token.

    base64url(JSON array [kind, conversation, subject, role, expires]) "." base64url(BLAKE2b-128)

The MAC is keyed BLAKE2b (RFC 7693) over the first half, personalised per kind, so that one kind can
never be passed off as another. Tokens travel in addresses and headers: they are plain ASCII without
padding, at most `TOKEN_CHARS_MAX` long. The signature proves; who is revoked, seated or used up is
the verifier's own table. Time is an argument: `wallclock` in UTC seconds.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from hashlib import blake2b

import msgspec

TOKEN_CHARS_MAX = 512
KEY_BYTES = 32


class Kind(StrEnum):
    PASS = "pass"  # noqa: S105 - a speaker's or host's admission backstage; subject: the link's serial
    TICKET = "ticket"  # a live listener's seat
    VOUCHER = "voucher"  # an invitation to listen
    CLAIM = "claim"  # the promise of the recording
    RESUME = "resume"  # the right to take up a broken connection; subject: the speaker's id


class InvalidToken(ValueError):
    """Not a token, not signed by this key, of another kind or conversation, or past its time."""


class Token(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """`expires` is wallclock seconds, 0 for never; `subject` and `role` mean what the kind says."""

    kind: Kind
    conversation: str
    subject: str
    role: str = ""
    expires: int = 0


_decode = msgspec.json.Decoder(Token).decode
_encode = msgspec.json.Encoder().encode


def render_token(token: Token, key: bytes) -> str:
    """The token as text, signed with `key` (32 bytes)."""
    body = urlsafe_b64encode(_encode(token)).rstrip(b"=")
    return (body + b"." + urlsafe_b64encode(_mac(body, token.kind, key)).rstrip(b"=")).decode("ascii")


def parse_token(text: str, key: bytes, *, kind: Kind, conversation: str, wallclock: float) -> Token:
    """The token in `text`, if it is whole, signed by `key`, of this kind and conversation, and in time.

    Raises:
        InvalidToken: with one sentence that may be shown to the person who sent it.
    """
    body, signature = _split(text)
    if not hmac.compare_digest(signature, _mac(body, kind, key)):
        raise InvalidToken("This link is not valid.")
    try:
        token = _decode(urlsafe_b64decode(_pad(body)))
    except (ValueError, msgspec.MsgspecError) as error:  # signed by us, so only an old format gets here
        raise InvalidToken("This link is of an older form.") from error
    if token.kind is not kind or token.conversation != conversation:
        raise InvalidToken("This link belongs to another conversation.")
    if token.expires and wallclock >= token.expires:
        raise InvalidToken("This link has expired.")
    return token


def _split(text: str) -> tuple[bytes, bytes]:
    if len(text) > TOKEN_CHARS_MAX or not text.isascii():
        raise InvalidToken("This link is not valid.")
    body, dot, signature = text.encode("ascii").partition(b".")
    if not dot or len(signature) != 22:
        raise InvalidToken("This link is not valid.")
    try:
        return body, urlsafe_b64decode(_pad(signature))
    except ValueError as error:
        raise InvalidToken("This link is not valid.") from error


def _pad(text: bytes) -> bytes:
    return text + b"=" * (-len(text) % 4)


def _mac(body: bytes, kind: Kind, key: bytes) -> bytes:
    return blake2b(body, digest_size=16, key=key, person=kind.encode("ascii")).digest()
